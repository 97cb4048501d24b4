"""Scans: candles to decisions, decisions to signals and order intents, each skip with its reason."""
