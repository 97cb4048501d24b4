"""Execution nodes: registered and changed by admins, heard from by signed heartbeats."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictInt
from sqlmodel import Session, select

from backend.api import shapes
from backend.api.context import ApiContext, May, admin, context_of, peer, read, run
from backend.api.nodes.moves import add_joining, add_routing
from backend.api.params import Id, done
from backend.clock import now_ms
from backend.errors import IronBullError, NotFound
from backend.execution import node_health, nodes
from backend.identity.principal import Principal
from backend.models import ExecutionNode
from backend.security import audit
from backend.security.vault import node_record
from node_service.protocol import ProtocolError, RequestVerifier, dumps, loads, reply_headers

Admin = Annotated[Principal, Depends(admin)]
Engineer = Annotated[Principal, Depends(May("settings"))]


class NewNode(BaseModel):
    """A node to register."""

    node_code: str = Field(max_length=32)
    name: str = Field("", max_length=100)
    base_url: str = Field(max_length=255)


class NodeChange(BaseModel):
    """Fields left out stay as they are."""

    name: str | None = Field(None, max_length=100)
    base_url: str | None = Field(None, max_length=255)
    status: StrictInt | None = Field(None, ge=0, le=1)


class HeartbeatRefused(IronBullError):
    """The heartbeat is not signed by this node."""

    code = "heartbeat_refused"
    status = 401


class NodeGate:
    """One verifier per node, each with its memory of nonces. Requests older than this process are refused, so
    an empty memory after a restart lets nothing be repeated."""

    def __init__(self) -> None:
        self._started_ms = now_ms()
        self._lock = threading.Lock()
        self._verifiers: dict[str, tuple[str, RequestVerifier]] = {}

    def verify(self, context: ApiContext, node_code: str, request: Request, body: bytes) -> tuple[str, str]:
        """The node's secret and the nonce to answer. Raises ``NotFound``, ``HeartbeatRefused``."""
        with context.db.reading() as session:
            node = session.exec(select(ExecutionNode).where(ExecutionNode.node_code == node_code)).first()
        if node is None:
            raise NotFound
        secret = context.vault.open_platform(node_record(node_code), node.secret_sealed)
        with self._lock:
            known = self._verifiers.get(node_code)
            if known is None or known[0] != secret:
                known = secret, RequestVerifier(secret, started_ms=self._started_ms)
                self._verifiers[node_code] = known
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            try:
                return secret, known[1].verify(request.headers, request.method, path, body)
            except ProtocolError as error:
                raise HeartbeatRefused(error.message) from None


def nodes_router() -> APIRouter:
    """The node doors, with their own memory of nonces."""
    router = APIRouter(tags=["nodes"])
    gate = NodeGate()
    add_joining(router)
    add_routing(router)

    @router.get("/api/nodes")
    async def list_nodes(request: Request, who: Admin, include_disabled: bool = False) -> Response:
        """Nodes with their state and how many enabled accounts they have."""
        found = await read(request, lambda session: nodes.nodes(session, include_disabled))
        return done([shapes.node(row) for row in found], total=len(found))

    @router.post("/api/nodes")
    async def add_node(request: Request, body: NewNode, who: Engineer) -> Response:
        """Register a node. ``secret`` is in this answer and in no other."""
        context = context_of(request)

        def make(session: Session) -> dict[str, Any]:
            node, secret = nodes.create_node(
                session,
                body.node_code,
                body.name,
                body.base_url,
                production=context.settings.production,
                vault=context.vault,
            )
            audit.record(session, who, "node.create", f"node:{node.node_code}", ip=peer(request))
            return {**shapes.node((node, 0)), "secret": secret}

        return done(await run(request, make))

    @router.put("/api/nodes/{node_id}")
    async def change_node(request: Request, node_id: Id, body: NodeChange, who: Engineer) -> Response:
        """Change name, address or status."""

        def change(session: Session) -> dict[str, Any]:
            node = nodes.update_node(
                session,
                node_id,
                name=body.name,
                base_url=body.base_url,
                status=body.status,
                production=context_of(request).settings.production,
            )
            detail = body.model_dump(exclude_none=True)
            audit.record(session, who, "node.update", f"node:{node.node_code}", detail=detail, ip=peer(request))
            return shapes.node((node, 0))

        changed = await run(request, change)
        changed.pop("account_count")
        return done(changed)

    @router.delete("/api/nodes/{node_id}")
    async def remove_node(request: Request, node_id: Id, who: Engineer) -> Response:
        """Disable a node; its accounts are executed by the centre from then on."""

        def retire(session: Session) -> int:
            moved = nodes.retire_node(session, node_id)
            audit.record(session, who, "node.retire", f"node:{node_id}", detail={"accounts": moved}, ip=peer(request))
            return moved

        return done({"accounts_moved": await run(request, retire)})

    @router.post("/api/nodes/{node_code}/heartbeat")
    async def heartbeat(request: Request, node_code: str) -> Response:
        """A node says that it lives. Signed with the node's secret; so is the answer."""
        body = await request.body()
        context = context_of(request)
        secret, nonce = await asyncio.to_thread(gate.verify, context, node_code[:32], request, body)
        try:
            said = loads(body)
        except ProtocolError as error:
            raise HeartbeatRefused(error.message) from None
        def note(session: Session) -> None:
            node = nodes.record_heartbeat(session, node_code, said, peer(request))
            node_health.sample(session, node, said)

        await run(request, note)
        reply = dumps({"success": True, "message": "ok", "time_ms": now_ms()})
        headers = reply_headers(secret, 200, request.url.path, reply, nonce)
        return Response(reply, 200, headers, media_type="application/json")

    return router
