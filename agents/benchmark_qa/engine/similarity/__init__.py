"""Similarity of two drawings, shape by shape: pairs (k,) in, numbers in [0, 1] (k,) out."""
