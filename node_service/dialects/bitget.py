"""Bitget v2: USDT futures in coins; stops and take-profits are plans on a position, kept apart from orders."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from .. import orders
from ..errors import Kind, bad_reply
from ..figures import Market, plain
from ..venues import VENUES
from .base import DONE, ENDED, OPEN, ById, Call, Dialect, income_facts, order_fact, taken_fact
from .row import Row, rows_of

_FUTURES: Final[dict[str, Any]] = {"productType": "USDT-FUTURES"}
_MARGIN: Final = {"marginCoin": "USDT"}
_STATES: Final = {
    "live": OPEN,
    "new": OPEN,
    "partially_filled": OPEN,
    "filled": DONE,
    "canceled": ENDED,
    "cancelled": ENDED,
}
_STOPS: Final = {
    "live": "OPEN",
    "executing": "TRIGGERED",
    "executed": "TRIGGERED",
    "fail_execute": "REJECTED",
    "cancelled": "CANCELED",
    "canceled": "CANCELED",
}
_ENTRY: Final = "normal_plan"
# (kind, whether it closes all of the position) -> what the venue calls the plan. An entry that waits is another thing.
_PLANS: Final = {
    ("STOP_MARKET", True): "pos_loss",
    ("STOP_MARKET", False): "loss_plan",
    ("TAKE_PROFIT_MARKET", True): "pos_profit",
    ("TAKE_PROFIT_MARKET", False): "profit_plan",
}
_KINDS: Final = {plan: key for key, plan in _PLANS.items()} | {_ENTRY: ("STOP_MARKET", False)}
_LISTS: Final = ("profit_loss", _ENTRY)  # the first holds all four plans on positions


class Bitget(Dialect):
    """The words of Bitget."""

    venue = VENUES["bitget"]
    size_field = "total"

    def clock(self) -> Call:
        return Call("publicCommonGetV2PublicTime", {})

    def clock_in(self, reply: Any) -> int:
        return _data(reply).ms("serverTime")

    def mode(self, market: Market) -> Call:
        return Call("privateMixGetV2MixAccountAccount", _FUTURES | _MARGIN | {"symbol": market.venue_id})

    def mode_in(self, reply: Any) -> bool:
        return _data(reply).id("posMode") == "hedge_mode"

    def isolate(self, market: Market) -> Call | None:
        params = _FUTURES | _MARGIN | {"symbol": market.venue_id, "marginMode": "isolated"}
        return Call("privateMixPostV2MixAccountSetMarginMode", params)

    def isolated_in(self, reply: Any) -> bool:
        return _data(reply, Kind.WRITE).text("marginMode") == "isolated"

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        params = _FUTURES | _MARGIN | {"symbol": market.venue_id, "leverage": str(leverage)}
        sides = [{"holdSide": "long"}, {"holdSide": "short"}] if hedge else [{}]
        return [Call("privateMixPostV2MixAccountSetLeverage", params | side) for side in sides]

    # --- orders ---------------------------------------------------------------------------------------------------

    def order(self, order: orders.MarketOrder, hedge: bool, price: Decimal) -> Call:
        params = _order(order, hedge)
        if isinstance(order, orders.LimitOrder):
            params |= {"orderType": "limit", "price": plain(order.price), "force": "gtc"}
        return Call("privateMixPostV2MixOrderPlaceOrder", params)

    def order_taken(self, reply: Any, order: orders.MarketOrder) -> orders.OrderFact:
        row = _data(reply, Kind.WRITE)
        self.check_echo(row.text("clientOid"), order.client_order_id)
        return taken_fact(order, row.id("orderId"))

    def cancel(self, market: Market, client_id: str) -> Call:
        params = _FUTURES | _MARGIN | {"symbol": market.venue_id, "clientOid": client_id}
        return Call("privateMixPostV2MixOrderCancelOrder", params)

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name = {"clientOid": client_id} if client_id else {"orderId": order_id}
        return [Call("privateMixGetV2MixOrderDetail", _FUTURES | {"symbol": market.venue_id, **name})]

    def orders_in(self, reply: Any, market: Market) -> list[orders.OrderFact]:
        return [
            order_fact(
                market,
                client_order_id=row.text("clientOid"),
                order_id=row.id("orderId"),
                state=_STATES.get(row.text("state")),
                size=row.decimal("size"),
                filled=row.decimal("baseVolume"),
                average=row.decimal("priceAvg"),
                side=_side(row),
                time_ms=row.ms("uTime"),
            )
            for row in self.of(market, [_data(reply)])
        ]

    def trades(self, market: Market, order_id: str) -> Call:
        return Call("privateMixGetV2MixOrderFills", _FUTURES | {"symbol": market.venue_id, "orderId": order_id})

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        params = _FUTURES | {"symbol": market.venue_id, "limit": "100"}
        if since_ms is not None:
            params["startTime"] = str(since_ms)
        return Call("privateMixGetV2MixOrderFills", params)

    def trades_in(self, reply: Any, market: Market) -> list[orders.Trade]:
        found = []
        for row in self.of(market, _data(reply).some("fillList")):
            fee, currency = _fee(row)
            found.append(
                orders.Trade(
                    trade_id=row.id("tradeId"),
                    order_id=row.id("orderId"),
                    price=row.price("price"),
                    quantity=row.coins("baseVolume", market),
                    fee=fee,
                    fee_currency=currency,
                    side=_side(row),
                    time_ms=row.ms("cTime"),
                    maker=row.text("tradeScope") == "maker",
                    realized_pnl=row.optional("profit"),
                )
            )
        return found

    # --- conditional orders ---------------------------------------------------------------------------------------

    def stop(self, stop: orders.StopOrder, hedge: bool) -> Call:
        held = {"LONG": "long", "SHORT": "short"} if hedge else {"LONG": "buy", "SHORT": "sell"}
        params = (
            _FUTURES
            | _MARGIN
            | {
                "symbol": stop.market.venue_id,
                "planType": _PLANS[stop.kind, stop.quantity is None],
                "triggerPrice": plain(stop.trigger_price),
                "triggerType": "fill_price",
                "holdSide": held[stop.position_side],
                "clientOid": stop.client_order_id,
            }
        )
        if stop.quantity is not None:
            params["size"] = plain(stop.quantity)
        return Call("privateMixPostV2MixOrderPlaceTpslOrder", params)

    def trigger(self, order: orders.TriggerOrder, hedge: bool) -> Call:
        # The venue sees from its price which way the trigger lies.
        waiting = {"planType": _ENTRY, "triggerPrice": plain(order.trigger_price), "triggerType": "fill_price"}
        return Call("privateMixPostV2MixOrderPlacePlanOrder", _order(order, hedge) | waiting)

    def stop_taken(self, reply: Any) -> str:
        return _data(reply, Kind.WRITE).id("orderId")

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        params = _FUTURES | {"symbol": market.venue_id, "clientOid": client_id}
        return [
            Call(f"privateMixGetV2MixOrderOrdersPlan{state}", params | {"planType": plans})
            for plans in _LISTS
            for state in ("Pending", "History")
        ]

    def open_stops(self, market: Market) -> list[Call]:
        params = _FUTURES | {"symbol": market.venue_id, "limit": "100"}
        return [Call("privateMixGetV2MixOrderOrdersPlanPending", params | {"planType": plans}) for plans in _LISTS]

    def stops_in(self, reply: Any, market: Market) -> list[orders.StopFact]:
        found = []
        for row in self.of(market, _data(reply).some("entrustedList")):
            plan = row.text("planType")
            if plan not in _KINDS:
                continue
            kind, all_of_it = _KINDS[plan]
            held = row.text("posSide") or row.text("holdSide")  # net in one-way mode
            long = held == "long" if held in ("long", "short") else row.side() == "SELL"
            found.append(
                orders.StopFact(
                    client_order_id=row.text("clientOid"),
                    exchange_order_id=row.id("orderId"),
                    status=_STOPS.get(row.text("planStatus"), "REJECTED"),
                    trigger_price=row.price("triggerPrice"),
                    actual_order_id=row.text("executeOrderId"),
                    closes_position=all_of_it,
                    position_side="LONG" if long else "SHORT",
                    kind=kind,
                    group=plan,
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: orders.StopFact) -> Call:
        params = _FUTURES | _MARGIN | {"symbol": market.venue_id, "planType": stop.group}
        params["orderIdList"] = [{"orderId": stop.exchange_order_id}]
        return Call("privateMixPostV2MixOrderCancelPlanOrder", params)

    # --- facts of the account -------------------------------------------------------------------------------------

    def incomes(self, since_ms: int, limit: int) -> Call:
        return Call("privateMixGetV2MixAccountBill", _FUTURES | {"startTime": str(since_ms), "limit": "100"})

    def incomes_in(self, reply: Any, by_id: ById) -> list[orders.IncomeFact]:
        found = []
        for row in _data(reply).some("bills"):
            market, kind, time_ms = by_id(row.text("symbol")), row.text("businessType"), row.ms("cTime")
            known = "FUNDING_FEE" if kind == "contract_settle_fee" else "REALIZED_PNL" if "close" in kind else ""
            parts = [(known or kind.upper(), row.decimal("amount")), ("COMMISSION", row.decimal("fee"))]
            found += income_facts(parts, market, income_id=row.id("billId"), currency=row.text("coin"), time_ms=time_ms)
        return found

    def balance(self) -> Call:
        return Call("privateMixGetV2MixAccountAccounts", dict(_FUTURES))

    def balance_in(self, reply: Any) -> orders.BalanceFact:
        for row in Row(reply).rows("data"):
            if row.text("marginCoin") == "USDT":
                equity, pnl, available = (
                    row.decimal("accountEquity"),
                    row.decimal("unrealizedPL"),
                    row.decimal("available"),
                )
                return orders.BalanceFact(
                    balance=equity - pnl,
                    available=available,
                    unrealized_pnl=pnl,
                    margin_used=max(equity - available, Decimal(0)),
                    equity=equity,
                )
        return orders.BalanceFact()

    def positions(self) -> Call:
        return Call("privateMixGetV2MixPositionAllPosition", _FUTURES | _MARGIN)

    def position_rows(self, reply: Any) -> list[Row]:
        return Row(reply).rows("data")

    def position(self, row: Row, market: Market, size: Decimal) -> orders.PositionFact:
        return orders.PositionFact(
            symbol=market.symbol,
            position_side="LONG" if row.text("holdSide") == "long" else "SHORT",
            quantity=size,
            entry_price=row.price("openPriceAvg"),
            unrealized_pnl=row.optional("unrealizedPL"),
            leverage=row.leverage("leverage"),
            liquidation_price=max(row.optional("liquidationPrice") or Decimal(0), Decimal(0)),
        )

    def permissions(self) -> Call | None:
        return Call("privateSpotGetV2SpotAccountInfo", {})

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        row = _data(reply)
        may = {str(part) for part in row.get("authorities") or []}
        return {
            "ipRestrict": bool(row.get("ips")),
            "enableReading": True,
            "enableWithdrawals": bool(may & {"withdraw", "wow", "wwow"}),
            "enableInternalTransfer": bool(may & {"transfer", "wtow"}),
            "enableFutures": bool(may & {"trade", "contract", "coow", "cpow"}),
            "permitsUniversalTransfer": False,
            "expires_ms": None,
        }


def _order(order: orders.MarketOrder, hedge: bool) -> dict[str, Any]:
    params = (
        _FUTURES
        | _MARGIN
        | {
            "symbol": order.market.venue_id,
            "marginMode": "isolated",
            "orderType": "market",
            "size": plain(order.quantity),
            "side": order.side.lower(),
            "clientOid": order.client_order_id,
        }
    )
    if hedge:  # there `side` is that of the position, whether it is opened or closed
        params["side"] = "buy" if order.position_side == "LONG" else "sell"
        params["tradeSide"] = "close" if order.reduces else "open"
    elif order.reduces:
        params["reduceOnly"] = "YES"
    return params


def _side(row: Row) -> str:
    """BUY or SELL as it was traded; in hedge mode the venue names the side of the position."""
    closes = row.text("tradeSide").startswith(("close", "reduce", "burst", "delivery"))
    if closes and row.text("posMode") in ("", "hedge_mode"):
        return {"BUY": "SELL", "SELL": "BUY"}.get(row.side(), "")
    return row.side()


def _fee(row: Row) -> tuple[Decimal, str]:
    """What the execution cost, in which coin; a cost is negative there."""
    parts = row.get("feeDetail")
    try:
        rows = rows_of(json.loads(parts) if isinstance(parts, str) else parts or [])
    except ValueError:
        raise bad_reply(Kind.READ, "feeDetail is not JSON") from None
    fee = sum((part.decimal("totalFee") for part in rows), Decimal(0))
    return -fee, (rows[0].text("feeCoin") or "USDT") if rows else "USDT"


def _data(reply: Any, kind: Kind = Kind.READ) -> Row:
    return Row(reply, kind).row("data")
