"""How many jobs are left of each stage's list of tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
keeps_sums = True


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "stages_at_work",
        sa.Column("production_project", sa.String(36), primary_key=True),
        sa.Column("stage_uuid", sa.String(36), primary_key=True),
        sa.Column("jobs", sa.Integer, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("stages_at_work")
