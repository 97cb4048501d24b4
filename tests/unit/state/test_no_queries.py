"""What the browser may know is asked of the rooms: no state writes a query of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest


@pytest.mark.parametrize("path", sorted(Path("state").glob("*.py")), ids=str)
def test_a_state_holds_no_query(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in ("sqlalchemy", "sqlmodel")]
    assert {alias.name for node in asked for alias in node.names} <= {"Session"}
