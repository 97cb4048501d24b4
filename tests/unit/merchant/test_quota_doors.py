"""Every place where users, bindings or exchange accounts come into being asks the quota first."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LIMITED = {"User": "max_users", "Binding": "max_strategies", "ExchangeAccount": "max_exchange_accounts"}
FREE = {
    ("backend/identity/service.py", "create_tenant", "User"),  # the root user, which no plan counts
    ("backend/demo.py", "_equip", "ExchangeAccount"),  # the demo's tenants have no plan
    ("backend/demo.py", "_equip", "Binding"),
}


def makers() -> list[tuple[str, str, str, set[str]]]:
    """(file, function, class it makes, limits it asks for)."""
    found = []
    for path in sorted((ROOT / "backend").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            asked = {
                str(argument.value)
                for call in calls
                if isinstance(call.func, ast.Name) and call.func.id == "check_room"
                for argument in call.args
                if isinstance(argument, ast.Constant)
            }
            found += [
                (str(path.relative_to(ROOT)), function.name, call.func.id, asked)
                for call in calls
                if isinstance(call.func, ast.Name) and call.func.id in LIMITED
            ]
    return found


def test_whoever_makes_one_asks_for_room() -> None:
    found = makers()
    assert {made for _, _, made, _ in found} == set(LIMITED), "the walk must find the places"
    without = {(file, name, made) for file, name, made, asked in found if LIMITED[made] not in asked}
    assert without <= FREE
