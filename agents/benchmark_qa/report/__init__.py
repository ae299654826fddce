"""The report as page, JSON, CSV, Parquet and digest."""
