"""The agent's own doors: bot, positions, trades, notifications. Everything is theirs alone, whatever is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlmodel import Session

from backend.api import shapes
from backend.api.context import agent, context_of, peer, read, run
from backend.api.filters import TradeQuery
from backend.api.params import Id, Text, answer, listed, window
from backend.bots import queries as bots
from backend.bots import service as bot_service
from backend.dashboards.analytics import analysis
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import User
from backend.notifications import service as notes
from backend.portfolio import queries
from backend.portfolio.queries import Window

router = APIRouter(tags=["agent"])

Agent = Annotated[Principal, Depends(agent)]
Page = Annotated[Window, Depends(window)]

_PANEL = (
    "last_scan_time",
    "next_scan_in",
    "signals_analyzed",
    "signals_passed",
    "signals_filtered",
    "positions_opened_this_scan",
)


class BotSettings(BaseModel):
    """Bot settings to change; names as in the answer of ``status``."""

    config: dict[str, Any]


@router.get("/api/agent/bot/signals")
async def signals(request: Request, who: Agent) -> Response:
    """The live signal panel: what the last scan found and why signals were not taken."""
    settings = context_of(request).settings
    found = await read(request, lambda session: bots.panel(session, _me(session, who), settings))
    return answer({name: found[name] for name in _PANEL})


@router.get("/api/agent/bot/status")
async def status(request: Request, who: Agent) -> Response:
    """Wanted and observed state, settings, and what keeps the bot from starting."""
    settings = context_of(request).settings
    return answer(await read(request, lambda session: bots.status(session, _me(session, who), settings)))


@router.post("/api/agent/bot/start")
async def start(request: Request, who: Agent) -> Response:
    """Start the bot. Starting a started bot changes nothing."""
    return await _changed(request, who, lambda session: bot_service.start(session, who, who.id, ip=peer(request)))


@router.post("/api/agent/bot/stop")
async def stop(request: Request, who: Agent) -> Response:
    """Stop the bot: no new entries; open positions keep their exits and stops."""
    return await _changed(request, who, lambda session: bot_service.stop(session, who, who.id, ip=peer(request)))


@router.post("/api/agent/bot/pause")
async def pause(request: Request, who: Agent) -> Response:
    """Pause the bot: no new entries until it is started again; open positions stay watched."""
    return await _changed(request, who, lambda session: bot_service.pause(session, who, who.id, ip=peer(request)))


@router.put("/api/agent/bot/config")
async def configure(request: Request, body: BotSettings, who: Agent) -> Response:
    """Change bot settings; they hold from the next scan."""
    return await _changed(
        request, who, lambda session: bot_service.configure(session, who, who.id, body.config, ip=peer(request))
    )


async def _changed(request: Request, who: Principal, change: Callable[[Session], object]) -> Response:
    """The status after a change of the bot."""
    settings = context_of(request).settings

    def work(session: Session) -> dict[str, Any]:
        change(session)
        return bots.status(session, _me(session, who), settings)

    return answer(await run(request, work))


@router.get("/api/agent/positions")
async def positions(request: Request, who: Agent, page: Page, symbol: Text = None) -> Response:
    """Open positions."""
    find = queries.PositionFilter(symbol=symbol or None, has_position=True)
    found = await read(request, lambda session: queries.positions(session, who, find, page))
    return listed(found, page, shapes.position)


@router.get("/api/agent/trades")
async def trades(request: Request, who: Agent, page: Page, query: Annotated[TradeQuery, Depends()]) -> Response:
    """Closed positions as trades, newest first."""
    find = query.find()
    found = await read(request, lambda session: queries.positions(session, who, find, page))
    return listed(found, page, shapes.trade)


@router.get("/api/agent/orders")
async def orders(request: Request, who: Agent, page: Page, symbol: Text = None, status: Text = None) -> Response:
    """Orders, newest first."""
    find = queries.OrderFilter(symbol=symbol or None, status=status or None)
    found = await read(request, lambda session: queries.orders(session, who, find, page))
    return listed(found, page, shapes.order)


@router.get("/api/agent/notifications")
async def notifications(request: Request, who: Agent, page: Page, unread: bool = False) -> Response:
    """Notifications, newest first."""
    found = await read(request, lambda session: notes.notifications(session, who, unread=unread, window=page))
    return listed(found, page, shapes.notification)


@router.get("/api/agent/notifications/unread-count")
async def unread_count(request: Request, who: Agent) -> Response:
    """How many are unread."""
    number = await read(request, lambda session: notes.unread_count(session, who))
    return answer({"count": number, "unread_count": number})


@router.put("/api/agent/notifications/read-all")
async def read_all(request: Request, who: Agent) -> Response:
    """Mark all as read."""
    return answer({"updated": await run(request, lambda session: notes.mark_all_read(session, who))})


@router.get("/api/agent/analytics")
async def analytics(request: Request, who: Agent) -> Response:
    """What the closed trades say: ratios, groups and the curve by day. ``analysis`` is null before the first closed trade."""
    mode, found = await read(request, lambda session: analysis(session, who))
    return answer({"mode": mode, "analysis": None if found is None else asdict(found)})


@router.put("/api/agent/notifications/{notification_id}/read")
async def read_one(request: Request, notification_id: Id, who: Agent) -> Response:
    """Mark one as read."""
    row = await run(request, lambda session: notes.mark_read(session, who, notification_id))
    return answer(shapes.notification(row))


def _me(session: Session, who: Principal) -> User:
    return get_scoped(session, who, User, who.id)
