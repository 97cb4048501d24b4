"""The operator's doors of operators and of the strategy catalogue."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, SecretStr
from sqlmodel import Session, col, func, select

from backend.api.context import admin, read, run
from backend.api.params import Id, done, listed, window
from backend.dashboards import service
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.merchant.rules import RISK_LABELS
from backend.models import Admin as AdminRow
from backend.models import Strategy
from backend.portfolio.queries import Listing, Window

router = APIRouter(tags=["desk"])

Admin = Annotated[Principal, Depends(admin)]
Page = Annotated[Window, Depends(window)]


class NewAdmin(BaseModel):
    """A further operator."""

    username: str = Field(max_length=64)
    password: SecretStr = Field(max_length=512)
    nickname: str = Field("", max_length=64)


class AdminChange(BaseModel):
    """How an operator is called."""

    nickname: str = Field(max_length=64)


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
async def add_admin(request: Request, body: NewAdmin, who: Admin) -> Response:
    """A further operator. 409 ``name_taken``, 400 for a weak password."""

    def work(session: Session) -> dict[str, Any]:
        name = service.add_admin(session, who, body.username, body.nickname, body.password.get_secret_value())
        return _admin(session.exec(select(AdminRow).where(AdminRow.username == name)).one())

    return done(await run(request, work))


@router.put("/api/admins/{admin_id}")
async def edit_admin(request: Request, admin_id: Id, body: AdminChange, who: Admin) -> Response:
    """Another nickname."""
    return await _changed(request, admin_id, lambda session: service.edit_admin(session, who, admin_id, nickname=body.nickname))


@router.patch("/api/admins/{admin_id}/toggle")
async def toggle_admin(request: Request, admin_id: Id, who: Admin) -> Response:
    """Disable an operator, whose sessions end, or enable again. 409 for oneself and for the last one."""

    def work(session: Session) -> None:
        row = session.get(AdminRow, admin_id)
        if row is None:
            raise NotFound
        service.switch_admin(session, who, admin_id, row.status != 1)

    return await _changed(request, admin_id, work)


@router.post("/api/admins/{admin_id}/reset-password")
async def reset_password(request: Request, admin_id: Id, body: NewPassword, who: Admin) -> Response:
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
async def toggle_strategy(request: Request, strategy_id: Id, who: Admin) -> Response:
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
