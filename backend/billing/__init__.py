"""Point cards, the profit pool and rewards."""
