"""Whether an account may open new positions now."""
