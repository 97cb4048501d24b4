"""Every refusal a person can meet on a page reads in Chinese; the English sentence is the key."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import IronBullError
from backend.notifications.phrases import in_chinese

# Doors for programs, the inside of a room and what only a terminal shows: their words reach no page.
ELSEWHERE = (
    "backend/api", "backend/merchant/errors.py", "backend/merchant/rules.py", "backend/ledger", "backend/market", "backend/execution/wire.py",
    "backend/execution/enrolment.py", "backend/execution/resting_keeper.py", "backend/billing/settling.py", "backend/billing/income.py",
    "backend/monitoring/daemon.py", "backend/queue/runner.py", "backend/settings.py", "backend/leases.py",
    "backend/demo.py", "backend/security/vault.py", "backend/money.py", "backend/onboarding/asking.py",
)  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _errors() -> set[str]:
    found, waiting = {IronBullError.__name__}, [IronBullError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            found.add(child.__name__)
            waiting.append(child)
    return found


def _text(node: ast.expr) -> str:
    """The sentence with a word in each hole; "" for what is not written here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    return ""


def _refusals() -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    trees = {}
    for folder in ("backend", "state"):
        for path in sorted(Path(folder).rglob("*.py")):
            if not str(path).startswith(ELSEWHERE):
                trees[str(path)] = ast.parse(path.read_text(encoding="utf-8"))
    classes = {node.name: node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}

    def refuses(name: str) -> bool:
        node = classes.get(name)
        return name == "IronBullError" or (node is not None and any(refuses(base.id) for base in node.bases if isinstance(base, ast.Name)))

    names = {name for name in classes if refuses(name)} | _errors()
    for where, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name in names and node.name != "IronBullError":
                yield where, (ast.get_docstring(node) or "").splitlines()[0].strip()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
                yield where, _text(node.args[0])


@pytest.mark.parametrize(("where", "text"), sorted({(where, text) for where, text in _refusals() if re.search(r"[a-z]{3}", text)}))
def test_a_refusal_has_its_chinese(where: str, text: str) -> None:
    assert CHINESE.search(in_chinese(text)), f"{where}: add a phrase for {text!r} to backend/notifications/refusal_phrases.py"


def test_figures_stay_in_their_place() -> None:
    assert in_chinese("The reward balance is 40.01 USDT, 50 USDT is asked.") == "奖励余额 40.01 USDT，申请 50 USDT。"
    assert in_chinese("The minutes must be from 1 to 90.") == "The minutes 必须在 1 到 90 之间。"
