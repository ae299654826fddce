"""Active: collections of frames and of labels in a project, filter presets, import and sync."""
