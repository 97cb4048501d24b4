"""Running a strategy over past candles, as live trading would have."""
