"""When positions are closed."""
