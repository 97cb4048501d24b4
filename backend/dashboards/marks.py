"""Prices as last published in this process, for figures that need a mark."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from backend.live import hub
from backend.models import Position


def marks() -> dict[str, Decimal]:
    """Latest price by symbol; empty until the market spoke."""
    table = hub.snapshot("market").get("prices", {})
    found: dict[str, Decimal] = {}
    for symbol, text in table.items():
        try:
            found[symbol] = Decimal(str(text))
        except InvalidOperation:
            continue
    return found


def unrealized(position: Position, mark: Decimal | None) -> Decimal | None:
    """Profit of an open position at ``mark``; None without a mark."""
    if mark is None:
        return None
    sign = 1 if position.position_side == "LONG" else -1
    return (mark - position.avg_cost) * position.quantity * sign


def margin(position: Position) -> Decimal:
    """What the position ties up: notional at entry over leverage."""
    return position.avg_cost * position.quantity / max(position.leverage, 1)


def roi(position: Position, mark: Decimal | None) -> Decimal | None:
    """Unrealised profit over margin, as a ratio."""
    profit, tied = unrealized(position, mark), margin(position)
    return profit / tied if profit is not None and tied else None


def at_risk(position: Position) -> Decimal | None:
    """What is lost from entry if the stop fills; None without a stop, 0 when the stop is in profit."""
    if position.stop_loss is None:
        return None
    sign = 1 if position.position_side == "LONG" else -1
    return max(Decimal(0), (position.avg_cost - position.stop_loss) * position.quantity * sign)


def total_unrealized(positions: list[Position], prices: Mapping[str, Decimal]) -> Decimal:
    """Sum over the positions that have a mark."""
    return sum((unrealized(p, prices.get(p.symbol)) or Decimal(0) for p in positions), Decimal(0))
