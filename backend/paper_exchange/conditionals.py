"""Conditional orders: accepted, watched and turned into plain orders when the price reaches them."""

from __future__ import annotations

from decimal import Decimal

from backend.paper_exchange.book import Book
from backend.paper_exchange.desk import (
    MAX_OPEN_ALGOS,
    check_client_id,
    check_margin,
    closable,
    closes_only,
    execute,
)
from backend.paper_exchange.errors import VenueError, refuse
from backend.paper_exchange.model import (
    LIMIT_CONDITIONALS,
    PROFIT_TYPES,
    STOP_TYPES,
    Account,
    Algo,
    Order,
)
from backend.paper_exchange.requests import OrderRequest
from backend.paper_exchange.symbols import ZERO, round_to


def rises_to(kind: str, is_buy: bool) -> bool:
    """Whether the order waits for the price to rise to its trigger (else to fall)."""
    return is_buy if kind in STOP_TYPES else not is_buy


def place_algo(book: Book, account: Account, request: OrderRequest) -> Algo:
    """Accepts a conditional order, refusing one that would trigger at once (-2021)."""
    client_id = check_client_id(book, account, request.client_id)
    check_algo(book, account, request)
    price = book.prices.tradable(request.symbol)
    algo = Algo(
        algo_id=book.next_order_id,
        account_id=account.account_id,
        symbol=request.symbol,
        client_id=client_id,
        side=request.side,
        position_side=request.position_side,
        kind=request.kind,
        qty=request.qty,
        trigger=request.trigger,
        price=request.price,
        tif=request.tif,
        reduce_only=request.reduce_only,
        close_position=request.close_position,
        working_type=request.working_type,
        callback_rate=request.callback_rate,
        activate=request.activate or price,
    )
    if algo.kind == "TRAILING_STOP_MARKET":
        _follow(algo, price)
    book.add_algo(account, algo)
    return algo


def check_algo(book: Book, account: Account, request: OrderRequest) -> None:
    """Everything that can be refused about a conditional order."""
    spec = book.specs[request.symbol]
    price = book.prices.tradable(request.symbol)
    if len(account.algos) >= MAX_OPEN_ALGOS:
        raise refuse(-4045)
    if request.kind == "TRAILING_STOP_MARKET":
        wrong = request.activate > price if request.is_buy else ZERO < request.activate < price
        if wrong:
            raise refuse(-4135)
    elif rises_to(request.kind, request.is_buy):
        if price >= request.trigger:
            raise refuse(-2021)
    elif price <= request.trigger:
        raise refuse(-2021)
    if request.close_position:
        if not closable(account, request):
            raise refuse(-4509)
        family = STOP_TYPES if request.kind in STOP_TYPES else PROFIT_TYPES
        for other in account.algos.values():
            same = (other.symbol, other.side, other.position_side) == (
                request.symbol, request.side, request.position_side,
            )  # fmt: skip
            if same and other.close_position and other.kind in family:
                raise refuse(-4130)
    elif closes_only(request):
        if not closable(account, request):
            raise refuse(-2022)
    elif request.qty * (request.price or request.trigger or price) < spec.min_notional:
        raise refuse(-4164, spec.min_notional)


def cancel_algo(book: Book, algo: Algo) -> Algo:
    """Takes a waiting conditional order out (-2011 when it no longer waits)."""
    if not algo.is_open:
        raise refuse(-2011)
    book.set_algo_status(algo, "CANCELED")
    return algo


def reached(algo: Algo, before: Decimal, now: Decimal, continuous: bool) -> Decimal | None:
    """The market price at which the order fires in the step from ``before`` to ``now``; None if it waits.

    On a continuous step that is the trigger itself, after a jump it is where the price landed.
    """
    rises = rises_to(algo.kind, algo.is_buy)
    trigger = algo.trigger
    if algo.kind == "TRAILING_STOP_MARKET":
        rises = algo.is_buy
        if not algo.active:
            return None
        trigger = trail(algo)
    if (now < trigger) if rises else (now > trigger):
        return None
    passed = (before < trigger <= now) if rises else (before > trigger >= now)
    return trigger if continuous and passed else now


def trail(algo: Algo) -> Decimal:
    """The present trigger of an active trailing stop."""
    share = algo.callback_rate / 100
    return algo.extreme * (1 + share if algo.is_buy else 1 - share)


def _follow(algo: Algo, price: Decimal) -> bool:
    """Moves a trailing stop's extreme along; True when something changed."""
    better = price < algo.extreme if algo.is_buy else price > algo.extreme
    if not algo.active:
        if price <= algo.activate if algo.is_buy else price >= algo.activate:
            algo.active, algo.extreme = True, price
            return True
        return False
    if better:
        algo.extreme = price
    return better


def follow_price(book: Book, algo: Algo, price: Decimal) -> None:
    """After a tick that did not fire it, a trailing stop takes the new extreme."""
    if algo.kind == "TRAILING_STOP_MARKET" and _follow(algo, price):
        book.changes.algos[algo.algo_id] = algo


def fire(book: Book, algo: Algo, price: Decimal) -> None:
    """Turns a conditional order into a plain one at market price ``price``.

    It expires when there is nothing left to close, and is rejected when the margin does not suffice.
    """
    account = book.accounts[algo.account_id]
    spec = book.specs[algo.symbol]
    price = round_to(price, spec.tick, up=algo.is_buy)
    algo.trigger_ms = book.wall_ms()
    request = OrderRequest(
        symbol=algo.symbol, side=algo.side, position_side=algo.position_side,
        kind="LIMIT" if algo.kind in LIMIT_CONDITIONALS else "MARKET",
        qty=algo.qty, price=algo.price, tif=algo.tif, reduce_only=algo.reduce_only,
        client_id=algo.client_id, response="RESULT",
    )  # fmt: skip
    qty = algo.qty
    if closes_only(request):
        room = closable(account, request)
        qty = room if algo.close_position else min(qty, room)
    if not qty:
        book.set_algo_status(algo, "EXPIRED")
        return
    taker = spec.taker_price(price, algo.is_buy, book.config.slippage_bps)
    if algo.kind in LIMIT_CONDITIONALS:
        crosses = algo.price >= price if algo.is_buy else algo.price <= price
        edge = min(taker, algo.price) if algo.is_buy else max(taker, algo.price)
        taker = edge if crosses else ZERO
    try:
        check_margin(book, account, request, qty, taker or algo.price)
    except VenueError:
        book.set_algo_status(algo, "REJECTED")
        return
    order = Order(
        order_id=book.next_order_id, account_id=account.account_id, symbol=algo.symbol,
        client_id=algo.client_id, side=algo.side, position_side=algo.position_side, kind=request.kind,
        qty=qty, price=algo.price, tif=algo.tif, reduce_only=algo.reduce_only, orig_kind=algo.kind,
        trigger=algo.trigger, close_position=algo.close_position, algo_id=algo.algo_id,
    )  # fmt: skip
    algo.actual_id = order.order_id
    book.set_algo_status(algo, "TRIGGERED")
    book.triggered[algo.algo_id] = algo
    book.add_order(account, order)
    execute(book, account, order, taker)
    if order.filled:
        algo.actual_price = order.quote / order.filled
