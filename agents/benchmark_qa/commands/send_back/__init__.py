"""Sending data units back for another round."""
