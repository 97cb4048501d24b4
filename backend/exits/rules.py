"""When a position is closed: stop loss, take profit, trailing stop, time. Pure, one price at a time.

A plan holds prices, never percentages of a moving base, and is replaced by the plan ``on_tick`` returns.
It works on ``Decimal`` (live and backtest); all times are market-clock milliseconds, so a simulated market
running faster than the wall clock ages its positions at its own pace.

* A stop is never held back: there is no minimum hold (it would turn a 10 % stop into a 15 % one).
* A take profit at or before the point where trailing starts is dropped, else trailing could never run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

Side = Literal["LONG", "SHORT"]
ExitReason = Literal["SL", "TP", "TRAILING", "TIME"]

HUNDRED = Decimal(100)
HOUR_MS = 3_600_000


class ExitConfigError(ValueError):
    """An exit setting is out of range; the text says which."""


@dataclass(frozen=True, slots=True)
class ExitConfig:
    """An account's exit settings. ROI is price move x leverage, in per cent of margin; None: off.

    ``stop_loss_roi_pct`` and ``take_profit_roi_pct`` are positive distances, used where the signal brings
    no level of its own or ``use_signal_levels`` is false.
    """

    stop_loss_roi_pct: Decimal | None = Decimal(10)
    take_profit_roi_pct: Decimal | None = None
    trailing_start_roi_pct: Decimal | None = Decimal(6)
    trailing_distance_roi_pct: Decimal | None = Decimal(3)
    max_hold_ms: int | None = 48 * HOUR_MS
    use_signal_levels: bool = True

    def __post_init__(self) -> None:
        for name in (
            "stop_loss_roi_pct",
            "take_profit_roi_pct",
            "trailing_start_roi_pct",
            "trailing_distance_roi_pct",
            "max_hold_ms",
        ):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ExitConfigError(f"{name} must be above zero, or empty to switch it off.")
        if (self.trailing_start_roi_pct is None) != (self.trailing_distance_roi_pct is None):
            raise ExitConfigError("Trailing needs both a start and a distance.")


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """One position's exits. ``peak`` is the best price seen since entry (highest long, lowest short)."""

    side: Side
    entry: Decimal
    leverage: Decimal
    opened_ms: int
    peak: Decimal
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_start_roi_pct: Decimal | None = None
    trailing_distance_roi_pct: Decimal | None = None
    max_hold_ms: int | None = None


def roi_pct(side: Side, entry: Decimal, price: Decimal, leverage: Decimal) -> Decimal:
    """Return on margin at ``price``, per cent, before fees."""
    move = price - entry if side == "LONG" else entry - price
    return move * leverage * HUNDRED / entry


def price_at_roi(side: Side, entry: Decimal, roi: Decimal, leverage: Decimal) -> Decimal:
    """The price at which a position has this ROI (negative: a loss)."""
    move = entry * roi / (leverage * HUNDRED)
    return entry + move if side == "LONG" else entry - move


def make_plan(
    config: ExitConfig,
    side: Side,
    entry: Decimal,
    leverage: Decimal,
    opened_ms: int,
    *,
    stop_loss: Decimal | None = None,
    take_profit: Decimal | None = None,
) -> ExitPlan:
    """The exits of a fresh position. ``stop_loss``/``take_profit`` are the signal's levels (None: none).

    A level on the wrong side of the entry (the market gapped past it before the fill) is replaced by the
    configured distance, or dropped where none is configured.
    """
    sign = 1 if side == "LONG" else -1
    stop = stop_loss if config.use_signal_levels else None
    if stop is not None and (stop <= 0 or (entry - stop) * sign <= 0):
        stop = None
    if stop is None and config.stop_loss_roi_pct is not None:
        stop = price_at_roi(side, entry, -config.stop_loss_roi_pct, leverage)
        stop = stop if stop > 0 else None
    target = take_profit if config.use_signal_levels else None
    if target is not None and (target <= 0 or (target - entry) * sign <= 0):
        target = None
    if target is None and config.take_profit_roi_pct is not None:
        target = price_at_roi(side, entry, config.take_profit_roi_pct, leverage)
        target = target if target > 0 else None
    start = config.trailing_start_roi_pct
    if target is not None and start is not None and roi_pct(side, entry, target, leverage) <= start:
        target = None
    return ExitPlan(
        side=side,
        entry=entry,
        leverage=leverage,
        opened_ms=opened_ms,
        peak=entry,
        stop_loss=stop,
        take_profit=target,
        trailing_start_roi_pct=config.trailing_start_roi_pct,
        trailing_distance_roi_pct=config.trailing_distance_roi_pct,
        max_hold_ms=config.max_hold_ms,
    )


def trailing_stop(plan: ExitPlan) -> Decimal | None:
    """Price at which trailing would close now; None while the peak has not reached the start."""
    start, distance = plan.trailing_start_roi_pct, plan.trailing_distance_roi_pct
    if start is None or distance is None:
        return None
    peak_roi = roi_pct(plan.side, plan.entry, plan.peak, plan.leverage)
    if peak_roi < start:
        return None
    return price_at_roi(plan.side, plan.entry, peak_roi - distance, plan.leverage)


def on_tick(
    plan: ExitPlan, price: Decimal, market_ms: int, *, stop_at_exchange: bool = False
) -> tuple[ExitPlan, ExitReason | None]:
    """Look at one price: the plan with its new peak, and why to close now (None: stay).

    Asked in the order stop loss, take profit, trailing, time. ``stop_at_exchange`` leaves the stop loss to
    an order that rests on the exchange.
    """
    long = plan.side == "LONG"
    if (price > plan.peak) if long else (price < plan.peak):
        plan = replace(plan, peak=price)
    stop, target = plan.stop_loss, plan.take_profit
    if stop is not None and not stop_at_exchange and ((price <= stop) if long else (price >= stop)):
        return plan, "SL"
    if target is not None and ((price >= target) if long else (price <= target)):
        return plan, "TP"
    if plan.trailing_start_roi_pct is not None and plan.trailing_distance_roi_pct is not None:
        peak_roi = roi_pct(plan.side, plan.entry, plan.peak, plan.leverage)
        if peak_roi >= plan.trailing_start_roi_pct:
            given_back = peak_roi - roi_pct(plan.side, plan.entry, price, plan.leverage)
            if given_back >= plan.trailing_distance_roi_pct:
                return plan, "TRAILING"
    if plan.max_hold_ms is not None and market_ms - plan.opened_ms >= plan.max_hold_ms:
        return plan, "TIME"
    return plan, None
