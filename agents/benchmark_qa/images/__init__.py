"""Identity of images by name; brightness and sharpness; near-duplicates."""
