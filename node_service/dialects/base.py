"""What a venue's dialect tells the shared adapter: which request asks what, and what the reply says. No network here.

A `Call` is one of ccxt's implicit methods (one per documented request of the venue) with its parameters; ccxt signs and
sends it, and raises the venue's refusals. Replies are the venue's own JSON: exact decimal texts, so nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

from ..errors import Kind, bad_reply
from ..figures import Market, number, signed_number
from ..orders import BalanceFact, IncomeFact, MarketOrder, OrderFact, PositionFact, StopFact, StopOrder, Trade
from ..venues import Venue, venue_client_id

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


class Dialect(Protocol):
    """One venue's words. Every `*_in` reads a reply and raises `VenueError` when it cannot be believed."""

    venue: Venue

    def clock(self) -> Call: ...
    def clock_in(self, reply: Any) -> int: ...
    def mode(self, market: Market) -> Call: ...
    def mode_in(self, reply: Any) -> bool: ...
    def isolate(self, market: Market) -> Call | None: ...
    def isolated_in(self, reply: Any) -> bool: ...
    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]: ...
    def price(self, market: Market) -> Call | None: ...
    def price_in(self, reply: Any, market: Market) -> Decimal: ...
    def order(self, order: MarketOrder, hedge: bool, price: Decimal) -> Call: ...
    def order_taken(self, reply: Any, order: MarketOrder) -> OrderFact: ...
    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]: ...
    def orders_in(self, reply: Any, market: Market) -> list[OrderFact]: ...
    def stop(self, stop: StopOrder, hedge: bool, price: Decimal) -> Call: ...
    def stop_taken(self, reply: Any) -> str: ...
    def find_stop(self, market: Market, client_id: str) -> list[Call]: ...
    def open_stops(self, market: Market) -> Call: ...
    def stops_in(self, reply: Any, market: Market) -> list[StopFact]: ...
    def cancel_stop(self, market: Market, stop: StopFact) -> Call: ...
    def trades(self, market: Market, order_id: str) -> Call: ...
    def recent_trades(self, market: Market, since_ms: int | None) -> Call: ...
    def trades_in(self, reply: Any, market: Market) -> list[Trade]: ...
    def incomes(self, since_ms: int, limit: int) -> Call: ...
    def incomes_in(self, reply: Any, by_id: ById) -> list[IncomeFact]: ...
    def balance(self) -> Call: ...
    def balance_in(self, reply: Any) -> BalanceFact: ...
    def positions(self) -> Call: ...
    def positions_in(self, reply: Any, by_id: ById) -> list[PositionFact]: ...
    def permissions(self) -> Call | None: ...
    def permissions_in(self, reply: Any) -> dict[str, Any]: ...


def row_of(value: Any, kind: Kind = Kind.READ) -> Mapping[str, Any]:
    """The value as a JSON object."""
    if not isinstance(value, dict):
        raise bad_reply(kind, "not a JSON object")
    return value


def rows_of(value: Any, kind: Kind = Kind.READ) -> list[Mapping[str, Any]]:
    """The value as a list of JSON objects."""
    if not isinstance(value, list):
        raise bad_reply(kind, "not a JSON list")
    return [row_of(row, kind) for row in value]


def only(value: Any, kind: Kind) -> Mapping[str, Any]:
    """The first object of a list that must have one."""
    rows = rows_of(value, kind)
    if not rows:
        raise bad_reply(kind, "an empty list")
    return rows[0]


def id_of(row: Mapping[str, Any], name: str, kind: Kind = Kind.READ) -> str:
    """The row's id, never empty or zero."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or str(value) in ("", "0"):
        raise bad_reply(kind, f"{name} is missing")
    return str(value)


def ms_of(value: Any) -> int:
    """Milliseconds since 1970 out of a text or number; 0 when there are none."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isdigit() and len(text) < 15 else 0


def seconds_to_ms(value: Any) -> int:
    """Milliseconds out of seconds with a fraction."""
    return 0 if value in (None, "") else int(signed_number(value, "time", Kind.READ) * 1000)


def decimal_of(row: Mapping[str, Any], name: str, kind: Kind = Kind.READ) -> Decimal:
    """A signed number of the row; an empty text counts as zero, a missing field does not."""
    value = row.get(name)
    return Decimal(0) if value == "" else signed_number(value, name, kind)


def optional_of(row: Mapping[str, Any], name: str) -> Decimal | None:
    """A signed number, or None where the venue tells none."""
    value = row.get(name)
    return None if value in (None, "") else signed_number(value, name, Kind.READ)


def our_id(venue: Venue, text: Any) -> str:
    """Our client id out of the venue's form; an order without one (made by hand) is known by nothing."""
    shown = text if isinstance(text, str) else ""
    return shown.removeprefix("t-") if venue.client_id_form == "t-" else shown


def contracts_of(market: Market, coins: Decimal) -> Decimal:
    """Coins as the venue counts sizes."""
    return coins / market.contract_size


def whole(value: Decimal) -> int | str:
    """A size as the venue's JSON wants it: an integer where it is one."""
    return int(value) if value == value.to_integral_value() else format(value.normalize(), "f")


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
) -> OrderFact:
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
    return OrderFact(
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


def taken_fact(order: MarketOrder, order_id: str) -> OrderFact:
    """An order that the venue took and tells no more of yet."""
    return OrderFact(
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


def check_echo(venue: Venue, shown: Any, ours: str, kind: Kind) -> None:
    """The reply must be about the order we sent; raises when it names another."""
    if shown not in (None, "") and str(shown) != venue_client_id(venue, ours):
        raise bad_reply(kind, "it is about another order")


def trade_size(row: Mapping[str, Any], name: str, market: Market) -> Decimal:
    """The coins of one execution."""
    return abs(signed_number(row.get(name), name, Kind.READ)) * market.contract_size


def price_of(row: Mapping[str, Any], name: str) -> Decimal:
    """A positive price."""
    return number(row.get(name), name, Kind.READ, positive=True)
