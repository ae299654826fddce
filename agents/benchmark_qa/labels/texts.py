"""Normalise texts to what a person sees: one Unicode form, one line end, one kind of space."""

import re
from unicodedata import normalize

_LINE_END = re.compile(r"[^\S\n]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])")
"""A line end, with the invisible spaces before it."""
_SPACE = re.compile(r"[^\S\n]")
_NO_WIDTH = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Soft hyphen, zero width space, word joiner, byte order mark: without width, they change no letter."""


def seen_text(text: str) -> str:
    r"""The normalised text (NFC, line ends as \n, no space at the ends); texts that look alike are equal.

    Upper and lower case, and the number of spaces between two words, stay different.

    >>> seen_text("cafe\u0301\u00a0noir \r\nfin ")
    'café noir\nfin'
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    plain = _LINE_END.sub("\n", _NO_WIDTH.sub("", normalize("NFC", text)))
    return _SPACE.sub(" ", plain).strip()
