"""The report as HTML page, JSON, CSV, Parquet and digest."""
