"""Sign-in doors of the API: bearer tokens for admins, tenants and agents."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlmodel import Session

from backend.api.context import EVERY, May, context_of, peer, run, user_agent
from backend.api.params import BodyId, done
from backend.identity.principal import Kind, Principal
from backend.identity.service import change_password, revoke_session, sign_in
from backend.security import audit

router = APIRouter(tags=["auth"])

Own = Annotated[Principal, Depends(May("own", EVERY))]


class AdminLogin(BaseModel):
    """What an admin signs in with."""

    username: str = Field(max_length=190)
    password: str = Field(max_length=1_000)
    code: str = Field("", max_length=40, description="Code of the authenticator, where one is set")


class EmailLogin(BaseModel):
    """What a tenant or an agent signs in with. ``tenant_id`` chooses among agents who share an address."""

    email: str = Field(max_length=190)
    password: str = Field(max_length=1_000)
    tenant_id: BodyId | None = None
    code: str = Field("", max_length=40, description="Code of the authenticator, where one is set")


class PasswordChange(BaseModel):
    """The old password and the new one."""

    old_password: str = Field(max_length=1_000)
    new_password: str = Field(max_length=1_000)


@router.post("/api/auth/login")
async def admin_login(request: Request, body: AdminLogin) -> Response:
    """An admin's token, valid for 24 hours or until the session ends."""
    who, token = await _sign_in(request, "admin", body.username, body.password, code=body.code)
    data = {"token": token, "admin_id": who.id, "username": who.email, "nickname": who.name}
    return done(data, token=token)


@router.post("/api/auth/tenant/login")
async def tenant_login(request: Request, body: EmailLogin) -> Response:
    """A tenant's token."""
    who, token = await _sign_in(request, "tenant", body.email, body.password, code=body.code)
    return done({"token": token, "tenant_id": who.id, "name": who.name, "email": who.email}, token=token)


@router.post("/api/auth/agent/login")
async def agent_login(request: Request, body: EmailLogin) -> Response:
    """An agent's token."""
    who, token = await _sign_in(request, "agent", body.email, body.password, body.tenant_id, code=body.code)
    data = {"token": token, "agent_id": who.id, "tenant_id": who.tenant_id, "name": who.name, "email": who.email}
    return done(data, token=token)


@router.get("/api/auth/me")
async def me(who: Own) -> Response:
    """Who the token or cookie belongs to."""
    data: dict[str, Any] = {
        "kind": who.kind,
        "id": who.id,
        "tenant_id": who.tenant_id,
        "name": who.name,
        "email": who.email,
        "role": who.role,
        "read_only": who.read_only,
    }
    if who.kind == "admin":
        data |= {"admin_id": who.id, "username": who.email}
    return done(data)


@router.post("/api/auth/logout")
async def logout(request: Request, who: Own) -> Response:
    """End the session of this token; it is refused from now on."""

    def end(session: Session) -> None:
        revoke_session(session, who.session_id)
        audit.record(session, who, "sign_out", ip=peer(request))

    await run(request, end)
    return done()


@router.post("/api/auth/change-password")
async def new_password(request: Request, body: PasswordChange, who: Own) -> Response:
    """Change the own password; every other session of the person ends."""

    def change(session: Session) -> None:
        change_password(session, who, body.old_password, body.new_password)
        audit.record(session, who, "password.change", f"{who.kind}:{who.id}", ip=peer(request))

    await run(request, change)
    return done()


async def _sign_in(
    request: Request, kind: Kind, identifier: str, password: str, tenant_id: int | None = None, *, code: str = ""
) -> tuple[Principal, str]:
    context = context_of(request)
    who, token_id = await asyncio.to_thread(
        sign_in,
        context.db,
        kind,
        identifier,
        password,
        ip=peer(request),
        user_agent=user_agent(request),
        purpose="bearer",
        tenant_id=tenant_id,
        code=code,
    )
    extra = {"admin_id": who.id, "username": who.email} if kind == "admin" else {"tenant_id": who.tenant_id}
    return who, context.signer.issue(kind, who.id, token_id, extra)
