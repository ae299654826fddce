"""A list that maps names to images: `images.jsonl` of an export, or a list that a person wrote."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from benchmark_qa.images.identity import Asked, ImageIndex, Known, Match


class ImageMapError(ValueError):
    """The list is not valid; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The image that a name means."""

    name: str
    """Data hash, title or URL that identifies the image in the target project."""
    frame: int | None = None
    space: str | None = None


class ImageMap:
    """A map from names of images to images.

    Args:
        entries: names and ids of an image, and the image they mean.
    """

    def __init__(self, entries: Iterable[tuple[Known, Meant]]) -> None:
        called: dict[Meant, list[Known]] = defaultdict(list)  # an export in two formats lists each image twice
        for known, meant in entries:
            called[meant].append(known)
        self._meant = list(called)
        self._index = ImageIndex(
            [
                Known(
                    tuple(dict.fromkeys(name for known in of_image for name in known.names)),
                    ids=tuple(dict.fromkeys(own for known in of_image for own in known.ids)),
                )
                for of_image in called.values()
            ]
        )

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """A map from the lines of `images.jsonl`, or the `images` of a COCO file that an export wrote.

        Raises:
            ImageMapError: a row has no file or no data hash.
        """
        return cls(_entry(row, at) for at, row in enumerate(rows))

    @classmethod
    def of_names(cls, names: Mapping[str, Any]) -> Self:
        """A map from `{name in the file: data hash, title or URL}`.

        A value may also be an object with `data_hash` and `frame`.

        Raises:
            ImageMapError: a value is neither.
        """
        entries: list[tuple[Known, Meant]] = []
        for name, meant in names.items():
            if isinstance(meant, Mapping):
                entries.append(_entry({"file": name, **meant}, len(entries)))
            elif isinstance(meant, str) and meant:
                entries.append((Known((name,), ids=(name,)), Meant(meant)))
            else:
                raise ImageMapError(f"{name!r} means no image: write the data hash, the title or the URL of one")
        return cls(entries)

    def find(self, asked: Asked) -> Meant | None:
        """The image that the list states; None if it states none, or several."""
        found = self._index.find(replace(asked, size=None))
        return self._meant[found.at] if isinstance(found, Match) else None


def _entry(row: Mapping[str, Any], at: int) -> tuple[Known, Meant]:
    names = tuple(str(row[key]) for key in ("file", "file_name") if row.get(key))
    data_hash = row.get("data_hash")
    if not names or not isinstance(data_hash, str) or not data_hash:
        raise ImageMapError(f"entry {at + 1} has no file or no data_hash")
    frame, space = row.get("frame"), row.get("space")
    ids = (str(row["id"]),) if isinstance(row.get("id"), int | str) else ()
    return (
        Known(names, ids=ids),
        Meant(data_hash, frame if isinstance(frame, int) else None, space if isinstance(space, str) else None),
    )
