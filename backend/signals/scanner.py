"""Keeps candles current and runs each enabled strategy once per closed bar, all symbols in one pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import structlog
from sqlmodel import Session, col, select

from backend.db import Database
from backend.execution.resting_rules import KEYS
from backend.market.candles import CandleWindow
from backend.market.feed import Feed, Prices
from backend.models import Scan, Strategy
from backend.settings import Settings
from backend.signals.service import ScanFacts, ScanOutcome, record_scan
from backend.strategies.base import CandleBatch, Decisions, StrategyState
from backend.strategies.registry import get_strategy, parse_params

log = structlog.get_logger("scan")

WINDOW_BARS = 720


@dataclass
class _Carried:
    """One strategy's state over its symbols, valid for one set of parameters."""

    fingerprint: bytes
    symbols: tuple[str, ...]
    state: StrategyState
    decisions: Decisions | None = None


class Scanner:
    """Candle windows by timeframe and strategy states. Used from one task at a time."""

    def __init__(self, db: Database, feed: Feed, settings: Settings, fence: Callable[[Session], None] = lambda _: None) -> None:
        self._db = db
        self._feed = feed
        self._settings = settings
        self._fence = fence
        self.windows: dict[str, CandleWindow] = {}
        self._states: dict[int, _Carried] = {}

    async def run(self, prices: Prices) -> list[ScanOutcome]:
        """Scan every enabled strategy whose newest closed bar is new. Returns what was written."""
        strategies = await self._db.aread(_enabled)
        outcomes: list[ScanOutcome] = []
        for timeframe in dict.fromkeys(strategy.timeframe for strategy in strategies):
            await self.refresh(timeframe)
        for strategy in strategies:
            outcome = await self._scan(strategy, prices)
            if outcome is not None:
                outcomes.append(outcome)
        return outcomes

    async def refresh(self, timeframe: str) -> CandleWindow:
        """Fetch the closed bars that are new since the last time."""
        window = self.windows.setdefault(timeframe, CandleWindow(WINDOW_BARS))
        bars = await self._feed.bars(timeframe, window.last_ms, WINDOW_BARS)
        window.extend(bars)
        return window

    async def _scan(self, strategy: Strategy, prices: Prices) -> ScanOutcome | None:
        window = self.windows[strategy.timeframe]
        if window.last_ms is None or strategy.id is None:
            return None
        started = time.perf_counter()
        decisions = await asyncio.to_thread(self._decide, strategy, window)
        if decisions is None:
            return None
        facts = ScanFacts(
            strategy=strategy,
            decisions=decisions,
            market_ms=prices.market_ms,
            duration_ms=int((time.perf_counter() - started) * 1000),
            intent_ttl_s=self._settings.intent_ttl_s,
            prices=prices.by_symbol,
        )

        def record(session: Session) -> ScanOutcome | None:
            self._fence(session)
            return record_scan(session, facts)

        return await self._db.arun(record)

    def _decide(self, strategy: Strategy, window: CandleWindow) -> Decisions | None:
        """The decisions at the newest bar; None when the strategy has seen it already."""
        assert strategy.id is not None
        symbols = _chosen(strategy, window.symbols)
        fingerprint = orjson.dumps([strategy.algorithm, strategy.config], option=orjson.OPT_SORT_KEYS)
        carried = self._states.get(strategy.id)
        if carried is None or carried.fingerprint != fingerprint or carried.symbols != symbols:
            params = parse_params(strategy.algorithm, _algorithm_config(strategy.config))
            state = get_strategy(strategy.algorithm).start(symbols, window.interval_ms, params)
            carried = self._states[strategy.id] = _Carried(fingerprint, symbols, state)
        last = carried.state.last_open_ms
        fresh = window.times_ms > (last if last is not None else -1)
        if not fresh.any():
            return None
        batch = _batch(window, symbols, fresh)
        return carried.state.advance(batch)


def _enabled(session: Session) -> list[Strategy]:
    return list(session.exec(select(Strategy).where(Strategy.status == 1).order_by(col(Strategy.id))).all())


def _chosen(strategy: Strategy, available: tuple[str, ...]) -> tuple[str, ...]:
    wanted = set(strategy.symbols)
    return tuple(s for s in available if s in wanted) if wanted else available


def _algorithm_config(config: dict[str, Any]) -> dict[str, Any]:
    """The algorithm's own parameters; platform switches stay behind."""
    return {name: value for name, value in config.items() if name not in {"risk_based_sizing", *KEYS}}


def _batch(window: CandleWindow, symbols: tuple[str, ...], fresh: Any) -> CandleBatch:
    arrays = window.arrays()
    if symbols != window.symbols:
        place = {symbol: row for row, symbol in enumerate(window.symbols)}
        rows = [place[symbol] for symbol in symbols]
        arrays = {name: values[rows] for name, values in arrays.items()}
    columns = {name: np.ascontiguousarray(values[:, fresh]) for name, values in arrays.items()}
    return CandleBatch(symbols, window.interval_ms, window.times_ms[fresh], **columns)


def last_scan(session: Session, strategy_id: int) -> Scan | None:
    """The newest scan of a strategy."""
    return session.exec(
        select(Scan).where(Scan.strategy_id == strategy_id).order_by(col(Scan.bar_open_ms).desc()).limit(1)
    ).first()
