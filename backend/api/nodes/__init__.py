"""The nodes doors."""
