"""OKX v5: USDT swaps in contracts, margin mode in each order, conditional orders as algo orders with ids of their own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from .. import orders
from ..errors import Kind
from ..figures import Market, plain
from ..venues import VENUES
from .base import DONE, ENDED, OPEN, ById, Call, Dialect, contracts_of, income_facts, order_fact, taken_fact
from .row import Row

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
_AT_MARKET: Final = "-1"
# Where a conditional order names its trigger. An entry that waits (`triggerPx`) has no word for stop or take-profit.
_TRIGGERS: Final = {"slTriggerPx": "STOP_MARKET", "tpTriggerPx": "TAKE_PROFIT_MARKET", "triggerPx": "STOP_MARKET"}


class Okx(Dialect):
    """The words of OKX."""

    venue = VENUES["okx"]
    symbol_field, size_field = "instId", "pos"

    def clock(self) -> Call:
        return Call("publicGetPublicTime", {})

    def clock_in(self, reply: Any) -> int:
        return _first(reply).ms("ts")

    def mode(self, market: Market) -> Call:
        return Call("privateGetAccountConfig", {}, 2)

    def mode_in(self, reply: Any) -> bool:
        return _first(reply).id("posMode") == "long_short_mode"

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        params = {"instId": market.venue_id, "lever": str(leverage), "mgnMode": "isolated"}
        sides = [{"posSide": "long"}, {"posSide": "short"}] if hedge else [{}]
        return [Call("privatePostAccountSetLeverage", params | side) for side in sides]

    # --- orders ---------------------------------------------------------------------------------------------------

    def order(self, order: orders.MarketOrder, hedge: bool, price: Decimal) -> Call:
        kind = {"ordType": "market"}
        if isinstance(order, orders.LimitOrder):
            kind = {"ordType": "limit", "px": plain(order.price)}
        size = {"sz": plain(contracts_of(order.market, order.quantity))}
        params = _base(order, hedge, reduces=order.reduces) | kind | size | {"clOrdId": order.client_order_id}
        return Call("privatePostTradeOrder", params)

    def order_taken(self, reply: Any, order: orders.MarketOrder) -> orders.OrderFact:
        row = _first(reply, Kind.WRITE)
        self.check_echo(row.text("clOrdId"), order.client_order_id)
        return taken_fact(order, row.id("ordId"))

    def cancel(self, market: Market, client_id: str) -> Call:
        return Call("privatePostTradeCancelOrder", {"instId": market.venue_id, "clOrdId": client_id})

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name = {"clOrdId": client_id} if client_id else {"ordId": order_id}
        return [Call("privateGetTradeOrder", {"instId": market.venue_id, **name})]

    def orders_in(self, reply: Any, market: Market) -> list[orders.OrderFact]:
        return [
            order_fact(
                market,
                client_order_id=row.text("clOrdId"),
                order_id=row.id("ordId"),
                state=_STATES.get(row.text("state")),
                size=row.decimal("sz"),
                filled=row.decimal("accFillSz"),
                average=row.decimal("avgPx"),
                side=row.side(),
                time_ms=row.ms("uTime"),
            )
            for row in self.of(market, _rows(reply))
        ]

    def trades(self, market: Market, order_id: str) -> Call:
        return Call("privateGetTradeFills", {"instType": "SWAP", "instId": market.venue_id, "ordId": order_id})

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        params: dict[str, Any] = {"instType": "SWAP", "instId": market.venue_id, "limit": "100"}
        if since_ms is not None:
            params["begin"] = str(since_ms)
        return Call("privateGetTradeFillsHistory", params, 4)

    def trades_in(self, reply: Any, market: Market) -> list[orders.Trade]:
        return [
            orders.Trade(
                trade_id=row.id("tradeId"),
                order_id=row.id("ordId"),
                price=row.price("fillPx"),
                quantity=row.coins("fillSz", market),
                fee=-row.decimal("fee"),  # a cost is negative there
                fee_currency=row.text("feeCcy"),
                side=row.side(),
                time_ms=row.ms("ts"),
                maker=row.text("execType") == "M",
                realized_pnl=row.optional("fillPnl"),
            )
            for row in self.of(market, _rows(reply))
        ]

    # --- conditional orders ---------------------------------------------------------------------------------------

    def stop(self, stop: orders.StopOrder, hedge: bool) -> Call:
        params = _base(stop, hedge, reduces=True) | {"ordType": "conditional"}
        leg = "sl" if stop.kind == "STOP_MARKET" else "tp"
        params |= {
            f"{leg}TriggerPx": plain(stop.trigger_price),
            f"{leg}OrdPx": _AT_MARKET,
            f"{leg}TriggerPxType": "last",
        }
        if stop.quantity is None:
            params["closeFraction"] = "1"
        else:
            params["sz"] = plain(contracts_of(stop.market, stop.quantity))
        return Call("privatePostTradeOrderAlgo", params | {"algoClOrdId": stop.client_order_id})

    def trigger(self, order: orders.TriggerOrder, hedge: bool) -> Call:
        params = _base(order, hedge, reduces=False) | {
            "ordType": "trigger",
            "triggerPx": plain(order.trigger_price),  # the venue sees from its price which way it lies
            "orderPx": _AT_MARKET,
            "triggerPxType": "last",
            "sz": plain(contracts_of(order.market, order.quantity)),
            "algoClOrdId": order.client_order_id,
        }
        return Call("privatePostTradeOrderAlgo", params)

    def stop_taken(self, reply: Any) -> str:
        return _first(reply, Kind.WRITE).id("algoId")

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        return [Call("privateGetTradeOrderAlgo", {"algoClOrdId": client_id})]

    def open_stops(self, market: Market) -> list[Call]:
        params = {"instType": "SWAP", "instId": market.venue_id}
        return [
            Call("privateGetTradeOrdersAlgoPending", params | {"ordType": kind}) for kind in ("conditional", "trigger")
        ]

    def stops_in(self, reply: Any, market: Market) -> list[orders.StopFact]:
        found = []
        for row in self.of(market, _rows(reply)):
            field = next((name for name in _TRIGGERS if row.text(name)), None)
            if field is None:
                continue
            placed = row.get("ordIdList")
            actual = row.text("ordId") or str(placed[0] if isinstance(placed, list) and placed else "")
            found.append(
                orders.StopFact(
                    client_order_id=row.text("algoClOrdId"),
                    exchange_order_id=row.id("algoId"),
                    status=_STOPS.get(row.text("state"), "REJECTED"),
                    trigger_price=row.price(field),
                    actual_order_id="" if actual == "0" else actual,
                    closes_position=row.text("closeFraction") == "1",
                    position_side="LONG" if row.side() == "SELL" else "SHORT",
                    kind=_TRIGGERS[field],
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: orders.StopFact) -> Call:
        return Call("privatePostTradeCancelAlgos", [{"algoId": stop.exchange_order_id, "instId": market.venue_id}])

    # --- facts of the account -------------------------------------------------------------------------------------

    def incomes(self, since_ms: int, limit: int) -> Call:
        params = {"instType": "SWAP", "ccy": "USDT", "begin": str(since_ms), "limit": "100"}
        return Call("privateGetAccountBills", params, 4)

    def incomes_in(self, reply: Any, by_id: ById) -> list[orders.IncomeFact]:
        found = []
        for row in _rows(reply):
            parts = (
                [("FUNDING_FEE", row.decimal("balChg"))]
                if row.text("type") == "8"
                else [("REALIZED_PNL", row.decimal("pnl")), ("COMMISSION", row.decimal("fee"))]
            )
            market, time_ms = by_id(row.text("instId")), row.ms("ts")
            found += income_facts(parts, market, income_id=row.id("billId"), currency=row.text("ccy"), time_ms=time_ms)
        return found

    def balance(self) -> Call:
        return Call("privateGetAccountBalance", {"ccy": "USDT"}, 2)

    def balance_in(self, reply: Any) -> orders.BalanceFact:
        for row in _first(reply).rows("details"):
            if row.text("ccy") == "USDT":
                equity, available = row.decimal("eq"), row.decimal("availEq")
                return orders.BalanceFact(
                    balance=row.decimal("cashBal"),
                    available=available,
                    unrealized_pnl=row.decimal("upl"),
                    margin_used=max(equity - available, Decimal(0)),
                    equity=equity,
                )
        return orders.BalanceFact()

    def positions(self) -> Call:
        return Call("privateGetAccountPositions", {"instType": "SWAP"}, 2)

    def position_rows(self, reply: Any) -> list[Row]:
        return _rows(reply)

    def position(self, row: Row, market: Market, size: Decimal) -> orders.PositionFact:
        side = row.side("posSide")  # NET in one-way mode
        return orders.PositionFact(
            symbol=market.symbol,
            position_side=side if side in ("LONG", "SHORT") else "LONG" if size > 0 else "SHORT",
            quantity=abs(size) * market.contract_size,
            entry_price=row.price("avgPx"),
            unrealized_pnl=row.optional("upl"),
            leverage=row.leverage("lever"),
            liquidation_price=row.optional("liqPx") or Decimal(0),
        )

    def permissions(self) -> Call | None:
        return Call("privateGetAccountConfig", {}, 2)

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        row = _first(reply)
        may = {part.strip() for part in row.text("perm").split(",")}
        return {
            "ipRestrict": bool(row.get("ip")),
            "enableReading": bool(may & {"read_only", "trade"}),
            "enableWithdrawals": "withdraw" in may,
            "enableInternalTransfer": False,  # transfers between sub-accounts need the withdraw permission
            "enableFutures": "trade" in may and row.text("acctLv") != "1",  # the simple mode trades no swaps
            "permitsUniversalTransfer": False,
            "expires_ms": None,
        }


def _base(order: orders.MarketOrder | orders.StopOrder, hedge: bool, *, reduces: bool) -> dict[str, Any]:
    """What every order says; in hedge mode the side of the position tells that it reduces."""
    params: dict[str, Any] = {"instId": order.market.venue_id, "tdMode": "isolated", "side": order.side.lower()}
    if hedge:
        params["posSide"] = order.position_side.lower()
    elif reduces:
        params["reduceOnly"] = True
    return params


def _rows(reply: Any) -> list[Row]:
    return Row(reply).rows("data")


def _first(reply: Any, kind: Kind = Kind.READ) -> Row:
    return Row(reply, kind).first("data")
