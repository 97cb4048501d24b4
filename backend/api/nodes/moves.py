"""Nodes join with a token; accounts are given to them, moved and drained."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool, StrictInt

from backend.api import shapes
from backend.api.context import May, admin, context_of, peer, read, run, tenant
from backend.api.params import BodyId, Id, done, listed, window
from backend.execution import differences, enrolment, failover, routing
from backend.identity.principal import Principal
from backend.models import Difference
from backend.portfolio.queries import Window

Admin = Annotated[Principal, Depends(admin)]
Engineer = Annotated[Principal, Depends(May("settings"))]
Tenant = Annotated[Principal, Depends(tenant)]
Page = Annotated[Window, Depends(window)]
_SHOWN = ("id", "tenant_id", "account_id", "order_id", "position_id", "symbol", "cause", "platform_says", "exchange_says", "action", "created_at")


class Invitation(BaseModel):
    """Who may join."""

    node_code: str = Field(max_length=32)
    name: str = Field("", max_length=100)


class Join(BaseModel):
    """What a joining node brings."""

    token: str = Field("", max_length=100)
    public_key: str = Field("", max_length=64)
    base_url: str = Field("", max_length=255)
    version: str = Field("", max_length=32)
    time_ms: StrictInt = Field(0, ge=0, lt=10**13)


class Assignment(BaseModel):
    """Accounts and their executor; no node means the centre."""

    account_ids: list[BodyId] = Field(min_length=1, max_length=5_000)
    node_id: BodyId | None = None


class Move(BaseModel):
    """Where all accounts of a node go; no node means the centre."""

    to: BodyId | None = None


class Policy(BaseModel):
    """none | centre | any for a tenant, or for the platform when none is named."""

    policy: str = Field(max_length=8)
    tenant_id: BodyId | None = None


class Drain(BaseModel):
    """Whether a node opens nothing new."""

    on: StrictBool = True


def _difference(row: Difference) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SHOWN}


def _assigned(result: routing.Assigned) -> dict[str, Any]:
    busy = [{"account_id": number, "reason": why} for number, why in result.busy.items()]
    return {"changed": result.changed, "busy": busy}


def add_joining(router: APIRouter) -> None:
    """Token, joining, another key."""

    @router.post("/api/nodes/invite")
    async def invite_node(request: Request, body: Invitation, who: Engineer) -> Response:
        """A one-time token for ``ironbull node join``, in this answer and in no other."""
        vault = context_of(request).vault
        token = await run(
            request,
            lambda s: enrolment.invite(s, who, body.node_code, body.name, ip=peer(request), vault=vault),
        )
        return done(
            {"node_code": body.node_code, "token": token, "expires_in_s": int(enrolment.TOKEN_LIVES.total_seconds())}
        )

    @router.post("/api/nodes/join")
    async def join_node(request: Request, body: Join) -> Response:
        """A node with a token gets its code and its secret, sealed for the key it brought."""
        context, said = context_of(request), body.model_dump()
        joined = await run(
            request,
            lambda s: enrolment.join(
                s, said, ip=peer(request), production=context.settings.production, vault=context.vault
            ),
        )
        return done({"node_code": joined.node_code, "secret_sealed": joined.secret_sealed, "time_ms": joined.time_ms})

    @router.post("/api/nodes/{node_id}/accept-key")
    async def accept_key(request: Request, node_id: Id, who: Engineer) -> Response:
        """Pin the other key a node has offered."""
        node = await run(request, lambda s: shapes.node((enrolment.accept_key(s, who, node_id), 0)))
        node.pop("account_count")
        return done(node)


def add_routing(router: APIRouter) -> None:
    """Which node executes for whom."""

    @router.post("/api/nodes/assign")
    async def assign(request: Request, body: Assignment, who: Engineer) -> Response:
        """Give accounts to a node or to the centre; one with an order on its way stays, with its reason in ``busy``."""
        ip = peer(request)
        return done(_assigned(await run(request, lambda s: routing.assign(s, who, body.account_ids, body.node_id, ip=ip))))

    @router.get("/api/nodes/failover")
    async def failover_policies(request: Request, who: Admin) -> Response:
        """What happens to orders whose node cannot take them: the platform's decision first, then each tenant's own."""
        found = await read(request, failover.decisions)
        return done([asdict(one) for one in found], total=len(found))

    @router.put("/api/nodes/failover")
    async def decide(request: Request, body: Policy, who: Engineer) -> Response:
        """Decide for the platform, or for one tenant; an empty policy follows what is above."""
        ip = peer(request)
        await run(request, lambda s: failover.set_policy(s, who, body.tenant_id, body.policy, ip=ip))
        return done()

    @router.get("/api/differences")
    async def list_differences(request: Request, who: Admin, page: Page) -> Response:
        """Where platform and exchange did not agree, newest first."""
        return listed(await read(request, lambda s: differences.differences(s, who, page)), page, _difference)

    @router.get("/api/tenant/differences")
    async def own_differences(request: Request, who: Tenant, page: Page) -> Response:
        """The same for a tenant's own accounts."""
        return listed(await read(request, lambda s: differences.differences(s, who, page)), page, _difference)

    @router.post("/api/nodes/{node_id}/move")
    async def move(request: Request, node_id: Id, body: Move, who: Engineer) -> Response:
        """All accounts of one node to another or to the centre."""
        ip = peer(request)
        return done(_assigned(await run(request, lambda s: routing.move(s, who, node_id, body.to, ip=ip))))

    @router.post("/api/nodes/{node_id}/drain")
    async def drain(request: Request, node_id: Id, body: Drain, who: Engineer) -> Response:
        """Open nothing new on a node; close what it holds."""
        node = await run(request, lambda s: shapes.node((routing.drain(s, who, node_id, body.on), 0)))
        node.pop("account_count")
        return done(node)
