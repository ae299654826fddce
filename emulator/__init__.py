"""A stateful emulator of the Encord platform over HTTP."""
