"""A sandbox to begin with: `python -m emulator init` writes it, `python -m emulator play` plays its people."""
