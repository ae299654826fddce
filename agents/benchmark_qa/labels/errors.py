"""Errors of label rows and ontologies."""

import re

_HASH = re.compile(r"[A-Za-z0-9+/=_-]{8}")
"""Format of Encord's hashes of features and options."""
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_/.+-]{0,31}")
"""Format of Encord's names of shapes and data types."""
_STEP = re.compile(r"\.[A-Za-z_]{1,32}|\[[A-Za-z0-9_.:#/+=-]{1,64}\]")
_PLACE = re.compile(rf"[a-z_ ]{{1,32}}(?:{_STEP.pattern}){{0,12}}")
"""Fields, and keys in brackets that look like hashes, numbers or file names."""


class LabelReadError(ValueError):
    """A label row or an ontology cannot be read.

    `place` is the position in the JSON, without text that a person wrote; `problem` says what is wrong.
    """

    def __init__(self, place: str, problem: str) -> None:
        self.place = _speakable(place)
        self.problem = problem
        super().__init__(f"{self.place}: {problem}")


class TooComplexOutlineError(ValueError):
    """An outline has too many crossings or corners to compute its area in reasonable time."""


def _speakable(place: str) -> str:
    """The part of the place that has Encord's form; keys can hold any text, and messages are logged."""
    known = _PLACE.match(place)
    said = known.group() if known else ""
    return said if said == place else f"{said}[...]"


def hash_named(value: object) -> str:
    """The value as messages show it if it is a feature hash; otherwise a placeholder.

    A feature hash names a part of an ontology and no label. Any other value may be text from a person or a program, and
    messages are logged.
    """
    return repr(value) if value is None or (isinstance(value, str) and _HASH.fullmatch(value)) else "(no feature hash)"


def word_named(value: object) -> str:
    """The value as messages show it if it is a word of at most 32 characters; otherwise a placeholder."""
    return repr(value) if value is None or (isinstance(value, str) and _WORD.fullmatch(value)) else "(not a name)"
