"""What a venue's dialect tells the shared adapter: which request asks what, and what the reply says. No network here.

A `Call` is one of ccxt's implicit methods (one per documented request of the venue) with its parameters; ccxt signs and
sends it, and raises the venue's refusals. Replies are the venue's own JSON: exact decimal texts, so nothing is rounded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from .. import orders
from ..errors import Kind, bad_reply
from ..figures import Market
from ..venues import Venue, venue_client_id
from .row import Row

ById = Callable[[str], Market | None]
OPEN: Final = "open"  # may still change
DONE: Final = "done"  # filled, to the last step
ENDED: Final = "ended"  # cancelled or expired, with or without a part filled
REFUSED: Final = "refused"
LOST: Final = {"error_code": "NOT_OFFERED", "error": "The exchange does not tell this.", "venue_code": None}


@dataclass(frozen=True, slots=True)
class Call:
    """One request: ccxt's implicit method and its parameters (or what makes them on the client with the key)."""

    endpoint: str
    params: Any
    weight: int = 1


class Dialect(ABC):
    """One venue's words. Every `*_in` reads a reply and raises `VenueError` when it cannot be believed.

    What has a body here holds for most venues; a dialect says it anew where its venue differs.
    """

    venue: Venue
    symbol_field = "symbol"  # where a row names its symbol
    size_field = "size"  # where a position's row tells how much is held

    # --- the account ----------------------------------------------------------------------------------------------

    @abstractmethod
    def clock(self) -> Call: ...

    @abstractmethod
    def clock_in(self, reply: Any) -> int: ...

    @abstractmethod
    def mode(self, market: Market) -> Call: ...

    @abstractmethod
    def mode_in(self, reply: Any) -> bool:
        """Whether the account is in hedge mode."""

    def isolate(self, market: Market) -> Call | None:
        """What makes or shows the margin isolated; None where the order or its leverage says it."""
        return None

    def isolated_in(self, reply: Any) -> bool:
        return True

    @abstractmethod
    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]: ...

    def price(self, market: Market) -> Call | None:
        """What asks for the price a market order is bound to; None where market orders need none."""
        return None

    def price_in(self, reply: Any, market: Market) -> Decimal:
        return Decimal(0)

    # --- orders ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def order(self, order: orders.MarketOrder, hedge: bool, price: Decimal) -> Call:
        """A market order, or the `LimitOrder` it is. `price` is the answer to `price`."""

    @abstractmethod
    def order_taken(self, reply: Any, order: orders.MarketOrder) -> orders.OrderFact: ...

    @abstractmethod
    def cancel(self, market: Market, client_id: str) -> Call:
        """Takes a resting order off."""

    @abstractmethod
    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]: ...

    @abstractmethod
    def orders_in(self, reply: Any, market: Market) -> list[orders.OrderFact]: ...

    @abstractmethod
    def trades(self, market: Market, order_id: str) -> Call: ...

    @abstractmethod
    def recent_trades(self, market: Market, since_ms: int | None) -> Call: ...

    @abstractmethod
    def trades_in(self, reply: Any, market: Market) -> list[orders.Trade]: ...

    # --- conditional orders ---------------------------------------------------------------------------------------

    @abstractmethod
    def stop(self, stop: orders.StopOrder, hedge: bool) -> Call:
        """A stop or a take-profit of a position."""

    @abstractmethod
    def trigger(self, order: orders.TriggerOrder, hedge: bool) -> Call:
        """An entry that waits for its trigger."""

    @abstractmethod
    def stop_taken(self, reply: Any) -> str:
        """The venue's id of a conditional order it took; "" where the reply does not tell it."""

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        """What asks for a conditional order by our id, one after the other until it is found."""
        assert self.venue.stop_is_order
        return self.find(market, client_id, "")

    @abstractmethod
    def open_stops(self, market: Market) -> list[Call]: ...

    @abstractmethod
    def stops_in(self, reply: Any, market: Market) -> list[orders.StopFact]: ...

    @abstractmethod
    def cancel_stop(self, market: Market, stop: orders.StopFact) -> Call: ...

    # --- facts of the account -------------------------------------------------------------------------------------

    @abstractmethod
    def incomes(self, since_ms: int, limit: int) -> Call: ...

    @abstractmethod
    def incomes_in(self, reply: Any, by_id: ById) -> list[orders.IncomeFact]: ...

    @abstractmethod
    def balance(self) -> Call: ...

    @abstractmethod
    def balance_in(self, reply: Any) -> orders.BalanceFact: ...

    @abstractmethod
    def positions(self) -> Call: ...

    @abstractmethod
    def position_rows(self, reply: Any) -> list[Row]: ...

    @abstractmethod
    def position(self, row: Row, market: Market, size: Decimal) -> orders.PositionFact:
        """An open position; `size` is what its row tells, with its sign, never zero."""

    def positions_in(self, reply: Any, by_id: ById) -> list[orders.PositionFact]:
        """The open positions; rows of flat positions and of contracts we do not trade are passed over."""
        found = []
        for row in self.position_rows(reply):
            market, size = by_id(row.text(self.symbol_field)), row.decimal(self.size_field)
            if market is not None and size:
                found.append(self.position(row, market, size))
        return found

    @abstractmethod
    def permissions(self) -> Call | None:
        """What asks for the rights of the key; None where the venue does not tell them."""

    @abstractmethod
    def permissions_in(self, reply: Any) -> dict[str, Any]: ...

    # --- what dialects share --------------------------------------------------------------------------------------

    def of(self, market: Market, rows: Iterable[Row]) -> list[Row]:
        """The rows about this symbol."""
        return [row for row in rows if row.text(self.symbol_field) == market.venue_id]

    def check_echo(self, shown: str, ours: str) -> None:
        """The reply must be about the order we sent; raises when it names another."""
        if shown and shown != venue_client_id(self.venue, ours):
            raise bad_reply(Kind.WRITE, "it is about another order")


def contracts_of(market: Market, coins: Decimal) -> Decimal:
    """Coins as the venue counts sizes."""
    return coins / market.contract_size


def rises(order: orders.StopOrder | orders.TriggerOrder) -> bool:
    """Whether the price must rise to the trigger, else it must fall."""
    return (order.side == "BUY") == (order.kind == "STOP_MARKET")


def kind_of(side: str, rising: bool) -> str:
    """What a conditional order of a side is, by the way the price must take to it."""
    return "STOP_MARKET" if (side == "BUY") == rising else "TAKE_PROFIT_MARKET"


def order_fact(
    market: Market,
    *,
    client_order_id: str,
    order_id: str,
    state: str | None,
    size: Decimal,
    filled: Decimal,
    average: Decimal | None,
    side: str,
    time_ms: int,
    kind: Kind = Kind.READ,
) -> orders.OrderFact:
    """A believable order; sizes in the venue's units. `average` None: only the trades tell it."""
    if state is None:
        raise bad_reply(kind, "unknown order status")
    if side not in ("BUY", "SELL"):
        raise bad_reply(kind, "an order without side")
    if filled < 0 or filled > size or (state == DONE and filled != size):
        raise bad_reply(kind, "quantities do not fit")
    if filled and average is not None and average <= 0:
        raise bad_reply(kind, "filled without a price")
    if state == REFUSED and not filled:
        name = "REJECTED"
    elif filled:
        name = "FILLED" if filled == size and state != OPEN else "PARTIAL"
    else:
        name = "OPEN" if state == OPEN else "CANCELED"
    return orders.OrderFact(
        client_order_id=client_order_id,
        exchange_order_id=order_id,
        status=name,
        final=state != OPEN,
        quantity=size * market.contract_size,
        filled=filled * market.contract_size,
        average=average if filled and average is not None else Decimal(0),
        side=side,
        time_ms=time_ms,
    )


def taken_fact(order: orders.MarketOrder, order_id: str) -> orders.OrderFact:
    """An order that the venue took and tells no more of yet."""
    return orders.OrderFact(
        client_order_id=order.client_order_id,
        exchange_order_id=order_id,
        status="OPEN",
        final=False,
        quantity=order.quantity,
        filled=Decimal(0),
        average=Decimal(0),
        side=order.side,
        time_ms=0,
    )


def income_facts(
    parts: Iterable[tuple[str, Decimal]], market: Market | None, *, income_id: str, currency: str, time_ms: int
) -> list[orders.IncomeFact]:
    """The lines of the income record that one row of the venue stands for: (type, amount) each; none for zero."""
    symbol = market.symbol if market else ""
    return [orders.IncomeFact(income_id, name, amount, currency, symbol, time_ms) for name, amount in parts if amount]
