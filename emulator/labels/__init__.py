"""Label rows: one per data unit and branch."""
