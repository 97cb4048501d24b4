"""Position arithmetic: average cost, realised profit per trade, unrealised profit. Pure and exact.

A position's ``side`` is LONG or SHORT and its ``quantity`` is coins, never negative. A trade on the opening side (BUY
for LONG, SELL for SHORT) adds, the other side reduces. Profit is gross of fees and funding. Two results cannot always
be finite decimals: the average cost of an addition and a profit with more than 18 places. They are rounded half-even
to 18 places, as stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

ZERO = Decimal(0)
_PLACES = Decimal(1).scaleb(-18)
_WIDE = Context(prec=80, rounding=ROUND_HALF_EVEN)


class InvalidTrade(ValueError):
    """The trade does not fit the position: a bad side, price or quantity, or more reduced than is open."""


@dataclass(frozen=True, slots=True)
class PositionState:
    """An open position, or a flat one with quantity and average cost 0."""

    side: str
    quantity: Decimal = ZERO
    avg_cost: Decimal = ZERO

    def __post_init__(self) -> None:
        if self.side not in ("LONG", "SHORT"):
            raise InvalidTrade(f"a position is LONG or SHORT, not {self.side!r}")

    @property
    def opening_side(self) -> str:
        """The order side that adds to this position."""
        return "BUY" if self.side == "LONG" else "SELL"


def apply_trade(
    state: PositionState, trade_side: str, quantity: Decimal, price: Decimal
) -> tuple[PositionState, Decimal]:
    """The position after one trade and the profit it realised (0 when it adds). Raises ``InvalidTrade``."""
    if trade_side not in ("BUY", "SELL"):
        raise InvalidTrade(f"a trade is BUY or SELL, not {trade_side!r}")
    if not (quantity.is_finite() and price.is_finite()) or quantity <= 0 or price <= 0:
        raise InvalidTrade("quantity and price of a trade must be finite and more than zero")
    if trade_side == state.opening_side:
        return add(state, quantity, price), ZERO
    return reduce(state, quantity, price)


def add(state: PositionState, quantity: Decimal, price: Decimal) -> PositionState:
    """Open or enlarge: the average cost is weighted by quantity."""
    with localcontext(_WIDE):
        total = state.quantity + quantity
        cost = state.quantity * state.avg_cost + quantity * price
        average = price if state.quantity == 0 else _stored(cost / total)
        return replace(state, quantity=total, avg_cost=average)


def reduce(state: PositionState, quantity: Decimal, price: Decimal) -> tuple[PositionState, Decimal]:
    """Reduce or close: the average cost of what stays does not change; flat means average cost 0."""
    if quantity > state.quantity:
        raise InvalidTrade(f"{quantity} cannot be reduced from an open quantity of {state.quantity}")
    with localcontext(_WIDE):
        realized = unrealized_pnl(replace(state, quantity=quantity), price)
        left = state.quantity - quantity
        return replace(state, quantity=left, avg_cost=state.avg_cost if left else ZERO), realized


def unrealized_pnl(state: PositionState, price: Decimal) -> Decimal:
    """Profit or loss, gross of fees, if all of it were closed at ``price``."""
    with localcontext(_WIDE):
        move = price - state.avg_cost if state.side == "LONG" else state.avg_cost - price
        return _stored(move * state.quantity)


def roi(state: PositionState, price: Decimal, leverage: int) -> Decimal:
    """Unrealised return on the margin as a fraction (0.1 = 10 %); 0 when flat."""
    if state.quantity == 0 or state.avg_cost == 0:
        return ZERO
    with localcontext(_WIDE):
        move = price - state.avg_cost if state.side == "LONG" else state.avg_cost - price
        return _stored(move / state.avg_cost * leverage)


def _stored(value: Decimal) -> Decimal:
    rounded = value.quantize(_PLACES, context=_WIDE)
    return rounded.normalize(_WIDE) if rounded else ZERO
