"""Candles, prices and symbol rules."""
