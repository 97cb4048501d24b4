"""The business of IronBull. Imports no web framework of the browser side."""
