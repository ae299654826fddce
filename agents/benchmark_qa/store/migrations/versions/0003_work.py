"""Readings of Encord's analytics about people's work."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
keeps_sums = True

_project = ("production_project", sa.String(36))


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "work_readings",
        sa.Column(*_project, primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "people_at_work",
        sa.Column(*_project, primary_key=True),
        sa.Column("annotator", sa.String, primary_key=True),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("assigned", sa.Integer),
        sa.Column("reviewed", sa.Integer, nullable=False),
        sa.Column("accepted_at_once", sa.Integer, nullable=False),
        sa.Column("rejections", sa.Integer, nullable=False),
    )
    op.create_table(
        "work_times",
        sa.Column(*_project, primary_key=True),
        sa.Column("annotator", sa.String, primary_key=True),
        sa.Column("data_hash", sa.String(36), primary_key=True),
        sa.Column("seconds", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("work_times", "people_at_work", "work_readings"):
        op.drop_table(table)
