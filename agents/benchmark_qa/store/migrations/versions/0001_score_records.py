"""Score records."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create `score_records`."""
    op.create_table(
        "score_records",
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("production_project", sa.String(36), nullable=False),
        sa.Column("benchmark_project", sa.String(36), nullable=False),
        sa.Column("data_hash", sa.String(36), nullable=False),
        sa.Column("data_title", sa.String, nullable=False),
        sa.Column("branch_name", sa.String, nullable=False),
        sa.Column("label_hash", sa.String(36)),
        sa.Column("labels_edited_at", sa.DateTime(timezone=True)),
        sa.Column("truth_label_hash", sa.String(36)),
        sa.Column("truth_edited_at", sa.DateTime(timezone=True)),
        sa.Column("config_fingerprint", sa.String, nullable=False),
        sa.Column("engine_version", sa.String, nullable=False),
        sa.Column("annotator", sa.String),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("passed", sa.Boolean),
        sa.Column("true_positives", sa.Integer, nullable=False),
        sa.Column("false_positives", sa.Integer, nullable=False),
        sa.Column("false_negatives", sa.Integer, nullable=False),
        sa.Column("similarity_sum", sa.Float, nullable=False),
        sa.Column("classifications_correct", sa.Float, nullable=False),
        sa.Column("classifications_total", sa.Integer, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
    )
    op.create_index(
        "ix_score_records_task", "score_records", ["production_project", "data_hash", "branch_name", "scored_at"]
    )
