"""An agent's bot: settings, start and stop, what it does now."""
