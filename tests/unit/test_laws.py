"""House laws that can be read off the source: no float near money, no broad catch below an edge, no secret in a repr."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from backend.models import metadata
from backend.models.types import Exact, UtcDateTime
from backend.settings import Settings, load_settings
from node_service.client import Node

ROOT = Path(__file__).resolve().parents[2]
MONEY_ROOMS = ("ledger", "billing", "models", "execution", "exits", "portfolio")
# The edges of loops and jobs: an error is logged there and the loop goes on.
EDGES = {
    "backend/signals/service.py", "backend/engine.py", "backend/runtime.py", "backend/webhooks/delivery.py", "backend/exports/worker.py",
    "backend/notifications/sender.py", "backend/timetable.py", "ironbull_app/doors.py", "backend/api/guard.py",
    "backend/api/live.py", "backend/paper_exchange/http.py", "backend/paper_exchange/exchange.py", "state/base.py",
    "node_service/app.py", "node_service/executor.py",
    "backend/queue/runner.py",
}  # fmt: skip


def _sources(*tops: str) -> Iterator[tuple[str, ast.Module]]:
    for top in tops:
        for path in sorted((ROOT / top).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def _is_name(node: ast.expr | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def test_no_float_touches_money() -> None:
    """Law 1. Floats come from strategies as prices and are turned into Decimals in one named function."""
    found = []
    for room in MONEY_ROOMS:
        for name, tree in _sources(f"backend/{room}"):
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and _is_name(node.func, "float"):
                    found.append(f"{name}:{node.lineno} float()")
                if isinstance(node, ast.AnnAssign | ast.arg) and _is_name(node.annotation, "float"):
                    label = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
                    if not label.endswith("_s"):  # seconds are not money
                        found.append(f"{name}:{node.lineno} {label}: float")
    assert found == []


def test_every_column_is_exact() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            kind = type(column.type).__name__.upper()
            assert "FLOAT" not in kind and "DOUBLE" not in kind and "REAL" not in kind, f"{table.name}.{column.name}"
            if kind == "NUMERIC":
                pytest.fail(f"{table.name}.{column.name} is not Exact")
            if "DATETIME" in kind:
                assert isinstance(column.type, UtcDateTime), f"{table.name}.{column.name}"


@pytest.mark.parametrize("bad", [1.5, Decimal("NaN"), Decimal("Infinity")])
def test_exact_refuses_what_is_not_exact(bad: object) -> None:
    from sqlalchemy.dialects import sqlite

    with pytest.raises((TypeError, ValueError)):
        Exact().process_bind_param(bad, sqlite.dialect())


def _broad(node: ast.expr | None) -> bool:
    """Whether a class, or one of several, stands for every error."""
    if isinstance(node, ast.Tuple):
        return any(_broad(one) for one in node.elts)
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return node is None or name in {"Exception", "BaseException"}


def _broad_catches(tree: ast.Module) -> Iterator[tuple[int, bool]]:
    """(line, whether it may stand at an edge) of every handler for all errors. ``suppress`` of all says nothing: never."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _broad(node.type):
            yield node.lineno, True
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "suppress":
            yield from ((node.lineno, False) for one in node.args if _broad(one))


def test_broad_catches_stand_only_at_edges() -> None:
    found = []
    for name, tree in _sources("backend", "node_service", "state", "pages", "ironbull_app"):
        found += [f"{name}:{line}" for line, allowed in _broad_catches(tree) if not (allowed and name in EDGES)]
    assert found == []


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("try: f()\nexcept: pass", True),
        ("try: f()\nexcept Exception: pass", True),
        ("try: f()\nexcept BaseException as error: raise", True),
        ("try: f()\nexcept (ValueError, builtins.Exception): pass", True),
        ("with suppress(Exception): f()", False),
        ("with contextlib.suppress(OSError, BaseException): f()", False),
    ],
)
def test_every_way_to_catch_all_is_seen(source: str, allowed: bool) -> None:
    assert list(_broad_catches(ast.parse(source))) == [(source.count("\n") + 1, allowed)]


def test_narrow_catches_are_no_matter() -> None:
    source = "try: f()\nexcept (ValueError, ExceptionGroup): pass\nwith suppress(OSError): f()"
    assert list(_broad_catches(ast.parse(source))) == []


def test_every_edge_is_one() -> None:
    """A file that catches nothing broadly any more leaves the list."""
    assert {name for name in EDGES if not list(_broad_catches(ast.parse((ROOT / name).read_text())))} == set()


def test_nothing_evaluates_user_data() -> None:
    """B6: no eval, exec or pickle in the project, but for the node's loader of ccxt's own modules."""
    found = []
    for name, tree in _sources("backend", "node_service", "state", "pages", "ironbull_app"):
        if name == "node_service/slim_ccxt.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
                found.append(f"{name}:{node.lineno}")
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                found += [f"{name}:{node.lineno}" for item in names if item.split(".")[0] in {"pickle", "marshal", "shelve"}]
    assert found == []


SECRET = "s3cret-" + "x" * 40


def test_secrets_are_not_in_reprs() -> None:
    """Law 8 / A13."""
    settings = Settings(session_key=SECRET, jwt_key=SECRET, master_key=SECRET, node_secret=SECRET)
    assert SECRET not in repr(settings) and SECRET not in str(settings)
    assert SECRET not in repr(Node("n", "http://127.0.0.1", SECRET))


def test_production_refuses_missing_and_weak_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Law 8."""
    from backend.errors import ConfigurationError

    monkeypatch.setenv("IRONBULL_ENV", "production")
    monkeypatch.setenv("IRONBULL_HOME", str(tmp_path))
    monkeypatch.setenv("IRONBULL_DEMO", "0")
    for name in ("SESSION_KEY", "JWT_KEY", "MASTER_KEY", "NODE_SECRET"):
        monkeypatch.delenv(f"IRONBULL_{name}", raising=False)
    with pytest.raises(ConfigurationError, match="IRONBULL_MASTER_KEY"):
        load_settings()
    for name in ("SESSION_KEY", "JWT_KEY", "MASTER_KEY", "NODE_SECRET"):
        monkeypatch.setenv(f"IRONBULL_{name}", (name.lower() * 8)[:40])
    assert load_settings().production
    monkeypatch.setenv("IRONBULL_WEBHOOK_ALLOW_PRIVATE", "1")
    with pytest.raises(ConfigurationError, match="IRONBULL_WEBHOOK_ALLOW_PRIVATE"):
        load_settings()
    monkeypatch.delenv("IRONBULL_WEBHOOK_ALLOW_PRIVATE")
    monkeypatch.setenv("IRONBULL_DEMO", "1")
    with pytest.raises(ConfigurationError, match="IRONBULL_DEMO"):
        load_settings()
    assert not list(tmp_path.iterdir()), "production never writes secrets of its own"


@pytest.mark.parametrize("name,value", [("PORT", "x"), ("MARKET", "mars"), ("MARKET_SPEED", "1e12"), ("DEMO_USERS", "1")])
def test_a_bad_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.errors import ConfigurationError

    monkeypatch.setenv(f"IRONBULL_{name}", value)
    with pytest.raises(ConfigurationError, match=f"IRONBULL_{name}"):
        load_settings()


def test_every_setting_is_explained() -> None:
    text = (ROOT / ".env.example").read_text()
    for name in Settings.model_fields:
        assert f"IRONBULL_{name.upper()}=" in text, name
