"""One account on any venue but Binance: shared steps, the difference table, and the venue's dialect for the words.

Reads are repeated by the gateway where that helps, writes are sent once. A reply that cannot be believed is
UNKNOWN_OUTCOME for a write; an order is then looked up by our client id, as on every venue.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from . import orders
from .dialects.base import LOST, Call, Dialect
from .errors import Kind, Reaction, VenueError, asked_twice, bad_reply
from .figures import Market, plain
from .limits import Priority
from .venues import venue_client_id

_MODE_MAX_AGE_S: Final = 12 * 3600.0  # a refused order makes us read it again
_PREPARED_MAX_AGE_S: Final = 600.0
_ASKED_MARKET: Final = "BTC/USDT"
_AVERAGE: Final = Decimal("1e-12")


class VenueAccount:
    """The adapter of one account during one request."""

    def __init__(self, session: orders.Session, dialect: Dialect) -> None:
        self._gateway = session.gateway
        self._state = session.state
        self._key = session.key
        self._words = dialect
        self._venue = dialect.venue

    # --- before an entry ------------------------------------------------------------------------------------------

    async def prepare(self, market: Market, leverage: int | None, adding: bool) -> None:
        """Learn the position mode, ensure isolated margin and set the leverage, as `BinanceAccount.prepare` does."""
        ready = self._state.prepared.get(market.symbol)
        if ready is not None and ready[0] == leverage and time.monotonic() - ready[1] < _PREPARED_MAX_AGE_S:
            return
        hedge = await self._hedge(market, Priority.OPEN)
        await self._isolate(market, adding)
        by_leverage = self._venue.isolated_by == "leverage"
        if by_leverage and leverage is None:
            raise _not_isolated("Name a leverage: on this exchange it is what makes the margin isolated.")
        if leverage is None or await self._set_leverage(market, leverage, hedge):
            self._state.prepared[market.symbol] = (leverage, time.monotonic())
        elif by_leverage and not adding:
            raise _not_isolated()

    async def _hedge(self, market: Market, priority: Priority) -> bool:
        if not self._venue.hedge_mode:
            return False
        name = market.symbol if self._venue.mode_per_symbol else ""
        known = self._state.modes.get(name)
        if known is None or time.monotonic() - known[1] > _MODE_MAX_AGE_S:
            reply = await self._read(self._words.mode(market), priority)
            known = (self._words.mode_in(reply), time.monotonic())
            self._state.modes[name] = known
        return known[0]

    async def _isolate(self, market: Market, adding: bool) -> None:
        call = self._words.isolate(market)
        if call is None:
            return
        try:
            if self._venue.isolated_by == "account":
                if not self._words.isolated_in(await self._read(call, Priority.OPEN)):
                    raise _not_isolated(
                        "Switch the account to isolated margin at the exchange; the order was not sent."
                    )
            elif not self._words.isolated_in(await asked_twice(lambda: self._write(call, Priority.OPEN))):
                raise _not_isolated()
        except VenueError as error:
            if error.reaction is Reaction.TREAT_AS_OK or (error.error_code == "MARGIN_MODE_LOCKED" and adding):
                return
            if error.reaction in (Reaction.STOP_BOT, Reaction.RETRY_AFTER) or error.error_code == "MARGIN_MODE_ERROR":
                raise
            raise _not_isolated() from None

    async def _set_leverage(self, market: Market, leverage: int, hedge: bool) -> bool:
        for call in self._words.leverage(market, leverage, hedge):
            try:
                await self._write(call, Priority.OPEN)
            except VenueError as error:
                if error.reaction is Reaction.STOP_BOT:
                    raise
                if error.reaction is not Reaction.TREAT_AS_OK:
                    return False
        return True

    # --- orders ---------------------------------------------------------------------------------------------------

    async def send_market(self, order: orders.MarketOrder, priority: Priority) -> orders.OrderFact:
        """Send one market order, once."""
        return await self._send(order, await self._price(order.market, priority), priority)

    async def send_limit(self, order: orders.LimitOrder, priority: Priority) -> orders.OrderFact:
        """Send one limit order, once; it rests until it is filled or cancelled."""
        fact = await self._send(order, order.price, priority)
        if fact.final or self._venue.fills_in_reply:
            return fact
        # What is filled at once must be protected at once, and this venue's reply does not tell.
        try:
            return await self.find_by_exchange_id(order.market, fact.exchange_order_id) or fact
        except VenueError:
            return fact

    async def _send(self, order: orders.MarketOrder, price: Decimal, priority: Priority) -> orders.OrderFact:
        hedge = await self._hedge(order.market, priority)
        await self._state.order_room(priority)
        reply = await self._ordered(self._words.order(order, hedge, price), priority)
        fact = self._words.order_taken(reply, order)
        if fact.quantity > order.quantity:
            raise bad_reply(Kind.WRITE, "quantities do not fit")
        return fact

    async def _ordered(self, call: Call, priority: Priority) -> Any:
        """The reply to an order; after some refusals the position mode is read anew."""
        try:
            return await self._write(call, priority)
        except VenueError as error:
            if error.error_code in ("POSITION_MODE", "BAD_REQUEST", "ORDER_REFUSED"):
                self._state.modes.clear()
            raise

    async def cancel_order(self, market: Market, client_order_id: str) -> bool:
        """Cancel one resting order; False when there is none to cancel. Cancelling twice does no harm."""
        return await self._cancelled(self._words.cancel(market, client_order_id), Priority.CLOSE)

    async def _cancelled(self, call: Call, priority: Priority) -> bool:
        try:
            await self._write(call, priority)
        except VenueError as error:
            if error.error_code == "ORDER_NOT_FOUND":
                return False
            raise
        return True

    async def _price(self, market: Market, priority: Priority) -> Decimal:
        call = self._words.price(market) if self._venue.market_needs_price else None
        return Decimal(0) if call is None else self._words.price_in(await self._read(call, priority), market)

    async def send_stop(self, stop: orders.StopOrder) -> orders.StopFact:
        """Send one protective stop, once."""
        hedge = await self._hedge(stop.market, Priority.STOP)
        fact = await self._wait(self._words.stop(stop, hedge), stop, Priority.STOP)
        return replace(fact, closes_position=stop.quantity is None)

    async def send_trigger(self, order: orders.TriggerOrder, priority: Priority) -> orders.StopFact:
        """Send one conditional order, once: it becomes a market order at its trigger."""
        hedge = await self._hedge(order.market, priority)
        call = self._words.trigger(order, hedge)
        if order.reduces:
            leg = orders.StopOrder(
                order.market,
                order.position_side,
                order.trigger_price,
                order.client_order_id,
                order.quantity,
                order.kind,
            )
            call = self._words.stop(leg, hedge)
        return await self._wait(call, order, priority)

    async def _wait(
        self, call: Call, order: orders.StopOrder | orders.TriggerOrder, priority: Priority
    ) -> orders.StopFact:
        await self._state.order_room(priority)
        order_id = self._words.stop_taken(await self._ordered(call, priority))
        if not order_id:
            found = await self.find_stop(order.market, order.client_order_id)
            if found is None:
                raise bad_reply(Kind.WRITE, "what was taken cannot be found")
            return found
        return orders.StopFact(
            client_order_id=order.client_order_id,
            exchange_order_id=order_id,
            status="OPEN",
            trigger_price=order.trigger_price,
            position_side=order.position_side,
            kind=order.kind,
        )

    async def find_order(self, market: Market, client_order_id: str) -> orders.OrderFact | None:
        """The order with our id, or None when the venue says it knows none."""
        return await self._find(market, client_order_id, "")

    async def find_by_exchange_id(self, market: Market, order_id: str) -> orders.OrderFact | None:
        """The order with the venue's id."""
        return await self._find(market, "", order_id)

    async def _find(self, market: Market, client_order_id: str, order_id: str) -> orders.OrderFact | None:
        form = venue_client_id(self._venue, client_order_id) if client_order_id else ""
        for call in self._words.find(market, client_order_id, order_id):
            reply = await self._known(call)
            for fact in [] if reply is None else self._words.orders_in(reply, market):
                named = venue_client_id(self._venue, fact.client_order_id) == form
                if named if form else fact.exchange_order_id == order_id:
                    return await self._priced(
                        market, replace(fact, client_order_id=client_order_id or fact.client_order_id)
                    )
        return None

    async def _priced(self, market: Market, fact: orders.OrderFact) -> orders.OrderFact:
        """The order with its average price (and size), from its trades where the order does not tell it."""
        if self._venue.average_in_order or not (fact.filled or fact.status == "FILLED"):
            return fact
        trades = await self.trades_of(market, fact.exchange_order_id)
        coins = sum((trade.quantity for trade in trades), Decimal(0))
        if not coins or fact.filled not in (0, coins):
            raise bad_reply(Kind.READ, "the trades of the order are not all there yet")
        cost = sum((trade.quantity * trade.price for trade in trades), Decimal(0))
        average = (cost / coins).quantize(_AVERAGE, ROUND_HALF_EVEN).normalize()
        return replace(fact, quantity=fact.quantity or coins, filled=coins, average=average)

    async def _known(self, call: Call) -> Any:
        """The reply, or None when the venue knows no such order."""
        try:
            return await self._read(call, Priority.STOP)
        except VenueError as error:
            if error.error_code == "ORDER_NOT_FOUND":
                return None
            raise

    async def find_stop(self, market: Market, client_order_id: str) -> orders.StopFact | None:
        """The conditional order with our id (or `#` and the venue's), or None when the venue says it knows none."""
        if client_order_id.startswith("#"):
            return next(
                (fact for fact in await self.open_stops(market) if fact.client_order_id == client_order_id), None
            )
        form = venue_client_id(self._venue, client_order_id)
        for call in self._words.find_stop(market, client_order_id):
            reply = await self._known(call)
            for fact in [] if reply is None else self._words.stops_in(reply, market):
                if venue_client_id(self._venue, fact.client_order_id) == form:
                    return replace(fact, client_order_id=client_order_id)
        return None

    async def open_stops(self, market: Market) -> list[orders.StopFact]:
        """All open conditional orders of the symbol; one made by hand, without a client id, is named `#` and its number."""
        return [
            fact if fact.client_order_id else replace(fact, client_order_id=f"#{fact.exchange_order_id}")
            for call in self._words.open_stops(market)
            for fact in self._words.stops_in(await self._read(call, Priority.STOP), market)
            if fact.status == "OPEN"
        ]

    async def cancel_stop(self, market: Market, client_order_id: str) -> bool:
        """Cancel one conditional order; False when there is none. Cancelling twice does no harm."""
        fact = await self.find_stop(market, client_order_id)
        if fact is None or fact.status != "OPEN":
            return False
        return await self._cancelled(self._words.cancel_stop(market, fact), Priority.STOP)

    # --- facts ----------------------------------------------------------------------------------------------------

    async def trades_of(self, market: Market, order_id: str) -> list[orders.Trade]:
        """The executions of one order known so far; they may lag behind the order."""
        reply = await self._read(self._words.trades(market, order_id), Priority.STOP)
        trades = self._words.trades_in(reply, market)
        own = [trade for trade in trades if trade.order_id == order_id]
        if self._venue.trades_by_order and len(own) != len(trades):
            raise bad_reply(Kind.READ, "trades of another order")
        return list({trade.trade_id: trade for trade in own}.values())

    async def recent_trades(self, market: Market, since_ms: int | None) -> list[orders.Trade]:
        """The account's last executions in a symbol."""
        reply = await self._read(self._words.recent_trades(market, since_ms), Priority.READ)
        return self._words.trades_in(reply, market)[:100]

    async def incomes(self, since_ms: int, limit: int) -> list[orders.IncomeFact]:
        """The account's income record from ``since_ms`` on, oldest first."""
        reply = await self._read(self._words.incomes(since_ms, limit), Priority.READ)
        return sorted(self._words.incomes_in(reply, self._gateway.market_by_id), key=lambda one: one.time_ms)

    async def balance(self) -> orders.BalanceFact:
        """The futures account in the venue's dollar; zeros when there is none."""
        return self._words.balance_in(await self._read(self._words.balance(), Priority.READ))

    async def positions(self) -> list[orders.PositionFact]:
        """All open positions. An empty list means flat: a reply without the list is refused."""
        await self._gateway.load()
        reply = await self._read(self._words.positions(), Priority.READ)
        return self._words.positions_in(reply, self._gateway.market_by_id)

    async def key_facts(self) -> dict[str, Any]:
        """What the key may do and how the account is set; a question that failed carries its error instead."""
        await self._gateway.load()
        market = await self._gateway.market(_ASKED_MARKET)
        may = self._words.permissions()
        asked = await asyncio.gather(
            self._restrictions(may), self._clock(), self._account(), self._mode(market), return_exceptions=True
        )
        names = ("restrictions", "clock", "account", "position_mode")
        facts: dict[str, Any] = {}
        for name, answer in zip(names, asked, strict=True):
            if isinstance(answer, VenueError):
                facts[name] = {
                    "error_code": answer.error_code,
                    "error": answer.sentence,
                    "venue_code": answer.venue_code,
                }
            elif isinstance(answer, BaseException):
                raise answer
            else:
                facts[name] = answer
        return facts | {"multi_assets": {"on": False}, "test_order": dict(LOST)}

    async def _restrictions(self, call: Call | None) -> dict[str, Any]:
        if call is None:
            return dict(LOST)
        return self._words.permissions_in(await self._read(call, Priority.READ))

    async def _clock(self) -> dict[str, Any]:
        before = time.time() * 1000
        theirs = self._words.clock_in(await self._read(self._words.clock(), Priority.READ))
        if not theirs:
            raise bad_reply(Kind.READ, "the time is missing")
        after = time.time() * 1000
        return {"skew_ms": round(theirs - (before + after) / 2), "unsure_ms": round((after - before) / 2)}

    async def _account(self) -> dict[str, Any]:
        return {"can_trade": True, "balance": plain((await self.balance()).balance)}

    async def _mode(self, market: Market) -> dict[str, Any]:
        return {"hedge": await self._hedge(market, Priority.READ)}

    # --- transport ------------------------------------------------------------------------------------------------

    async def _read(self, call: Call, priority: Priority) -> Any:
        return await self._gateway.call(
            call.endpoint, call.params, key=self._key, kind=Kind.READ, weight=call.weight, priority=priority
        )

    async def _write(self, call: Call, priority: Priority) -> Any:
        return await self._gateway.call(
            call.endpoint,
            call.params,
            key=self._key,
            kind=Kind.WRITE,
            weight=call.weight,
            priority=priority,
            timeout_s=self._gateway.order_timeout_s,
        )


def _not_isolated(sentence: str = "Isolated margin could not be ensured, so the order was not sent.") -> VenueError:
    return VenueError(Reaction.FIX_INPUT, "MARGIN_MODE_ERROR", sentence)
