"""Bybit v5: linear perpetuals of a unified account in coins; a conditional order is an order and keeps its id."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from .. import orders
from ..errors import Kind
from ..figures import Market, plain
from ..venues import VENUES
from .base import DONE, ENDED, OPEN, REFUSED, ById, Call, Dialect, income_facts, kind_of, order_fact, rises, taken_fact
from .row import Row

_LINEAR: Final = {"category": "linear"}
_STATES: Final = {
    "New": OPEN,
    "PartiallyFilled": OPEN,
    "Untriggered": OPEN,
    "Triggered": OPEN,
    "Filled": DONE,
    "Cancelled": ENDED,
    "PartiallyFilledCanceled": ENDED,
    "Deactivated": ENDED,
    "Rejected": REFUSED,
}
_STOPS: Final = {
    "Untriggered": "OPEN",
    "Triggered": "TRIGGERED",
    "New": "TRIGGERED",
    "PartiallyFilled": "TRIGGERED",
    "Filled": "TRIGGERED",
    "PartiallyFilledCanceled": "TRIGGERED",
    "Cancelled": "CANCELED",
    "Deactivated": "CANCELED",
    "Rejected": "REJECTED",
}
_RISES, _FALLS = 1, 2
_INCOMES: Final = {"SETTLEMENT": "FUNDING_FEE"}


class Bybit(Dialect):
    """The words of Bybit."""

    venue = VENUES["bybit"]

    def clock(self) -> Call:
        return Call("publicGetV5MarketTime", {})

    def clock_in(self, reply: Any) -> int:
        return Row(reply).ms("time")

    def mode(self, market: Market) -> Call:
        return Call("privateGetV5PositionList", _LINEAR | {"symbol": market.venue_id})

    def mode_in(self, reply: Any) -> bool:
        return _result(reply).first("list").text("positionIdx") != "0"

    def isolate(self, market: Market) -> Call | None:
        return Call("privateGetV5AccountInfo", {})  # a setting of the whole account: read, never changed by us

    def isolated_in(self, reply: Any) -> bool:
        return _result(reply).text("marginMode") == "ISOLATED_MARGIN"

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        text = str(leverage)
        params = _LINEAR | {"symbol": market.venue_id, "buyLeverage": text, "sellLeverage": text}
        return [Call("privatePostV5PositionSetLeverage", params)]

    # --- orders ---------------------------------------------------------------------------------------------------

    def order(self, order: orders.MarketOrder, hedge: bool, price: Decimal) -> Call:
        params = _order(order, hedge)
        if isinstance(order, orders.LimitOrder):
            params |= {"orderType": "Limit", "price": plain(order.price), "timeInForce": "GTC"}
        return Call("privatePostV5OrderCreate", params)

    def order_taken(self, reply: Any, order: orders.MarketOrder) -> orders.OrderFact:
        row = _result(reply, Kind.WRITE)
        self.check_echo(row.text("orderLinkId"), order.client_order_id)
        return taken_fact(order, row.id("orderId"))

    def cancel(self, market: Market, client_id: str) -> Call:
        return Call("privatePostV5OrderCancel", _LINEAR | {"symbol": market.venue_id, "orderLinkId": client_id})

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name = {"orderLinkId": client_id} if client_id else {"orderId": order_id}
        params = _LINEAR | {"symbol": market.venue_id, **name}
        # The first knows open orders and the last few hundred; the second all of two years, a moment later.
        return [Call("privateGetV5OrderRealtime", params), Call("privateGetV5OrderHistory", params)]

    def orders_in(self, reply: Any, market: Market) -> list[orders.OrderFact]:
        return [
            order_fact(
                market,
                client_order_id=row.text("orderLinkId"),
                order_id=row.id("orderId"),
                state=_STATES.get(row.text("orderStatus")),
                size=row.decimal("qty") or row.decimal("cumExecQty"),  # "0" closes whatever is there
                filled=row.decimal("cumExecQty"),
                average=row.decimal("avgPrice"),
                side=row.side(),
                time_ms=row.ms("updatedTime"),
            )
            for row in self.of(market, _rows(reply))
        ]

    def trades(self, market: Market, order_id: str) -> Call:
        params = _LINEAR | {"symbol": market.venue_id, "orderId": order_id, "limit": 100}
        return Call("privateGetV5ExecutionList", params)

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        params: dict[str, Any] = _LINEAR | {"symbol": market.venue_id, "limit": 100}
        if since_ms is not None:
            params["startTime"] = since_ms
        return Call("privateGetV5ExecutionList", params)

    def trades_in(self, reply: Any, market: Market) -> list[orders.Trade]:
        return [
            orders.Trade(
                trade_id=row.id("execId"),
                order_id=row.id("orderId"),
                price=row.price("execPrice"),
                quantity=row.coins("execQty", market),
                fee=row.decimal("execFee"),
                fee_currency=row.text("feeCurrency") or "USDT",
                side=row.side(),
                time_ms=row.ms("execTime"),
                maker=row.get("isMaker") is True,
                realized_pnl=row.optional("execPnl"),
            )
            for row in self.of(market, _rows(reply))
            if row.text("execType")
            in ("Trade", "AdlTrade", "BustTrade")  # funding is listed among the executions, too
        ]

    # --- conditional orders ---------------------------------------------------------------------------------------

    def stop(self, stop: orders.StopOrder, hedge: bool) -> Call:
        params = _LINEAR | {
            "symbol": stop.market.venue_id,
            "side": stop.side.capitalize(),
            "orderType": "Market",
            "qty": "0" if stop.quantity is None else plain(stop.quantity),  # "0" with both flags: all of the position
            "orderLinkId": stop.client_order_id,
            "positionIdx": _index(stop.position_side, hedge),
            "reduceOnly": True,
            "closeOnTrigger": True,
        }
        return Call("privatePostV5OrderCreate", params | _trigger(stop))

    def trigger(self, order: orders.TriggerOrder, hedge: bool) -> Call:
        return Call("privatePostV5OrderCreate", _order(order, hedge) | _trigger(order))

    def stop_taken(self, reply: Any) -> str:
        return _result(reply, Kind.WRITE).id("orderId")

    def open_stops(self, market: Market) -> list[Call]:
        params = _LINEAR | {"symbol": market.venue_id, "orderFilter": "StopOrder", "limit": 50}
        return [Call("privateGetV5OrderRealtime", params)]

    def stops_in(self, reply: Any, market: Market) -> list[orders.StopFact]:
        found = []
        for row in self.of(market, _rows(reply)):
            if row.text("triggerPrice") in ("", "0"):
                continue
            status, order_id, side = _STOPS.get(row.text("orderStatus"), "REJECTED"), row.id("orderId"), row.side()
            found.append(
                orders.StopFact(
                    client_order_id=row.text("orderLinkId"),
                    exchange_order_id=order_id,
                    status=status,
                    trigger_price=row.price("triggerPrice"),
                    actual_order_id=order_id if status == "TRIGGERED" else "",
                    closes_position=row.get("closeOnTrigger") is True,
                    position_side="LONG" if side == "SELL" else "SHORT",
                    kind=kind_of(side, row.text("triggerDirection") == str(_RISES)),
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: orders.StopFact) -> Call:
        params = _LINEAR | {"symbol": market.venue_id, "orderId": stop.exchange_order_id}
        return Call("privatePostV5OrderCancel", params)

    # --- facts of the account -------------------------------------------------------------------------------------

    def incomes(self, since_ms: int, limit: int) -> Call:
        params = _LINEAR | {"accountType": "UNIFIED", "currency": "USDT", "startTime": since_ms, "limit": 50}
        return Call("privateGetV5AccountTransactionLog", params)

    def incomes_in(self, reply: Any, by_id: ById) -> list[orders.IncomeFact]:
        found = []
        for row in _rows(reply):
            kind = row.text("type")
            parts = (
                [("REALIZED_PNL", row.decimal("cashFlow")), ("COMMISSION", -row.decimal("fee"))]
                if kind == "TRADE"
                else [(_INCOMES.get(kind, kind), row.decimal("change"))]
            )
            market, time_ms = by_id(row.text("symbol")), row.ms("transactionTime")
            found += income_facts(parts, market, income_id=row.id("id"), currency=row.text("currency"), time_ms=time_ms)
        return found

    def balance(self) -> Call:
        return Call("privateGetV5AccountWalletBalance", {"accountType": "UNIFIED", "coin": "USDT"})

    def balance_in(self, reply: Any) -> orders.BalanceFact:
        for account in _rows(reply):
            for row in account.rows("coin"):
                if row.text("coin") != "USDT":
                    continue
                wallet = row.decimal("walletBalance")
                used = (row.optional("totalPositionIM") or Decimal(0)) + (row.optional("totalOrderIM") or Decimal(0))
                return orders.BalanceFact(
                    balance=wallet,
                    available=max(wallet - used, Decimal(0)),  # isolated accounts show none of their own
                    unrealized_pnl=row.decimal("unrealisedPnl"),
                    margin_used=used,
                    equity=row.decimal("equity"),
                )
        return orders.BalanceFact()

    def positions(self) -> Call:
        return Call("privateGetV5PositionList", _LINEAR | {"settleCoin": "USDT", "limit": 200})

    def position_rows(self, reply: Any) -> list[Row]:
        return _rows(reply)

    def position(self, row: Row, market: Market, size: Decimal) -> orders.PositionFact:
        return orders.PositionFact(
            symbol=market.symbol,
            position_side="LONG" if row.side() == "BUY" else "SHORT",
            quantity=size,
            entry_price=row.price("avgPrice"),
            unrealized_pnl=row.optional("unrealisedPnl"),
            leverage=row.leverage("leverage"),
            liquidation_price=row.optional("liqPrice") or Decimal(0),
        )

    def permissions(self) -> Call | None:
        return Call("privateGetV5UserQueryApi", {})

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        row = _result(reply)
        may = row.row("permissions")
        wallet = [str(part) for part in may.get("Wallet") or []]
        addresses = [str(part) for part in row.get("ips") or []]
        return {
            "ipRestrict": bool(addresses) and "*" not in addresses,
            "enableReading": True,
            "enableWithdrawals": "Withdraw" in wallet,
            "enableInternalTransfer": bool({"AccountTransfer", "SubMemberTransfer"} & set(wallet)),
            "enableFutures": row.text("readOnly") == "0" and bool(may.get("ContractTrade")),
            "permitsUniversalTransfer": False,
            "expires_ms": None,
        }


def _order(order: orders.MarketOrder, hedge: bool) -> dict[str, Any]:
    reducing = {"reduceOnly": True} if order.reduces else {}
    return _LINEAR | {
        "symbol": order.market.venue_id,
        "side": order.side.capitalize(),
        "orderType": "Market",
        "qty": plain(order.quantity),
        "orderLinkId": order.client_order_id,
        "positionIdx": _index(order.position_side, hedge),
        **reducing,
    }


def _trigger(order: orders.StopOrder | orders.TriggerOrder) -> dict[str, Any]:
    return {
        "triggerPrice": plain(order.trigger_price),
        "triggerDirection": _RISES if rises(order) else _FALLS,
        "triggerBy": "LastPrice",
    }


def _index(position_side: str, hedge: bool) -> int:
    return (1 if position_side == "LONG" else 2) if hedge else 0


def _result(reply: Any, kind: Kind = Kind.READ) -> Row:
    return Row(reply, kind).row("result")


def _rows(reply: Any) -> list[Row]:
    return _result(reply).rows("list")
