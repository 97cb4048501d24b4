"""One tick of the market: funding, conditional and resting orders along the path, then liquidations."""

from __future__ import annotations

from decimal import Decimal

from backend.paper_exchange.book import Book
from backend.paper_exchange.conditionals import fire, follow_price, reached
from backend.paper_exchange.desk import fillable
from backend.paper_exchange.margin import backing_of, liquidation_price, summarize
from backend.paper_exchange.model import Account, Algo, Order, Position
from backend.paper_exchange.sources.base import FUNDING_MS
from backend.paper_exchange.symbols import ZERO, money, round_to


def on_tick(book: Book, funding_from_ms: int) -> None:
    """Applies the present tick. ``funding_from_ms`` is the market time of the tick before."""
    now_ms = book.prices.market_ms()
    if now_ms // FUNDING_MS > funding_from_ms // FUNDING_MS:
        pay_funding(book, now_ms)
    symbols = {s for s, orders in book.open_orders.items() if orders}
    symbols |= {s for s, algos in book.open_algos.items() if algos}
    for symbol in sorted(symbols):
        match_symbol(book, symbol)
    for account in list(book.accounts.values()):
        if account.positions:
            check_liquidation(book, account)


def match_symbol(book: Book, symbol: str) -> None:
    """Fires and fills one symbol's orders in the order in which the price came by them."""
    now, before = book.prices.last(symbol), book.prices.previous(symbol)
    if not now:
        return
    continuous = book.prices.continuous
    events: list[tuple[Decimal, int, Order | Algo, Decimal]] = []
    for order in book.open_orders.get(symbol, {}).values():
        if order.waiting:
            events.append((ZERO, order.order_id, order, now))
        elif order.kind == "LIMIT" and (now <= order.price if order.is_buy else now >= order.price):
            events.append((abs(order.price - before), order.order_id, order, order.price))
    for algo in book.open_algos.get(symbol, {}).values():
        price = reached(algo, before, now, continuous)
        if price is None:
            follow_price(book, algo, now)
        else:
            events.append((abs(price - before), algo.algo_id, algo, price))
    for _, _, item, price in sorted(events, key=lambda event: event[:2]):
        if not item.is_open:
            continue
        if isinstance(item, Algo):
            account = book.accounts[item.account_id]
            if continuous and _gone_before(book, account, item, price):
                continue
            fire(book, item, price)
        elif item.waiting:
            _fill_waiting(book, item, now)
        else:
            _fill_resting(book, item, price)


def _fill_resting(book: Book, order: Order, price: Decimal) -> None:
    account = book.accounts[order.account_id]
    qty = fillable(account, order)
    if qty:
        book.fill(account, order, qty, price, maker=True)
    if order.is_open and qty < order.rest:
        book.set_status(order, "EXPIRED")


def _fill_waiting(book: Book, order: Order, now: Decimal) -> None:
    """One more part of an order that fills over several ticks."""
    account = book.accounts[order.account_id]
    spec = book.specs[order.symbol]
    part = min(order.waiting.pop(0), fillable(account, order))
    price = spec.taker_price(now, order.is_buy, book.config.slippage_bps)
    if order.price:
        price = min(price, order.price) if order.is_buy else max(price, order.price)
    if part:
        book.fill(account, order, part, price, maker=False)
    if order.is_open and not order.waiting and order.kind == "MARKET":
        book.set_status(order, "EXPIRED")


def _gone_before(book: Book, account: Account, algo: Algo, price: Decimal) -> bool:
    """Liquidates first when the path came by the liquidation price before the trigger."""
    position = account.positions.get((algo.symbol, algo.position_side))
    if position is None or not position.amount:
        return False
    level = _level(book, account, position)
    beyond = level > price if position.amount > 0 else ZERO < level < price
    if not beyond:
        return False
    check_liquidation(book, account)
    return not algo.is_open


def _level(book: Book, account: Account, position: Position) -> Decimal:
    summary = summarize(account, book.specs, book.prices.last)
    price = book.prices.last(position.symbol)
    backing = backing_of(account, position, summary, book.specs, price)
    return liquidation_price(position, backing, book.specs[position.symbol], price)


def pay_funding(book: Book, now_ms: int) -> None:
    """Longs pay shorts (or the reverse) the rate on their notional at the present price."""
    for account in book.accounts.values():
        for position in account.held():
            price = book.prices.last(position.symbol)
            rate = book.prices.source.funding_rate(position.symbol, now_ms)
            amount = money(-position.amount * price * rate)
            if not amount:
                continue
            book.book_income(account, position.symbol, "FUNDING_FEE", amount)
            if account.setting(position.symbol).isolated:
                position.margin += amount
            book.changes.positions[account.account_id, position.symbol, position.side] = position


def check_liquidation(book: Book, account: Account) -> None:
    """Closes isolated positions below their maintenance margin, and all cross ones when the account is."""
    for position in account.held():
        if not account.setting(position.symbol).isolated:
            continue
        price = book.prices.last(position.symbol)
        keep = book.specs[position.symbol].maintenance(abs(position.amount) * price)
        if position.margin + position.pnl(price) <= keep:
            _liquidate_isolated(book, account, position)
    if not any(not account.setting(p.symbol).isolated for p in account.held()):
        return
    summary = book.summary(account)
    if summary.cross_maintenance and summary.cross_wallet + summary.cross_pnl <= summary.cross_maintenance:
        _liquidate_cross(book, account)


def _liquidate_isolated(book: Book, account: Account, position: Position) -> None:
    margin, start = position.margin, account.wallet
    symbol = position.symbol
    for order in [o for o in account.orders.values() if o.symbol == symbol]:
        order.waiting.clear()
        book.set_status(order, "CANCELED")
    _close_out(book, account, position)
    # The venue takes what is left of the margin and pays what is missing: the loss is the margin.
    rest = margin + (account.wallet - start)
    if rest:
        book.book_income(account, symbol, "INSURANCE_CLEAR", -rest, info="LIQUIDATION")


def _liquidate_cross(book: Book, account: Account) -> None:
    """Cancels the open orders, then closes the worst positions until the rest is covered again."""
    for order in list(account.orders.values()):
        order.waiting.clear()
        book.set_status(order, "CANCELED")
    cross = [p for p in account.held() if not account.setting(p.symbol).isolated]
    for position in sorted(cross, key=lambda p: p.pnl(book.prices.last(p.symbol))):
        summary = book.summary(account)
        if summary.cross_wallet + summary.cross_pnl > summary.cross_maintenance:
            return
        _close_out(book, account, position)
    missing = book.summary(account).cross_wallet
    if missing < 0:
        book.book_income(account, "", "INSURANCE_CLEAR", -missing, info="LIQUIDATION")


def _close_out(book: Book, account: Account, position: Position) -> None:
    """Fills a LIQUIDATION order for the whole position: at its liquidation price when the path crossed it."""
    spec = book.specs[position.symbol]
    now, before = book.prices.last(position.symbol), book.prices.previous(position.symbol)
    level = _level(book, account, position)
    long = position.amount > 0
    price = now
    if book.prices.continuous and level and min(before, now) <= level <= max(before, now):
        price = round_to(level, spec.tick, up=not long)
    order = Order(
        order_id=book.next_order_id,
        account_id=account.account_id,
        symbol=position.symbol,
        client_id=f"autoclose-{book.wall_ms()}{book.next_order_id % 1000:03d}",
        side="SELL" if long else "BUY",
        position_side=position.side,
        kind="LIQUIDATION",
        qty=abs(position.amount),
        price=price,
        tif="IOC",
        reduce_only=True,
        orig_kind="LIQUIDATION",
    )
    book.add_order(account, order)
    book.fill(account, order, order.qty, price, maker=False)
