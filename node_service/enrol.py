"""Join a centre: a one-time token becomes a node with its own key, its secret and a configuration file.

The secret comes back sealed for the key made here, so a line that is only listened to never shows it. The token itself
proves who may join: over plain HTTP an attacker in the middle could take it, so the address of the centre should be https.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from . import __version__, protocol

JOIN_PATH: Final = "/api/nodes/join"
DEADLINE_S: Final = 15.0


class JoinFailed(Exception):
    """The node did not join; the message says why and what to do."""


def join(
    center_url: str,
    token: str,
    config: Path,
    *,
    public_url: str,
    port: int = 9101,
    host: str = "0.0.0.0",  # noqa: S104 - the centre must reach it from elsewhere; whoever calls must hold the secret
) -> dict[str, Any]:
    """Register at the centre and write `config` (mode 0600). Returns {node_code, clock_skew_ms}; raises `JoinFailed`.

    `public_url` is where the centre reaches this node; `clock_skew_ms` is our clock minus the centre's.
    """
    if config.exists():
        raise JoinFailed(f"{config} exists: this machine has joined already. Move the file away to join anew.")
    center_url = center_url.rstrip("/")
    seed = secrets.token_bytes(32)
    key = protocol.NodeKey(seed)
    asked_ms = protocol.now_ms()
    answer = _ask(
        center_url + JOIN_PATH,
        {
            "token": token,
            "public_key": key.public_key,
            "base_url": public_url,
            "version": __version__,
            "time_ms": asked_ms,
        },
    )
    came_ms = protocol.now_ms()
    try:
        data = answer["data"]
        secret, node_code = protocol.open_text(key, str(data["secret_sealed"])), str(data["node_code"])
        skew_ms = (asked_ms + came_ms) // 2 - int(data["time_ms"])
    except (KeyError, TypeError, ValueError, protocol.ProtocolError):
        raise JoinFailed("The centre's answer cannot be read; is the address right?") from None
    write_config(
        config,
        {
            "IRONBULL_NODE_AUTH_SECRET": secret,
            "IRONBULL_NODE_KEY": base64.b64encode(seed).decode(),
            "IRONBULL_NODE_CODE": node_code,
            "IRONBULL_NODE_HOST": host,
            "IRONBULL_NODE_PORT": str(port),
            "IRONBULL_NODE_PUBLIC_URL": public_url,
            "IRONBULL_CENTER_URL": center_url,
        },
    )
    return {"node_code": node_code, "clock_skew_ms": skew_ms}


def _ask(url: str, content: dict[str, Any]) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise JoinFailed("The centre's address must begin with https:// or http://.")
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, data=protocol.dumps(content), headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as reply:  # noqa: S310 - the scheme was checked
            raw = reply.read(65536)
    except urllib.error.HTTPError as error:
        raise JoinFailed(_reason(error.read(65536)) or f"The centre refused: HTTP {error.code}.") from None
    except OSError:
        raise JoinFailed("The centre cannot be reached; check its address and this machine's network.") from None
    try:
        return protocol.loads(raw)
    except protocol.ProtocolError as error:
        raise JoinFailed(f"The centre's answer cannot be read: {error.message}") from None


def _reason(raw: bytes) -> str:
    try:
        said = json.loads(raw)
    except ValueError:
        return ""
    return str(said.get("detail") or said.get("message") or "")[:300] if isinstance(said, dict) else ""


def write_config(path: Path, values: dict[str, str]) -> None:
    """NAME=value lines, as systemd's EnvironmentFile reads them; readable by the owner alone from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


def read_config(path: Path) -> dict[str, str]:
    """The values of a configuration file. Raises `OSError`, `ValueError` (also when others may read it)."""
    if path.stat().st_mode & 0o077:
        raise ValueError("others may read it; run chmod 600 on it")
    out: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            name, _, value = line.partition("=")
            out[name.strip()] = " ".join(shlex.split(value))
    return out
