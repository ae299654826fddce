"""Send data units back for another round."""
