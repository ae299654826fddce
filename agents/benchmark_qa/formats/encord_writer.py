"""Label rows as Encord has them, whole: lists of rows in files of `ROWS_PER_FILE`, and the ontology beside them."""

from contextlib import ExitStack
from typing import Any, BinaryIO

from benchmark_qa.formats.canonical import canonical_bytes
from benchmark_qa.formats.writer import ExportedRow, Files, Tally

ROWS_PER_FILE = 1_000


class EncordWriter:
    """Writes `ontology.json` and `label_rows/00000.json`, ... One label row a line, in canonical form.

    Use as a context manager; the files are complete when the block ends without an error.
    """

    def __init__(self, files: Files, editor: Any, names: tuple[str, ...]) -> None:
        self.tally = Tally()
        self._files = files
        self._editor = editor
        self._names = names
        self._rows = 0
        self._part = ExitStack()
        self._out: BinaryIO | None = None

    def __enter__(self) -> "EncordWriter":
        with self._files.open("ontology.json") as out:
            out.write(canonical_bytes(self._editor) + b"\n")
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._end_part()
        else:
            self._part.__exit__(kind, error, trace)

    def add(self, exported: ExportedRow) -> None:
        """One label row."""
        if self._rows % ROWS_PER_FILE == 0:
            self._end_part()
            name = f"label_rows/{self._rows // ROWS_PER_FILE:05d}.json"
            self._out = self._part.enter_context(self._files.open(name))
            self._out.write(b"[\n")
        else:
            self._file.write(b",\n")
        self._file.write(canonical_bytes(exported.row))
        self._rows += 1
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
