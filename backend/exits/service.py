"""The centre's watch over open positions: peaks, take profit, trailing and time exits.

The stop loss rests on the exchange from the moment of entry; the centre closes at the stop itself only where no
such order exists, and as a second line when price stays beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, cast

from sqlmodel import Session, col, select

from backend.bots.rules import BotConfig
from backend.clock import from_ms, to_ms, utcnow
from backend.execution.service import write_close
from backend.exits.rules import ExitConfig, ExitPlan, on_tick
from backend.models import Order, Position

HOUR_MS = 3_600_000


def exit_config(config: BotConfig) -> ExitConfig:
    """A bot's exit settings in the words of the exit rules."""
    return ExitConfig(
        stop_loss_roi_pct=config.stop_loss_roi,
        take_profit_roi_pct=config.take_profit_roi,
        trailing_start_roi_pct=config.trailing_start_roi,
        trailing_distance_roi_pct=config.trailing_distance_roi,
        max_hold_ms=config.max_hold_hours * HOUR_MS if config.max_hold_hours else None,
    )


def position_fields(config: BotConfig) -> dict[str, Any]:
    """The exit settings a fresh position keeps for its life, whatever the bot's settings become."""
    exits = exit_config(config)
    return {
        "trailing_start_roi": exits.trailing_start_roi_pct,
        "trailing_distance_roi": exits.trailing_distance_roi_pct,
        "max_hold_ms": exits.max_hold_ms,
    }


def plan_of(position: Position) -> ExitPlan:
    """The exit plan of an open position as stored."""
    return ExitPlan(
        side=cast(Literal["LONG", "SHORT"], position.position_side),
        entry=position.entry_price,
        leverage=Decimal(position.leverage),
        opened_ms=to_ms(position.opened_market_at),
        peak=position.peak_price or position.entry_price,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        trailing_start_roi_pct=position.trailing_start_roi,
        trailing_distance_roi_pct=position.trailing_distance_roi,
        max_hold_ms=position.max_hold_ms,
    )


@dataclass(frozen=True)
class Watched:
    """What one look at the prices found."""

    exits: list[Order]
    stop_crossed: list[int]
    watched: int


def watch(session: Session, prices: Mapping[str, Decimal], market_ms: int) -> Watched:
    """Check every open position against the last prices; write close intents where an exit is due.

    Positions without a price are left for the next look. ``stop_crossed`` names positions whose resting stop
    should have been triggered by now: the caller asks the exchange.
    """
    positions = session.exec(
        select(Position).where(Position.status == "OPEN", Position.quantity != 0).order_by(col(Position.id))
    ).all()
    exits: list[Order] = []
    crossed: list[int] = []
    for position in positions:
        price = prices.get(position.symbol)
        if price is None or position.quantity <= 0 or position.entry_price <= 0:
            continue
        plan = plan_of(position)
        resting = position.stop_status == "OPEN"
        after, reason = on_tick(plan, price, market_ms, stop_at_exchange=resting)
        if after.peak != plan.peak:
            position.peak_price, position.updated_at = after.peak, utcnow()
            session.add(position)
        if resting and _beyond(plan, price):
            # The exchange closes this one by itself; closing it here as well would only be refused.
            assert position.id is not None
            crossed.append(position.id)
        elif reason is not None:
            order = write_close(session, position, reason, price=price, market_at=from_ms(market_ms))
            if order is not None:
                exits.append(order)
    session.flush()
    return Watched(exits, crossed, len(positions))


def _beyond(plan: ExitPlan, price: Decimal) -> bool:
    if plan.stop_loss is None:
        return False
    return price <= plan.stop_loss if plan.side == "LONG" else price >= plan.stop_loss
