"""Convert score records to rows and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Connection, Row, String, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from benchmark_qa.records.score import ScoreIdentity, ScoreRecord
from benchmark_qa.records.sketch import Sketch
from benchmark_qa.store.schema import score_records

IDENTITY = tuple(ScoreIdentity.__dataclass_fields__)


BESIDE = tuple(name for name in ScoreRecord.__dataclass_fields__ if name not in ("identity", "sketch"))


FIGURE_COLUMNS = tuple(column for column in score_records.columns if column.name not in ("details", "sketch"))
"""All columns but the two large documents: enough for every sum."""


def columns_of(records: Sequence[ScoreRecord]) -> dict[str, list[Any]]:
    """The values of `score_records` rows, by column."""
    columns = {name: [getattr(record.identity, name) for record in records] for name in IDENTITY}
    columns |= {name: [getattr(record, name) for record in records] for name in BESIDE}
    columns["key"] = [record.identity.key for record in records]
    columns["sketch"] = [record.sketch.to_dict() if record.sketch else None for record in records]
    return columns


def record_of(row: Row[Any]) -> ScoreRecord:
    """The record of a row. Large documents that the query left out are empty."""
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


UpsertInsert = postgresql.Insert | sqlite.Insert


Columns = Mapping[str, Sequence[Any]]
"""Values of many rows by column name; all columns have the same length."""


def insert_into(connection: Connection, table: Table) -> UpsertInsert:
    """The dialect's insert, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_many(dialect: str, table: Table, names: Sequence[str]) -> UpsertInsert:
    """The dialect's insert for many rows, in their order; execute it with `parameters_of`.

    PostgreSQL gets one array per column. The statement is the same for any number of rows, so it is parsed and planned
    once and has few parameters.
    """
    if dialect != "postgresql":
        return sqlite.insert(table)
    arrays = [bindparam(name, type_=ARRAY(_unbounded(table, name))) for name in names]
    rows = func.unnest(*arrays).table_valued(*names).render_derived()
    return postgresql.insert(table).from_select(names, select(*(rows.c[name] for name in names)))


def parameters_of(dialect: str, columns: Columns) -> Any:
    """The parameters with which a statement of `insert_many` is executed."""
    if dialect == "postgresql":
        return dict(columns)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _unbounded(table: Table, name: str) -> Any:
    """The column's type; a string type without its length, because a cast would truncate without an error."""
    type_ = table.c[name].type
    return String() if isinstance(type_, String) else type_
