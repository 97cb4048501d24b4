"""How a node joins, and what happens when one comes with another key.

An admin makes a one-time token for a node code; only its hash is kept and it expires. The node that brings it pins its own
public key and gets a fresh secret, sealed for that key. Later another key is only noted: credentials go on being sealed
for the pinned one, so a stolen secret opens nothing, until an admin accepts the new key.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, select

from backend.clock import now_ms, utcnow
from backend.errors import Conflict, InvalidInput, IronBullError
from backend.execution.nodes import check_base_url, create_node, get_node, node_says
from backend.identity.principal import Principal
from backend.models import ExecutionNode
from backend.security import audit
from backend.security.vault import Vault, get_vault, node_record
from node_service.protocol import seal_text

TOKEN_LIVES = timedelta(hours=1)
NO_ADDRESS = "http://not-joined.invalid"


class JoinRefused(IronBullError):
    """This token is unknown, used or expired; ask an admin for a new one."""

    code = "join_refused"
    status = 401


class NoOfferedKey(Conflict):
    """The node has offered no other key."""

    code = "no_offered_key"


@dataclass(frozen=True)
class Joined:
    """What a node is told once. ``secret_sealed`` can be read by its key alone."""

    node_code: str
    secret_sealed: str
    time_ms: int


def invite(
    session: Session, who: Principal, node_code: str, name: str = "", *, ip: str = "", vault: Vault | None = None
) -> str:
    """A one-time token with which one node may join under ``node_code``; shown once, valid for an hour.

    A node of that code is registered when there is none; one that exists keeps working until the token is used.
    """
    _admin(who)
    node = session.exec(select(ExecutionNode).where(ExecutionNode.node_code == node_code).with_for_update()).first()
    if node is None:
        node, _secret = create_node(session, node_code, name, NO_ADDRESS, vault=vault)
        node.status = 0
    token = secrets.token_urlsafe(32)
    node.join_hash, node.join_expires_at = _digest(token), utcnow() + TOKEN_LIVES
    session.add(node)
    audit.record(session, who, "node.invite", f"node:{node_code}", ip=ip)
    return token


def join(
    session: Session, body: Mapping[str, Any], *, ip: str, production: bool = False, vault: Vault | None = None
) -> Joined:
    """A node brings {token, public_key, base_url, version, time_ms}: its key is pinned, its secret made anew.

    Raises ``JoinRefused``, ``BadNodeUrl``, ``InvalidInput``. The token works once.
    """
    token, key = body.get("token"), body.get("public_key")
    if not isinstance(token, str) or not isinstance(key, str) or len(key) > 64:
        raise JoinRefused
    node = session.exec(
        select(ExecutionNode).where(ExecutionNode.join_hash == _digest(token)).with_for_update()
    ).first()
    if node is None or node.join_expires_at is None or node.join_expires_at <= utcnow():
        raise JoinRefused
    secret = secrets.token_hex(32)
    try:
        box = seal_text(key, secret)
    except ValueError:
        raise InvalidInput("The public key must be 32 bytes in base64.") from None
    node.base_url = check_base_url(str(body.get("base_url") or ""), production)
    node.secret_sealed = (vault or get_vault()).seal_platform(node_record(node.node_code), secret)
    node.public_key, node.offered_key = key, ""
    node.join_hash, node.join_expires_at = None, None
    node.status, node.draining = 1, False
    node_says(node, body, ip)
    session.add(node)
    audit.record(session, None, "node.join", f"node:{node.node_code}", ip=ip)
    return Joined(node.node_code, box, now_ms())


def accept_key(session: Session, who: Principal, node_id: int) -> ExecutionNode:
    """Pin the key the node has offered: credentials are sealed for it from now on. Raises ``NoOfferedKey``."""
    _admin(who)
    node = get_node(session, node_id)
    if not node.offered_key:
        raise NoOfferedKey
    node.public_key, node.offered_key = node.offered_key, ""
    session.add(node)
    audit.record(session, who, "node.accept_key", f"node:{node.node_code}")
    return node


def with_offered_keys(session: Session) -> list[ExecutionNode]:
    """Nodes that wait for an admin to look at their key."""
    return list(session.exec(select(ExecutionNode).where(col(ExecutionNode.offered_key) != "")).all())


def _admin(who: Principal) -> None:
    if who.kind != "admin":
        raise JoinRefused("Only admins enrol nodes.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
