"""What is kept of a score: the record, the figures it adds to, and a sketch of both sides."""
