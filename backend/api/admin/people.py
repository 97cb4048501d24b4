"""Tenants and users by API: read with true totals, made, changed, recharged."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, SecretStr, StrictBool, StrictInt
from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.api.context import May, admin, read, run
from backend.api.params import Amount, Id, IdQuery, Text, done, listed, window
from backend.dashboards import service
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.models import Binding, ExchangeAccount, LedgerAccount, QuotaPlan, Strategy, Tenant, User, UserAncestor
from backend.money import from_units, parse_amount
from backend.portfolio.queries import Listing, Window

router = APIRouter(tags=["people"])

Admin = Annotated[Principal, Depends(admin)]
Support = Annotated[Principal, Depends(May("people"))]
Cashier = Annotated[Principal, Depends(May("money"))]
Page = Annotated[Window, Depends(window)]
Pockets = dict[int, dict[str, Decimal]]
CARDS = {"self": 1, "gift": 2}
TENANT_POCKETS, USER_POCKETS = ("point_self", "point_gift"), ("point_self", "point_gift", "reward")


class NewTenant(BaseModel):
    """A tenant with its sign-in. The answer holds its secret, once."""

    name: str = Field(max_length=100)
    email: str = Field(max_length=190)
    password: SecretStr = Field(max_length=512)


class TenantChange(BaseModel):
    """Fields left out stay as they are."""

    name: str | None = Field(None, max_length=100)
    email: str | None = Field(None, max_length=190)
    status: StrictInt | None = Field(None, ge=0, le=1)


class Recharge(BaseModel):
    """Points; ``key`` (8 to 64 characters) makes a repeat change nothing."""

    amount: Amount
    card_type: str = Field("self", max_length=8, description="self or gift")
    key: str = Field(max_length=64)


class Status(BaseModel):
    """1 on, 0 off."""

    status: StrictInt = Field(ge=0, le=1)


class Flag(BaseModel):
    """Whether the user is a market node."""

    is_node: StrictBool


@router.get("/api/tenants")
async def tenants(request: Request, who: Admin, page: Page, name: Text = None, status: Annotated[int | None, Query(ge=0, le=1)] = None) -> Response:
    """Tenants, newest first, with their stock of points and their number of users. No secret is among the fields."""

    def work(session: Session) -> Response:
        statement = select(Tenant)
        if name:
            statement = statement.where(col(Tenant.name).contains(name, autoescape=True))
        if status is not None:
            statement = statement.where(Tenant.status == status)
        total = session.exec(select(func.count()).select_from(statement.subquery())).one()
        rows = session.exec(statement.order_by(col(Tenant.id).desc()).limit(page.limit).offset(page.offset)).all()
        return listed(Listing(_tenants(session, list(rows)), int(total)), page, dict)

    return await read(request, work)


@router.post("/api/tenants")
async def create_tenant(request: Request, body: NewTenant, who: Support) -> Response:
    """A further tenant with keys and root user; ``app_secret`` is in this answer and in no other."""
    return done(await run(request, lambda s: service.create_tenant(s, who, body.name, body.email, body.password.get_secret_value())))


@router.put("/api/tenants/{tenant_id}")
async def change_tenant(request: Request, tenant_id: Id, body: TenantChange, who: Support) -> Response:
    """Name, sign-in, on or off."""

    def work(session: Session) -> dict[str, Any]:
        row = _tenant(session, tenant_id)
        if body.name is not None or body.email is not None:
            service.edit_tenant(session, who, tenant_id, name=body.name or row.name, email=body.email or row.email)
        if body.status is not None and body.status != row.status:
            service.switch_tenant(session, who, tenant_id, body.status == 1)
        return _tenants(session, [row])[0]

    return done(await run(request, work))


@router.patch("/api/tenants/{merchant_id}/toggle")
async def toggle_tenant(request: Request, merchant_id: Id, who: Support) -> Response:
    """Off when it is on, else on. Its sessions end when it goes off."""

    def work(session: Session) -> dict[str, Any]:
        row = _tenant(session, merchant_id)
        service.switch_tenant(session, who, merchant_id, row.status != 1)
        return _tenants(session, [row])[0]

    return done(await run(request, work))


@router.post("/api/tenants/{tenant_id}/recharge")
async def recharge_tenant(request: Request, tenant_id: Id, body: Recharge, who: Cashier) -> Response:
    """Give a tenant points; ``replayed`` when the key was used before."""

    def work(session: Session) -> dict[str, Any]:
        fresh = service.recharge_tenant(session, who, body.key, tenant_id=tenant_id, card=card_of(body), amount=parse_amount(body.amount))
        return {**_tenants(session, [_tenant(session, tenant_id)])[0], "replayed": not fresh}

    return done(await run(request, work))


@dataclass
class UserQuery:
    """Filters of the users' list."""

    tenant_id: IdQuery = None
    email: Text = None
    invite_code: Text = None
    inviter_id: IdQuery = None
    point_card_self_min: Text = None
    point_card_gift_min: Text = None

    def where(self) -> list[Any]:
        """As conditions."""
        found: list[Any] = []
        for column, value in ((User.tenant_id, self.tenant_id), (User.invite_code, self.invite_code), (User.inviter_id, self.inviter_id)):
            if value is not None:
                found.append(column == value)
        if self.email:
            found.append(col(User.email).contains(self.email, autoescape=True))
        for kind, least in (("point_self", self.point_card_self_min), ("point_gift", self.point_card_gift_min)):
            if least:
                units = int(parse_amount(least, allow_zero=True).scaleb(8))
                held = select(LedgerAccount.owner_id).where(
                    LedgerAccount.owner_kind == "user", LedgerAccount.kind == kind, LedgerAccount.balance >= units
                )
                found.append(col(User.id).in_(held))
        return found


@router.get("/api/users")
async def users(request: Request, who: Admin, page: Page, query: Annotated[UserQuery, Depends()]) -> Response:
    """Users of all tenants, newest first."""

    def work(session: Session) -> Response:
        statement = select(User).where(*query.where())
        total = session.exec(select(func.count()).select_from(statement.subquery())).one()
        rows = session.exec(statement.order_by(col(User.id).desc()).limit(page.limit).offset(page.offset)).all()
        return listed(Listing(_users(session, list(rows)), int(total)), page, dict)

    return await read(request, work)


@router.get("/api/users/{user_id}")
async def user(request: Request, user_id: Id, who: Admin) -> Response:
    """One user: accounts without keys, team, strategies."""

    def work(session: Session) -> dict[str, Any]:
        row = _user(session, user_id)
        accounts = session.exec(select(ExchangeAccount).where(ExchangeAccount.user_id == user_id).order_by(col(ExchangeAccount.id))).all()
        follows = session.exec(
            select(Strategy.code).join(Binding, col(Binding.strategy_id) == Strategy.id).where(Binding.user_id == user_id, Binding.status == 1)
        ).all()
        inviter = session.get(User, row.inviter_id) if row.inviter_id else None
        team = select(func.count()).select_from(UserAncestor).where(UserAncestor.ancestor_id == user_id)
        shown = ("id", "exchange", "account_type", "mode", "status", "futures_balance", "futures_available", "last_sync_at", "last_sync_error")
        return _users(session, [row])[0] | {
            "inviter_email": inviter.email if inviter else None, "team_total_count": int(session.exec(team).one()),
            "accounts": [{name: getattr(one, name) for name in shown} for one in accounts], "active_strategies": sorted(set(follows)),
        }  # fmt: skip

    return done(await read(request, work))


@router.get("/api/users/{user_id}/team")
async def team(request: Request, user_id: Id, who: Admin, page: Page) -> Response:
    """Who stands below a user, nearest first; ``depth`` 1 is direct."""

    def work(session: Session) -> Response:
        _user(session, user_id)
        below = select(User, UserAncestor.depth).join(UserAncestor, col(UserAncestor.descendant_id) == User.id).where(UserAncestor.ancestor_id == user_id)
        total = session.exec(select(func.count()).select_from(UserAncestor).where(UserAncestor.ancestor_id == user_id)).one()
        found = session.exec(below.order_by(col(UserAncestor.depth), col(User.id)).limit(page.limit).offset(page.offset)).all()
        rows = _users(session, [row for row, _ in found])
        return listed(Listing([row | {"depth": depth} for row, (_, depth) in zip(rows, found, strict=True)], int(total)), page, dict)

    return await read(request, work)


@router.post("/api/users/{user_id}/toggle-status")
async def switch_user(request: Request, user_id: Id, body: Status, who: Support) -> Response:
    """Let a user sign in, or not. 409 for a root user."""

    def work(session: Session) -> dict[str, Any]:
        service.switch_user(session, who, user_id, body.status == 1)
        return _users(session, [_user(session, user_id)])[0]

    return done(await run(request, work))


@router.post("/api/users/{user_id}/recharge")
async def recharge_user(request: Request, user_id: Id, body: Recharge, who: Cashier) -> Response:
    """Points out of the tenant's stock; ``replayed`` when the key was used before."""

    def work(session: Session) -> dict[str, Any]:
        fresh = service.recharge_user(session, who, body.key, user_id=user_id, card=card_of(body), amount=parse_amount(body.amount))
        return {**_users(session, [_user(session, user_id)])[0], "replayed": not fresh}

    return done(await run(request, work))


@router.post("/api/users/{user_id}/set-market-node")
async def set_market_node(request: Request, user_id: Id, body: Flag, who: Support) -> Response:
    """Make a user a market node, or not."""

    def work(session: Session) -> dict[str, Any]:
        service.set_market_node(session, who, user_id, body.is_node)
        return _users(session, [_user(session, user_id)])[0]

    return done(await run(request, work))


def _tenant(session: Session, tenant_id: int) -> Tenant:
    row = session.get(Tenant, tenant_id)
    if row is None:
        raise NotFound
    return row


def _user(session: Session, user_id: int) -> User:
    row = session.get(User, user_id)
    if row is None:
        raise NotFound
    return row


def card_of(body: Recharge) -> int:
    """1 self, 2 gift. Raises ``InvalidInput``."""
    if body.card_type not in CARDS:
        raise InvalidInput("The card type is self or gift.")
    return CARDS[body.card_type]


def _pockets(session: Session, owner: str, ids: list[int], kinds: tuple[str, ...]) -> Pockets:
    found: Pockets = defaultdict(lambda: dict.fromkeys(kinds, Decimal(0)))
    statement = select(LedgerAccount.owner_id, LedgerAccount.kind, LedgerAccount.balance).where(
        LedgerAccount.owner_kind == owner, col(LedgerAccount.owner_id).in_(ids), col(LedgerAccount.kind).in_(kinds)
    )
    for number, kind, units in session.exec(statement).all():
        found[number][kind] = from_units(units)
    return found


def _tenants(session: Session, rows: list[Tenant]) -> list[dict[str, Any]]:
    ids = [row.id or 0 for row in rows]
    held = _pockets(session, "tenant", ids, TENANT_POCKETS)
    counts = select(User.tenant_id, func.count()).where(col(User.tenant_id).in_(ids), col(User.is_root).is_(False)).group_by(col(User.tenant_id))
    people = {number: int(count) for number, count in session.exec(counts).all()}
    plans = dict(session.exec(select(QuotaPlan.id, QuotaPlan.name)).all())
    return [
        {
            "id": row.id, "name": row.name, "email": row.email, "app_key": row.app_key, "root_user_id": row.root_user_id,
            "point_card_self": held[row.id or 0]["point_self"], "point_card_gift": held[row.id or 0]["point_gift"],
            "total_users": people.get(row.id or 0, 0), "status": row.status, "billing_scheme": row.billing_scheme,
            "quota_plan_id": row.quota_plan_id, "quota_plan_name": plans.get(row.quota_plan_id), "created_at": row.created_at,
        }
        for row in rows
    ]  # fmt: skip


def _users(session: Session, rows: list[User]) -> list[dict[str, Any]]:
    ids = [row.id or 0 for row in rows]
    held = _pockets(session, "user", ids, USER_POCKETS)
    inviters = {row.inviter_id for row in rows if row.inviter_id}
    codes = dict(session.exec(select(User.id, User.invite_code).where(col(User.id).in_(inviters))).all())
    direct_of = select(User.inviter_id, func.count()).where(col(User.inviter_id).in_(ids)).group_by(col(User.inviter_id))
    direct = dict(session.exec(direct_of).all())
    return [
        {
            "id": row.id, "tenant_id": row.tenant_id, "email": row.email, "name": row.name, "is_root": row.is_root, "invite_code": row.invite_code,
            "inviter_id": row.inviter_id, "inviter_invite_code": codes.get(row.inviter_id), "point_card_self": held[row.id or 0]["point_self"],
            "point_card_gift": held[row.id or 0]["point_gift"], "reward_usdt": held[row.id or 0]["reward"], "member_level": row.member_level,
            "level_name": f"S{row.member_level}", "is_market_node": row.is_market_node, "team_direct_count": int(direct.get(row.id, 0)),
            "status": row.status, "created_at": row.created_at,
        }
        for row in rows
    ]  # fmt: skip
