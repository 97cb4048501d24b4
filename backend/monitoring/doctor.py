"""``ironbull doctor``: look at everything the platform needs and say in words what is wrong."""

from __future__ import annotations

import shutil
import socket
from dataclasses import dataclass

import httpx
from sqlalchemy import create_engine, pool, text
from sqlalchemy.exc import SQLAlchemyError

from backend.errors import ConfigurationError
from backend.migrations import current
from backend.settings import Settings, load_settings


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    name: str
    ok: bool
    text: str

    @property
    def mark(self) -> str:
        """A word for the first column."""
        return "ok   " if self.ok else "WRONG"


def examine() -> list[Finding]:
    """Look at settings, home, database, schema, Redis, market, node and port."""
    try:
        settings = load_settings()
    except ConfigurationError as error:
        return [Finding("settings", False, error.message)]
    return [
        Finding("settings", True, f"{settings.env}, market {settings.market}, demo {'on' if settings.demo else 'off'}"),
        _home(settings),
        *_database(settings),
        _redis(settings),
        _platform(settings),
        _node(settings),
    ]


def _home(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe = settings.home / ".probe"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        return Finding("home", False, f"{settings.home} cannot be written ({error.strerror}). Set IRONBULL_HOME.")
    free_mb = shutil.disk_usage(settings.home).free // 1_000_000
    return Finding("home", free_mb > 200, f"{settings.home} can be written, {free_mb:,} MB free")


def _database(settings: Settings) -> list[Finding]:
    url = settings.sqlalchemy_url
    shown = url if url.startswith("sqlite") else url.rsplit("@", 1)[-1]
    try:
        engine = create_engine(url, poolclass=pool.NullPool)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        reason = type(getattr(error, "orig", error)).__name__
        return [Finding("database", False, f"{shown} does not answer ({reason}). Check IRONBULL_DATABASE_URL.")]
    have, head = current(url)
    findings = [Finding("database", True, f"{shown} answers")]
    if have == head:
        findings.append(Finding("schema", True, f"at revision {head}"))
    else:
        findings.append(Finding("schema", False, f"at {have or 'nothing'}, needs {head}: run `ironbull db upgrade`"))
    return findings


def _redis(settings: Settings) -> Finding:
    if not settings.redis_url:
        words = "not used: the workers ask the database for work" if settings.queued else "not used: the bus is in memory"
        return Finding("redis", True, words)
    import redis

    try:
        redis.Redis.from_url(settings.redis_url, socket_timeout=2).ping()
    except redis.RedisError as error:
        return Finding("redis", False, f"does not answer ({type(error).__name__}). Check IRONBULL_REDIS_URL.")
    return Finding("redis", True, "answers")


def _platform(settings: Settings) -> Finding:
    try:
        answer = httpx.get(f"{settings.base_url}/api/health", timeout=3.0)
        body = answer.json()
    except (httpx.HTTPError, ValueError):
        with socket.socket() as probe:
            taken = probe.connect_ex(("127.0.0.1", settings.port)) == 0
        if taken:
            return Finding("platform", False, f"another program uses port {settings.port}. Set IRONBULL_PORT.")
        return Finding("platform", True, f"not running; port {settings.port} is free")
    if not isinstance(body, dict) or "version" not in body:
        return Finding("platform", False, f"another program answers on port {settings.port}. Set IRONBULL_PORT.")
    parts = ", ".join(f"{name} {body.get(name)}" for name in ("database", "scheduler", "market"))
    return Finding("platform", body.get("status") == "ok", f"running, version {body['version']}: {parts}")


def _node(settings: Settings) -> Finding:
    try:
        answer = httpx.get(f"http://127.0.0.1:{settings.node_port}/health", timeout=2.0)
        body = answer.json()
    except (httpx.HTTPError, ValueError):
        return Finding("node", True, f"none on port {settings.node_port} of this machine")
    return Finding(
        "node", body.get("status") == "ok", f"{body.get('node_code') or 'a node'} on port {settings.node_port}"
    )
