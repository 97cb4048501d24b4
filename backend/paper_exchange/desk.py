"""The order desk: accepts, fills and cancels plain orders, and changes account settings."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from decimal import Decimal

from backend.paper_exchange.book import Book
from backend.paper_exchange.errors import refuse
from backend.paper_exchange.margin import opening_part, order_margin
from backend.paper_exchange.model import Account, Order
from backend.paper_exchange.requests import OrderRequest
from backend.paper_exchange.symbols import ZERO, SymbolSpec, round_to

MAX_OPEN_ORDERS = 200
MAX_OPEN_ALGOS = 100
# A limit may lie this far on its own side of the market, as in the venue's PERCENT_PRICE filter.
PRICE_BAND = Decimal("0.15")


def check_client_id(book: Book, account: Account, client_id: str | None) -> str:
    """The order's client id, made up when absent; -4116 when it is taken."""
    if client_id is None:
        return secrets.token_urlsafe(16)[:22]
    if any(o.client_id == client_id for o in account.orders.values()) or any(
        a.client_id == client_id for a in account.algos.values()
    ):
        raise refuse(-4116)
    if book.config.strict_client_ids and book.client_id_used(account.account_id, client_id):
        raise refuse(-4116)
    return client_id


def closable(account: Account, request: OrderRequest) -> Decimal:
    """How much the order could close of the position it points at."""
    position = account.positions.get((request.symbol, request.position_side))
    if position is None or not position.amount or (position.amount > 0) == request.is_buy:
        return ZERO
    return abs(position.amount)


def closes_only(request: OrderRequest) -> bool:
    """Whether the order may only reduce: reduceOnly, or the closing direction in hedge mode."""
    if request.position_side == "BOTH":
        return request.reduce_only
    return (request.position_side == "LONG") != request.is_buy


def fillable(account: Account, order: Order) -> Decimal:
    """How much of a working order may still trade: its rest, but no more than it could close if it may only close."""
    reduces = order.reduce_only if order.position_side == "BOTH" else (order.position_side == "LONG") != order.is_buy
    if not reduces:
        return order.rest
    position = account.positions.get((order.symbol, order.position_side))
    if position is None or not position.amount or (position.amount > 0) == order.is_buy:
        return ZERO
    return min(order.rest, abs(position.amount))


def check_order(book: Book, account: Account, request: OrderRequest) -> tuple[Decimal, Decimal]:
    """Everything that can be refused about a plain order; returns (quantity, price it may trade at).

    A reduce-only quantity above the position is cut to it.
    """
    spec = book.specs[request.symbol]
    price = book.prices.tradable(request.symbol)
    taker = spec.taker_price(price, request.is_buy, book.config.slippage_bps)
    reference = request.price or price
    if request.kind == "LIMIT":
        _check_band(spec, request, price)
    qty = request.qty
    if closes_only(request):
        room = closable(account, request)
        if not room or (request.position_side != "BOTH" and qty > room):
            raise refuse(-2022)
        qty = min(qty, room)
    elif qty * reference < spec.min_notional:
        raise refuse(-4164, spec.min_notional)
    if len(account.orders) >= MAX_OPEN_ORDERS:
        raise refuse(-2025)
    crosses = request.kind == "MARKET" or (request.price >= price if request.is_buy else request.price <= price)
    if request.kind == "LIMIT":
        if crosses and request.tif == "GTX":
            raise refuse(-5022)
        if not crosses and request.tif == "FOK":
            raise refuse(-5021)
        taker = min(taker, request.price) if request.is_buy else max(taker, request.price)
    cost_price = taker if crosses else request.price
    check_margin(book, account, request, qty, cost_price)
    return qty, taker if crosses else ZERO


def check_margin(book: Book, account: Account, request: OrderRequest, qty: Decimal, price: Decimal) -> None:
    """-2027 above the bracket of the leverage, -2019 without the margin and fee for the opening part."""
    opening = (
        ZERO
        if closes_only(request)
        else opening_part(account, request.symbol, request.position_side, request.is_buy, qty)
    )
    if not opening:
        return
    spec = book.specs[request.symbol]
    setting = account.setting(request.symbol)
    position = account.positions.get((request.symbol, request.position_side))
    same_way = position is not None and (position.amount > 0) == request.is_buy
    held = abs(position.amount) if position is not None and same_way else ZERO
    if (held + opening) * price > spec.cap_at(setting.leverage):
        raise refuse(-2027)
    free = book.summary(account).available
    if position is not None and position.amount and not same_way:
        free += position.margin or abs(position.amount) * price / setting.leverage
    fee = qty * price * book.config.taker_fee_bps / 10_000
    if opening * price / setting.leverage + fee > free:
        raise refuse(-2019)


def _check_band(spec: SymbolSpec, request: OrderRequest, price: Decimal) -> None:
    top = round_to(price * (1 + PRICE_BAND), spec.tick, up=False)
    bottom = round_to(price * (1 - PRICE_BAND), spec.tick, up=True)
    if request.is_buy and request.price > top:
        raise refuse(-4016, top)
    if not request.is_buy and request.price < bottom:
        raise refuse(-4024, bottom)


def place(
    book: Book,
    account: Account,
    request: OrderRequest,
    fractions: Sequence[Decimal] = (),
    *,
    over_ticks: bool = False,
) -> Order:
    """Accepts a plain order and fills what can be filled at once.

    ``fractions`` splits the fill into parts of the quantity; parts that do not add up to 1 leave the rest
    unfilled. With ``over_ticks`` only the first part trades now, the others one per tick.
    """
    client_id = check_client_id(book, account, request.client_id)
    qty, taker_price = check_order(book, account, request)
    order = Order(
        order_id=book.next_order_id,
        account_id=account.account_id,
        symbol=request.symbol,
        client_id=client_id,
        side=request.side,
        position_side=request.position_side,
        kind=request.kind,
        qty=qty,
        price=request.price,
        tif=request.tif,
        reduce_only=request.reduce_only,
        orig_kind=request.kind,
    )
    book.add_order(account, order)
    execute(book, account, order, taker_price, fractions, over_ticks=over_ticks)
    return order


def execute(
    book: Book,
    account: Account,
    order: Order,
    taker_price: Decimal,
    fractions: Sequence[Decimal] = (),
    *,
    over_ticks: bool = False,
) -> None:
    """Fills a fresh order at ``taker_price`` (0 = it does not cross) and settles what is left of it."""
    if not taker_price:
        if order.tif == "IOC":
            book.set_status(order, "EXPIRED")
        return
    parts = split(order.qty, fractions, book.specs[order.symbol].step) if fractions else [order.qty]
    if over_ticks and len(parts) > 1:
        book.fill(account, order, parts[0], taker_price, maker=False)
        if order.is_open:
            order.waiting = parts[1:]
        return
    for part in parts:
        if order.is_open:
            book.fill(account, order, part, taker_price, maker=False)
    if order.is_open and (order.kind == "MARKET" or order.tif in ("IOC", "FOK")):
        book.set_status(order, "EXPIRED")


def split(qty: Decimal, fractions: Sequence[Decimal], step: Decimal) -> list[Decimal]:
    """Cuts a quantity into step-sized parts; the last one takes the rounding when the fractions sum to 1."""
    parts = [round_to(qty * fraction, step, up=False) for fraction in fractions]
    if sum(fractions, ZERO) == 1:
        parts[-1] += qty - sum(parts, ZERO)
    return [part for part in parts if part > 0]


def cancel(book: Book, order: Order) -> Order:
    """Takes an open order out of the book (-2011 when it is not open)."""
    if not order.is_open:
        raise refuse(-2011)
    order.waiting.clear()
    book.set_status(order, "CANCELED")
    return order


def amend(book: Book, account: Account, order: Order, qty: Decimal, price: Decimal) -> Order:
    """Changes quantity and price of a resting limit order; it fills at once when it now crosses."""
    if not order.is_open or order.kind != "LIMIT":
        raise refuse(-2013)
    if qty == order.qty and price == order.price:
        raise refuse(-5027)
    if qty <= order.filled:
        return cancel(book, order)
    spec, now = book.specs[order.symbol], book.prices.tradable(order.symbol)
    if qty * price < spec.min_notional and not order.reduce_only:
        raise refuse(-4164, spec.min_notional)
    crosses = price >= now if order.is_buy else price <= now
    if crosses and order.tif == "GTX":
        raise refuse(-5022)
    before, free, kept = (order.qty, order.price), book.summary(account).available, order_margin(account, order)
    order.qty, order.price = qty, price
    if order_margin(account, order) - kept > free:
        order.qty, order.price = before
        raise refuse(-2019)
    book.set_status(order, order.status)
    room = fillable(account, order)
    if crosses and room:
        taker = spec.taker_price(now, order.is_buy, book.config.slippage_bps)
        edge = min(taker, price) if order.is_buy else max(taker, price)
        book.fill(account, order, room, edge, maker=False)
    return order


def set_leverage(book: Book, account: Account, spec: SymbolSpec, leverage: int) -> Decimal:
    """Sets the leverage; returns the largest notional allowed at it."""
    if not 1 <= leverage <= spec.brackets[0].max_leverage:
        raise refuse(-4028, leverage)
    setting = account.setting(spec.symbol)
    held = [p for p in account.held() if p.symbol == spec.symbol]
    price = book.prices.last(spec.symbol)
    cap = spec.cap_at(leverage)
    if any(abs(p.amount) * price > cap for p in held):
        raise refuse(-2027)
    if leverage < setting.leverage and held:
        if setting.isolated:
            raise refuse(-4161)
        extra = sum((abs(p.amount) * price / leverage - abs(p.amount) * price / setting.leverage for p in held), ZERO)
        if extra > book.summary(account).available:
            raise refuse(-2019)
    setting.leverage = leverage
    book.touch(account)
    return cap


def set_margin_type(book: Book, account: Account, spec: SymbolSpec, isolated: bool) -> None:
    """Switches a symbol between cross and isolated; only while it has neither position nor order."""
    setting = account.setting(spec.symbol)
    if setting.isolated == isolated:
        raise refuse(-4046)
    if _has_orders(account, spec.symbol):
        raise refuse(-4047)
    if any(p.symbol == spec.symbol for p in account.held()):
        raise refuse(-4048)
    setting.isolated = isolated
    book.touch(account)


def set_dual(book: Book, account: Account, dual: bool) -> None:
    """Switches between one-way and hedge mode; only while the account is empty."""
    if account.dual == dual:
        raise refuse(-4059)
    if account.orders or account.algos:
        raise refuse(-4067)
    if account.held():
        raise refuse(-4068)
    account.dual = dual
    book.touch(account)


def _has_orders(account: Account, symbol: str) -> bool:
    return any(o.symbol == symbol for o in account.orders.values()) or any(
        a.symbol == symbol for a in account.algos.values()
    )
