"""Entries that wait at their price, by HTTP: each sees its own, and takes them off."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool, StrictInt

from backend.api.context import EVERY, May, anyone, peer, read, run
from backend.api.params import Id, Text, done, listed, window
from backend.dashboards.lists.base import find_of, refuse_unknown, totals_of
from backend.dashboards.lists.pending import PENDING
from backend.execution import resting
from backend.identity.principal import Principal
from backend.live import hub
from backend.portfolio.queries import Window

router = APIRouter(tags=["pending limit orders"])

Anyone = Annotated[Principal, Depends(anyone)]
Trader = Annotated[Principal, Depends(May("trading", EVERY))]
Engineer = Annotated[Principal, Depends(May("settings"))]
Page = Annotated[Window, Depends(window)]


class Terms(BaseModel):
    """How a strategy enters: at market, or at a limit that waits so many bars."""

    entry_mode: str = Field(max_length=8)
    retest_bars: StrictInt = 20
    retest_offset_bps: StrictInt = 0
    confirm_after_fill: StrictBool = False
    post_fill_confirm_bars: StrictInt = 3


@router.get("/api/pending-limit-orders")
async def waiting(request: Request, who: Anyone, page: Page, state: Text = None, side: Text = None) -> Response:
    """Entries at a price, newest first; ``state`` PENDING, CONFIRMING, FILLED, EXPIRED, CANCELLED or REJECTED."""
    given = {name: value for name, value in (("state", state), ("side", side)) if value}
    refuse_unknown(PENDING, given)
    find = find_of(PENDING, given, limit=page.limit, offset=page.offset)
    return listed(await read(request, lambda s: PENDING.fetch(s, who, find)), page, dict)


@router.get("/api/pending-limit-orders/stats")
async def stats(request: Request, who: Anyone) -> Response:
    """How many are in each state."""
    counted = await read(request, lambda s: totals_of(s, who, PENDING, find_of(PENDING, {})))
    return done({name.lower() or "total": n for name, n in counted.items()})


@router.post("/api/pending-limit-orders/{order_id}/cancel")
async def cancel(request: Request, order_id: Id, who: Trader) -> Response:
    """Take one off: it leaves the exchange with the next look. One being confirmed is closed at market.

    Errors: ``not_found`` 404, ``entry_not_waiting`` 409.
    """
    market_ms = hub.snapshot("market").get("market_ms")

    def work(session: Any) -> dict[str, Any]:
        entry = resting.cancel_by_hand(session, who, order_id, market_ms=market_ms, ip=peer(request))
        return {"id": entry.order_pk, "state": entry.state, "cancel_why": entry.cancel_why}

    return done(await run(request, work))


@router.put("/api/strategies/{strategy_id}/entry")
async def change_terms(request: Request, strategy_id: Id, body: Terms, who: Engineer) -> Response:
    """How a strategy enters, from its next scan on."""
    given = body.model_dump()
    code = await run(request, lambda s: resting.change_terms(s, who, strategy_id, given, ip=peer(request)))
    return done({"code": code})
