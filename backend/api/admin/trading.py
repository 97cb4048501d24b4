"""The operators' desk by API: open for an account, close, take an unsent order back."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictInt
from sqlmodel import Session, select

from backend.api import shapes
from backend.api.context import May, context_of, peer, run
from backend.api.params import Amount, BodyId, Id, done
from backend.dashboards.marks import marks
from backend.errors import NotFound
from backend.execution import desk
from backend.identity.principal import Principal
from backend.models import Position
from backend.money import parse_amount

router = APIRouter(tags=["trading"])

Trader = Annotated[Principal, Depends(May("trading"))]
Request_ = Annotated[str, Field(max_length=30, description="8 to 30 letters, digits, - or _; the same again is not done again")]


class Manual(BaseModel):
    """What to open: ``amount_usdt`` is the notional. A market order at the current price, with a protective stop."""

    account_id: BodyId
    symbol: str = Field(max_length=32)
    side: str = Field(max_length=8, description="BUY or LONG, SELL or SHORT")
    amount_usdt: Amount
    leverage: StrictInt = Field(1, ge=1, le=125)
    stop_loss: Amount
    take_profit: Amount | None = None
    reason: str = Field(max_length=200)
    request_id: Request_


class ClosePosition(BaseModel):
    """Which position: by symbol, account and side."""

    symbol: str = Field(max_length=32)
    account_id: BodyId
    position_side: str = Field("LONG", max_length=8)
    share_pct: StrictInt = Field(100, ge=1, le=100)
    reason: str = Field(max_length=200)
    request_id: Request_


class Why(BaseModel):
    """The reason, kept in the audit log."""

    reason: str = Field(max_length=200)


@router.post("/api/manual-order")
async def manual_order(request: Request, body: Manual, who: Trader) -> Response:
    """Write the order; it is sent like any other. 409 ``trading_stopped``, ``already_held``, ``no_price``."""
    wish = desk.Wish(
        body.account_id, body.symbol.upper(), {"BUY": "LONG", "SELL": "SHORT"}.get(body.side.upper(), body.side.upper()),
        parse_amount(str(body.amount_usdt)), body.leverage, _price(body.stop_loss), _price(body.take_profit) if body.take_profit is not None else None,
        body.reason,
    )  # fmt: skip
    mark, ttl_s = marks().get(wish.symbol), context_of(request).settings.intent_ttl_s

    def work(session: Session) -> dict[str, Any]:
        opened = desk.open_for(session, who, wish, request_id=body.request_id, mark=mark, ttl_s=ttl_s, ip=peer(request))
        return shapes.order(opened)

    return done(await run(request, work))


@router.post("/api/close-position")
async def close_position(request: Request, body: ClosePosition, who: Trader) -> Response:
    """Close it, or a share of it. 404 when nothing is open there."""

    def work(session: Session) -> dict[str, Any]:
        found = session.exec(
            select(Position.id).where(
                Position.account_id == body.account_id, Position.symbol == body.symbol.upper(), Position.position_side == body.position_side.upper(),
                Position.status == "OPEN",
            )
        ).first()
        if found is None:
            raise NotFound
        price = marks().get(body.symbol.upper())
        order = desk.close_for(
            session, who, found, request_id=body.request_id, price=price, share_pct=body.share_pct, reason=body.reason, ip=peer(request)
        )
        return shapes.order(order)

    return done(await run(request, work))


@router.post("/api/orders/{order_pk}/cancel")
async def cancel(request: Request, order_pk: Id, body: Why, who: Trader) -> Response:
    """Take back an order that was not sent yet. 409 ``already_sent``."""
    return done(await run(request, lambda s: shapes.order(desk.take_back(s, who, order_pk, body.reason, ip=peer(request)))))


def _price(text: str | int) -> Decimal:
    return parse_amount(str(text))
