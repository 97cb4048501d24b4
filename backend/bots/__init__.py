"""An agent's bot: start, stop, settings, what it sees."""
