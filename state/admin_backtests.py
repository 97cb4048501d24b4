"""Backtests of an operator: ask for one, read what came of it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import from_ms
from backend.dashboards.marks import marks
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.market.rules import INTERVAL_MS
from backend.models import Strategy
from backend.notifications.phrases import in_chinese
from backend.queue import backtests
from backend.security import audit
from node_service.venues import canonical_symbol
from state.agent_common import exit_key
from state.base import needs, read, signed_in, write
from state.merchant import row_id
from state.queue_rows import DOTS
from state.ui import say
from state.words import MINUS, MISSING, figure, percent, price

SHOWN_TRADES = 100
FRAMES, FEWEST, MOST = tuple(INTERVAL_MS), backtests.MIN_BARS, backtests.MAX_BARS
OPEN = ("WAITING", "RUNNING")


class Backtests(rx.State):
    """``runs`` are the newest ones; ``open_id`` the one shown, with ``cards``, ``points`` of its curve and ``trades``."""

    ready: bool = False
    strategies: list[dict[str, str]] = []
    markets: str = ""
    runs: list[dict[str, Any]] = []
    open_id: str = ""
    shown: dict[str, Any] = {}
    cards: dict[str, str] = {}
    points: list[dict[str, Any]] = []
    trades: list[dict[str, Any]] = []
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event(supersedes=True)
    @needs("admin")
    async def load(self) -> None:
        """The page was opened, or a job ended."""
        self.strategies = await read(_catalogue)
        self.markets = str(len(marks()))
        await self._look()
        self.ready = True

    @rx.event
    @needs("admin")
    async def choose(self, number: str) -> None:
        """Show another run."""
        self.open_id = str(row_id(number))
        await self._look()

    @rx.event
    @needs("admin", may="settings")
    async def ask(self, form: dict[str, Any]) -> None:
        """Ask for a backtest; its page follows it."""
        who = await signed_in(self)
        number = await write(lambda session: _ask(session, who, form))
        self.open_id = str(number)
        await self._look()
        await say(self, "backtest.asked", id=str(number))

    async def _look(self) -> None:
        rows = await read(backtests.runs)
        self.runs = [_run(row) for row in rows]
        if not self.open_id and rows:
            self.open_id = str(rows[0]["id"])
        self.shown, self.cards, self.points, self.trades = {}, {}, [], []
        if not self.open_id:
            return
        try:
            row = await read(lambda session: backtests.run_of(session, int(self.open_id)))
        except NotFound:
            self.open_id = ""
            return
        self.shown = _run(row)
        if row["result"]:
            self._show(row["result"])

    def _show(self, result: dict[str, Any]) -> None:
        self.cards = _cards(result)
        peak, points = 0.0, []
        for at_ms, equity in result["equity"]:
            peak = max(peak, equity)
            points.append({"time": at_ms // 1000, "equity": equity, "peak": peak, "drawdown": round((peak - equity) / peak * -100, 3) if peak else 0})
        self.points = points
        self.trades = [_trade(place, one) for place, one in enumerate(reversed(result["trades"][-SHOWN_TRADES:]))]


def _catalogue(session: Session) -> list[dict[str, str]]:
    return [{"id": str(row.id), "name": f"{row.name} · {row.timeframe}"} for row in backtests.catalogue(session)]


def _ask(session: Session, who: Principal, form: dict[str, Any]) -> int:
    strategy = session.get(Strategy, row_id(form.get("strategy", "")))
    if strategy is None:
        raise NotFound("This strategy is not in the catalogue any more. Open the page again.")
    job = backtests.ask_backtest(
        session, strategy.algorithm, name=strategy.name, timeframe=str(form.get("timeframe") or strategy.timeframe), bars=int(_number(form, "bars") or 500),
        symbols=_symbols(str(form.get("symbols") or "")) or list(strategy.symbols), params=strategy.config,
        capital=_number(form, "capital"), fee_bps=_number(form, "fee_bps"), slippage_bps=_number(form, "slippage_bps"),
    )  # fmt: skip
    assert job.id is not None
    audit.record(session, who, "backtest.ask", f"job:{job.id}", detail={"strategy": strategy.code})
    return job.id


def _symbols(text: str) -> list[str]:
    """Named in any usual writing, with commas or spaces between. Raises ``InvalidInput`` for one the market has not."""
    known = marks()
    found: list[str] = []
    for word in text.upper().replace(",", " ").replace(";", " ").split():
        for name in (word, f"{word}/USDT"):
            try:
                symbol = canonical_symbol(name)
            except ValueError:
                continue
            if not known or symbol in known:
                found.append(symbol)
                break
        else:
            raise InvalidInput(f"The market has no {word[:32]}.")
    return list(dict.fromkeys(found))


def _number(form: dict[str, Any], name: str) -> Decimal | None:
    text = str(form.get(name) or "").strip().replace(",", "")
    if not text:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InvalidInput(f"{text[:20]} is not a number.") from None


def _run(row: dict[str, Any]) -> dict[str, Any]:
    asked, found = row["payload"], row["metrics"]
    symbols = asked.get("symbols") or []
    return {
        "id": str(row["id"]),
        "at_ms": row["at_ms"],
        "state": f"queue.is.{row['state']}",
        "dot": DOTS[row["state"]],
        "open": row["state"] in OPEN,
        "dead": row["state"] == "DEAD",
        "error": row["error"],
        "error_zh": in_chinese(row["error"]),
        "name": str(asked.get("name") or asked["strategy"]),
        "frame": f"{asked['timeframe']} · {asked['bars']}",
        "symbols": " ".join(name.split("/")[0] for name in symbols[:6]) + (f" +{len(symbols) - 6}" if len(symbols) > 6 else ""),
        "return": _percent(found["return_pct"], sign=True) if found else MISSING,
        "drawdown": _percent(found["max_drawdown_pct"]) if found else MISSING,
        "count": f"{found['trades']:,}" if found else MISSING,
    }


def _cards(result: dict[str, Any]) -> dict[str, str]:
    m = result["metrics"]
    return {
        "return": _percent(m["return_pct"], sign=True),
        "net": figure(Decimal(m["net_usdt"]), sign=True),
        "drawdown": _percent(m["max_drawdown_pct"]),
        "drawdown_bars": f"{m['max_drawdown_bars']:,}",
        "sharpe": _ratio(m["sharpe"]),
        "sortino": _ratio(m["sortino"]),
        "calmar": _ratio(m["calmar"]),
        "trades": f"{m['trades']:,}",
        "sides": f"{m['long_trades']:,} / {m['short_trades']:,}",
        "win": _percent(m["win_rate_pct"], 1),
        "factor": _ratio(m["profit_factor"]) if m["profit_factor"] is not None else "∞",
        "fees": figure(Decimal(m["fees_usdt"])),
        "markets": f"{len(result['symbols']):,}",
        "bars": f"{result['bars']:,}",
    }


def _trade(place: int, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(place),
        "symbol": one["symbol"].split("/")[0],
        "side": one["side"],
        "in": _minute(one["entry_ms"]),
        "out": _minute(one["exit_ms"]),
        "entry": price(Decimal(one["entry_price"])),
        "exit": price(Decimal(one["exit_price"])),
        "why": exit_key(one["reason"]),
        "net": figure(Decimal(one["net_usdt"]), sign=True),
    }


def _minute(at_ms: int) -> str:
    return f"{from_ms(at_ms):%m-%d %H:%M}"


def _percent(value: float, places: int = 2, *, sign: bool = False) -> str:
    return percent(Decimal(repr(value)) / 100, places, sign=sign)


def _ratio(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)
