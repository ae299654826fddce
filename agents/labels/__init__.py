"""Label row JSON to comparable annotations (arrays). No I/O of any kind."""
