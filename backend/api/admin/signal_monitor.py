"""The making of signals by API: how it stands, a look at the candles before its time, prices now."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlmodel import Session

from backend.api.context import May, admin, context_of, peer, read, run
from backend.api.params import done
from backend.clock import now_ms
from backend.dashboards.marks import marks
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.live import hub
from backend.market import catalogue
from backend.market.feed import canonical
from backend.monitoring import asked
from backend.signals import queries

router = APIRouter(prefix="/api/signal-monitor", tags=["signals"])

Admin = Annotated[Principal, Depends(admin)]
Engineer = Annotated[Principal, Depends(May("settings"))]
Symbols = Annotated[str, Query(max_length=4_000)]
MOST_SYMBOLS = 200
MOST_ASKED = 20


@router.get("/status")
async def status(request: Request, who: Admin) -> Response:
    """Whether signals are made and by what settings; cooldowns, entries that wait or are being confirmed, strategies in service."""
    market_ms = int(hub.snapshot("market").get("market_ms", 0)) or now_ms()
    settings = context_of(request).settings
    return done(await read(request, lambda session: queries.status(session, settings, market_ms)))


@router.post("/trigger-scan")
async def trigger_scan(request: Request, who: Engineer) -> Response:
    """Look at the candles within two seconds. A closed bar is scanned once: without a new one nothing is written."""

    def work(session: Session) -> dict[str, Any]:
        asked.ask(session, who, asked.SCAN, ip=peer(request))
        return {"asked": asked.SCAN}

    return done(await run(request, work))


@router.get("/realtime-prices")
async def realtime_prices(request: Request, who: Admin, symbols: Symbols = "", exchange_symbols: Symbols = "") -> Response:
    """``prices`` of the platform's own market by symbol ("" asks for all), and ``exchange_prices`` asked of exchanges now, such as
    ``gate:ETH/USDT``, at most 20; null where there is none."""
    settings = context_of(request).settings
    wanted = [_pair(text) for text in _parts(exchange_symbols, MOST_ASKED)]
    for code, _ in wanted:
        catalogue.check_exchange(settings, code)
    found = marks()
    named = [canonical(text.upper()) for text in _parts(symbols, MOST_SYMBOLS)]
    asked_for = await catalogue.ask_prices(settings, wanted) if wanted else {}
    return done(
        {
            "prices": {symbol: found.get(symbol) for symbol in named} if named else found,
            "exchange_prices": {f"{code}:{symbol}": price for (code, symbol), price in asked_for.items()},
        }
    )


def _parts(text: str, most: int) -> list[str]:
    """Raises ``InvalidInput`` for more than ``most``."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    if len(found) > most:
        raise InvalidInput(f"Ask for at most {most} symbols at once.")
    return found


def _pair(text: str) -> tuple[str, str]:
    code, colon, symbol = text.partition(":")
    if not colon or not code or not symbol:
        raise InvalidInput("Write exchange symbols as gate:ETH/USDT.")
    return code.lower(), canonical(symbol.upper())
