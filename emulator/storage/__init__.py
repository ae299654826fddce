"""Storage: folders, items and the bytes behind them."""
