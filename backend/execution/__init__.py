"""From an order intent to its result: written first, sent once, applied once."""
