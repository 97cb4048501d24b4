"""The agent doors."""
