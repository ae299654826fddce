"""Import ground truth, and show its status."""
