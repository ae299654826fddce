"""The tables."""

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, Index, Integer, MetaData, String, Table

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
    Column("labels_edited_at", DateTime(timezone=True)),
    Column("truth_label_hash", String(36)),
    Column("truth_edited_at", DateTime(timezone=True)),
    Column("config_fingerprint", String, nullable=False),
    Column("engine_version", String, nullable=False),
    Column("annotator", String),
    Column("scored_at", DateTime(timezone=True), nullable=False),
    Column("score", Float),
    Column("passed", Boolean),
    Column("true_positives", Integer, nullable=False),
    Column("false_positives", Integer, nullable=False),
    Column("false_negatives", Integer, nullable=False),
    Column("similarity_sum", Float, nullable=False),
    Column("classifications_correct", Float, nullable=False),
    Column("classifications_total", Integer, nullable=False),
    Column("details", JSON, nullable=False),
    Index("ix_score_records_task", "production_project", "data_hash", "branch_name", "scored_at"),
)
"""One row per (labels version, truth version, configuration, engine) of one branch of one data unit. Never updated."""
