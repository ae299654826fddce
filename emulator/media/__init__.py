"""What a file says of itself: size, frames, duration, read from its headers alone."""
