"""What must be fast, measured as ratios against named baselines in one run."""
