"""From coins and USDT to an order the venue accepts, checked before anything is sent."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from .errors import Reaction, VenueError
from .figures import Market, plain
from .messages import OrderTask
from .orders import LimitOrder, MarketOrder, TriggerOrder


def rounded_quantity(market: Market, coins: Decimal, *, up: bool = False) -> Decimal:
    """Coins as a whole number of steps: down for entries, up for closes counted in contracts."""
    steps = (coins / market.contract_size / market.step).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR)
    return steps * market.step * market.contract_size


def rounded_price(market: Market, price: Decimal) -> Decimal:
    """The nearest multiple of the tick."""
    return (price / market.tick).to_integral_value(ROUND_HALF_UP) * market.tick


def limit_price(market: Market, price: Decimal, side: str) -> Decimal:
    """A multiple of the tick that is never worse than asked: down for a buy, up for a sell."""
    return (price / market.tick).to_integral_value(ROUND_FLOOR if side == "BUY" else ROUND_CEILING) * market.tick


def as_limit(order: MarketOrder, price: Decimal) -> LimitOrder:
    """The sized order, resting at its price."""
    return LimitOrder(
        order.market, order.side, order.position_side, order.quantity, order.reduces, order.client_order_id,
        limit_price(order.market, price, order.side),
    )  # fmt: skip


def as_trigger(order: MarketOrder, trigger_price: Decimal, kind: str) -> TriggerOrder:
    """The sized order, waiting for its trigger."""
    return TriggerOrder(
        order.market, order.side, order.position_side, order.quantity, order.reduces, order.client_order_id,
        rounded_price(order.market, trigger_price), kind,
    )  # fmt: skip


def sized(market: Market, task: OrderTask) -> MarketOrder:
    """The order in the venue's steps; raises `VenueError` FIX_INPUT when the venue would refuse the size."""
    coins = task.quantity
    if coins is None:
        assert task.amount_usdt is not None and task.reference_price is not None
        coins = task.amount_usdt / task.reference_price
    quantity = rounded_quantity(market, coins, up=not task.is_entry and market.contract_size != 1)
    problem = ""
    if quantity <= 0 or quantity < market.min_quantity:
        least = max(market.min_quantity, market.step * market.contract_size)
        problem = f"{plain(coins)} is below the smallest order of {plain(least)} {task.symbol.partition('/')[0]}."
    elif market.max_quantity is not None and quantity > market.max_quantity:
        problem = f"{plain(quantity)} is above the largest order of {plain(market.max_quantity)}."
    if problem:
        raise VenueError(Reaction.FIX_INPUT, "BAD_SIZE", problem)
    if task.is_entry and task.reference_price and quantity * task.reference_price < market.min_notional:
        raise VenueError(
            Reaction.FIX_INPUT,
            "BELOW_MINIMUM",
            f"The order is below the minimum of {plain(market.min_notional)} USDT.",
        )
    return MarketOrder(market, task.side, task.position_side, quantity, not task.is_entry, task.client_order_id)
