"""Label row JSON to comparable annotations (arrays), for every modality. No I/O."""
