"""The operator's doors of operators and of the strategy catalogue."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, SecretStr
from sqlmodel import Session, col, func, select

from backend.api.context import May, admin, read, run
from backend.api.params import Id, done, listed, window
from backend.dashboards import service
from backend.errors import NotFound
from backend.identity import rights
from backend.identity.principal import Principal
from backend.identity.sessions import factor_roles
from backend.merchant.rules import RISK_LABELS
from backend.models import Admin as AdminRow
from backend.models import Strategy
from backend.portfolio.queries import Listing, Window

router = APIRouter(tags=["desk"])

Admin = Annotated[Principal, Depends(admin)]
Owner = Annotated[Principal, Depends(May("admins"))]
Engineer = Annotated[Principal, Depends(May("settings"))]
Page = Annotated[Window, Depends(window)]


class NewAdmin(BaseModel):
    """A further operator."""

    username: str = Field(max_length=64)
    password: SecretStr = Field(max_length=512)
    nickname: str = Field("", max_length=64)
    role: str = Field("auditor", max_length=16, description="owner, operator, finance, engineer, support or auditor")


class AdminChange(BaseModel):
    """How an operator is called, and the role; without one it stays."""

    nickname: str = Field(max_length=64)
    role: str = Field("", max_length=16)


class NewPassword(BaseModel):
    """Of another operator."""

    new_password: SecretStr = Field(max_length=512)


@router.get("/api/admins")
async def admins(request: Request, who: Admin, page: Page) -> Response:
    """Operators, newest first."""

    def work(session: Session) -> Listing[AdminRow]:
        total = session.exec(select(func.count()).select_from(AdminRow)).one()
        rows = session.exec(select(AdminRow).order_by(col(AdminRow.id).desc()).limit(page.limit).offset(page.offset)).all()
        return Listing(list(rows), int(total))

    return listed(await read(request, work), page, _admin)


@router.post("/api/admins")
async def add_admin(request: Request, body: NewAdmin, who: Owner) -> Response:
    """A further operator. 409 ``name_taken``, 400 for a weak password."""

    def work(session: Session) -> dict[str, Any]:
        name = service.add_admin(session, who, body.username, body.nickname, body.password.get_secret_value(), role=body.role)
        return _admin(session.exec(select(AdminRow).where(AdminRow.username == name)).one())

    return done(await run(request, work))


@router.put("/api/admins/{admin_id}")
async def edit_admin(request: Request, admin_id: Id, body: AdminChange, who: Owner) -> Response:
    """Another nickname, another role. 409 for the own role and for the last owner's."""
    return await _changed(
        request, admin_id, lambda session: service.edit_admin(session, who, admin_id, nickname=body.nickname, role=body.role)
    )


class FactorRoles(BaseModel):
    """Roles whose admins must sign in with a second factor."""

    roles: list[str] = Field(max_length=10)


@router.get("/api/admin-roles")
async def roles(request: Request, who: Admin) -> Response:
    """What each role may do, and which need a second factor."""
    needed = await read(request, factor_roles)
    return done([{"role": role, "rights": sorted(rights.ROLES[role]), "second_factor": role in needed} for role in rights.CHOICES])


@router.put("/api/admin-roles/second-factor")
async def require_factor(request: Request, body: FactorRoles, who: Owner) -> Response:
    """Require the second factor of these roles and of no other. 409 when it would shut you out."""
    await run(request, lambda session: service.require_factor(session, who, body.roles))
    return done()


@router.patch("/api/admins/{admin_id}/toggle")
async def toggle_admin(request: Request, admin_id: Id, who: Owner) -> Response:
    """Disable an operator, whose sessions end, or enable again. 409 for oneself and for the last one."""

    def work(session: Session) -> None:
        row = session.get(AdminRow, admin_id)
        if row is None:
            raise NotFound
        service.switch_admin(session, who, admin_id, row.status != 1)

    return await _changed(request, admin_id, work)


@router.post("/api/admins/{admin_id}/reset-password")
async def reset_password(request: Request, admin_id: Id, body: NewPassword, who: Owner) -> Response:
    """A new password for another operator, whose sessions end."""

    def work(session: Session) -> None:
        row = session.get(AdminRow, admin_id)
        if row is None:
            raise NotFound
        service.edit_admin(session, who, admin_id, nickname=row.nickname, password=body.new_password.get_secret_value())

    return await _changed(request, admin_id, work)


@router.get("/api/strategies")
async def strategies(request: Request, who: Admin, page: Page, status: Annotated[int | None, Query(ge=0, le=1)] = None) -> Response:
    """The catalogue in its order."""

    def work(session: Session) -> Listing[Strategy]:
        statement = select(Strategy) if status is None else select(Strategy).where(Strategy.status == status)
        total = session.exec(select(func.count()).select_from(statement.subquery())).one()
        return Listing(list(session.exec(statement.order_by(col(Strategy.id)).limit(page.limit).offset(page.offset)).all()), int(total))

    return listed(await read(request, work), page, _strategy)


@router.get("/api/strategies/{strategy_id}")
async def strategy(request: Request, strategy_id: Id, who: Admin) -> Response:
    """One strategy."""

    def work(session: Session) -> dict[str, Any]:
        row = session.get(Strategy, strategy_id)
        if row is None:
            raise NotFound
        return _strategy(row)

    return done(await read(request, work))


@router.patch("/api/strategies/{strategy_id}/toggle")
async def toggle_strategy(request: Request, strategy_id: Id, who: Engineer) -> Response:
    """Scan with a strategy, or no longer."""

    def work(session: Session) -> dict[str, Any]:
        row = session.get(Strategy, strategy_id)
        if row is None:
            raise NotFound
        service.switch_strategy(session, who, strategy_id, row.status != 1)
        return _strategy(row)

    return done(await run(request, work))


async def _changed(request: Request, admin_id: int, verb: Any) -> Response:
    def work(session: Session) -> dict[str, Any]:
        verb(session)
        return _admin(session.get_one(AdminRow, admin_id))

    return done(await run(request, work))


def _admin(row: AdminRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "username", "nickname", "role", "status", "last_login_at", "created_at")}


def _strategy(row: Strategy) -> dict[str, Any]:
    names = (
        "id", "code", "name", "description", "algorithm", "symbols", "timeframe", "min_capital", "capital", "leverage", "risk_mode",
        "max_loss_per_trade", "min_confidence", "cooldown_minutes", "status", "config", "created_at",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names} | {"risk_mode_label": RISK_LABELS.get(row.risk_mode, "")}
