"""Lists as files: rows as CSV or Excel cells, and long exports as jobs."""
