"""Gate v4: USDT perpetuals in signed contracts, isolated by naming a leverage, stops as price-triggered orders."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from ..errors import Kind
from ..figures import Market, plain, signed_number
from ..orders import BalanceFact, IncomeFact, MarketOrder, OrderFact, PositionFact, StopFact, StopOrder, Trade
from ..venues import VENUES, venue_client_id
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
    optional_of,
    order_fact,
    our_id,
    price_of,
    row_of,
    rows_of,
    seconds_to_ms,
    trade_size,
    whole,
)

_SETTLE: Final = {"settle": "usdt"}
_INCOMES: Final = {"pnl": "REALIZED_PNL", "fee": "COMMISSION", "fund": "FUNDING_FEE"}


class Gate:
    """The words of Gate."""

    venue = VENUES["gate"]

    def clock(self) -> Call:
        return Call("publicSpotGetTime", {})

    def clock_in(self, reply: Any) -> int:
        return ms_of(row_of(reply).get("server_time"))

    def mode(self, market: Market) -> Call:
        return Call("privateFuturesGetSettleAccounts", dict(_SETTLE))

    def mode_in(self, reply: Any) -> bool:
        return row_of(reply).get("in_dual_mode") is True

    def isolate(self, market: Market) -> Call | None:
        return None  # leverage 0 is cross margin, any other isolates

    def isolated_in(self, reply: Any) -> bool:
        return True

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        params = _SETTLE | {"contract": market.venue_id, "leverage": str(leverage)}
        name = "DualCompPositions" if hedge else "Positions"
        return [Call(f"privateFuturesPostSettle{name}ContractLeverage", params)]

    def price(self, market: Market) -> Call | None:
        return None

    def price_in(self, reply: Any, market: Market) -> Decimal:
        return Decimal(0)

    def order(self, order: MarketOrder, hedge: bool, price: Decimal) -> Call:
        size = contracts_of(order.market, order.quantity)
        params: dict[str, Any] = _SETTLE | {
            "contract": order.market.venue_id,
            "size": whole(size if order.side == "BUY" else -size),
            "price": "0",
            "tif": "ioc",
            "text": venue_client_id(self.venue, order.client_order_id),
        }
        if order.reduces:  # in dual mode it names the side that is closed, too
            params["reduce_only"] = True
        return Call("privateFuturesPostSettleOrders", params)

    def order_taken(self, reply: Any, order: MarketOrder) -> OrderFact:
        row = row_of(reply, Kind.WRITE)
        check_echo(self.venue, row.get("text"), order.client_order_id, Kind.WRITE)
        return self._order(row, order.market, Kind.WRITE)

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name = venue_client_id(self.venue, client_id) if client_id else order_id
        one = Call("privateFuturesGetSettleOrdersOrderId", _SETTLE | {"order_id": name})
        if order_id:
            return [one]
        # By our id a finished order is known for an hour only; the list of finished ones goes back further.
        params = _SETTLE | {"contract": market.venue_id, "status": "finished", "limit": 100}
        return [one, Call("privateFuturesGetSettleOrders", params)]

    def orders_in(self, reply: Any, market: Market) -> list[OrderFact]:
        rows = rows_of(reply) if isinstance(reply, list) else [row_of(reply)]
        return [self._order(row, market, Kind.READ) for row in rows if row.get("contract") == market.venue_id]

    def _order(self, row: Mapping[str, Any], market: Market, kind: Kind) -> OrderFact:
        size = signed_number(row.get("size"), "size", kind)
        left = signed_number(row.get("left"), "left", kind)
        states = {"open": OPEN, "finished": ENDED if left else DONE}
        return order_fact(
            market,
            client_order_id=our_id(self.venue, row.get("text")),
            order_id=id_of(row, "id", kind),
            state=states.get(str(row.get("status"))),
            size=abs(size),
            filled=abs(size) - abs(left),
            average=decimal_of(row, "fill_price", kind),
            side="BUY" if size > 0 else "SELL",
            time_ms=seconds_to_ms(row.get("finish_time") or row.get("create_time")),
            kind=kind,
        )

    def stop(self, stop: StopOrder, hedge: bool, price: Decimal) -> Call:
        side = stop.position_side.lower()
        initial: dict[str, Any] = {
            "contract": stop.market.venue_id,
            "size": 0,
            "price": "0",
            "tif": "ioc",
            "reduce_only": True,
            "text": venue_client_id(self.venue, stop.client_order_id),
        }
        if stop.quantity is not None:
            size = contracts_of(stop.market, stop.quantity)
            initial["size"] = whole(size if stop.side == "BUY" else -size)
        elif hedge:
            initial["auto_size"] = f"close_{side}"
        else:
            initial["close"] = True
        trigger = {
            "strategy_type": 0,
            "price_type": 0,  # the last price
            "price": plain(stop.trigger_price),
            "rule": 2 if stop.position_side == "LONG" else 1,  # 2: at or below, 1: at or above
        }
        # `...-position` closes all of it, `plan-...-position` the size that is named.
        plan = "" if stop.quantity is None else "plan-"
        params = _SETTLE | {"initial": initial, "trigger": trigger, "order_type": f"{plan}close-{side}-position"}
        return Call("privateFuturesPostSettlePriceOrders", params)

    def stop_taken(self, reply: Any) -> str:
        return id_of(row_of(reply, Kind.WRITE), "id", Kind.WRITE)

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        params = _SETTLE | {"contract": market.venue_id, "limit": 100}
        return [
            Call("privateFuturesGetSettlePriceOrders", params | {"status": status}) for status in ("open", "finished")
        ]

    def open_stops(self, market: Market) -> Call:
        params = _SETTLE | {"contract": market.venue_id, "status": "open", "limit": 100}
        return Call("privateFuturesGetSettlePriceOrders", params)

    def stops_in(self, reply: Any, market: Market) -> list[StopFact]:
        found = []
        for row in rows_of(reply):
            initial, trigger = row_of(row.get("initial")), row_of(row.get("trigger"))
            if initial.get("contract") != market.venue_id:
                continue
            ended = {"succeeded": "TRIGGERED", "failed": "REJECTED", "expired": "EXPIRED"}
            status = "OPEN" if row.get("status") == "open" else ended.get(str(row.get("finish_as")), "CANCELED")
            actual = str(row.get("trade_id") or "")
            found.append(
                StopFact(
                    client_order_id=our_id(self.venue, initial.get("text")),
                    exchange_order_id=id_of(row, "id"),
                    status=status,
                    trigger_price=price_of(trigger, "price"),
                    actual_order_id="" if actual == "0" else actual,
                    closes_position=not signed_number(initial.get("size", 0), "size", Kind.READ),
                    position_side="LONG" if str(trigger.get("rule")) == "2" else "SHORT",
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: StopFact) -> Call:
        return Call("privateFuturesDeleteSettlePriceOrdersOrderId", _SETTLE | {"order_id": stop.exchange_order_id})

    def trades(self, market: Market, order_id: str) -> Call:
        params = _SETTLE | {"contract": market.venue_id, "order": order_id, "limit": 100}
        return Call("privateFuturesGetSettleMyTrades", params)

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        params: dict[str, Any] = _SETTLE | {"contract": market.venue_id, "limit": 100}
        if since_ms is None:
            return Call("privateFuturesGetSettleMyTrades", params)
        return Call("privateFuturesGetSettleMyTradesTimerange", params | {"from": since_ms // 1000})

    def trades_in(self, reply: Any, market: Market) -> list[Trade]:
        return [
            Trade(
                trade_id=id_of(row, "id" if row.get("id") else "trade_id"),
                order_id=id_of(row, "order_id"),
                price=price_of(row, "price"),
                quantity=trade_size(row, "size", market),
                fee=decimal_of(row, "fee"),
                fee_currency="USDT",
                side="BUY" if signed_number(row.get("size"), "size", Kind.READ) > 0 else "SELL",
                time_ms=seconds_to_ms(row.get("create_time")),
                maker=row.get("role") == "maker",
            )
            for row in rows_of(reply)
            if row.get("contract") == market.venue_id
        ]

    def incomes(self, since_ms: int, limit: int) -> Call:
        return Call("privateFuturesGetSettleAccountBook", _SETTLE | {"from": since_ms // 1000, "limit": limit})

    def incomes_in(self, reply: Any, by_id: ById) -> list[IncomeFact]:
        found = []
        for row in rows_of(reply):
            market = by_id(str(row.get("contract")))
            kind = str(row.get("type", ""))
            # A line has no id of its own; what, when, for which trade and how much make one.
            parts = (row.get("time"), row.get("trade_id") or row.get("text") or "", row.get("change"))
            found.append(
                IncomeFact(
                    "-".join(str(part) for part in parts)[:64],
                    _INCOMES.get(kind, kind.upper()),
                    decimal_of(row, "change"),
                    "USDT",
                    market.symbol if market else "",
                    seconds_to_ms(row.get("time")),
                )
            )
        return found

    def balance(self) -> Call:
        return Call("privateFuturesGetSettleAccounts", dict(_SETTLE))

    def balance_in(self, reply: Any) -> BalanceFact:
        row = row_of(reply)
        total, pnl = decimal_of(row, "total"), decimal_of(row, "unrealised_pnl")
        return BalanceFact(
            balance=total,
            available=decimal_of(row, "available"),
            unrealized_pnl=pnl,
            margin_used=decimal_of(row, "position_margin") + decimal_of(row, "order_margin"),
            equity=total + pnl,
        )

    def positions(self) -> Call:
        return Call("privateFuturesGetSettlePositions", _SETTLE | {"holding": True})

    def positions_in(self, reply: Any, by_id: ById) -> list[PositionFact]:
        found = []
        for row in rows_of(reply):
            market, size = by_id(str(row.get("contract"))), signed_number(row.get("size"), "size", Kind.READ)
            if market is None or not size:
                continue
            leverage = optional_of(row, "leverage")
            found.append(
                PositionFact(
                    symbol=market.symbol,
                    position_side="LONG" if size > 0 else "SHORT",
                    quantity=abs(size) * market.contract_size,
                    entry_price=price_of(row, "entry_price"),
                    unrealized_pnl=optional_of(row, "unrealised_pnl"),
                    leverage=int(leverage) if leverage else None,  # 0 is cross margin
                    liquidation_price=optional_of(row, "liq_price") or Decimal(0),
                )
            )
        return found

    def permissions(self) -> Call | None:
        return Call("privateAccountGetDetail", {})

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        row = row_of(reply)
        # It tells the addresses; what else the key may do it does not: the calls of the other checks show it.
        return {
            "ipRestrict": bool(row.get("ip_whitelist")),
            "enableReading": True,
            "enableWithdrawals": None,
            "enableInternalTransfer": False,
            "enableFutures": True,
            "permitsUniversalTransfer": False,
            "expires_ms": None,
        }
