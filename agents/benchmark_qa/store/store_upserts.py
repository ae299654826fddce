"""The two dialects' INSERT ... ON CONFLICT, of one row or of many at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Connection, String, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

UpsertInsert = postgresql.Insert | sqlite.Insert
Columns = Mapping[str, Sequence[Any]]
"""Values of many rows by column name, equally many of each"""


def insert_into(connection: Connection, table: Table) -> UpsertInsert:
    """The dialect's insert, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_many(dialect: str, table: Table, names: Sequence[str]) -> UpsertInsert:
    """The same for many rows, in their order; to be executed with `parameters_of`.

    PostgreSQL gets one array a column: however many rows there are, the statement is the same, so that it is parsed
    and planned once, and its parameters are few.
    """
    if dialect != "postgresql":
        return sqlite.insert(table)
    arrays = [bindparam(name, type_=ARRAY(_unbounded(table, name))) for name in names]
    rows = func.unnest(*arrays).table_valued(*names).render_derived()
    return postgresql.insert(table).from_select(names, select(*(rows.c[name] for name in names)))


def parameters_of(dialect: str, columns: Columns) -> Any:
    """What `insert_many` is executed with."""
    if dialect == "postgresql":
        return dict(columns)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _unbounded(table: Table, name: str) -> Any:
    """The column's type; of a text without its length, for a cast would cut off what is too long, and say nothing."""
    type_ = table.c[name].type
    return String() if isinstance(type_, String) else type_
