"""Deployment files say only what exists: commands, options, settings, files, routes. And the backup can be read again."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import SecretStr

from backend.settings import Settings, load_settings
from ironbull_app.cli import app
from node_service.__main__ import _arguments

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = set(re.findall(r"^#?(IRONBULL_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)) | {"IRONBULL_WEB_CACHE"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text()))


def understood(words: list[str]) -> None:
    """Raises when the ``ironbull`` command would not take these words."""
    root = typer.main.get_command(app)
    command, context = root, typer.Context(root)
    while words and hasattr(command, "commands"):
        command = command.commands[words[0]]
        context = typer.Context(command, parent=context)
        words = words[1:]
    wanted = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        assert not word.startswith("--") or word in wanted, f"{command.name} has no {word}"


def test_services_call_commands_that_exist(compose: dict[str, Any]) -> None:
    called = []
    for name, service in compose["services"].items():
        if service.get("image") == "ironbull:latest":
            understood(list(service["command"]))
            called.append(name)
        for wanted in service.get("depends_on", {}):
            assert wanted in compose["services"]
            assert "healthcheck" in compose["services"][wanted] or "ironbull" in compose["services"][wanted]["image"]
        for network in service.get("networks", []):
            assert network in compose["networks"]
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists(), volume
    assert called == ["centre", "worker", "monitor"]
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["caddy"]


def test_services_name_settings_that_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        ours = {name for name in service.get("environment", {}) if name.startswith("IRONBULL_")}
        assert ours <= KNOWN
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yml").read_text()))
    told = set(re.findall(r"^#?(\w+)=", (DEPLOY / "production.env.example").read_text(), re.MULTILINE))
    assert asked <= told
    assert {name for name in told if name.startswith("IRONBULL_")} <= KNOWN


def test_the_compose_environment_is_fit_for_production(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"SITE": "trade.example", "DATABASE_PASSWORD": "p" * 20, "IRONBULL_MARKET": "exchange:binanceusdm"}
    words |= {f"IRONBULL_{name}_KEY": name * 12 for name in ("SESSION", "JWT", "MASTER")} | {"IRONBULL_NODE_SECRET": "node" * 12}

    def filled(text: str) -> str:
        return re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", lambda found: words.get(found[1], ""), text)

    for name in [name for name in os.environ if name.startswith("IRONBULL_")]:
        monkeypatch.delenv(name)
    for name, value in compose["services"]["monitor"]["environment"].items():
        monkeypatch.setenv(name, filled(value))
    settings = load_settings()
    assert settings.production and settings.queued
    assert settings.sqlalchemy_url == f"mysql+pymysql://ironbull:{'p' * 20}@database:3306/ironbull"
    assert isinstance(settings.master_key, SecretStr)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_something_that_exists(unit: Path) -> None:
    text = unit.read_text()
    words = shlex.split(re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)[0])
    assert words[0].startswith("/opt/ironbull/")
    if words[0].endswith("/ironbull"):
        understood(words[1:])
        assert "User=ironbull" in text and "TimeoutStopSec=30" in text
    else:
        script = ROOT / words[0].removeprefix("/opt/ironbull/")
        assert os.access(script, os.X_OK)
    named = set(re.findall(r"(IRONBULL_\w+)=", text))
    assert named <= KNOWN
    assert "NoNewPrivileges=yes" in text and "ProtectSystem=strict" in text


def test_units_name_units_that_exist() -> None:
    beside = {"network-online.target", "time-sync.target", "mariadb.service", "redis-server.service"}
    for unit in UNITS:
        for line in re.findall(r"^(?:After|Wants|Requires)=(.+)$", unit.read_text(), re.MULTILINE):
            for name in line.split():
                assert name in beside or (DEPLOY / "systemd" / name).exists()
    assert (DEPLOY / "systemd" / "ironbull-backup.timer").exists()


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.node"])
def test_an_image_copies_what_is_there_and_runs_without_root(name: str) -> None:
    lines = re.sub(r"\\\n\s*", "", (DEPLOY / name).read_text()).splitlines()
    ignored = (ROOT / ".dockerignore").read_text().split()
    for line in lines:
        words = line.split()
        if words[:1] == ["COPY"] and not any(word.startswith("--from") for word in words):
            for source in words[1:-1]:
                assert (ROOT / source).exists(), source
                assert source.partition("/")[0] not in ignored, f"{source} is ignored"
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]
    port = "3000/api/health" if name == "Dockerfile" else "9101/health"
    assert any(f"127.0.0.1:{port}" in line for line in lines)
    if name == "Dockerfile":
        assert Settings.model_fields["port"].default == 3000
        understood(["build"])


def test_the_guide_names_files_and_commands_that_exist() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text()
    for path in set(re.findall(r"\bdeploy/[\w./-]*\w", text)) - {"deploy/production.env"}:
        assert (ROOT / path).exists(), path
    for words in re.findall(r"`ironbull ([a-z][^`]*)`", text):
        understood(words.replace("NAME", "").split())
    assert set(re.findall(r"IRONBULL_\w+", text)) <= KNOWN
    _arguments().parse_args(["join", "https://x", "T", "--public-url", "http://n:1", "--config", "/c"])
    assert _arguments().parse_args(["doctor"]).command == "doctor"


def test_a_backup_holds_the_database(tmp_path: Path) -> None:
    home, kept = tmp_path / "home", tmp_path / "kept"
    home.mkdir()
    with sqlite3.connect(home / "ironbull.db") as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("CREATE TABLE t(n INTEGER)")
        base.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1000)])
    environment = {"PATH": os.environ["PATH"], "IRONBULL_HOME": str(home)}
    done = subprocess.run(
        [str(DEPLOY / "backup.sh"), str(kept)], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    [made] = kept.iterdir()
    assert done.stdout.strip() == str(made) and made.stat().st_mode & 0o077 == 0
    subprocess.run(["gunzip", str(made)], check=True)
    with sqlite3.connect(made.with_suffix("")) as copy:
        assert copy.execute("SELECT sum(n) FROM t").fetchone() == (499500,)


def test_make_faults_runs_every_test_that_knows_a_full_number() -> None:
    listed = re.search(r"^FAULTS = ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed
    rooms = tuple(listed[1].replace("\\", " ").split())
    assert all((ROOT / room).exists() for room in rooms)
    known = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py") if re.search(r"^from tests.support.faults import", path.read_text(), re.MULTILINE)]
    assert known
    # The browser tests are run one by one after these.
    left = [name for name in known if not name.startswith(("tests/browser/", *(room if room.endswith(".py") else f"{room}/" for room in rooms)))]
    assert left == []
