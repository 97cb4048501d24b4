"""Bybit v5: linear perpetuals of a unified account in coins; a stop is a conditional order and keeps its id."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from ..errors import Kind
from ..figures import Market, plain
from ..orders import BalanceFact, IncomeFact, MarketOrder, OrderFact, PositionFact, StopFact, StopOrder, Trade
from ..venues import VENUES
from .base import (
    DONE,
    ENDED,
    OPEN,
    REFUSED,
    ById,
    Call,
    check_echo,
    decimal_of,
    id_of,
    ms_of,
    only,
    optional_of,
    order_fact,
    price_of,
    row_of,
    rows_of,
    taken_fact,
    trade_size,
)

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
_INCOMES: Final = {"SETTLEMENT": "FUNDING_FEE"}


class Bybit:
    """The words of Bybit."""

    venue = VENUES["bybit"]

    def clock(self) -> Call:
        return Call("publicGetV5MarketTime", {})

    def clock_in(self, reply: Any) -> int:
        return ms_of(row_of(reply).get("time"))

    def mode(self, market: Market) -> Call:
        return Call("privateGetV5PositionList", _LINEAR | {"symbol": market.venue_id})

    def mode_in(self, reply: Any) -> bool:
        row = only(_result(reply).get("list"), Kind.READ)
        return str(row.get("positionIdx")) != "0"

    def isolate(self, market: Market) -> Call | None:
        return Call("privateGetV5AccountInfo", {})  # a setting of the whole account: read, never changed by us

    def isolated_in(self, reply: Any) -> bool:
        return str(_result(reply).get("marginMode")) == "ISOLATED_MARGIN"

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        text = str(leverage)
        params = _LINEAR | {"symbol": market.venue_id, "buyLeverage": text, "sellLeverage": text}
        return [Call("privatePostV5PositionSetLeverage", params)]

    def price(self, market: Market) -> Call | None:
        return None

    def price_in(self, reply: Any, market: Market) -> Decimal:
        return Decimal(0)

    def order(self, order: MarketOrder, hedge: bool, price: Decimal) -> Call:
        params: dict[str, Any] = _LINEAR | {
            "symbol": order.market.venue_id,
            "side": order.side.capitalize(),
            "orderType": "Market",
            "qty": plain(order.quantity),
            "orderLinkId": order.client_order_id,
            "positionIdx": _index(order.position_side, hedge),
        }
        if order.reduces:
            params["reduceOnly"] = True
        return Call("privatePostV5OrderCreate", params)

    def order_taken(self, reply: Any, order: MarketOrder) -> OrderFact:
        row = _result(reply, Kind.WRITE)
        check_echo(self.venue, row.get("orderLinkId"), order.client_order_id, Kind.WRITE)
        return taken_fact(order, id_of(row, "orderId", Kind.WRITE))

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name = {"orderLinkId": client_id} if client_id else {"orderId": order_id}
        params = _LINEAR | {"symbol": market.venue_id, **name}
        # The first knows open orders and the last few hundred; the second all of two years, a moment later.
        return [Call("privateGetV5OrderRealtime", params), Call("privateGetV5OrderHistory", params)]

    def orders_in(self, reply: Any, market: Market) -> list[OrderFact]:
        return [
            order_fact(
                market,
                client_order_id=str(row.get("orderLinkId", "")),
                order_id=id_of(row, "orderId"),
                state=_STATES.get(str(row.get("orderStatus"))),
                size=decimal_of(row, "qty") or decimal_of(row, "cumExecQty"),  # "0" closes whatever is there
                filled=decimal_of(row, "cumExecQty"),
                average=decimal_of(row, "avgPrice"),
                side=str(row.get("side", "")).upper(),
                time_ms=ms_of(row.get("updatedTime")),
            )
            for row in _rows(reply)
            if row.get("symbol") == market.venue_id
        ]

    def stop(self, stop: StopOrder, hedge: bool, price: Decimal) -> Call:
        params = _LINEAR | {
            "symbol": stop.market.venue_id,
            "side": stop.side.capitalize(),
            "orderType": "Market",
            "qty": "0" if stop.quantity is None else plain(stop.quantity),  # "0" with both flags: all of the position
            "triggerPrice": plain(stop.trigger_price),
            "triggerDirection": 2 if stop.position_side == "LONG" else 1,  # 2: the price falls to it, 1: rises to it
            "triggerBy": "LastPrice",
            "orderLinkId": stop.client_order_id,
            "positionIdx": _index(stop.position_side, hedge),
            "reduceOnly": True,
            "closeOnTrigger": True,
        }
        return Call("privatePostV5OrderCreate", params)

    def stop_taken(self, reply: Any) -> str:
        return id_of(_result(reply, Kind.WRITE), "orderId", Kind.WRITE)

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        return self.find(market, client_id, "")

    def open_stops(self, market: Market) -> Call:
        params = _LINEAR | {"symbol": market.venue_id, "orderFilter": "StopOrder", "limit": 50}
        return Call("privateGetV5OrderRealtime", params)

    def stops_in(self, reply: Any, market: Market) -> list[StopFact]:
        found = []
        for row in _rows(reply):
            if row.get("symbol") != market.venue_id or row.get("triggerPrice") in (None, "", "0"):
                continue
            status = _STOPS.get(str(row.get("orderStatus")), "REJECTED")
            order_id = id_of(row, "orderId")
            found.append(
                StopFact(
                    client_order_id=str(row.get("orderLinkId", "")),
                    exchange_order_id=order_id,
                    status=status,
                    trigger_price=price_of(row, "triggerPrice"),
                    actual_order_id=order_id if status == "TRIGGERED" else "",
                    closes_position=row.get("closeOnTrigger") is True,
                    position_side="LONG" if row.get("side") == "Sell" else "SHORT",
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: StopFact) -> Call:
        params = _LINEAR | {"symbol": market.venue_id, "orderId": stop.exchange_order_id}
        return Call("privatePostV5OrderCancel", params)

    def trades(self, market: Market, order_id: str) -> Call:
        params = _LINEAR | {"symbol": market.venue_id, "orderId": order_id, "limit": 100}
        return Call("privateGetV5ExecutionList", params)

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        params: dict[str, Any] = _LINEAR | {"symbol": market.venue_id, "limit": 100}
        if since_ms is not None:
            params["startTime"] = since_ms
        return Call("privateGetV5ExecutionList", params)

    def trades_in(self, reply: Any, market: Market) -> list[Trade]:
        return [
            Trade(
                trade_id=id_of(row, "execId"),
                order_id=id_of(row, "orderId"),
                price=price_of(row, "execPrice"),
                quantity=trade_size(row, "execQty", market),
                fee=decimal_of(row, "execFee"),
                fee_currency=str(row.get("feeCurrency") or "USDT"),
                side=str(row.get("side", "")).upper(),
                time_ms=ms_of(row.get("execTime")),
                maker=row.get("isMaker") is True,
                realized_pnl=optional_of(row, "execPnl"),
            )
            for row in _rows(reply)
            # Funding is listed among the executions, too.
            if row.get("symbol") == market.venue_id and row.get("execType") in ("Trade", "AdlTrade", "BustTrade")
        ]

    def incomes(self, since_ms: int, limit: int) -> Call:
        params = {
            "accountType": "UNIFIED",
            "category": "linear",
            "currency": "USDT",
            "startTime": since_ms,
            "limit": 50,
        }
        return Call("privateGetV5AccountTransactionLog", params)

    def incomes_in(self, reply: Any, by_id: ById) -> list[IncomeFact]:
        found = []
        for row in _rows(reply):
            market = by_id(str(row.get("symbol")))
            kind = str(row.get("type", ""))
            parts = (
                [("REALIZED_PNL", decimal_of(row, "cashFlow")), ("COMMISSION", -decimal_of(row, "fee"))]
                if kind == "TRADE"
                else [(_INCOMES.get(kind, kind), decimal_of(row, "change"))]
            )
            found += [
                IncomeFact(
                    id_of(row, "id"),
                    name,
                    amount,
                    str(row.get("currency", "")),
                    market.symbol if market else "",
                    ms_of(row.get("transactionTime")),
                )
                for name, amount in parts
                if amount
            ]
        return found

    def balance(self) -> Call:
        return Call("privateGetV5AccountWalletBalance", {"accountType": "UNIFIED", "coin": "USDT"})

    def balance_in(self, reply: Any) -> BalanceFact:
        for account in _rows(reply):
            for row in rows_of(account.get("coin")):
                if row.get("coin") != "USDT":
                    continue
                wallet = decimal_of(row, "walletBalance")
                used = (optional_of(row, "totalPositionIM") or Decimal(0)) + (
                    optional_of(row, "totalOrderIM") or Decimal(0)
                )
                return BalanceFact(
                    balance=wallet,
                    available=max(wallet - used, Decimal(0)),  # isolated accounts show none of their own
                    unrealized_pnl=decimal_of(row, "unrealisedPnl"),
                    margin_used=used,
                    equity=decimal_of(row, "equity"),
                )
        return BalanceFact()

    def positions(self) -> Call:
        return Call("privateGetV5PositionList", _LINEAR | {"settleCoin": "USDT", "limit": 200})

    def positions_in(self, reply: Any, by_id: ById) -> list[PositionFact]:
        found = []
        for row in _rows(reply):
            market, size = by_id(str(row.get("symbol"))), decimal_of(row, "size")
            if market is None or not size:
                continue
            leverage = optional_of(row, "leverage")
            found.append(
                PositionFact(
                    symbol=market.symbol,
                    position_side="LONG" if row.get("side") == "Buy" else "SHORT",
                    quantity=size,
                    entry_price=price_of(row, "avgPrice"),
                    unrealized_pnl=optional_of(row, "unrealisedPnl"),
                    leverage=None if leverage is None else int(leverage),
                    liquidation_price=optional_of(row, "liqPrice") or Decimal(0),
                )
            )
        return found

    def permissions(self) -> Call | None:
        return Call("privateGetV5UserQueryApi", {})

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        row = _result(reply)
        may = row_of(row.get("permissions"))
        wallet = [str(part) for part in may.get("Wallet") or []]
        addresses = [str(part) for part in row.get("ips") or []]
        return {
            "ipRestrict": bool(addresses) and "*" not in addresses,
            "enableReading": True,
            "enableWithdrawals": "Withdraw" in wallet,
            "enableInternalTransfer": bool({"AccountTransfer", "SubMemberTransfer"} & set(wallet)),
            "enableFutures": str(row.get("readOnly")) == "0" and bool(may.get("ContractTrade")),
            "permitsUniversalTransfer": False,
            "expires_ms": None,
        }


def _index(position_side: str, hedge: bool) -> int:
    return (1 if position_side == "LONG" else 2) if hedge else 0


def _result(reply: Any, kind: Kind = Kind.READ) -> Any:
    return row_of(row_of(reply, kind).get("result"), kind)


def _rows(reply: Any) -> Any:
    return rows_of(_result(reply).get("list"))
