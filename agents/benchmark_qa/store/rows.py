"""Score records to rows and back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from benchmark_qa.records.score import ScoreIdentity, ScoreRecord
from benchmark_qa.records.sketch import Sketch
from benchmark_qa.store.schema import score_records

IDENTITY = tuple(ScoreIdentity.__dataclass_fields__)
BESIDE = tuple(name for name in ScoreRecord.__dataclass_fields__ if name not in ("identity", "sketch"))
FIGURE_COLUMNS = tuple(column for column in score_records.columns if column.name not in ("details", "sketch"))
"""All but the two large documents: enough for every sum"""


def columns_of(records: Sequence[ScoreRecord]) -> dict[str, list[Any]]:
    """Rows of `score_records`, column by column."""
    columns = {name: [getattr(record.identity, name) for record in records] for name in IDENTITY}
    columns |= {name: [getattr(record, name) for record in records] for name in BESIDE}
    columns["key"] = [record.identity.key for record in records]
    columns["sketch"] = [record.sketch.to_dict() if record.sketch else None for record in records]
    return columns


def record_of(row: Row[Any]) -> ScoreRecord:
    """The record of a row; where a query left the large documents out, they are empty."""
    values = row._mapping
    identity = ScoreIdentity(**{name: values[name] for name in IDENTITY})
    beside = {name: values[name] for name in BESIDE if name != "details"}
    sketch = values.get("sketch")
    return ScoreRecord(
        identity=identity,
        **beside,
        details=values.get("details", {}),
        sketch=Sketch.from_dict(sketch) if sketch else None,
    )
