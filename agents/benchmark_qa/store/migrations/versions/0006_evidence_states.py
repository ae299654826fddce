"""The evidence about each person after their last task, and marks of what has changed since."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
keeps_sums = True

_EVERYBODY = """
INSERT INTO evidence_marks (production_project, annotator, version)
SELECT DISTINCT production_project, coalesce(annotator, ''), '0006' FROM score_records
"""


def upgrade() -> None:
    """Create the tables; everybody's work is yet to be folded."""
    op.create_table(
        "evidence_marks",
        sa.Column("production_project", sa.String(36), primary_key=True),
        sa.Column("annotator", sa.String, primary_key=True),
        sa.Column("version", sa.String(32), nullable=False),
    )
    op.create_table(
        "evidence_states",
        sa.Column("production_project", sa.String(36), primary_key=True),
        sa.Column("annotator", sa.String, primary_key=True),
        sa.Column("config", sa.String(32), primary_key=True),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("tasks", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True)),
        sa.Column("last_task", sa.String),
        sa.Column("folded", sa.String(32), nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )
    op.execute(_EVERYBODY)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("evidence_states")
    op.drop_table("evidence_marks")
