"""What can be wrong with a label row or an ontology, named."""

import re

_HASH = re.compile(r"[A-Za-z0-9+/=_-]{8}")
"""What Encord calls features and options by"""


class LabelReadError(ValueError):
    """A label row or an ontology cannot be read.

    `place` says where in the JSON (never what a person wrote there), `problem` says what is wrong.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


def hash_named(value: object) -> str:
    """The value for a message, where it is a feature's hash, which names something of an ontology and no label.

    Whatever else stands in its place a person or a program may have written, and messages are logged.
    """
    return repr(value) if value is None or (isinstance(value, str) and _HASH.fullmatch(value)) else "(no feature hash)"
