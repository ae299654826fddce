"""How alike two drawings are, shape by shape: arrays of pairs in, one number in [0, 1] per pair out."""
