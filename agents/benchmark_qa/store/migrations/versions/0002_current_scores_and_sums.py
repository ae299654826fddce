"""Current scores, sums per annotator, truth decisions, actions, alert states, editor scorings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_project = ("production_project", sa.String(36))
_data_unit = ("data_hash", sa.String(36))


def upgrade() -> None:
    """Add columns and tables. The sums are computed afterwards from the records."""
    op.add_column("score_records", sa.Column("attributes_correct", sa.Float, nullable=False, server_default="0"))
    op.add_column("score_records", sa.Column("attributes_total", sa.Integer, nullable=False, server_default="0"))
    op.add_column("score_records", sa.Column("dataset_hash", sa.String(36)))
    op.add_column("score_records", sa.Column("sketch", sa.JSON))
    op.create_index("ix_score_records_annotator", "score_records", ["annotator"])
    _create_sums()
    _create_rulings()
    _create_states()


def _create_sums() -> None:
    op.create_table(
        "current_scores",
        sa.Column(*_project, primary_key=True),
        sa.Column(*_data_unit, primary_key=True),
        sa.Column("branch_name", sa.String, primary_key=True),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stale_because", sa.String),
    )
    op.create_table(
        "annotator_totals",
        sa.Column(*_project, primary_key=True),
        sa.Column("annotator", sa.String, primary_key=True),
        sa.Column("figure", sa.String(24), primary_key=True),
        sa.Column("tasks", sa.Integer, nullable=False),
        sa.Column("numerator", sa.Double, nullable=False),
        sa.Column("denominator", sa.Double, nullable=False),
        sa.Column("numerator_squared", sa.Double, nullable=False),
        sa.Column("product", sa.Double, nullable=False),
        sa.Column("denominator_squared", sa.Double, nullable=False),
        sa.Column("tasks_with_shortfall", sa.Integer, nullable=False),
        sa.Column("tasks_with_success", sa.Integer, nullable=False),
    )


def _create_rulings() -> None:
    op.create_table(
        "excluded_truth",
        sa.Column(*_project, primary_key=True),
        sa.Column(*_data_unit, primary_key=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("excluded_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "accepted_answers",
        sa.Column(*_project, primary_key=True),
        sa.Column(*_data_unit, primary_key=True),
        sa.Column("label_hash", sa.String(36), primary_key=True),
        sa.Column("branch_name", sa.String, nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "actions",
        sa.Column("action_id", sa.String(32), primary_key=True),
        sa.Column(*_project, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("undone_by", sa.String(32)),
    )
    op.create_index("ix_actions_project", "actions", ["production_project", "taken_at"])


def _create_states() -> None:
    op.create_table(
        "alert_states",
        sa.Column(*_project, primary_key=True),
        sa.Column("rule", sa.String, primary_key=True),
        sa.Column("annotator", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
    )
    op.create_table(
        "editor_scorings",
        sa.Column(*_project, primary_key=True),
        sa.Column(*_data_unit, primary_key=True),
        sa.Column("scorings", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    )
