"""The SDK's public surface, tried against the emulator method by method."""
