"""Names of the design tokens. Values live in ``assets/tokens.css``; no colour literal appears anywhere else."""

from __future__ import annotations

STYLESHEETS = ("/tokens.css", "/kit.css", "/shell.css", "/merchant.css", "/access.css")

TEXT, TEXT_2, TEXT_3 = "var(--text)", "var(--text-2)", "var(--text-3)"
ACCENT, WARN, UP, DOWN = "var(--accent)", "var(--warn)", "var(--up)", "var(--down)"
LINE, FIELD, RAISED = "var(--line)", "var(--field)", "var(--raised)"
SERIES_1, SERIES_2, SERIES_3 = "var(--series-1)", "var(--series-2)", "var(--series-3)"
