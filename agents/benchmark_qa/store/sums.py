"""Stored sums: how a change of the current records changes `annotator_totals`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select

from benchmark_qa.records.figures import Figure, Totals, add_shares, shares_of
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.stats.intervals import RatioTotals
from benchmark_qa.store.rows import UpsertInsert, insert_many, parameters_of
from benchmark_qa.store.schema import annotator_totals

UNKNOWN = ""
"""The value of an unknown annotator in the table."""
KEY = ("production_project", "annotator", "figure")
SUMS = (
    "tasks",
    "numerator",
    "denominator",
    "numerator_squared",
    "product",
    "denominator_squared",
    "tasks_with_shortfall",
    "tasks_with_success",
)


class Deltas:
    """Changes of sums, collected per project and annotator and then written together."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], dict[Figure, list[float]]] = {}

    def add(self, record: ScoreRecord, sign: float = 1.0) -> None:
        """Add the record to the sums (sign 1), or remove it (sign -1)."""
        owner = (record.identity.production_project, record.annotator or UNKNOWN)
        add_shares(self._sums.setdefault(owner, {}), shares_of(record), sign)

    def write(self, connection: Connection) -> None:
        """Add the changes to the table.

        Rows are always locked in the same order, so that writers never deadlock.
        """
        changes = [
            ((project, annotator, figure), figures[figure])
            for (project, annotator), figures in sorted(self._sums.items())
            for figure in sorted(figures)
        ]
        if not changes:
            return
        columns: dict[str, Sequence[Any]] = dict(zip(KEY, zip(*(key for key, _ in changes), strict=True), strict=True))
        columns |= zip(SUMS, zip(*(sums for _, sums in changes), strict=True), strict=True)
        dialect = connection.dialect.name
        connection.execute(_add_to_sums(dialect), parameters_of(dialect, columns))


@cache
def _add_to_sums(dialect: str) -> UpsertInsert:
    insert = insert_many(dialect, annotator_totals, (*KEY, *SUMS))
    added = {name: annotator_totals.c[name] + insert.excluded[name] for name in SUMS}
    return insert.on_conflict_do_update(index_elements=KEY, set_=added)


def read_totals(connection: Connection, production_project: str) -> dict[str | None, Totals]:
    """Sums by annotator (None: unknown). One query over one row per annotator and figure."""
    by_annotator: dict[str, dict[Figure, Sequence[Any]]] = {}
    # The driver's own tuples: no column needs a conversion, and there may be ten rows for each of many annotators.
    cursor = connection.execute(totals_query(production_project)).cursor
    for row in cursor.fetchall() if cursor else ():
        by_annotator.setdefault(row[0], {})[row[1]] = row
    return {annotator or None: KeptTotals(rows) for annotator, rows in by_annotator.items()}


class KeptTotals(Mapping[Figure, RatioTotals]):
    """The stored sums of one annotator; the sums of a figure are converted on access."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Mapping[Figure, Sequence[Any]]) -> None:
        self._rows = rows

    def __getitem__(self, figure: Figure) -> RatioTotals:
        return RatioTotals(*self._rows[figure][2:])

    def __iter__(self) -> Iterator[Figure]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def totals_query(production_project: str) -> Select[Any]:
    """The only query of the leaderboard."""
    columns = (annotator_totals.c.annotator, annotator_totals.c.figure, *(annotator_totals.c[name] for name in SUMS))
    return select(*columns).where(
        annotator_totals.c.production_project == production_project, annotator_totals.c.tasks > 0
    )


def deltas_of(records: Iterable[ScoreRecord], sign: float = 1.0) -> Deltas:
    """The change of the sums by all of these records."""
    deltas = Deltas()
    for record in records:
        deltas.add(record, sign)
    return deltas
