"""Many users at once, by API. Each user is a transaction of its own: one that is refused leaves the others done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictInt
from sqlmodel import Session, col, select

from backend.api.admin.people import Recharge, card_of
from backend.api.context import May, run
from backend.api.params import Amount, BodyId, done
from backend.dashboards import service
from backend.errors import Conflict, IronBullError, NotFound
from backend.identity.principal import Principal
from backend.merchant import subscriptions
from backend.models import ExchangeAccount, Strategy, User
from backend.money import parse_amount

router = APIRouter(prefix="/api/batch", tags=["people"])

Support = Annotated[Principal, Depends(May("people"))]
Cashier = Annotated[Principal, Depends(May("money"))]
Trader = Annotated[Principal, Depends(May("trading"))]
SHOWN = 10


class Toggle(BaseModel):
    """1 on, 0 off, for up to 200 users."""

    user_ids: Annotated[list[BodyId], Field(min_length=1, max_length=200)]
    status: StrictInt = Field(ge=0, le=1)


class RechargeMany(Recharge):
    """The same amount for up to 100 users. ``key`` with a user's id is what makes a repeat change nothing for that user."""

    user_ids: Annotated[list[BodyId], Field(min_length=1, max_length=100)]
    key: str = Field(min_length=8, max_length=40)


class BindMany(BaseModel):
    """Let up to 100 users follow a strategy, each with the first exchange account in use."""

    user_ids: Annotated[list[BodyId], Field(min_length=1, max_length=100)]
    strategy_id: BodyId
    capital: Amount
    leverage: StrictInt


@router.post("/toggle-users")
async def toggle_users(request: Request, body: Toggle, who: Support) -> Response:
    """``updated`` and ``skipped``: root users, users that do not exist and those that are so already."""

    def work(session: Session) -> dict[str, int]:
        wanted = set(body.user_ids)
        found = session.exec(
            select(User.id).where(col(User.id).in_(wanted), col(User.is_root).is_(False), User.status != body.status).order_by(col(User.id))
        ).all()
        for user_id in found:
            service.switch_user(session, who, user_id or 0, body.status == 1)
        return {"updated": len(found), "skipped": len(wanted) - len(found)}

    return done(await run(request, work))


@router.post("/recharge-users")
async def recharge_users(request: Request, body: RechargeMany, who: Cashier) -> Response:
    """Points out of each tenant's stock: how many got them and the first ten refusals. A user who had them by the same ``key`` counts
    as done and gets nothing again."""
    card, amount = card_of(body), parse_amount(body.amount)

    def recharge(session: Session, user_id: int) -> None:
        service.recharge_user(session, who, f"{body.key}:{user_id}", user_id=user_id, card=card, amount=amount)

    return done(await _each(request, body.user_ids, recharge))


@router.post("/bind-strategy")
async def bind_strategy(request: Request, body: BindMany, who: Trader) -> Response:
    """How many follow it now and the first ten refusals."""
    values = {"capital": parse_amount(str(body.capital)), "leverage": body.leverage}

    def bind(session: Session, user_id: int) -> None:
        strategy = session.get(Strategy, body.strategy_id)
        if strategy is None:
            raise NotFound
        account = session.exec(
            select(ExchangeAccount.id).where(ExchangeAccount.user_id == user_id, ExchangeAccount.status == 1).order_by(col(ExchangeAccount.id))
        ).first()
        if account is None:
            raise Conflict("The user has no exchange account in use.")
        subscriptions.create(session, who, user_id=user_id, account_id=account, strategy_code=strategy.code, values=values)

    return done(await _each(request, body.user_ids, bind))


async def _each(request: Request, user_ids: Iterable[int], work: Callable[..., None]) -> dict[str, Any]:
    """``work(session, user_id)`` for each user once, by id: {success_count, fail_count, errors}."""
    wanted = sorted(set(user_ids))
    refused: list[dict[str, Any]] = []
    for user_id in wanted:
        try:
            await run(request, partial(work, user_id=user_id))
        except IronBullError as error:
            refused.append({"user_id": user_id, "code": error.code, "error": str(error)})
    return {"success_count": len(wanted) - len(refused), "fail_count": len(refused), "errors": refused[:SHOWN]}
