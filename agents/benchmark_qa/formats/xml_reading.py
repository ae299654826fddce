"""Read XML of label formats; errors name the place."""

import math
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from benchmark_qa.formats.coco_building import FormatError


def parsed(content: bytes, place: str) -> Element:
    """The root element of a document.

    Raises:
        FormatError: it is not well formed.
    """
    try:
        return ElementTree.fromstring(content)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise FormatError(f"{place}: is not XML ({error})") from None


def children(element: Element, tag: str) -> Iterator[Element]:
    """The children with a tag."""
    return (child for child in element if child.tag == tag)


def text(element: Element | None, tag: str) -> str:
    """The text of a child; empty if it is absent."""
    return ((element.findtext(tag) if element is not None else None) or "").strip()


def number(element: Element, tag: str, place: str) -> float:
    """The number in a child's text.

    Raises:
        FormatError: there is none.
    """
    return as_number(text(element, tag), f"{place}: {tag}")


def attribute(element: Element, name: str, place: str, otherwise: float | None = None) -> float:
    """The number in an attribute.

    Raises:
        FormatError: it is absent or not a number.
    """
    given = element.get(name)
    if given is None and otherwise is not None:
        return otherwise
    return as_number(given or "", f"{place}: {name}")


def as_number(given: str, place: str) -> float:
    """The text as a number.

    Raises:
        FormatError: it is not a number.
    """
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not math.isfinite(value):
        raise FormatError(f"{place} is not a number: {given!r}")
    return value
