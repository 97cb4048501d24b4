"""What tenants offer and who follows it, by API."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool, StrictInt
from sqlmodel import Session, col, select

from backend.api.context import May, admin, read, run
from backend.api.params import Amount, BodyId, Id, IdQuery, done, listed, required_tenant, window
from backend.identity.principal import Principal
from backend.merchant import instances, subscriptions
from backend.models import ExchangeAccount, Strategy, User
from backend.money import parse_amount
from backend.portfolio.queries import Window

router = APIRouter(tags=["offers"])

Admin = Annotated[Principal, Depends(admin)]
Engineer = Annotated[Principal, Depends(May("settings"))]
Trader = Annotated[Principal, Depends(May("trading"))]
Page = Annotated[Window, Depends(window)]
TenantId = Annotated[int, Depends(required_tenant)]
OnOff = Annotated[int | None, Query(ge=0, le=1)]
MONEY = ("capital", "max_loss_per_trade", "min_capital")


class InstanceChange(BaseModel):
    """Fields left out stay as they are, null inherits from the catalogue."""

    display_name: str | None = Field(None, max_length=100)
    display_description: str | None = Field(None, max_length=500)
    capital: Amount | None = None
    leverage: StrictInt | None = None
    risk_mode: StrictInt | None = None
    max_loss_per_trade: Amount | None = None
    min_capital: Amount | None = None
    status: StrictInt = Field(1, ge=0, le=1)
    sort_order: StrictInt = Field(0, ge=-9999, le=9999)


class NewInstance(InstanceChange):
    """A further instance of a catalogue strategy."""

    strategy_id: BodyId
    copy_from_master: StrictBool = False


class BindingChange(BaseModel):
    """Fields left out stay as they are."""

    mode: StrictInt | None = None
    ratio: StrictInt | None = None
    capital: Amount | None = None
    leverage: StrictInt | None = None
    risk_mode: StrictInt | None = None
    max_loss_per_trade: Amount | None = None
    status: StrictInt | None = Field(None, ge=0, le=1)


class NewBinding(BindingChange):
    """A further subscription."""

    user_id: BodyId
    account_id: BodyId
    strategy_code: str = Field(max_length=64)


@dataclass
class BindingQuery:
    """Filters of the subscriptions."""

    tenant_id: IdQuery = None
    user_id: IdQuery = None
    status: OnOff = None


@router.get("/api/tenants/{tenant_id}/tenant-strategies")
async def tenant_strategies(request: Request, tenant_id: Id, who: Admin) -> Response:
    """What a tenant offers, in its order."""
    rows = await read(request, lambda session: instances.instances(session, tenant_id))
    return done(rows, total=len(rows))


@router.post("/api/tenants/{tenant_id}/tenant-strategies")
async def new_instance(request: Request, tenant_id: Id, body: NewInstance, who: Engineer) -> Response:
    """Offer a strategy. 409 ``instance_exists``."""
    values = _values(body, "strategy_id", "copy_from_master")
    return done(await run(request, lambda s: instances.create(s, who, tenant_id, body.strategy_id, values, copy=body.copy_from_master)))


@router.put("/api/tenants/{tenant_id}/tenant-strategies/{instance_id}")
async def change_instance(request: Request, tenant_id: Id, instance_id: Id, body: InstanceChange, who: Engineer) -> Response:
    """Other values."""
    values = _values(body)
    return done(await run(request, lambda s: instances.change(s, who, tenant_id, instance_id, values)))


@router.delete("/api/tenants/{tenant_id}/tenant-strategies/{instance_id}")
async def remove_instance(request: Request, tenant_id: Id, instance_id: Id, who: Engineer) -> Response:
    """Offer it no longer. 409 while users follow it."""
    await run(request, lambda s: instances.remove(s, who, tenant_id, instance_id))
    return done()


@router.post("/api/tenants/{tenant_id}/tenant-strategies/{instance_id}/copy-from-master")
async def copy_instance(request: Request, tenant_id: Id, instance_id: Id, who: Engineer) -> Response:
    """Take the catalogue's present values."""
    return done(await run(request, lambda s: instances.copy_from_master(s, who, tenant_id, instance_id)))


@router.get("/api/strategy-bindings-admin")
async def bindings(request: Request, who: Admin, page: Page, query: Annotated[BindingQuery, Depends()]) -> Response:
    """Subscriptions, newest first, with what each would trade."""
    return listed(await read(request, lambda s: subscriptions.subscriptions(s, page, **asdict(query))), page, dict)


@router.get("/api/strategy-bindings-admin/form-options")
async def form_options(request: Request, who: Admin, tenant_id: TenantId) -> Response:
    """Strategies, users and accounts to choose from, of one tenant; 500 of each at most."""

    def work(session: Session) -> dict[str, Any]:
        strategies = session.exec(select(Strategy).where(Strategy.status == 1).order_by(col(Strategy.code)).limit(500)).all()
        users = session.exec(select(User).where(User.tenant_id == tenant_id, col(User.is_root).is_(False)).order_by(col(User.email)).limit(500)).all()
        accounts = session.exec(select(ExchangeAccount).where(ExchangeAccount.tenant_id == tenant_id).order_by(col(ExchangeAccount.id)).limit(500)).all()
        return {
            "strategies": [{"id": row.id, "code": row.code, "name": row.name} for row in strategies],
            "users": [{"id": row.id, "email": row.email} for row in users],
            "accounts": [{"id": row.id, "user_id": row.user_id, "label": f"{row.exchange}({row.key_hint})", "status": row.status} for row in accounts],
        }

    return done(await read(request, work))


@router.post("/api/strategy-bindings-admin")
async def new_binding(request: Request, body: NewBinding, who: Trader) -> Response:
    """Let an account follow a strategy. 409 ``already_followed``."""
    values = {name: value for name, value in _values(body, "user_id", "account_id", "strategy_code", "status").items() if value is not None}

    def work(session: Session) -> dict[str, Any]:
        made = subscriptions.create(
            session, who, user_id=body.user_id, account_id=body.account_id, strategy_code=body.strategy_code, values=values
        )
        return subscriptions.change(session, who, made["id"], {}, 0) if body.status == 0 else made

    return done(await run(request, work))


@router.put("/api/strategy-bindings-admin/{binding_id}")
async def change_binding(request: Request, binding_id: Id, body: BindingChange, who: Trader) -> Response:
    """Other sizes; run or stop."""
    values = _values(body, "status")
    return done(await run(request, lambda s: subscriptions.change(s, who, binding_id, values, body.status)))


@router.delete("/api/strategy-bindings-admin/{binding_id}")
async def remove_binding(request: Request, binding_id: Id, who: Trader) -> Response:
    """Delete a stopped one. 409 ``still_running``."""
    await run(request, lambda s: subscriptions.remove(s, who, binding_id))
    return done()


def _values(body: BaseModel, *without: str) -> dict[str, Any]:
    given = {name: value for name, value in body.model_dump(exclude_unset=True).items() if name not in without}
    return {name: parse_amount(str(value), allow_zero=True) if name in MONEY and value is not None else value for name, value in given.items()}
