"""Execution nodes as the centre knows them: registered, changed, heard from."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy import func, update
from sqlmodel import Session, col, select

from backend.clock import now_ms, utcnow
from backend.errors import Conflict, InvalidInput, NotFound
from backend.models import ExchangeAccount, ExecutionNode
from backend.security.vault import Vault, get_vault, node_record
from backend.settings import get_settings
from node_service.protocol import derived_public_key

log = structlog.get_logger("nodes")

MAX_SKEW_MS = 2_000_000_000
ONLINE = timedelta(seconds=180)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_KEY = re.compile(r"[A-Za-z0-9+/=_-]{0,64}")


class NodeCodeTaken(Conflict):
    """A node with this code already exists."""

    code = "node_code_taken"


class BadNodeUrl(InvalidInput):
    """The node address must look like https://node.example:9101 and must not point at this machine's own network."""

    code = "bad_node_url"


def check_base_url(url: str, production: bool) -> str:
    """The address without a trailing slash. Raises ``BadNodeUrl``.

    Link-local, multicast and unspecified addresses are always refused (cloud metadata lives there); in production
    loopback too.
    """
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise BadNodeUrl from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise BadNodeUrl
    if len(url) > 255 or not url.isascii() or not url.isprintable() or " " in url:
        raise BadNodeUrl
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = ipaddress.ip_address(host)
    except ValueError:
        address = None
    address = getattr(address, "ipv4_mapped", None) or address
    if address is not None and (address.is_link_local or address.is_multicast or address.is_unspecified):
        raise BadNodeUrl
    if production and (host == "localhost" or host.endswith(".localhost") or (address and address.is_loopback)):
        raise BadNodeUrl
    if address is None and re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]+", host):  # 127.1, 2130706433 and such
        raise BadNodeUrl
    return url


def create_node(
    session: Session,
    node_code: str,
    name: str,
    base_url: str,
    *,
    production: bool = False,
    secret: str | None = None,
    vault: Vault | None = None,
) -> tuple[ExecutionNode, str]:
    """A node and its secret, which is shown once. Raises ``InvalidInput``, ``NodeCodeTaken``, ``BadNodeUrl``."""
    if not _CODE.fullmatch(node_code):
        raise InvalidInput("The node code must have 1 to 32 letters, digits, - or _.")
    if session.exec(select(ExecutionNode.id).where(ExecutionNode.node_code == node_code)).first() is not None:
        raise NodeCodeTaken
    secret = secret or secrets.token_hex(32)
    if len(secret) < 32:
        raise InvalidInput("The node secret must have at least 32 characters.")
    node = ExecutionNode(
        node_code=node_code,
        name=name.strip()[:100],
        base_url=check_base_url(base_url, production),
        secret_sealed=(vault or get_vault()).seal_platform(node_record(node_code), secret),
        public_key=derived_public_key(secret),  # until it joins with a key of its own
    )
    session.add(node)
    session.flush()
    return node, secret


def update_node(
    session: Session,
    node_id: int,
    *,
    name: str | None = None,
    base_url: str | None = None,
    status: int | None = None,
    production: bool = False,
) -> ExecutionNode:
    """Change the given fields. Raises ``NotFound``, ``BadNodeUrl``, ``InvalidInput``."""
    node = get_node(session, node_id)
    if name is not None:
        node.name = name.strip()[:100]
    if base_url is not None:
        node.base_url = check_base_url(base_url, production)
    if status is not None:
        if status not in (0, 1):
            raise InvalidInput("The status is 1 (enabled) or 0 (disabled).")
        node.status = status
    session.add(node)
    session.flush()
    return node


def retire_node(session: Session, node_id: int) -> int:
    """Disable a node and take all accounts from it; returns how many. The centre executes them from then on, so that
    open positions keep their exits."""
    node = get_node(session, node_id)
    node.status = 0
    session.add(node)
    moved = session.connection().execute(
        update(ExchangeAccount).where(col(ExchangeAccount.node_id) == node_id).values(node_id=None)
    )
    return int(moved.rowcount)


def get_node(session: Session, node_id: int) -> ExecutionNode:
    """Raises ``NotFound``."""
    node = session.get(ExecutionNode, node_id)
    if node is None:
        raise NotFound
    return node


def nodes(session: Session, include_disabled: bool = False) -> list[tuple[ExecutionNode, int]]:
    """Nodes with the number of their enabled accounts."""
    statement = select(ExecutionNode).order_by(col(ExecutionNode.id))
    if not include_disabled:
        statement = statement.where(ExecutionNode.status == 1)
    counts = dict(
        session.exec(
            select(ExchangeAccount.node_id, func.count())
            .where(ExchangeAccount.status == 1)
            .group_by(col(ExchangeAccount.node_id))
        ).all()
    )
    return [(node, int(counts.get(node.id, 0))) for node in session.exec(statement).all()]


def is_online(node: ExecutionNode) -> bool:
    """Whether an enabled node was heard from within 180 s."""
    beat = node.last_heartbeat_at
    return node.status == 1 and beat is not None and utcnow() - beat < ONLINE


def record_heartbeat(session: Session, node_code: str, body: Mapping[str, Any], ip: str = "") -> ExecutionNode:
    """Note what a node says about itself; ``ip`` is where it spoke from. The caller has verified the signature.

    ``base_url`` is not believed, and another public key waits for an admin: a stolen node secret must neither
    redirect orders nor open credentials.
    """
    node = session.exec(select(ExecutionNode).where(ExecutionNode.node_code == node_code).with_for_update()).first()
    if node is None:
        raise NotFound
    node.last_heartbeat_at = utcnow()
    node_says(node, body, ip)
    node.last_error = str(body.get("last_error") or "")[:255]
    node.inflight = count_of(body.get("inflight")) or 0
    node.latency_ms = count_of(body.get("exchange_latency_ms"))
    key = body.get("public_key")
    if isinstance(key, str) and key and _KEY.fullmatch(key):
        if not node.public_key:
            node.public_key = key
        elif key not in {node.public_key, node.offered_key}:
            log.warning("a node came with another key; an admin must accept it", node=node_code)
            node.offered_key = key
        elif key == node.public_key:
            node.offered_key = ""
    session.add(node)
    return node


def node_says(node: ExecutionNode, body: Mapping[str, Any], ip: str) -> None:
    """Version, clock and the address it spoke from: the one its users allow at their exchange."""
    node.version = str(body.get("version", ""))[:32]
    said = body.get("time_ms")
    if isinstance(said, int) and not isinstance(said, bool) and 0 < said < 10**13:
        node.clock_skew_ms = max(-MAX_SKEW_MS, min(MAX_SKEW_MS, said - now_ms()))
    if ip:
        node.egress_ip = ip[:45]


def count_of(value: Any) -> int | None:
    """A figure a node said about itself, None when it is none that can be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1_000_000_000:
        return None
    return int(value)


def egress_of(session: Session, account: ExchangeAccount | None) -> list[str]:
    """The addresses an account's orders come from, to be allowed at its exchange: its node's recorded one, else the platform's."""
    node = session.get(ExecutionNode, account.node_id) if account is not None and account.node_id else None
    if node is not None and node.egress_ip:
        return [node.egress_ip]
    return [one.strip() for one in get_settings().egress_addresses.split(",") if one.strip()]


def taking(node: ExecutionNode) -> bool:
    """Whether accounts may be given to it: switched on and not being drained."""
    return node.status == 1 and not node.draining
