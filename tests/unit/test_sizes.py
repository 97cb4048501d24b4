"""How long things may be: long enough for one idea, short enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOPS = ("alembic", "backend", "bench", "ironbull_app", "node_service", "pages", "state", "tests")
FILE, PAGE, FUNCTION = 400, 250, 70
# Generated from the models as a whole.
GENERATED = {"alembic/versions/0001_initial_tables.py"}
# One compiled pass each: what it carries from bar to bar are its local variables.
PASSES = {
    ("backend/backtest/fast_kernel.py", "walk"),
    ("backend/strategies/composite_kernel.py", "scan"),
    ("backend/strategies/regime_kernel.py", "scan"),
}


def _sources() -> Iterator[tuple[str, str]]:
    for top in TOPS:
        for path in sorted((ROOT / top).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name not in GENERATED:
                yield name, path.read_text()


def _lines(function: ast.AST) -> int:
    """Lines of a function without those of the functions in it."""
    inner = 0
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner += node.end_lineno - node.lineno + 1
        else:
            todo += ast.iter_child_nodes(node)
    return function.end_lineno - function.lineno + 1 - inner


@pytest.mark.parametrize("most, pages", [(FILE, False), (PAGE, True)])
def test_files(most: int, pages: bool) -> None:
    sizes = {name: text.count("\n") for name, text in _sources() if not pages or name.startswith("pages/")}
    assert {name: size for name, size in sizes.items() if size > most} == {}


def test_functions() -> None:
    long = {}
    for name, text in _sources():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > FUNCTION:
                long[name, node.name] = _lines(node)
    assert {where: lines for where, lines in long.items() if where not in PASSES} == {}
    assert set(long) >= PASSES, "an exception that is none any more"
