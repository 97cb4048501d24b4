"""Binance USD-M: raw requests through ccxt's implicit methods, every reply checked before it is believed.

Raw replies carry exact decimal strings; ccxt's unified ones are floats, and they turn an empty or cut body into an
order without status or a list without positions.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from . import orders
from .binance_replies import as_dict, as_list, income_of, order_fact, position_of, stop_fact, trade_of
from .errors import Kind, Reaction, VenueError, asked_twice, bad_reply
from .figures import Market, plain, signed_number
from .key_facts import key_facts
from .limits import Priority

_HEDGE_MAX_AGE_S: Final = 12 * 3600.0  # reading it costs weight 30; -4061 makes us read again
_PREPARED_MAX_AGE_S: Final = 600.0


class BinanceAccount:
    """The adapter of one account during one request."""

    def __init__(self, session: orders.Session) -> None:
        self._gateway = session.gateway
        self._state = session.state
        self._key = session.key

    # --- before an entry ------------------------------------------------------------------------------------------

    async def prepare(self, market: Market, leverage: int | None, adding: bool) -> None:
        """Learn the position mode, ensure isolated margin and set the leverage.

        Anything but certainty about isolated margin refuses the entry with MARGIN_MODE_ERROR: better no trade than
        one that risks the whole account. An open cross position refuses a new entry but may be added to. A failing
        leverage change only keeps the account's own leverage.
        """
        ready = self._state.prepared.get(market.symbol)
        if ready is not None and ready[0] == leverage and time.monotonic() - ready[1] < _PREPARED_MAX_AGE_S:
            await self._hedge(Priority.OPEN)
            return
        results = await asyncio.gather(
            self._hedge(Priority.OPEN),
            self._isolate(market, adding),
            self._set_leverage(market, leverage),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if results[2]:
            self._state.prepared[market.symbol] = (leverage, time.monotonic())

    async def _hedge(self, priority: Priority) -> bool:
        """Whether the account is in hedge mode."""
        state = self._state
        if state.hedge is None or time.monotonic() - state.hedge_read_at > _HEDGE_MAX_AGE_S:
            reply = await self._read("fapiPrivateGetPositionSideDual", {}, 30, priority)
            dual = as_dict(reply, Kind.READ).get("dualSidePosition")
            if str(dual).lower() not in ("true", "false"):
                raise bad_reply(Kind.READ, "the position mode is missing")
            state.hedge, state.hedge_read_at = str(dual).lower() == "true", time.monotonic()
        return state.hedge

    async def _isolate(self, market: Market, adding: bool) -> None:
        try:
            await asked_twice(lambda: self._ask_isolated(market))
        except VenueError as error:
            if error.reaction is Reaction.TREAT_AS_OK or (error.error_code == "MARGIN_MODE_LOCKED" and adding):
                return
            if error.reaction in (Reaction.STOP_BOT, Reaction.RETRY_AFTER):
                raise
            raise VenueError(
                Reaction.FIX_INPUT,
                "MARGIN_MODE_ERROR",
                "Isolated margin could not be ensured, so the order was not sent.",
                venue_code=error.venue_code,
            ) from None

    async def _ask_isolated(self, market: Market) -> None:
        params = {"symbol": market.venue_id, "marginType": "ISOLATED"}
        reply = await self._write("fapiPrivatePostMarginType", params, Priority.OPEN)
        if str(as_dict(reply, Kind.WRITE).get("code")) != "200":
            raise bad_reply(Kind.WRITE, "margin mode not confirmed")

    async def _set_leverage(self, market: Market, leverage: int | None) -> bool:
        if leverage is None:
            return True
        try:
            reply = await self._write(
                "fapiPrivatePostLeverage", {"symbol": market.venue_id, "leverage": leverage}, Priority.OPEN
            )
            return str(as_dict(reply, Kind.WRITE).get("leverage")) == str(leverage)
        except VenueError as error:
            if error.reaction is Reaction.STOP_BOT:
                raise
            return False

    # --- orders ---------------------------------------------------------------------------------------------------

    async def send_market(self, order: orders.MarketOrder, priority: Priority) -> orders.OrderFact:
        """Send one market order, once."""
        return await self._send(order, {"type": "MARKET"}, priority)

    async def send_limit(self, order: orders.LimitOrder, priority: Priority) -> orders.OrderFact:
        """Send one limit order, once; it rests until it is filled or cancelled."""
        return await self._send(order, {"type": "LIMIT", "price": plain(order.price), "timeInForce": "GTC"}, priority)

    async def _send(self, order: orders.MarketOrder, kind: dict[str, str], priority: Priority) -> orders.OrderFact:
        params: dict[str, Any] = {
            "symbol": order.market.venue_id,
            "side": order.side,
            **kind,
            "quantity": plain(order.quantity),
            "newClientOrderId": order.client_order_id,
            "newOrderRespType": "RESULT",
        }
        if await self._hedge(priority):
            params["positionSide"] = order.position_side  # in hedge mode this marks the close; reduceOnly is refused
        elif order.reduces:
            params["reduceOnly"] = "true"
        await self._state.order_room(priority)
        try:
            reply = await self._write("fapiPrivatePostOrder", params, priority)
        except VenueError as error:
            if error.error_code == "POSITION_MODE":
                self._state.hedge = None
            raise
        return order_fact(reply, order.market, Kind.WRITE, order.client_order_id, order.quantity)

    async def send_stop(self, stop: orders.StopOrder) -> orders.StopFact:
        """Send one protective stop, once."""
        params: dict[str, Any] = {
            "algoType": "CONDITIONAL",
            "symbol": stop.market.venue_id,
            "side": stop.side,
            "type": stop.kind,
            "triggerPrice": plain(stop.trigger_price),
            "clientAlgoId": stop.client_order_id,
        }
        hedge = await self._hedge(Priority.STOP)
        if stop.quantity is None:
            params["closePosition"] = "true"
        else:
            params["quantity"] = plain(stop.quantity)
            if not hedge:
                params["reduceOnly"] = "true"
        if hedge:
            params["positionSide"] = stop.position_side
        await self._state.order_room(Priority.STOP)
        reply = await self._write("fapiPrivatePostAlgoOrder", params, Priority.STOP)
        return stop_fact(reply, stop.market, Kind.WRITE, stop.client_order_id)

    async def send_trigger(self, order: orders.TriggerOrder, priority: Priority) -> orders.StopFact:
        """Send one conditional order, once: it becomes a market order at its trigger."""
        params: dict[str, Any] = {
            "algoType": "CONDITIONAL",
            "symbol": order.market.venue_id,
            "side": order.side,
            "type": order.kind,
            "triggerPrice": plain(order.trigger_price),
            "quantity": plain(order.quantity),
            "clientAlgoId": order.client_order_id,
        }
        if await self._hedge(priority):
            params["positionSide"] = order.position_side
        elif order.reduces:
            params["reduceOnly"] = "true"
        await self._state.order_room(priority)
        reply = await self._write("fapiPrivatePostAlgoOrder", params, priority)
        return stop_fact(reply, order.market, Kind.WRITE, order.client_order_id)

    async def cancel_order(self, market: Market, client_order_id: str) -> bool:
        """Cancel one resting order; False when there is none to cancel. Cancelling twice does no harm."""
        params = {"symbol": market.venue_id, "origClientOrderId": client_order_id}
        try:
            reply = await self._write("fapiPrivateDeleteOrder", params, Priority.CLOSE)
        except VenueError as error:
            if error.error_code == "ORDER_NOT_FOUND":
                return False
            raise
        if as_dict(reply, Kind.WRITE).get("clientOrderId") != client_order_id:
            raise bad_reply(Kind.WRITE, "cancellation not confirmed")
        return True

    async def find_order(self, market: Market, client_order_id: str) -> orders.OrderFact | None:
        """The order with our id, or None when the venue says it knows none."""
        return await self._find(market, {"origClientOrderId": client_order_id}, client_order_id)

    async def find_by_exchange_id(self, market: Market, order_id: str) -> orders.OrderFact | None:
        """The order with the venue's id."""
        return await self._find(market, {"orderId": order_id}, None)

    async def _find(self, market: Market, params: dict[str, Any], expected: str | None) -> orders.OrderFact | None:
        try:
            reply = await self._read("fapiPrivateGetOrder", {"symbol": market.venue_id, **params}, 1, Priority.STOP)
        except VenueError as error:
            if error.error_code == "ORDER_NOT_FOUND":
                return None
            raise
        return order_fact(reply, market, Kind.READ, expected, None)

    async def find_stop(self, market: Market, client_order_id: str) -> orders.StopFact | None:
        """The conditional order with our id, or None when the venue says it knows none."""
        try:
            reply = await self._read(
                "fapiPrivateGetAlgoOrder",
                {"symbol": market.venue_id, "clientAlgoId": client_order_id},
                1,
                Priority.STOP,
            )
        except VenueError as error:
            if error.error_code == "ORDER_NOT_FOUND":
                return None
            raise
        return stop_fact(reply, market, Kind.READ, client_order_id)

    async def open_stops(self, market: Market) -> list[orders.StopFact]:
        """All open conditional orders of the symbol."""
        reply = await self._read("fapiPrivateGetOpenAlgoOrders", {"symbol": market.venue_id}, 1, Priority.STOP)
        return [stop_fact(row, market, Kind.READ, None) for row in as_list(reply, Kind.READ)]

    async def cancel_stop(self, market: Market, client_order_id: str) -> bool:
        """Cancel one conditional order; False when there is none. Cancelling twice does no harm."""
        try:
            reply = await self._write(
                "fapiPrivateDeleteAlgoOrder",
                {"symbol": market.venue_id, "clientAlgoId": client_order_id},
                Priority.STOP,
            )
        except VenueError as error:
            if error.error_code == "ORDER_NOT_FOUND":
                return False
            raise
        if as_dict(reply, Kind.WRITE).get("clientAlgoId") != client_order_id:
            raise bad_reply(Kind.WRITE, "cancellation not confirmed")
        return True

    # --- facts ----------------------------------------------------------------------------------------------------

    async def trades_of(self, market: Market, order_id: str) -> list[orders.Trade]:
        """The executions of one order known so far; they may lag behind the order."""
        reply = await self._read(
            "fapiPrivateGetUserTrades", {"symbol": market.venue_id, "orderId": order_id}, 5, Priority.STOP
        )
        trades = [trade_of(row, market) for row in as_list(reply, Kind.READ)]
        if any(trade.order_id != order_id for trade in trades):
            raise bad_reply(Kind.READ, "trades of another order")
        return list({trade.trade_id: trade for trade in trades}.values())

    async def recent_trades(self, market: Market, since_ms: int | None) -> list[orders.Trade]:
        """The account's last executions in a symbol, at most 100."""
        params: dict[str, Any] = {"symbol": market.venue_id, "limit": 100}
        if since_ms is not None:
            params["startTime"] = since_ms
        reply = await self._read("fapiPrivateGetUserTrades", params, 5, Priority.READ)
        return [trade_of(row, market) for row in as_list(reply, Kind.READ)]

    async def incomes(self, since_ms: int, limit: int) -> list[orders.IncomeFact]:
        """The account's income record from ``since_ms`` on, oldest first, at most ``limit`` (1000)."""
        params = {"startTime": since_ms, "limit": limit}
        reply = await self._read("fapiPrivateGetIncome", params, 30, Priority.READ)
        return sorted((income_of(row) for row in as_list(reply, Kind.READ)), key=lambda one: one.time_ms)

    async def balance(self) -> orders.BalanceFact:
        """The USDT row of the futures account; zeros when there is none."""
        account = as_dict(await self._read("fapiPrivateV3GetAccount", {}, 5, Priority.READ), Kind.READ)
        for row in as_list(account.get("assets"), Kind.READ):
            if as_dict(row, Kind.READ).get("asset") == "USDT":
                return orders.BalanceFact(
                    balance=signed_number(row.get("walletBalance"), "wallet balance", Kind.READ),
                    available=signed_number(row.get("availableBalance"), "available balance", Kind.READ),
                    unrealized_pnl=signed_number(row.get("unrealizedProfit"), "unrealised profit", Kind.READ),
                    margin_used=signed_number(row.get("initialMargin"), "margin", Kind.READ),
                    equity=signed_number(row.get("marginBalance"), "margin balance", Kind.READ),
                )
        return orders.BalanceFact()

    async def positions(self) -> list[orders.PositionFact]:
        """All open positions. An empty list means flat: it is returned only for a literal empty list."""
        reply = await self._read("fapiPrivateV3GetPositionRisk", {}, 5, Priority.READ)
        found = [position_of(as_dict(row, Kind.READ)) for row in as_list(reply, Kind.READ)]
        return [position for position in found if position is not None]

    async def key_facts(self) -> dict[str, Any]:
        """What the key may do and how the account is set; a question that failed carries its error instead."""
        return await key_facts(self._gateway, self._key)

    # --- transport ------------------------------------------------------------------------------------------------

    async def _read(self, endpoint: str, params: dict[str, Any], weight: int, priority: Priority) -> Any:
        return await self._gateway.call(
            endpoint, params, key=self._key, kind=Kind.READ, weight=weight, priority=priority
        )

    async def _write(self, endpoint: str, params: dict[str, Any], priority: Priority) -> Any:
        return await self._gateway.call(
            endpoint,
            params,
            key=self._key,
            kind=Kind.WRITE,
            weight=1,
            priority=priority,
            timeout_s=self._gateway.order_timeout_s,
        )
