"""Submission times, late scores, and the newest version of each truth."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ROWS_WITH_LABELS = "UPDATE score_records SET submitted_at = labels_edited_at"
_NEWEST_TRUTH = """
INSERT INTO truth_versions (production_project, data_hash, label_hash, edited_at)
SELECT production_project, data_hash, max(truth_label_hash), truth_edited_at
FROM score_records AS newest
WHERE truth_edited_at = (
    SELECT max(truth_edited_at) FROM score_records AS each
    WHERE each.production_project = newest.production_project AND each.data_hash = newest.data_hash
)
GROUP BY production_project, data_hash, truth_edited_at
"""


def upgrade() -> None:
    """Add columns and a table, and fill them from the records."""
    with op.batch_alter_table("score_records") as table:
        table.add_column(sa.Column("submitted_at", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("late", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "truth_versions",
        sa.Column("production_project", sa.String(36), primary_key=True),
        sa.Column("data_hash", sa.String(36), primary_key=True),
        sa.Column("label_hash", sa.String(36)),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute(_ROWS_WITH_LABELS)
    op.execute(_NEWEST_TRUTH)


def downgrade() -> None:
    """Drop the table and the columns."""
    op.drop_table("truth_versions")
    with op.batch_alter_table("score_records") as table:
        table.drop_column("late")
        table.drop_column("submitted_at")
