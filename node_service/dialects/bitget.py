"""Bitget v2: USDT futures in coins; stops are plans on a position, kept apart from orders."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    decimal_of,
    id_of,
    ms_of,
    optional_of,
    order_fact,
    price_of,
    row_of,
    rows_of,
    taken_fact,
    trade_size,
)

_FUTURES: Final = {"productType": "USDT-FUTURES"}
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
_LOSSES: Final = ("pos_loss", "loss_plan")


class Bitget:
    """The words of Bitget."""

    venue = VENUES["bitget"]

    def clock(self) -> Call:
        return Call("publicCommonGetV2PublicTime", {})

    def clock_in(self, reply: Any) -> int:
        return ms_of(_data(reply).get("serverTime"))

    def mode(self, market: Market) -> Call:
        return Call("privateMixGetV2MixAccountAccount", _FUTURES | _MARGIN | {"symbol": market.venue_id})

    def mode_in(self, reply: Any) -> bool:
        return id_of(_data(reply), "posMode") == "hedge_mode"

    def isolate(self, market: Market) -> Call | None:
        params = _FUTURES | _MARGIN | {"symbol": market.venue_id, "marginMode": "isolated"}
        return Call("privateMixPostV2MixAccountSetMarginMode", params)

    def isolated_in(self, reply: Any) -> bool:
        return str(_data(reply, Kind.WRITE).get("marginMode")) == "isolated"

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        params = _FUTURES | _MARGIN | {"symbol": market.venue_id, "leverage": str(leverage)}
        sides = [{"holdSide": "long"}, {"holdSide": "short"}] if hedge else [{}]
        return [Call("privateMixPostV2MixAccountSetLeverage", params | side) for side in sides]

    def price(self, market: Market) -> Call | None:
        return None

    def price_in(self, reply: Any, market: Market) -> Decimal:
        return Decimal(0)

    def order(self, order: MarketOrder, hedge: bool, price: Decimal) -> Call:
        params: dict[str, Any] = (
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
        return Call("privateMixPostV2MixOrderPlaceOrder", params)

    def order_taken(self, reply: Any, order: MarketOrder) -> OrderFact:
        row = _data(reply, Kind.WRITE)
        check_echo(self.venue, row.get("clientOid"), order.client_order_id, Kind.WRITE)
        return taken_fact(order, id_of(row, "orderId", Kind.WRITE))

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name = {"clientOid": client_id} if client_id else {"orderId": order_id}
        return [Call("privateMixGetV2MixOrderDetail", _FUTURES | {"symbol": market.venue_id, **name})]

    def orders_in(self, reply: Any, market: Market) -> list[OrderFact]:
        row = _data(reply)
        if row.get("symbol") != market.venue_id:
            return []
        return [
            order_fact(
                market,
                client_order_id=str(row.get("clientOid", "")),
                order_id=id_of(row, "orderId"),
                state=_STATES.get(str(row.get("state"))),
                size=decimal_of(row, "size"),
                filled=decimal_of(row, "baseVolume"),
                average=decimal_of(row, "priceAvg"),
                side=_side(row),
                time_ms=ms_of(row.get("uTime")),
            )
        ]

    def stop(self, stop: StopOrder, hedge: bool, price: Decimal) -> Call:
        held = {"LONG": "long", "SHORT": "short"} if hedge else {"LONG": "buy", "SHORT": "sell"}
        params: dict[str, Any] = (
            _FUTURES
            | _MARGIN
            | {
                "symbol": stop.market.venue_id,
                "planType": "pos_loss" if stop.quantity is None else "loss_plan",
                "triggerPrice": plain(stop.trigger_price),
                "triggerType": "fill_price",
                "holdSide": held[stop.position_side],
                "clientOid": stop.client_order_id,
            }
        )
        if stop.quantity is not None:
            params["size"] = plain(stop.quantity)
        return Call("privateMixPostV2MixOrderPlaceTpslOrder", params)

    def stop_taken(self, reply: Any) -> str:
        return id_of(_data(reply, Kind.WRITE), "orderId", Kind.WRITE)

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        params = _FUTURES | {"symbol": market.venue_id, "planType": "profit_loss", "clientOid": client_id}
        return [
            Call("privateMixGetV2MixOrderOrdersPlanPending", params),
            Call("privateMixGetV2MixOrderOrdersPlanHistory", params),
        ]

    def open_stops(self, market: Market) -> Call:
        params = _FUTURES | {"symbol": market.venue_id, "planType": "profit_loss", "limit": "100"}
        return Call("privateMixGetV2MixOrderOrdersPlanPending", params)

    def stops_in(self, reply: Any, market: Market) -> list[StopFact]:
        found = []
        for row in rows_of(_data(reply).get("entrustedList") or []):  # null when there are none
            if row.get("symbol") != market.venue_id or row.get("planType") not in _LOSSES:
                continue
            status = _STOPS.get(str(row.get("planStatus")), "REJECTED")
            held = str(row.get("posSide") or row.get("holdSide") or "")
            long = held in ("long", "buy") if held in ("long", "short") else row.get("side") == "sell"
            found.append(
                StopFact(
                    client_order_id=str(row.get("clientOid", "")),
                    exchange_order_id=id_of(row, "orderId"),
                    status=status,
                    trigger_price=price_of(row, "triggerPrice"),
                    actual_order_id=str(row.get("executeOrderId") or ""),
                    closes_position=row.get("planType") == "pos_loss",
                    position_side="LONG" if long else "SHORT",
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: StopFact) -> Call:
        plan = "pos_loss" if stop.closes_position else "loss_plan"
        params = _FUTURES | _MARGIN | {"symbol": market.venue_id, "planType": plan}
        params["orderIdList"] = [{"orderId": stop.exchange_order_id}]  # type: ignore[assignment]
        return Call("privateMixPostV2MixOrderCancelPlanOrder", params)

    def trades(self, market: Market, order_id: str) -> Call:
        return Call("privateMixGetV2MixOrderFills", _FUTURES | {"symbol": market.venue_id, "orderId": order_id})

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        params: dict[str, Any] = _FUTURES | {"symbol": market.venue_id, "limit": "100"}
        if since_ms is not None:
            params["startTime"] = str(since_ms)
        return Call("privateMixGetV2MixOrderFills", params)

    def trades_in(self, reply: Any, market: Market) -> list[Trade]:
        found = []
        for row in rows_of(_data(reply).get("fillList") or []):  # null when there are none
            if row.get("symbol") != market.venue_id:
                continue
            fee, currency = _fee(row)
            found.append(
                Trade(
                    trade_id=id_of(row, "tradeId"),
                    order_id=id_of(row, "orderId"),
                    price=price_of(row, "price"),
                    quantity=trade_size(row, "baseVolume", market),
                    fee=fee,
                    fee_currency=currency,
                    side=_side(row),
                    time_ms=ms_of(row.get("cTime")),
                    maker=row.get("tradeScope") == "maker",
                    realized_pnl=optional_of(row, "profit"),
                )
            )
        return found

    def incomes(self, since_ms: int, limit: int) -> Call:
        return Call("privateMixGetV2MixAccountBill", _FUTURES | {"startTime": str(since_ms), "limit": "100"})

    def incomes_in(self, reply: Any, by_id: ById) -> list[IncomeFact]:
        found = []
        for row in rows_of(_data(reply).get("bills") or []):
            market, kind = by_id(str(row.get("symbol"))), str(row.get("businessType", ""))
            name = (
                "FUNDING_FEE" if kind == "contract_settle_fee" else "REALIZED_PNL" if "close" in kind else kind.upper()
            )
            for label, amount in ((name, decimal_of(row, "amount")), ("COMMISSION", decimal_of(row, "fee"))):
                if amount:
                    found.append(
                        IncomeFact(
                            id_of(row, "billId"),
                            label,
                            amount,
                            str(row.get("coin", "")),
                            market.symbol if market else "",
                            ms_of(row.get("cTime")),
                        )
                    )
        return found

    def balance(self) -> Call:
        return Call("privateMixGetV2MixAccountAccounts", dict(_FUTURES))

    def balance_in(self, reply: Any) -> BalanceFact:
        for row in rows_of(row_of(reply).get("data")):
            if row.get("marginCoin") == "USDT":
                equity, pnl = decimal_of(row, "accountEquity"), decimal_of(row, "unrealizedPL")
                available = decimal_of(row, "available")
                return BalanceFact(
                    balance=equity - pnl,
                    available=available,
                    unrealized_pnl=pnl,
                    margin_used=max(equity - available, Decimal(0)),
                    equity=equity,
                )
        return BalanceFact()

    def positions(self) -> Call:
        return Call("privateMixGetV2MixPositionAllPosition", _FUTURES | _MARGIN)

    def positions_in(self, reply: Any, by_id: ById) -> list[PositionFact]:
        found = []
        for row in rows_of(row_of(reply).get("data")):
            market, size = by_id(str(row.get("symbol"))), decimal_of(row, "total")
            if market is None or not size:
                continue
            leverage = optional_of(row, "leverage")
            found.append(
                PositionFact(
                    symbol=market.symbol,
                    position_side="LONG" if row.get("holdSide") == "long" else "SHORT",
                    quantity=size,
                    entry_price=price_of(row, "openPriceAvg"),
                    unrealized_pnl=optional_of(row, "unrealizedPL"),
                    leverage=None if leverage is None else int(leverage),
                    liquidation_price=max(optional_of(row, "liquidationPrice") or Decimal(0), Decimal(0)),
                )
            )
        return found

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


def _side(row: Mapping[str, Any]) -> str:
    """BUY or SELL as it was traded; in hedge mode the venue names the side of the position."""
    side = str(row.get("side", "")).upper()
    closes = str(row.get("tradeSide", "")).startswith(("close", "reduce", "burst", "delivery"))
    if closes and str(row.get("posMode", "hedge_mode")) == "hedge_mode":
        return {"BUY": "SELL", "SELL": "BUY"}.get(side, side)
    return side


def _fee(row: Mapping[str, Any]) -> tuple[Decimal, str]:
    """What the execution cost, in which coin; a cost is negative there."""
    parts = row.get("feeDetail")
    rows = rows_of(json.loads(parts) if isinstance(parts, str) else parts or [])
    fee = sum((decimal_of(part, "totalFee") for part in rows), Decimal(0))
    return -fee, str(rows[0].get("feeCoin", "USDT")) if rows else "USDT"


def _data(reply: Any, kind: Kind = Kind.READ) -> Any:
    return row_of(row_of(reply, kind).get("data"), kind)
