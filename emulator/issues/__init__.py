"""Issues: what people remark on data units, frames, places and labels."""
