"""The symbols exchanges list with their rules: asked of the exchange while no transaction is open, then kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import InvalidInput
from backend.models import ExchangeAccount, MarketInfo
from backend.portfolio.queries import Listing, Window
from backend.settings import Settings
from node_service.errors import VenueError
from node_service.exchange import Gateway, Gateways
from node_service.figures import Market
from node_service.venues import VENUES

SWAP = "swap"
DEADLINE_S = 20.0
PRICE_DEADLINE_S = 5.0


async def ask_markets(settings: Settings, exchanges: Sequence[str]) -> dict[str, list[Market] | str]:
    """The rules of every perpetual by exchange; in place of them a sentence why an exchange did not tell."""
    gateways = Gateways()

    async def ask(code: str) -> list[Market] | str:
        gateway = _gateway(settings, gateways, code)
        try:
            async with asyncio.timeout(DEADLINE_S):
                await gateway.load()
        except VenueError as error:
            return error.sentence
        except TimeoutError:
            return "The exchange did not answer in time."
        return gateway.all_markets

    try:
        return dict(zip(exchanges, await asyncio.gather(*map(ask, exchanges)), strict=True))
    finally:
        await gateways.close()


async def ask_prices(settings: Settings, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Decimal | None]:
    """The last price by (exchange, symbol); None where the exchange did not tell it."""
    gateways = Gateways()
    pairs = list(dict.fromkeys(wanted))

    async def ask(code: str, symbol: str) -> Decimal | None:
        try:
            async with asyncio.timeout(PRICE_DEADLINE_S):
                return await _gateway(settings, gateways, code).last_price(symbol)
        except (VenueError, TimeoutError):
            return None

    try:
        return dict(zip(pairs, await asyncio.gather(*(ask(*pair) for pair in pairs)), strict=True))
    finally:
        await gateways.close()


def check_exchange(settings: Settings, code: str) -> str:
    """An exchange the platform trades at. Raises ``InvalidInput``."""
    if code not in settings.venues.split(","):
        raise InvalidInput(f"The exchange is one of {settings.venues}.")
    return code


def used_exchanges(session: Session) -> list[str]:
    """Exchanges with an account in use."""
    return sorted(session.exec(select(ExchangeAccount.exchange).where(ExchangeAccount.status == 1).distinct()).all())


def keep(session: Session, exchange: str, markets: Sequence[Market]) -> dict[str, int]:
    """Write what an exchange told: {total, updated, new}. Symbols it lists no more stay, as inactive."""
    now = utcnow()
    known = {row.symbol: row for row in session.exec(select(MarketInfo).where(MarketInfo.exchange == exchange, MarketInfo.market_type == SWAP)).all()}
    fresh = changed = 0
    for market in markets:
        values = _values(market)
        row = known.pop(market.symbol, None)
        if row is None:
            fresh += 1
            row = MarketInfo(exchange=exchange, market_type=SWAP, symbol=market.symbol, **values)
        elif any(getattr(row, name) != value for name, value in values.items()):
            changed += 1
            for name, value in values.items():
                setattr(row, name, value)
        row.synced_at = now
        session.add(row)
    for gone in known.values():
        changed += gone.active
        gone.active = False
        session.add(gone)
    session.flush()
    return {"total": len(markets), "updated": changed, "new": fresh}


def kept(session: Session, window: Window, *, exchange: str, market_type: str, symbol: str) -> Listing[MarketInfo]:
    """Rows by exchange and symbol; "" asks for all, ``symbol`` for those that hold the letters."""
    found = select(MarketInfo)
    if exchange:
        found = found.where(MarketInfo.exchange == exchange)
    if market_type:
        found = found.where(MarketInfo.market_type == market_type)
    if symbol:
        found = found.where(col(MarketInfo.symbol).contains(symbol.upper(), autoescape=True))
    total = session.exec(select(func.count()).select_from(found.subquery())).one()
    rows = session.exec(found.order_by(MarketInfo.exchange, MarketInfo.symbol).limit(window.limit).offset(window.offset)).all()
    return Listing(list(rows), int(total))


def _gateway(settings: Settings, gateways: Gateways, code: str) -> Gateway:
    # On a simulated or replayed market "binance" is the platform's own simulated exchange, as for its accounts.
    own = "" if settings.market.startswith("exchange:") else settings.paper_base_url
    return gateways.gateway(VENUES[code], sandbox=False, base_url=(own or settings.exchange_url) if code == "binance" else "")


def _values(market: Market) -> dict[str, Any]:
    return {
        "ccxt_symbol": market.ccxt_symbol, "exchange_symbol": market.venue_id, "contract_size": market.contract_size, "tick_size": market.tick,
        "step_size": market.step, "min_quantity": market.min_quantity, "max_quantity": market.max_quantity, "min_cost": market.min_notional,
        "active": True,
    }  # fmt: skip
