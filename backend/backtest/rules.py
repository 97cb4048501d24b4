"""What a backtest is made of: its account, its trades, and the simulated exchange's fills. Pure.

Fills follow the simulated exchange: a market order pays slippage, rounded against it to the tick; a resting
stop fires when a tick crosses its trigger, at the trigger when the price moved through it inside a bar, at
the tick when a bar opened beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Literal

from backend.execution.rules import SizingSource, SymbolLimits, round_price
from backend.exits.rules import ExitConfig, ExitPlan, Side, make_plan
from backend.risk.rules import RiskLimits
from backend.signals.rules import GateConfig

MONEY = Decimal("0.00000001")
TEN_THOUSAND = Decimal(10_000)
ZERO = Decimal(0)

NO_LIMITS = SymbolLimits()
DEFAULT_SIZING = SizingSource(capital=Decimal(10_000), leverage=3, risk_mode=1)
DEFAULT_GATES = GateConfig()
DEFAULT_EXITS = ExitConfig()

CloseReason = Literal["SL", "TP", "TRAILING", "TIME", "LIQUIDATION", "END"]


class BacktestError(ValueError):
    """A backtest cannot be run as asked; the text says what to change."""


@dataclass(frozen=True)
class BacktestConfig:
    """One account: money, gates, sizing, exits and costs.

    ``sizing`` is what a follower's binding holds; ``ratio_pct``, ``risk_based``, ``max_leverage`` and
    ``max_position_usdt`` limit it as they do live. ``risk_limits`` None leaves the risk score out.
    ``limits`` are the markets' steps by symbol; markets not named use ``default_limits``. Bars before
    ``trade_from_ms`` only warm the indicators up. ``close_at_end`` closes what is open after the last tick.
    """

    initial_balance_usdt: Decimal = Decimal(10_000)
    sizing: SizingSource = DEFAULT_SIZING
    ratio_pct: int = 100
    risk_based: bool = False
    max_leverage: int = 125
    max_position_usdt: Decimal = Decimal(10_000_000)
    gates: GateConfig = DEFAULT_GATES
    exits: ExitConfig = DEFAULT_EXITS
    cooldown_minutes: int = 30
    risk_limits: RiskLimits | None = None
    slippage_bps: Decimal = Decimal(2)
    taker_fee_bps: Decimal = Decimal(5)
    maintenance_rate: Decimal = Decimal("0.005")
    limits: Mapping[str, SymbolLimits] = field(default_factory=dict)
    default_limits: SymbolLimits = NO_LIMITS
    trade_from_ms: int | None = None
    close_at_end: bool = True

    def __post_init__(self) -> None:
        if self.initial_balance_usdt <= 0:
            raise BacktestError("initial_balance_usdt must be above zero.")
        for name in ("slippage_bps", "taker_fee_bps", "cooldown_minutes", "maintenance_rate"):
            if getattr(self, name) < 0:
                raise BacktestError(f"{name} must not be negative.")
        if not 1 <= self.ratio_pct <= 100:
            raise BacktestError("ratio_pct must lie between 1 and 100.")
        if self.max_leverage < 1:
            raise BacktestError("max_leverage must be at least 1.")

    def limits_of(self, symbol: str) -> SymbolLimits:
        return self.limits.get(symbol, self.default_limits)


@dataclass(frozen=True, slots=True)
class Trade:
    """A closed position. Prices are fills, times market clock; ``pnl_usdt`` is before ``fees_usdt``."""

    symbol: str
    side: Side
    entry_ms: int
    exit_ms: int
    entry_price: Decimal
    exit_price: Decimal
    quantity: Decimal
    leverage: int
    fees_usdt: Decimal
    pnl_usdt: Decimal
    reason: CloseReason
    score: int

    @property
    def net_usdt(self) -> Decimal:
        return self.pnl_usdt - self.fees_usdt

    def as_dict(self) -> dict[str, Any]:
        return {
            "symbol": self.symbol,
            "side": self.side,
            "entry_ms": self.entry_ms,
            "exit_ms": self.exit_ms,
            "entry_price": format(self.entry_price, "f"),
            "exit_price": format(self.exit_price, "f"),
            "quantity": format(self.quantity, "f"),
            "leverage": self.leverage,
            "fees_usdt": format(self.fees_usdt, "f"),
            "pnl_usdt": format(self.pnl_usdt, "f"),
            "net_usdt": format(self.net_usdt, "f"),
            "reason": self.reason,
            "score": self.score,
        }


@dataclass(frozen=True, slots=True)
class Open:
    """An open position: its plan, its resting stop (rounded to the tick) and where it is liquidated."""

    symbol: str
    plan: ExitPlan
    quantity: Decimal
    leverage: int
    entry_fee: Decimal
    stop: Decimal | None
    liquidation: Decimal | None
    score: int

    @property
    def margin(self) -> Decimal:
        return money(self.quantity * self.plan.entry / self.leverage)


def money(value: Decimal) -> Decimal:
    """USDT as the exchange books it: 1e-8, half-even."""
    return value.quantize(MONEY)


def taker_price(price: Decimal, is_buy: bool, slippage_bps: Decimal, tick: Decimal) -> Decimal:
    """What a market order pays: the price moved against it and rounded against it to a tick."""
    if not slippage_bps:
        return price
    moved = price * (1 + (slippage_bps if is_buy else -slippage_bps) / TEN_THOUSAND)
    steps = (moved / tick).to_integral_value(ROUND_CEILING if is_buy else ROUND_FLOOR)
    return max(steps * tick, tick)


def fee_of(quantity: Decimal, price: Decimal, fee_bps: Decimal) -> Decimal:
    return money(quantity * price * fee_bps / TEN_THOUSAND)


def pnl_of(side: Side, quantity: Decimal, entry: Decimal, price: Decimal) -> Decimal:
    move = price - entry if side == "LONG" else entry - price
    return money(move * quantity)


def liquidation_price(side: Side, entry: Decimal, leverage: int, maintenance_rate: Decimal) -> Decimal | None:
    """Where an isolated position's margin is used up to the maintenance rate; None where it never is."""
    share = 1 / Decimal(leverage)
    if side == "LONG":
        price = entry * (1 - share) / (1 - maintenance_rate)
        return price if price > 0 else None
    return entry * (1 + share) / (1 + maintenance_rate)


def crossed(side: Side, trigger: Decimal, before: Decimal, now: Decimal, continuous: bool) -> Decimal | None:
    """The price at which a protective order fires in the step from ``before`` to ``now``; None if it waits."""
    if side == "LONG":
        if now > trigger:
            return None
        passed = before > trigger
    else:
        if now < trigger:
            return None
        passed = before < trigger
    return trigger if continuous and passed else now


def protect(config: BacktestConfig, symbol: str, plan: ExitPlan, leverage: int) -> tuple[Decimal | None, ...]:
    """(resting stop, liquidation price) of a position, both on the tick."""
    tick = config.limits_of(symbol).tick_size
    stop = None if plan.stop_loss is None else round_price(plan.stop_loss, tick)
    liquidation = liquidation_price(plan.side, plan.entry, leverage, config.maintenance_rate)
    return stop, None if liquidation is None else round_price(liquidation, tick)


def entry_plan(
    config: BacktestConfig,
    side: Side,
    *,
    price: Decimal,
    fill: Decimal,
    leverage: int,
    now_ms: int,
    levels: tuple[Decimal | None, Decimal | None],
) -> ExitPlan:
    """Exits as live writes them: levels from the price the intent was sized at, ROI from the fill."""
    stop_loss, take_profit = levels
    plan = make_plan(
        config.exits, side, price, Decimal(leverage), now_ms, stop_loss=stop_loss, take_profit=take_profit
    )
    return replace(plan, entry=fill, peak=fill)
