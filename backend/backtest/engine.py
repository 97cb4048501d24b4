"""The reference backtest: every tick of every bar, with the very functions live trading calls.

Order inside one tick, as the simulated exchange and the centre keep it: resting stops and liquidations;
exits the centre decides; on the first tick of a bar the scan of the bar just closed and its entries. It is
written to be read and compared against; ``fast`` does the same work compiled and must agree trade by trade.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from backend.backtest.rules import (
    ZERO,
    BacktestConfig,
    CloseReason,
    Open,
    Trade,
    crossed,
    entry_plan,
    fee_of,
    money,
    pnl_of,
    protect,
    taker_price,
)
from backend.execution.rules import SizingSource, position_size, quantity_for
from backend.exits.rules import Side, on_tick
from backend.market.rules import TICKS_PER_BAR, bar_path
from backend.risk.rules import OpenRisk, RiskFacts, risk_score
from backend.signals.rules import Decision, GateContext, RiskVerdict, judge
from backend.strategies.base import CandleBatch, DecisionSeries

DAY_MS = 86_400_000
NO_SOURCE = SizingSource()


@dataclass(frozen=True)
class Run:
    """What an engine returns: closed trades in order of their exits, equity at the end of every bar (float,
    for curves), the final wallet, and how many signals were refused by reason."""

    trades: list[Trade]
    equity_usdt: NDArray[np.float64]
    balance_usdt: Decimal
    refused: dict[str, int]


@dataclass
class Account:
    """The state of the simulated account while a run lasts."""

    config: BacktestConfig
    balance: Decimal
    peak: Decimal
    positions: dict[tuple[str, Side], Open] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    cooldown_ms: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    def equity(self, prices: dict[str, Decimal]) -> Decimal:
        open_pnl = sum(
            (
                pnl_of(held.plan.side, held.quantity, held.plan.entry, prices[held.symbol])
                for held in self.positions.values()
            ),
            ZERO,
        )
        return self.balance + open_pnl

    def free_margin(self) -> Decimal:
        return self.balance - sum((held.margin for held in self.positions.values()), ZERO)

    def refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def close(self, held: Open, price: Decimal, now_ms: int, reason: CloseReason) -> None:
        """Fill a closing market order at ``price`` less slippage."""
        config, plan = self.config, held.plan
        tick = config.limits_of(held.symbol).tick_size
        fill = taker_price(price, plan.side == "SHORT", config.slippage_bps, tick)
        fee = fee_of(held.quantity, fill, config.taker_fee_bps)
        pnl = pnl_of(plan.side, held.quantity, plan.entry, fill)
        self.balance += pnl - fee
        del self.positions[held.symbol, plan.side]
        self.cooldown_ms[held.symbol] = now_ms + config.cooldown_minutes * 60_000
        self.trades.append(
            Trade(
                symbol=held.symbol,
                side=plan.side,
                entry_ms=plan.opened_ms,
                exit_ms=now_ms,
                entry_price=plan.entry,
                exit_price=fill,
                quantity=held.quantity,
                leverage=held.leverage,
                fees_usdt=held.entry_fee + fee,
                pnl_usdt=pnl,
                reason=reason,
                score=held.score,
            )
        )


def run_reference(batch: CandleBatch, series: DecisionSeries, config: BacktestConfig) -> Run:
    """Walk the account through the candles. ``series`` are the strategy's decisions on the same bars."""
    account = Account(config, config.initial_balance_usdt, config.initial_balance_usdt)
    prices: dict[str, Decimal] = {}
    equity = np.empty(batch.bars)
    step_ms = batch.interval_ms // TICKS_PER_BAR
    start_ms = config.trade_from_ms
    for bar in range(batch.bars):
        open_ms = int(batch.open_time_ms[bar])
        paths = _paths(batch, bar, prices)
        for tick in range(TICKS_PER_BAR):
            now_ms = open_ms + tick * step_ms
            before = prices.copy() if account.positions else prices
            for symbol, path in paths.items():
                prices[symbol] = path[tick]
            _exchange(account, before, prices, now_ms, continuous=tick > 0)
            _centre(account, prices, now_ms)
            if tick == 0:
                # Live reads the balance when a bar begins, right before the scan.
                account.peak = max(account.peak, account.equity(prices))
            if tick == 0 and bar > 0 and (start_ms is None or open_ms >= start_ms):
                _scan(account, series, bar - 1, prices, now_ms)
        equity[bar] = float(account.equity(prices))
    if config.close_at_end and batch.bars:
        end_ms = int(batch.open_time_ms[-1]) + (TICKS_PER_BAR - 1) * step_ms
        for held in list(account.positions.values()):
            account.close(held, prices[held.symbol], end_ms, "END")
        equity[-1] = float(account.balance)
    return Run(account.trades, equity, account.balance, account.refused)


def _paths(batch: CandleBatch, bar: int, prices: dict[str, Decimal]) -> dict[str, tuple[Decimal, ...]]:
    """The four prices of each symbol's bar; a symbol without a bar stays where it was."""
    paths: dict[str, tuple[Decimal, ...]] = {}
    for row, symbol in enumerate(batch.symbols):
        values = (batch.open[row, bar], batch.high[row, bar], batch.low[row, bar], batch.close[row, bar])
        if all(np.isfinite(values)) and min(values) > 0:
            paths[symbol] = tuple(Decimal(repr(float(price))) for price in bar_path(*map(float, values)))
        elif symbol in prices:
            paths[symbol] = (prices[symbol],) * TICKS_PER_BAR
    return paths


def _exchange(
    account: Account, before: dict[str, Decimal], prices: dict[str, Decimal], now_ms: int, *, continuous: bool
) -> None:
    """Resting stops and liquidations, each at the point of the path where it lies."""
    for held in list(account.positions.values()):
        now = prices[held.symbol]
        earlier = before.get(held.symbol, now)
        reached: list[tuple[Decimal, int, Decimal, CloseReason]] = []
        for order, (trigger, reason) in enumerate(((held.stop, "SL"), (held.liquidation, "LIQUIDATION"))):
            if trigger is None:
                continue
            price = crossed(held.plan.side, trigger, earlier, now, continuous)
            if price is not None:
                reached.append(
                    (abs(price - earlier), order, price, "SL" if reason == "SL" else "LIQUIDATION")
                )
        if reached:
            _, _, price, why = min(reached)
            account.close(held, price, now_ms, why)


def _centre(account: Account, prices: dict[str, Decimal], now_ms: int) -> None:
    """Take profit, trailing and time, decided by the centre at the tick's price."""
    for key, held in list(account.positions.items()):
        price = prices[held.symbol]
        plan, reason = on_tick(held.plan, price, now_ms, stop_at_exchange=held.stop is not None)
        if reason is not None:
            account.close(held, price, now_ms, reason)
        elif plan is not held.plan:
            account.positions[key] = replace(held, plan=plan)


def _scan(
    account: Account, series: DecisionSeries, bar: int, prices: dict[str, Decimal], now_ms: int
) -> None:
    """Judge the bar just closed and open what passes, at this tick's price."""
    config = account.config
    context = GateContext(
        now=_utc(now_ms),
        held=frozenset(symbol for symbol, _ in account.positions),
        cooldown_until={
            symbol: _utc(until) for symbol, until in account.cooldown_ms.items() if until > now_ms
        },
        risk=_risk(account, prices, now_ms),
    )
    for decision in judge(series.at(bar), config.gates, context):
        refusal = decision.reason if not decision.passed else _enter(account, decision, prices, now_ms)
        if refusal:
            account.refuse(refusal)


def _enter(account: Account, decision: Decision, prices: dict[str, Decimal], now_ms: int) -> str:
    """Open one position. Returns why not, or an empty text."""
    config = account.config
    price = prices.get(decision.symbol)
    if price is None:
        return "no price"
    stop_loss, take_profit = to_price(decision.stop_loss), to_price(decision.take_profit)
    size, leverage = position_size(
        config.sizing,
        NO_SOURCE,
        NO_SOURCE,
        ratio_pct=config.ratio_pct,
        risk_based=config.risk_based,
        entry=price,
        stop_loss=stop_loss,
    )
    if size.skipped:
        return "size"
    leverage = min(leverage, config.max_leverage)
    limits = config.limits_of(decision.symbol)
    quantity = quantity_for(min(size.notional_usdt, config.max_position_usdt), price, limits).coins
    if quantity <= 0:
        return "size"
    side: Side = "LONG" if decision.direction == "LONG" else "SHORT"
    fill = taker_price(price, side == "LONG", config.slippage_bps, limits.tick_size)
    fee = fee_of(quantity, fill, config.taker_fee_bps)
    if money(quantity * fill / leverage) + fee > account.free_margin():
        return "margin"
    plan = entry_plan(
        config,
        side,
        price=price,
        fill=fill,
        leverage=leverage,
        now_ms=now_ms,
        levels=(stop_loss, take_profit),
    )
    stop, liquidation = protect(config, decision.symbol, plan, leverage)
    account.balance -= fee
    account.positions[decision.symbol, side] = Open(
        decision.symbol, plan, quantity, leverage, fee, stop, liquidation, decision.score
    )
    return ""


def to_price(value: float | None) -> Decimal | None:
    """A strategy's float price as a Decimal of at most 12 significant digits; None for none."""
    if value is None or not np.isfinite(value) or value <= 0:
        return None
    return Decimal(f"{value:.12g}")


def _risk(account: Account, prices: dict[str, Decimal], now_ms: int) -> RiskVerdict:
    limits = account.config.risk_limits
    if limits is None:
        return RiskVerdict()
    day_ms = now_ms - now_ms % DAY_MS
    recent = [trade for trade in reversed(account.trades) if trade.exit_ms >= day_ms - 2 * DAY_MS]
    facts = RiskFacts(
        equity_usdt=account.equity(prices),
        equity_peak_usdt=account.peak,
        today_pnl_usdt=sum((trade.net_usdt for trade in recent if trade.exit_ms >= day_ms), ZERO),
        recent_pnl_usdt=[trade.net_usdt for trade in recent],
        positions=[
            OpenRisk(held.margin, held.plan.side, held.leverage) for held in account.positions.values()
        ],
    )
    score = risk_score(facts, limits)
    return RiskVerdict(score.allows_entries, score.score, score.reason)


def _utc(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
