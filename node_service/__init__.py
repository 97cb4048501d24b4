"""Execution node: places orders for the centre. Needs no database and holds no credentials at rest."""

__version__ = "1.0.0"
