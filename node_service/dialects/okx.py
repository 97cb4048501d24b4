"""OKX v5: USDT swaps in contracts, margin mode in each order, stops as algo orders that close the whole position."""

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
    ById,
    Call,
    check_echo,
    contracts_of,
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

_STATES: Final = {
    "live": OPEN,
    "partially_filled": OPEN,
    "filled": DONE,
    "canceled": ENDED,
    "mmp_canceled": ENDED,
}
_STOPS: Final = {
    "live": "OPEN",
    "pause": "OPEN",
    "partially_effective": "TRIGGERED",
    "effective": "TRIGGERED",
    "canceled": "CANCELED",
    "order_failed": "REJECTED",
    "partially_failed": "REJECTED",
}


class Okx:
    """The words of OKX."""

    venue = VENUES["okx"]

    def clock(self) -> Call:
        return Call("publicGetPublicTime", {})

    def clock_in(self, reply: Any) -> int:
        return ms_of(_first(reply).get("ts"))

    def mode(self, market: Market) -> Call:
        return Call("privateGetAccountConfig", {}, 2)

    def mode_in(self, reply: Any) -> bool:
        return id_of(_first(reply), "posMode") == "long_short_mode"

    def isolate(self, market: Market) -> Call | None:
        return None  # `tdMode` of each order says it

    def isolated_in(self, reply: Any) -> bool:
        return True

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        params = {"instId": market.venue_id, "lever": str(leverage), "mgnMode": "isolated"}
        sides = [{"posSide": "long"}, {"posSide": "short"}] if hedge else [{}]
        return [Call("privatePostAccountSetLeverage", params | side) for side in sides]

    def price(self, market: Market) -> Call | None:
        return None

    def price_in(self, reply: Any, market: Market) -> Decimal:
        return Decimal(0)

    def order(self, order: MarketOrder, hedge: bool, price: Decimal) -> Call:
        params: dict[str, Any] = {
            "instId": order.market.venue_id,
            "tdMode": "isolated",
            "side": order.side.lower(),
            "ordType": "market",
            "sz": plain(contracts_of(order.market, order.quantity)),
            "clOrdId": order.client_order_id,
        }
        if hedge:
            params["posSide"] = order.position_side.lower()
        elif order.reduces:
            params["reduceOnly"] = True
        return Call("privatePostTradeOrder", params)

    def order_taken(self, reply: Any, order: MarketOrder) -> OrderFact:
        row = _first(reply, Kind.WRITE)
        check_echo(self.venue, row.get("clOrdId"), order.client_order_id, Kind.WRITE)
        return taken_fact(order, id_of(row, "ordId", Kind.WRITE))

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name = {"clOrdId": client_id} if client_id else {"ordId": order_id}
        return [Call("privateGetTradeOrder", {"instId": market.venue_id, **name})]

    def orders_in(self, reply: Any, market: Market) -> list[OrderFact]:
        return [
            order_fact(
                market,
                client_order_id=str(row.get("clOrdId", "")),
                order_id=id_of(row, "ordId"),
                state=_STATES.get(str(row.get("state"))),
                size=decimal_of(row, "sz"),
                filled=decimal_of(row, "accFillSz"),
                average=decimal_of(row, "avgPx"),
                side=str(row.get("side", "")).upper(),
                time_ms=ms_of(row.get("uTime")),
            )
            for row in _rows(reply)
            if row.get("instId") == market.venue_id
        ]

    def stop(self, stop: StopOrder, hedge: bool, price: Decimal) -> Call:
        params: dict[str, Any] = {
            "instId": stop.market.venue_id,
            "tdMode": "isolated",
            "side": stop.side.lower(),
            "ordType": "conditional",
            "slTriggerPx": plain(stop.trigger_price),
            "slOrdPx": "-1",
            "slTriggerPxType": "last",
            "algoClOrdId": stop.client_order_id,
        }
        if stop.quantity is None:
            params["closeFraction"] = "1"
        else:
            params["sz"] = plain(contracts_of(stop.market, stop.quantity))
        if hedge:
            params["posSide"] = stop.position_side.lower()
        else:
            params["reduceOnly"] = True
        return Call("privatePostTradeOrderAlgo", params)

    def stop_taken(self, reply: Any) -> str:
        return id_of(_first(reply, Kind.WRITE), "algoId", Kind.WRITE)

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        return [Call("privateGetTradeOrderAlgo", {"algoClOrdId": client_id})]

    def open_stops(self, market: Market) -> Call:
        params = {"ordType": "conditional", "instType": "SWAP", "instId": market.venue_id}
        return Call("privateGetTradeOrdersAlgoPending", params)

    def stops_in(self, reply: Any, market: Market) -> list[StopFact]:
        found = []
        for row in _rows(reply):
            if row.get("instId") != market.venue_id or row.get("slTriggerPx") in (None, ""):
                continue
            orders = row.get("ordIdList")
            actual = str(row.get("ordId") or (orders[0] if isinstance(orders, list) and orders else ""))
            found.append(
                StopFact(
                    client_order_id=str(row.get("algoClOrdId", "")),
                    exchange_order_id=id_of(row, "algoId"),
                    status=_STOPS.get(str(row.get("state")), "REJECTED"),
                    trigger_price=price_of(row, "slTriggerPx"),
                    actual_order_id="" if actual == "0" else actual,
                    closes_position=str(row.get("closeFraction")) == "1",
                    position_side="LONG" if row.get("side") == "sell" else "SHORT",
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: StopFact) -> Call:
        return Call("privatePostTradeCancelAlgos", [{"algoId": stop.exchange_order_id, "instId": market.venue_id}])

    def trades(self, market: Market, order_id: str) -> Call:
        return Call("privateGetTradeFills", {"instType": "SWAP", "instId": market.venue_id, "ordId": order_id})

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        params: dict[str, Any] = {"instType": "SWAP", "instId": market.venue_id, "limit": "100"}
        if since_ms is not None:
            params["begin"] = str(since_ms)
        return Call("privateGetTradeFillsHistory", params, 4)

    def trades_in(self, reply: Any, market: Market) -> list[Trade]:
        return [
            Trade(
                trade_id=id_of(row, "tradeId"),
                order_id=id_of(row, "ordId"),
                price=price_of(row, "fillPx"),
                quantity=trade_size(row, "fillSz", market),
                fee=-decimal_of(row, "fee"),  # a cost is negative there
                fee_currency=str(row.get("feeCcy", "")),
                side=str(row.get("side", "")).upper(),
                time_ms=ms_of(row.get("ts")),
                maker=row.get("execType") == "M",
                realized_pnl=optional_of(row, "fillPnl"),
            )
            for row in _rows(reply)
            if row.get("instId") == market.venue_id
        ]

    def incomes(self, since_ms: int, limit: int) -> Call:
        return Call(
            "privateGetAccountBills", {"instType": "SWAP", "ccy": "USDT", "begin": str(since_ms), "limit": "100"}, 4
        )

    def incomes_in(self, reply: Any, by_id: ById) -> list[IncomeFact]:
        found = []
        for row in _rows(reply):
            market = by_id(str(row.get("instId")))
            funding = str(row.get("type")) == "8"
            parts = (
                [("FUNDING_FEE", decimal_of(row, "balChg"))]
                if funding
                else [("REALIZED_PNL", decimal_of(row, "pnl")), ("COMMISSION", decimal_of(row, "fee"))]
            )
            found += [
                IncomeFact(
                    id_of(row, "billId"),
                    name,
                    amount,
                    str(row.get("ccy", "")),
                    market.symbol if market else "",
                    ms_of(row.get("ts")),
                )
                for name, amount in parts
                if amount
            ]
        return found

    def balance(self) -> Call:
        return Call("privateGetAccountBalance", {"ccy": "USDT"}, 2)

    def balance_in(self, reply: Any) -> BalanceFact:
        for row in rows_of(_first(reply).get("details")):
            if row.get("ccy") == "USDT":
                equity, available = decimal_of(row, "eq"), decimal_of(row, "availEq")
                return BalanceFact(
                    balance=decimal_of(row, "cashBal"),
                    available=available,
                    unrealized_pnl=decimal_of(row, "upl"),
                    margin_used=max(equity - available, Decimal(0)),
                    equity=equity,
                )
        return BalanceFact()

    def positions(self) -> Call:
        return Call("privateGetAccountPositions", {"instType": "SWAP"}, 2)

    def positions_in(self, reply: Any, by_id: ById) -> list[PositionFact]:
        found = []
        for row in _rows(reply):
            market, size = by_id(str(row.get("instId"))), decimal_of(row, "pos")
            if market is None or not size:
                continue
            side = str(row.get("posSide", "")).upper()
            leverage = optional_of(row, "lever")
            found.append(
                PositionFact(
                    symbol=market.symbol,
                    position_side=side if side in ("LONG", "SHORT") else "LONG" if size > 0 else "SHORT",
                    quantity=abs(size) * market.contract_size,
                    entry_price=price_of(row, "avgPx"),
                    unrealized_pnl=optional_of(row, "upl"),
                    leverage=None if leverage is None else int(leverage),
                    liquidation_price=optional_of(row, "liqPx") or Decimal(0),
                )
            )
        return found

    def permissions(self) -> Call | None:
        return Call("privateGetAccountConfig", {}, 2)

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        row = _first(reply)
        may = {part.strip() for part in str(row.get("perm", "")).split(",")}
        return {
            "ipRestrict": bool(row.get("ip")),
            "enableReading": bool(may & {"read_only", "trade"}),
            "enableWithdrawals": "withdraw" in may,
            "enableInternalTransfer": False,  # transfers between sub-accounts need the withdraw permission
            "enableFutures": "trade" in may and str(row.get("acctLv")) != "1",  # the simple mode trades no swaps
            "permitsUniversalTransfer": False,
            "expires_ms": None,
        }


def _rows(reply: Any, kind: Kind = Kind.READ) -> Any:
    return rows_of(row_of(reply, kind).get("data"), kind)


def _first(reply: Any, kind: Kind = Kind.READ) -> Any:
    return only(row_of(reply, kind).get("data"), kind)
