"""What a small recorded venue keeps: one market, one account, orders that fill at once or rest, stops that wait.

It plays the documented answers of a venue, so that the request our table makes is checked field by field and the reply
is read as the venue writes it. It is no simulation of a market: the price stands.
"""

from __future__ import annotations

import itertools
import json
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import web

PRICE = Decimal(60000)
FEE_RATE = Decimal("0.0005")
NOW_MS = 1_760_000_000_000


class Refusal(Exception):
    """A documented refusal: HTTP status and body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    params: Any


@dataclass
class Order:
    """One order; `size` in the venue's own units, `held` the side of the position it changes."""

    client_id: str
    order_id: int
    side: str
    size: Decimal
    held: str
    reduces: bool
    price: str = ""  # of a limit order
    filled: Decimal = Decimal(0)
    state: str = "open"  # open | filled | cancelled

    @property
    def buys(self) -> bool:
        """Whether it buys, in the words of any venue."""
        return self.side in ("buy", "Buy", "B")

    @property
    def fee(self) -> Decimal:
        """What its only trade cost, for one coin a unit."""
        return self.filled * PRICE * FEE_RATE

    @property
    def average(self) -> str:
        """The average price, "" while nothing is filled."""
        return text(PRICE) if self.filled else ""


@dataclass
class Stop:
    """An order that waits for its trigger; `size` None closes all of the side that is `held`."""

    client_id: str
    order_id: int
    held: str
    trigger: str
    size: Decimal | None
    leg: str = "loss"  # loss | profit | entry
    state: str = "open"  # open | fired | cancelled
    fired: Order | None = None  # what it became

    @property
    def buys(self) -> bool:
        """Whether it will buy."""
        return (self.held == "long") == (self.leg == "entry")

    @property
    def rises(self) -> bool:
        """Whether the price must rise to the trigger."""
        return Decimal(self.trigger) > PRICE


@dataclass
class Book:
    """The account."""

    hedge: bool = False
    orders: list[Order] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    held: dict[str, Decimal] = field(default_factory=dict)
    leverage: str = ""
    isolated: bool = False
    _ids: Any = field(default_factory=lambda: itertools.count(700_001))

    def take(
        self, client_id: str, side: str, size: Decimal, held: str, *, reduces: bool, price: str = ""
    ) -> Order | None:
        """Fill an order, or let it rest at its ``price``; None when there is nothing to reduce."""
        if reduces and self.held.get(held, Decimal(0)) < size:
            return None
        order = Order(client_id, next(self._ids), side, size, held, reduces, price)
        if not price or (Decimal(price) >= PRICE if order.buys else Decimal(price) <= PRICE):
            self.fill(order, size)
        self.orders.append(order)
        return order

    def fill(self, order: Order, size: Decimal) -> None:
        """Fill so much of an order."""
        order.filled += size
        order.state = "filled" if order.filled == order.size else "open"
        self.held[order.held] = self.held.get(order.held, Decimal(0)) + (-size if order.reduces else size)

    def cancel(self, client_id: str) -> Order | None:
        """Take a resting order off; None when none rests."""
        order = self.order(client_id)
        if order is None or order.state != "open":
            return None
        order.state = "cancelled"
        return order

    def wait(self, client_id: str, held: str, trigger: str, size: Decimal | None, leg: str = "loss") -> Stop:
        """Keep a conditional order. A protective leg must lie on its own side of the price."""
        stop = Stop(client_id, next(self._ids), held, trigger, size, leg)
        assert leg == "entry" or stop.rises == ((held == "long") == (leg == "profit")), "it would trigger at once"
        self.stops.append(stop)
        return stop

    def fire(self, stop: Stop, side: str, *, same_id: bool = False) -> Order:
        """The price has taken it: a market order of its own number, or of the same."""
        size, reduces = stop.size or self.held[stop.held], stop.leg != "entry"
        order = Order(stop.client_id if same_id else "", stop.order_id if same_id else next(self._ids), side, size, stop.held, reduces)
        self.fill(order, size)
        self.orders.append(order)
        stop.state, stop.fired = "fired", order
        return order

    def trades(self, order_id: str | None) -> list[Order]:
        """The orders with a trade: of one number, or all."""
        return [o for o in self.orders if o.filled and order_id in (None, str(o.order_id))]

    def order(self, client_id: str = "", order_id: str = "") -> Order | None:
        """The order of an id."""
        return next((o for o in self.orders if o.client_id == client_id or str(o.order_id) == order_id), None)

    def stop(self, client_id: str = "", order_id: str = "") -> Stop | None:
        """The stop of an id."""
        return next((s for s in self.stops if s.client_id == client_id or str(s.order_id) == order_id), None)

    def open_stops(self) -> list[Stop]:
        """The stops that wait."""
        return [stop for stop in self.stops if stop.state == "open"]


class RecordedVenue(ABC):
    """A venue's REST door on a free port. Use as ``async with Okx() as venue``; `seen` lists the signed requests."""

    code = ""
    key_header = ""
    orders_path = ""  # where orders are sent to

    def __init__(self, *, hedge: bool = False) -> None:
        self.book = Book(hedge=hedge)
        self.seen: list[Seen] = []
        self.cut_next = ""  # the next request to this path is executed, and its reply lost
        self.base_url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> RecordedVenue:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        params: Any = dict(request.query)
        if text and request.method != "GET":
            body = json.loads(text)
            params = params | body if isinstance(body, dict) else body
        if self.signed(request, params):
            self.seen.append(Seen(request.method, request.path, params))
        try:
            answer, status = self.answer(request.method, request.path, params), 200
        except Refusal as refusal:
            answer, status = refusal.body, refusal.status
        if self.cut_next and request.path == self.cut_next and request.method == "POST":
            self.cut_next = ""
            return web.Response(text="", content_type="application/json")
        return web.json_response(answer, status=status)

    def fire(self, stop: Stop) -> Order:
        """The price has taken a stop, whose side is said in this venue's word."""
        return self.book.fire(stop, "buy" if stop.buys else "sell")

    def signed(self, request: web.Request, params: Any) -> bool:
        """Whether the request carries the account's key."""
        return self.key_header in request.headers

    @abstractmethod
    def answer(self, method: str, path: str, params: Any) -> Any:
        """The documented reply; raises `Refusal`."""

    def writes(self, path: str) -> list[Any]:
        """The parameters of every signed POST or DELETE to a path that ends so."""
        return [seen.params for seen in self.seen if seen.method != "GET" and seen.path.endswith(path)]


def now_ms() -> str:
    """The venue's clock."""
    return str(int(time.time() * 1000))


def text(value: Decimal) -> str:
    """A number as venues write it."""
    return format(value.normalize(), "f") if value else "0"
