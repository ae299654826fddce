"""Index: collections of storage items, and filter presets."""
