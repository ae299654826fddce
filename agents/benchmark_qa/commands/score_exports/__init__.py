"""Score exported label rows offline."""
