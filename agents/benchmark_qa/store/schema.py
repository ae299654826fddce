"""The tables of the score store, and score records as rows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Double,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    false,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from benchmark_qa.records.score import PackedDetails, ScoreIdentity, ScoreRecord
from benchmark_qa.records.sketch import PackedSketch, Sketch

FIRST = "0001"
"""Revision of databases that were created before revisions were recorded."""


HEAD = "0006"
"""The revision of `migrations/versions` that matches these tables."""


class Moment(TypeDecorator[datetime]):
    """A time in UTC, written and read. SQLite drops time zones, and PostgreSQL returns the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Convert a time in any zone to UTC. A time without a zone is an error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a time zone cannot be stored: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """The stored time with the zone UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()


score_records = Table(
    "score_records",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("production_project", String(36), nullable=False),
    Column("benchmark_project", String(36), nullable=False),
    Column("data_hash", String(36), nullable=False),
    Column("data_title", String, nullable=False),
    Column("branch_name", String, nullable=False),
    Column("label_hash", String(36)),
    Column("labels_edited_at", Moment),
    Column("truth_label_hash", String(36)),
    Column("truth_edited_at", Moment),
    Column("config_fingerprint", String, nullable=False),
    Column("engine_version", String, nullable=False),
    Column("annotator", String),
    Column("scored_at", Moment, nullable=False),
    Column("score", Float),
    Column("passed", Boolean),
    Column("true_positives", Integer, nullable=False),
    Column("false_positives", Integer, nullable=False),
    Column("false_negatives", Integer, nullable=False),
    Column("similarity_sum", Float, nullable=False),
    Column("classifications_correct", Float, nullable=False),
    Column("classifications_total", Integer, nullable=False),
    Column("details", JSON, nullable=False),
    Column("attributes_correct", Float, nullable=False, server_default="0"),
    Column("attributes_total", Integer, nullable=False, server_default="0"),
    Column("dataset_hash", String(36)),
    Column("sketch", JSON(none_as_null=True)),
    Column("submitted_at", Moment),
    Column("late", Boolean, nullable=False, server_default=false()),
    Index("ix_score_records_task", "production_project", "data_hash", "branch_name", "scored_at"),
    Index("ix_score_records_annotator", "annotator"),
)
"""One row per (labels version, truth version, configuration, engine) of one branch of one data unit.

Never updated.
"""


current_scores = Table(
    "current_scores",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("data_hash", String(36), primary_key=True),
    Column("branch_name", String, primary_key=True),
    Column("key", String(32), nullable=False),
    Column("scored_at", Moment, nullable=False),
    Column("stale_because", String),
)
"""The current score record of each branch of each data unit.

`stale_because`: why it must be made again.
"""


truth_versions = Table(
    "truth_versions",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("data_hash", String(36), primary_key=True),
    Column("label_hash", String(36)),
    Column("edited_at", Moment, nullable=False),
)
"""The newest ground truth of each item that any instance has reported.

Scores against older truth are not current.
"""


annotator_totals = Table(
    "annotator_totals",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("annotator", String, primary_key=True),
    Column("figure", String(24), primary_key=True),
    Column("tasks", Integer, nullable=False),
    Column("numerator", Double, nullable=False),
    Column("denominator", Double, nullable=False),
    Column("numerator_squared", Double, nullable=False),
    Column("product", Double, nullable=False),
    Column("denominator_squared", Double, nullable=False),
    Column("tasks_with_shortfall", Integer, nullable=False),
    Column("tasks_with_success", Integer, nullable=False),
)
"""The sums of `records.figures` over the current scores of items that are not excluded.

An unknown annotator is the empty string. Written in the transaction that makes a score current.
"""


excluded_truth = Table(
    "excluded_truth",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("data_hash", String(36), primary_key=True),
    Column("reason", String, nullable=False),
    Column("operator", String, nullable=False),
    Column("excluded_at", Moment, nullable=False),
)
"""Benchmark items that are excluded from every figure. Their scores are kept."""


accepted_answers = Table(
    "accepted_answers",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("data_hash", String(36), primary_key=True),
    Column("label_hash", String(36), primary_key=True),
    Column("branch_name", String, nullable=False),
    Column("operator", String, nullable=False),
    Column("accepted_at", Moment, nullable=False),
)
"""Label rows that are accepted answers besides the ground truth."""


actions = Table(
    "actions",
    metadata,
    Column("action_id", String(32), primary_key=True),
    Column("production_project", String(36), nullable=False),
    Column("kind", String, nullable=False),
    Column("taken_at", Moment, nullable=False),
    Column("operator", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("undone_by", String(32)),
    Index("ix_actions_project", "production_project", "taken_at"),
)
"""The action log: what a person or a rule did, to which subject, why, and the facts to undo it."""


alert_states = Table(
    "alert_states",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("rule", String, primary_key=True),
    Column("annotator", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("told", Boolean, nullable=False),
)
"""The last state of each alert rule for each annotator, and whether the webhook has been told."""


editor_scorings = Table(
    "editor_scorings",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("data_hash", String(36), primary_key=True),
    Column("scorings", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
)
"""How often a data unit was scored from the label editor."""


work_readings = Table(
    "work_readings",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("read_at", Moment, nullable=False),
)
"""When Encord's analytics were last read, and the start of the period."""


people_at_work = Table(
    "people_at_work",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("annotator", String, primary_key=True),
    Column("done", Integer, nullable=False),
    Column("assigned", Integer),
    Column("reviewed", Integer, nullable=False),
    Column("accepted_at_once", Integer, nullable=False),
    Column("rejections", Integer, nullable=False),
)
"""`benchmark_qa.records.score.PersonsWork` of the last reading."""


work_times = Table(
    "work_times",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("annotator", String, primary_key=True),
    Column("data_hash", String(36), primary_key=True),
    Column("seconds", Double, nullable=False),
)
"""Seconds that a person spent on a scored data unit, from the last reading."""


stages_at_work = Table(
    "stages_at_work",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("stage_uuid", String(36), primary_key=True),
    Column("jobs", Integer, nullable=False),
    Column("seen_at", Moment, nullable=False),
)
"""How many jobs are left of the last list of an agent stage's tasks, and when one of them was last heard of."""


evidence_marks = Table(
    "evidence_marks",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("annotator", String, primary_key=True),
    Column("version", String(32), nullable=False),
)
"""A new version for every change of what counts of a person; an unknown annotator is the empty string.

Written in the transaction of the change.
"""


evidence_states = Table(
    "evidence_states",
    metadata,
    Column("production_project", String(36), primary_key=True),
    Column("annotator", String, primary_key=True),
    Column("config", String(32), primary_key=True),
    Column("version", String(32), nullable=False),
    Column("tasks", Integer, nullable=False),
    Column("last_at", Moment),
    Column("last_task", String),
    Column("folded", String(32), nullable=False),
    Column("state", JSON, nullable=False),
)
"""What `quality.from_store` has folded of a person's tasks, by what the verdict is about (`config`).

It holds while `version` is that of the person's work. `last_at` and `last_task` are the last of the `tasks` folded,
`folded` the digest of what they said.
"""


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema; None if the database is empty."""
    tables = inspect(connection)
    if not tables.has_table("alembic_version"):
        return FIRST if tables.has_table("score_records") else None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


IDENTITY = tuple(ScoreIdentity.__dataclass_fields__)


BESIDE = tuple(name for name in ScoreRecord.__dataclass_fields__ if name not in ("identity", "sketch"))


FIGURE_COLUMNS = tuple(column for column in score_records.columns if column.name not in ("details", "sketch"))
"""All columns but the two large documents: enough for every sum."""


def columns_of(records: Sequence[ScoreRecord]) -> dict[str, list[Any]]:
    """The values of `score_records` rows, by column."""
    columns = {name: [getattr(record.identity, name) for record in records] for name in IDENTITY}
    columns |= {name: [getattr(record, name) for record in records] for name in BESIDE}
    columns["key"] = [record.identity.key for record in records]
    columns["sketch"] = [sketch.to_dict() if (sketch := record.open_sketch()) else None for record in records]
    return columns


PACKED_COLUMNS = (
    *FIGURE_COLUMNS,
    cast(score_records.c.details, Text).label("details"),
    cast(score_records.c.sketch, Text).label("sketch"),
)
"""All columns, the two large documents as text."""


def packed_record_of(row: Row[Any], known: dict[str, str]) -> ScoreRecord:
    """The record of a row of `PACKED_COLUMNS` or `FIGURE_COLUMNS`: documents compressed, equal texts one object.

    Args:
        row: of the query.
        known: texts that were seen before; the new ones are added.
    """
    values: dict[str, Any] = {
        name: known.setdefault(value, value) if isinstance(value, str) and name not in ("details", "sketch") else value
        for name, value in row._mapping.items()
    }
    details, sketch = values.get("details"), values.get("sketch")
    return _record(
        values,
        PackedDetails.of(details) if details is not None else {},
        PackedSketch.of(sketch) if sketch not in (None, "null") else None,
    )


def record_of(row: Row[Any]) -> ScoreRecord:
    """The record of a row. Large documents that the query left out are empty."""
    values = dict(row._mapping)
    sketch = values.get("sketch")
    return _record(values, values.get("details", {}), Sketch.from_dict(sketch) if sketch else None)


def _record(values: Mapping[str, Any], details: Mapping[str, Any], sketch: Sketch | PackedSketch | None) -> ScoreRecord:
    return ScoreRecord(
        identity=ScoreIdentity(**{name: values[name] for name in IDENTITY}),
        **{name: values[name] for name in BESIDE if name != "details"},
        details=details,
        sketch=sketch,
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
