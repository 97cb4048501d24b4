"""The tenant doors."""
