"""Label row JSON to comparable annotations (arrays), for any modality. No I/O of any kind."""
