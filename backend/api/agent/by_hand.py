"""Doors to an open position by hand: close it or a part, move its stop, move its target."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictInt
from sqlmodel import Session

from backend.api import shapes
from backend.api.context import agent, peer, run
from backend.api.params import Id, answer
from backend.dashboards.marks import marks
from backend.execution import by_hand
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import Position

router = APIRouter(tags=["agent"])

Agent = Annotated[Principal, Depends(agent)]
Price = Annotated[Decimal, Field(gt=0, max_digits=30, decimal_places=12)]


class Close(BaseModel):
    """How much, in percent of what is open, and a name for this request: sent again, it is answered and not done again."""

    request_id: Annotated[str, Field(min_length=8, max_length=30)]
    share_pct: Annotated[StrictInt, Field(ge=1, le=100)] = 100


class Stop(BaseModel):
    """Where the protective stop shall rest."""

    price: Price


class Target(BaseModel):
    """Where profit is taken; null for nowhere."""

    price: Price | None


@router.post("/api/agent/positions/{position_id}/close")
async def close(request: Request, position_id: Id, body: Close, who: Agent) -> Response:
    """Close a position or a part of it at market.

    Errors: ``not_found`` 404, ``position_not_open`` 409, ``close_on_its_way`` 409, ``invalid_input`` 400.
    """
    prices = marks()

    def work(session: Any) -> dict[str, Any]:
        symbol = get_scoped(session, who, Position, position_id).symbol
        order = by_hand.close_by_hand(
            session, who, position_id, request_id=body.request_id, price=prices.get(symbol), share_pct=body.share_pct, ip=peer(request)
        )
        return shapes.order(order)

    return answer(await run(request, work))


@router.put("/api/agent/positions/{position_id}/stop")
async def stop(request: Request, position_id: Id, body: Stop, who: Agent) -> Response:
    """Move the protective stop.

    Errors: ``not_found`` 404, ``position_not_open`` 409, ``stop_busy`` 409, ``no_price`` 409, ``wrong_side`` 400.
    """
    move = partial(by_hand.move_stop, price=body.price)
    return await _moved(request, who, position_id, move)


@router.put("/api/agent/positions/{position_id}/target")
async def target(request: Request, position_id: Id, body: Target, who: Agent) -> Response:
    """Move the target, or take it away.

    Errors: ``not_found`` 404, ``position_not_open`` 409, ``no_price`` 409, ``wrong_side`` 400.
    """
    move = partial(by_hand.move_target, price=body.price)
    return await _moved(request, who, position_id, move)


async def _moved(request: Request, who: Principal, position_id: int, move: Callable[..., Position]) -> Response:
    """The position after ``move``, which is told the mark price."""
    prices = marks()

    def work(session: Session) -> dict[str, Any]:
        symbol = get_scoped(session, who, Position, position_id).symbol
        return shapes.position(move(session, who, position_id, mark=prices.get(symbol), ip=peer(request)))

    return answer(await run(request, work))
