"""Write whole label rows in Encord's JSON, `ROWS_PER_FILE` per file, together with the ontology."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO

import orjson

from benchmark_qa.formats.writer import IMAGE_LIST, ExportedRow, Files, Tally, image_line

FORMAT_VERSION = 1


_MOVING = ("annotation_task_status", "is_valid", "label_status", "priority", "task_uuid", "workflow_graph_node")


_UNORDERED = frozenset({"objects", "classifications", "answers", "actions", "range"})
"""Lists whose order has no meaning."""


def canonical_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row in canonical form, still readable with the SDK's `LabelRowV2.from_labels_dict`."""
    kept = {key: _sorted(value, key) for key, value in row.items() if key not in _MOVING}
    # The SDK needs the key; its value changes without the labels, even when they are only read.
    kept["label_status"] = "LABELLED"
    return kept


def canonical_bytes(value: Any) -> bytes:
    """JSON with sorted keys, on one line."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _sorted(value: Any, key: str) -> Any:
    kind = type(value)
    if kind is dict:
        return {name: _sorted(item, name) for name, item in value.items()}
    if kind is float or kind is int:
        return value
    if kind is list:
        items = [_sorted(item, "") for item in value]
        return sorted(items, key=canonical_bytes) if key in _UNORDERED else items
    if key in ("data_link", "url") and kind is str and value.startswith(("http://", "https://")):
        return value.partition("?")[0]
    return value


ROWS_PER_FILE = 1_000


class EncordWriter:
    """Writes `ontology.json` and `label_rows/00000.json`, ...; one label row a line, in canonical form.

    Use as a context manager; the files are complete when the block ends without an error.
    """

    def __init__(self, files: Files, editor: Any, names: tuple[str, ...]) -> None:
        self.tally = Tally()
        self._files = files
        self._editor = editor
        self._names = names
        self._rows = 0
        self._part = ExitStack()
        self._lists = ExitStack()
        self._out: BinaryIO | None = None

    def __enter__(self) -> "EncordWriter":
        with self._files.open("ontology.json") as out:
            out.write(canonical_bytes(self._editor) + b"\n")
        self._index = self._lists.enter_context(self._files.open(IMAGE_LIST))
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._end_part()
        else:
            self._part.__exit__(kind, error, trace)
        self._lists.__exit__(kind, error, trace)

    def add(self, exported: ExportedRow) -> None:
        """Add one label row."""
        if self._rows % ROWS_PER_FILE == 0:
            self._end_part()
            name = f"label_rows/{self._rows // ROWS_PER_FILE:05d}.json"
            self._out = self._part.enter_context(self._files.open(name))
            self._out.write(b"[\n")
        else:
            self._file.write(b",\n")
        self._file.write(canonical_bytes(exported.row))
        self._rows += 1
        for named in exported.images:
            self._index.write(image_line(exported, named, named.file_name))
        self.tally.images += len(exported.images)
        self.tally.images_without_objects += sum(not named.image.objects for named in exported.images)
        self.tally.classifications += len(exported.labels.classifications)
        placed = [item for named in exported.images for item in named.image.objects] + list(exported.labels.elsewhere)
        self.tally.objects.update(self._names[item.feature] for item in placed)

    @property
    def _file(self) -> BinaryIO:
        assert self._out is not None  # noqa: S101 - the first row has opened one
        return self._out

    def _end_part(self) -> None:
        if self._out is not None:
            self._out.write(b"\n]\n")
            self._part.close()
            self._out = None
