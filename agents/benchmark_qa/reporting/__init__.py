"""Records to tables, plots, a page, files."""
