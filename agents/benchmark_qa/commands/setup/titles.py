"""Titles that tell whoever labels a data unit that it is a benchmark item."""

import re

_TELLING = re.compile(r"(?<![a-z])(benchmarks?|gold|goldens?|truth|ground_?truth|honey_?pots?)(?![a-z])", re.IGNORECASE)


def gives_away(title: str) -> bool:
    """Whether a title has a word in it by which people would know a benchmark item."""
    return _TELLING.search(title) is not None
