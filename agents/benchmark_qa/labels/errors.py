"""What can be wrong with a label row or an ontology, named."""

import re

_HASH = re.compile(r"[A-Za-z0-9+/=_-]{8}")
"""What Encord calls features and options by"""
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_/.+-]{0,31}")
"""What Encord calls shapes and data types by"""
_STEP = re.compile(r"\.[A-Za-z_]{1,32}|\[[A-Za-z0-9_.:#/+=-]{1,64}\]")
_PLACE = re.compile(rf"[a-z_ ]{{1,32}}(?:{_STEP.pattern}){{0,12}}")
"""Fields, and keys in brackets that look like hashes, numbers or names of files"""


class LabelReadError(ValueError):
    """A label row or an ontology cannot be read.

    `place` says where in the JSON (never what a person wrote there), `problem` says what is wrong.
    """

    def __init__(self, place: str, problem: str) -> None:
        self.place = _speakable(place)
        self.problem = problem
        super().__init__(f"{self.place}: {problem}")


class TooComplexOutlineError(ValueError):
    """An outline crosses itself so often, or has so many corners, that its area takes too long to compute."""


def _speakable(place: str) -> str:
    """The place as far as it is made of what Encord puts there: messages are logged, and a key may be anything."""
    known = _PLACE.match(place)
    said = known.group() if known else ""
    return said if said == place else f"{said}[...]"


def hash_named(value: object) -> str:
    """The value for a message, where it is a feature's hash, which names something of an ontology and no label.

    Whatever else stands in its place a person or a program may have written, and messages are logged.
    """
    return repr(value) if value is None or (isinstance(value, str) and _HASH.fullmatch(value)) else "(no feature hash)"


def word_named(value: object) -> str:
    """The value for a message, where it is a word such as names a shape or a data type: at most 32 characters."""
    return repr(value) if value is None or (isinstance(value, str) and _WORD.fullmatch(value)) else "(not a name)"
