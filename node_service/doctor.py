"""`python -m node_service doctor`: settings, file permissions, clock, port, centre and exchange, said in words."""

from __future__ import annotations

import asyncio
import stat
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import aiohttp

from .app import NodeSettings, SettingsError

EXCHANGE: Final = "https://fapi.binance.com/fapi/v1/time"
TIMEOUT_S: Final = 5.0
MAX_SKEW_MS: Final = 5_000  # the centre gives no work to a node further off
_DATE_STEP_MS: Final = 1_000  # an HTTP date has whole seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    ok: bool
    text: str


def examine(env: dict[str, str], *, exchange: str = EXCHANGE) -> list[Finding]:
    """Look at everything this node needs; changes nothing, sends no order and no secret."""
    found = _file(env.get("IRONBULL_NODE_CONFIG", ""))
    try:
        settings = NodeSettings.from_env(env)
    except SettingsError as error:
        return [*found, Finding("settings", False, str(error))]
    found.append(Finding("settings", True, f"{settings.node_code or 'unnamed'} on {settings.host}:{settings.port}"))
    found.append(_callers(settings))
    return [*found, *asyncio.run(_asked(settings, exchange))]


def _file(name: str) -> list[Finding]:
    if not name:
        return []
    try:
        mode = stat.S_IMODE(Path(name).stat().st_mode)
    except OSError as error:
        return [Finding("file", False, f"{name} cannot be read ({error.strerror}). Run join again, or correct its path.")]
    if mode & 0o077:
        return [Finding("file", False, f"{name} can be read by others (mode {mode:o}). Run: chmod 600 {name}")]
    return [Finding("file", True, f"{name} can be read by its owner alone")]


def _callers(settings: NodeSettings) -> Finding:
    if settings.allowed_ips:
        return Finding("callers", True, f"only {', '.join(settings.allowed_ips)} may call")
    open_text = "every address may call (a signature is needed all the same); IRONBULL_NODE_ALLOWED_IPS names the centre's"
    return Finding("callers", True, open_text)


async def _asked(settings: NodeSettings, exchange: str) -> list[Finding]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        everywhere = settings.host == "0.0.0.0"  # noqa: S104 - compared with, not listened on
        own = f"http://{'127.0.0.1' if everywhere else settings.host}:{settings.port}/health"
        found = [await _own(session, own)]
        if settings.center_url:
            found += await _other(session, "centre", f"{settings.center_url}/api/health", "IRONBULL_CENTER_URL")
        else:
            found.append(Finding("centre", True, "no heartbeat is sent: IRONBULL_CENTER_URL is empty"))
        found += await _other(session, "exchange", exchange, "the firewall and this address's standing at the exchange")
    return found


async def _own(session: aiohttp.ClientSession, url: str) -> Finding:
    try:
        async with session.get(url) as reply:
            body = await reply.json(content_type=None)
        if not isinstance(body, dict) or body.get("service") != "execution-node":
            return Finding("node", False, f"something else answers at {url}. Choose another IRONBULL_NODE_PORT.")
    except (aiohttp.ClientConnectorError, TimeoutError):
        return Finding("node", True, "not running; its port is free")
    except (aiohttp.ClientError, ValueError):
        return Finding("node", False, f"something else answers at {url}. Choose another IRONBULL_NODE_PORT.")
    return Finding("node", True, f"runs, version {body.get('version')}, last error: {body.get('last_error') or 'none'}")


async def _other(session: aiohttp.ClientSession, name: str, url: str, look_at: str) -> list[Finding]:
    """Whether it answers, and how far its clock is from ours."""
    before = time.time()
    try:
        async with session.get(url) as reply:
            status, date = reply.status, reply.headers.get("Date", "")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return [Finding(name, False, f"{url} does not answer ({type(error).__name__}). Look at {look_at}.")]
    took_ms = (time.time() - before) * 1000
    if status >= 400:
        return [Finding(name, False, f"{url} answers with HTTP {status}. Look at {look_at}.")]
    found = [Finding(name, True, f"answers in {took_ms:.0f} ms")]
    try:
        theirs_ms = parsedate_to_datetime(date).timestamp() * 1000 + _DATE_STEP_MS / 2
    except ValueError:
        return found
    skew_ms = (before + time.time()) / 2 * 1000 - theirs_ms
    fine = abs(skew_ms) <= MAX_SKEW_MS
    advice = "" if fine else ". Switch time synchronisation on: requests of this node will be refused"
    return [*found, Finding("clock", fine, f"{skew_ms / 1000:+.1f} s to the {name}{advice}")]
