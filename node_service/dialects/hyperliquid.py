"""Hyperliquid: perpetuals in USDC, one-way, orders signed as actions, a market order is a limit far from the price.

`key` is the address of the account and the private key of an agent wallet, which can trade but not withdraw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from .. import orders
from ..errors import Kind, bad_reply
from ..figures import Market, plain
from ..venues import VENUES, venue_client_id
from .base import DONE, ENDED, OPEN, REFUSED, ById, Call, Dialect, income_facts, order_fact, taken_fact
from .row import Row, rows_of

_SLIPPAGE: Final = "0.05"  # how far from the price a market order may fill
_INCOMES: Final = {"funding": "FUNDING_FEE"}


class Hyperliquid(Dialect):
    """The words of Hyperliquid."""

    venue = VENUES["hyperliquid"]
    symbol_field, size_field = "coin", "szi"

    def clock(self) -> Call:
        return _info("clearinghouseState", weight=2)

    def clock_in(self, reply: Any) -> int:
        return Row(reply).ms("time")

    def mode(self, market: Market) -> Call:
        return self.clock()

    def mode_in(self, reply: Any) -> bool:
        return False

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        say = {"type": "updateLeverage"}
        return [_action(lambda client: say | {"asset": _asset(client, market), "isCross": False, "leverage": leverage})]

    def price(self, market: Market) -> Call | None:
        return Call("publicPostInfo", {"type": "allMids"}, 2)

    def price_in(self, reply: Any, market: Market) -> Decimal:
        return Row(reply).price(market.venue_id)

    # --- orders ---------------------------------------------------------------------------------------------------

    def order(self, order: orders.MarketOrder, hedge: bool, price: Decimal) -> Call:
        if isinstance(order, orders.LimitOrder):
            return self._order(
                order, order.quantity, "limit", order.price, {"timeInForce": "Gtc"}, reduces=order.reduces
            )
        return self._order(order, order.quantity, "market", price, {}, reduces=order.reduces)

    def _order(
        self,
        order: orders.MarketOrder | orders.StopOrder,
        quantity: Decimal | None,
        kind: str,
        price: Decimal,
        more: dict[str, str],
        *,
        reduces: bool,
    ) -> Call:
        """An order; without a quantity it belongs to the position and closes what there is by then."""
        cloid = venue_client_id(self.venue, order.client_order_id)
        params = {"clientOrderId": cloid, "reduceOnly": reduces, "slippage": _SLIPPAGE, **more}
        size, grouping = ("0", "positionTpsl") if quantity is None else (plain(quantity), "na")

        def say(client: Any) -> dict[str, Any]:
            symbol, side = order.market.ccxt_symbol, order.side.lower()
            row = client.create_order_request(symbol, kind, side, size, plain(price), dict(params))
            return {"type": "order", "orders": [row], "grouping": grouping}

        return _action(say)

    def order_taken(self, reply: Any, order: orders.MarketOrder) -> orders.OrderFact:
        answer = _data(reply).first("statuses")
        if answer.get("filled") is None:
            return taken_fact(order, answer.row("resting").id("oid"))
        row = answer.row("filled")
        filled = row.decimal("totalSz")
        rests = isinstance(order, orders.LimitOrder) and filled < order.quantity
        return order_fact(
            order.market,
            client_order_id=order.client_order_id,
            order_id=row.id("oid"),
            state=OPEN if rests else ENDED,  # what of a market order did not fill at once is cancelled
            size=order.quantity,
            filled=filled,
            average=row.decimal("avgPx"),
            side=order.side,
            time_ms=0,
            kind=Kind.WRITE,
        )

    def cancel(self, market: Market, client_id: str) -> Call:
        name = venue_client_id(self.venue, client_id)
        return _action(
            lambda client: {"type": "cancelByCloid", "cancels": [{"asset": _asset(client, market), "cloid": name}]}
        )

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name: Any = venue_client_id(self.venue, client_id) if client_id else int(order_id)
        return [_info("orderStatus", oid=name, weight=2)]

    def orders_in(self, reply: Any, market: Market) -> list[orders.OrderFact]:
        found = _one_order(reply, market)
        if found is None:
            return []
        row, status, time_ms = found
        size, left = row.decimal("origSz"), row.decimal("sz")
        state = _state(status)
        fact = order_fact(
            market,
            client_order_id=row.text("cloid"),
            order_id=row.id("oid"),
            state=state,
            size=size,
            filled=size if state == DONE else size - left,
            average=None,
            side=_side(row),
            time_ms=time_ms,
        )
        # A fired stop of the whole position shows no size: its trades tell it.
        return [replace(fact, status="FILLED") if state == DONE and not size else fact]

    def trades(self, market: Market, order_id: str) -> Call:
        return _info("userFills", weight=20)

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        if since_ms is None:
            return _info("userFills", weight=20)
        return _info("userFillsByTime", startTime=since_ms, weight=20)

    def trades_in(self, reply: Any, market: Market) -> list[orders.Trade]:
        return [
            orders.Trade(
                trade_id=row.id("tid"),
                order_id=row.id("oid"),
                price=row.price("px"),
                quantity=row.coins("sz", market),
                fee=row.decimal("fee"),
                fee_currency=row.text("feeToken") or "USDC",
                side=_side(row),
                time_ms=row.ms("time"),
                maker=row.get("crossed") is False,
                realized_pnl=row.optional("closedPnl"),
            )
            for row in self.of(market, rows_of(reply))
        ]

    # --- conditional orders ---------------------------------------------------------------------------------------

    def stop(self, stop: orders.StopOrder, hedge: bool) -> Call:
        return self._waiting(stop, stop.quantity, reduces=True)

    def trigger(self, order: orders.TriggerOrder, hedge: bool) -> Call:
        return self._waiting(order, order.quantity, reduces=False)

    def _waiting(
        self, order: orders.StopOrder | orders.TriggerOrder, quantity: Decimal | None, *, reduces: bool
    ) -> Call:
        name = "stopLossPrice" if order.kind == "STOP_MARKET" else "takeProfitPrice"
        trigger = {name: plain(order.trigger_price)}
        return self._order(order, quantity, "market", order.trigger_price, trigger, reduces=reduces)

    def stop_taken(self, reply: Any) -> str:
        data = _data(reply)
        if data.get("statuses") == ["waitingForTrigger"]:
            return ""
        return data.first("statuses").row("resting").id("oid")

    def open_stops(self, market: Market) -> list[Call]:
        return [_info("frontendOpenOrders", weight=20)]

    def stops_in(self, reply: Any, market: Market) -> list[orders.StopFact]:
        if isinstance(reply, list):
            rows = [(row, "open") for row in self.of(market, rows_of(reply))]
        else:
            one = _one_order(reply, market)
            rows = [] if one is None else [(one[0], one[1])]
        found = []
        for row, status in rows:
            if row.get("isTrigger") is not True:
                continue
            fired, side = status in ("filled", "triggered"), _side(row)
            ended = "REJECTED" if _state(status) == REFUSED else "CANCELED"
            found.append(
                orders.StopFact(
                    client_order_id=row.text("cloid"),
                    exchange_order_id=row.id("oid"),
                    status="TRIGGERED" if fired else "OPEN" if status == "open" else ended,
                    trigger_price=row.price("triggerPx"),
                    actual_order_id=row.id("oid") if fired else "",
                    closes_position=row.get("isPositionTpsl") is True,
                    position_side="LONG" if side == "SELL" else "SHORT",
                    kind="TAKE_PROFIT_MARKET" if row.text("orderType").startswith("Take Profit") else "STOP_MARKET",
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: orders.StopFact) -> Call:
        order_id = int(stop.exchange_order_id)
        return _action(lambda client: {"type": "cancel", "cancels": [{"a": _asset(client, market), "o": order_id}]})

    # --- facts of the account -------------------------------------------------------------------------------------

    def incomes(self, since_ms: int, limit: int) -> Call:
        return _info("userFunding", startTime=since_ms, weight=20)

    def incomes_in(self, reply: Any, by_id: ById) -> list[orders.IncomeFact]:
        found = []
        for row in rows_of(reply):
            delta = row.row("delta")
            kind, coin, time_ms = delta.text("type"), delta.text("coin"), row.ms("time")
            parts = [(_INCOMES.get(kind, kind.upper()), delta.decimal("usdc"))]
            # The transaction of a funding payment is the same for everyone: the coin and the time make it one line.
            found += income_facts(parts, by_id(coin), income_id=f"{time_ms}-{coin}", currency="USDC", time_ms=time_ms)
        return found

    def balance(self) -> Call:
        return _info("clearinghouseState", weight=2)

    def balance_in(self, reply: Any) -> orders.BalanceFact:
        row = Row(reply)
        total = row.row("marginSummary")
        equity = total.decimal("accountValue")
        pnl = sum((position.decimal("unrealizedPnl") for position in self.position_rows(reply)), Decimal(0))
        return orders.BalanceFact(
            balance=equity - pnl,
            available=row.decimal("withdrawable"),
            unrealized_pnl=pnl,
            margin_used=total.decimal("totalMarginUsed"),
            equity=equity,
        )

    def positions(self) -> Call:
        return _info("clearinghouseState", weight=2)

    def position_rows(self, reply: Any) -> list[Row]:
        return [item.row("position") for item in Row(reply).rows("assetPositions")]

    def position(self, row: Row, market: Market, size: Decimal) -> orders.PositionFact:
        return orders.PositionFact(
            symbol=market.symbol,
            position_side="LONG" if size > 0 else "SHORT",
            quantity=abs(size),
            entry_price=row.price("entryPx"),
            unrealized_pnl=row.optional("unrealizedPnl"),
            leverage=row.row("leverage").leverage("value"),
            liquidation_price=row.optional("liquidationPx") or Decimal(0),
        )

    def permissions(self) -> Call | None:
        return None

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        return {}


def _info(name: str, *, weight: int, **params: Any) -> Call:
    """A question about the account of the key."""
    return Call("publicPostInfo", lambda client: {"type": name, "user": client.walletAddress, **params}, weight)


def _action(say: Callable[[Any], dict[str, Any]]) -> Call:
    """An action, said by the client that holds the key, and signed with it."""

    def build(client: Any) -> dict[str, Any]:
        action, nonce = say(client), client.incrementing_nonce()
        return {"action": action, "nonce": nonce, "signature": client.sign_l1_action(action, nonce)}

    return Call("privatePostExchange", build)


def _asset(client: Any, market: Market) -> int:
    """The number that actions call a market by."""
    return int(client.market(market.ccxt_symbol)["baseId"])


def _data(reply: Any) -> Row:
    """What happened to the orders of an action."""
    return Row(reply, Kind.WRITE).row("response").row("data")


def _one_order(reply: Any, market: Market) -> tuple[Row, str, int] | None:
    """The order of an `orderStatus` answer with its status and time; None when there is none of that id."""
    answer = Row(reply)
    if answer.text("status") == "unknownOid":
        return None
    if answer.text("status") != "order":
        raise bad_reply(Kind.READ, "unknown answer about an order")
    outer = answer.row("order")
    row = outer.row("order")
    if row.text("coin") != market.venue_id:
        return None
    return row, outer.text("status"), outer.ms("statusTimestamp")


def _state(status: str) -> str | None:
    if status in ("open", "triggered"):
        return OPEN
    if status == "filled":
        return DONE
    lower = status.lower()
    return ENDED if lower.endswith("canceled") else REFUSED if lower.endswith("rejected") else None


def _side(row: Row) -> str:
    return {"B": "BUY", "A": "SELL"}.get(row.text("side"), "")
