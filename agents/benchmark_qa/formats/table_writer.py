"""Write labels as two Parquet tables, images and labels. Needs pyarrow, an optional dependency."""

from contextlib import ExitStack
from typing import Any

import orjson

from benchmark_qa.formats.class_mapping import Classes
from benchmark_qa.formats.labelled_images import GivenAnswer, PlacedObject
from benchmark_qa.formats.writer import IMAGE_LIST, AnnotatorWeights, ExportedRow, Files, NamedImage, Tally, image_line

FORMAT_VERSION = 1
ROWS_PER_GROUP = 20_000
_GEOMETRY_KEYS = (
    "boundingBox", "rotatableBoundingBox", "polygons", "polygon", "polyline", "point", "skeleton", "bitmask",
    "cuboid", "cuboid_2d", "circle", "ellipse", "segmentation", "range", "range_html",
)  # fmt: skip


class TablesMissingError(RuntimeError):
    """pyarrow, which writes Parquet, is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow: pip install '.[export]' in a checkout")


class TableWriter:
    """Writes `images.parquet` and `labels.parquet`; `data_hash`, `space` and `frame` join them.

    Use as a context manager; the files are complete when the block ends without an error.

    Raises:
        TablesMissingError: pyarrow is not installed.
    """

    def __init__(self, files: Files, classes: Classes, *, weights: AnnotatorWeights | None = None) -> None:
        try:
            import pyarrow  # noqa: PLC0415 - an extra
            import pyarrow.parquet  # noqa: PLC0415
        except ImportError:
            raise TablesMissingError from None
        self._arrow = pyarrow
        self.tally = Tally()
        self._files = files
        self._classes = classes
        self._weights = weights
        self._stack = ExitStack()

    def __enter__(self) -> "TableWriter":
        text, whole, number = self._arrow.string(), self._arrow.int64(), self._arrow.float64()
        unit = {"data_hash": text, "data_title": text, "dataset_title": text, "data_type": text, "split": text}
        place = {**unit, "space": text, "frame": whole}
        self._index = self._stack.enter_context(self._files.open(IMAGE_LIST))
        self._images = self._table(
            "images.parquet",
            {**place, "file_name": text, "width": whole, "height": whole, "objects": whole, "classifications": text},
        )
        self._labels = self._table(
            "labels.parquet",
            {
                **place, "kind": text, "class": text, "feature_hash": text, "label_hash": text, "shape": text,
                "left": number, "top": number, "box_width": number, "box_height": number, "area": number,
                "geometry": text, "answers": text, "spans": text, "confidence": number, "created_by": text,
                "last_edited_by": text, **({"weight": number} if self._weights else {}),
            },
        )  # fmt: skip
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._images.flush()
            self._labels.flush()
        self._stack.__exit__(kind, error, trace)

    def add(self, exported: ExportedRow) -> None:
        """Add one label row's images and labels."""
        row = exported.row
        unit = {
            "data_hash": row["data_hash"],
            "data_title": row["data_title"],
            "dataset_title": row["dataset_title"],
            "data_type": row["data_type"],
            "split": exported.split,
        }
        for named in exported.images:
            place = {**unit, "space": named.image.space, "frame": named.image.frame}
            self._images.add({**place, **_about(named)})
            self._index.write(image_line(exported, named, named.file_name))
            self.tally.images += 1
            self.tally.images_without_objects += not named.image.objects
            for item in named.image.objects:
                self._add_object(place, item)
        for item in exported.labels.elsewhere:
            self._add_object({**unit, "space": "", "frame": None}, item)
        for given in exported.labels.classifications:
            self._add_classification({**unit, "space": given.space, "frame": None}, given, row)

    def _add_object(self, place: dict[str, Any], item: PlacedObject) -> None:
        drawing = item.drawing
        region: dict[str, Any] = {}
        if item.region is not None:
            left, top, width, height = item.region.box
            region = {"left": left, "top": top, "box_width": width, "box_height": height, "area": item.region.area}
        geometry = {key: drawing[key] for key in _GEOMETRY_KEYS if drawing.get(key) is not None}
        self._labels.add(
            {
                **place,
                **region,
                "kind": "object",
                "class": self._classes.names[item.feature],
                "feature_hash": self._classes.ontology.objects[item.feature].hash,
                "label_hash": item.object_hash,
                "shape": item.shape.value,
                "geometry": _json(geometry),
                "answers": _json(item.attributes),
                "confidence": item.confidence,
                "created_by": item.creator,
                "last_edited_by": drawing.get("lastEditedBy"),
                **({"weight": self._weights.of(item.creator)} if self._weights else {}),
            }
        )
        self.tally.objects[self._classes.names[item.feature]] += 1

    def _add_classification(self, place: dict[str, Any], given: GivenAnswer, row: Any) -> None:
        entry = (row.get("classification_answers") or {}).get(given.classification_hash) or {}
        creator = entry.get("createdBy")
        item = self._classes.ontology.classifications[given.feature]
        self._labels.add(
            {
                **place,
                "kind": "classification",
                "class": item.name,
                "feature_hash": item.hash,
                "label_hash": given.classification_hash,
                "answers": _json(given.answers),
                "spans": _json([list(span) for span in given.spans]),
                "created_by": creator,
                "last_edited_by": entry.get("lastEditedBy"),
                **({"weight": self._weights.of(creator)} if self._weights else {}),
            }
        )
        self.tally.classifications += 1

    def _table(self, name: str, columns: dict[str, Any]) -> "_Table":
        out = self._stack.enter_context(self._files.open(name))
        schema = self._arrow.schema(list(columns.items()))
        writer = self._stack.enter_context(self._arrow.parquet.ParquetWriter(out, schema, compression="zstd"))
        return _Table(self._arrow, schema, writer)


class _Table:
    """Rows collected into row groups."""

    def __init__(self, arrow: Any, schema: Any, writer: Any) -> None:
        self._arrow, self._schema, self._writer = arrow, schema, writer
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= ROWS_PER_GROUP:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def _about(named: NamedImage) -> dict[str, Any]:
    image = named.image
    return {
        "file_name": named.file_name,
        "width": image.width,
        "height": image.height,
        "objects": len(image.objects),
        "classifications": _json(image.classifications),
    }


def _json(value: Any) -> str | None:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode() if value else None
