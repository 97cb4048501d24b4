"""Gate v4: USDT perpetuals in signed contracts, isolated by naming a leverage, conditional orders triggered by price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from .. import orders
from ..errors import Kind
from ..figures import Market, plain
from ..venues import VENUES, venue_client_id
from .base import DONE, ENDED, OPEN, ById, Call, Dialect, contracts_of, income_facts, kind_of, order_fact, rises
from .row import Row, rows_of

_SETTLE: Final = {"settle": "usdt"}
_INCOMES: Final = {"pnl": "REALIZED_PNL", "fee": "COMMISSION", "fund": "FUNDING_FEE"}
_STOPS: Final = {"succeeded": "TRIGGERED", "failed": "REJECTED", "expired": "EXPIRED"}
_RISES, _FALLS = 1, 2
_AT_MARKET: Final = {"price": "0", "tif": "ioc"}


class Gate(Dialect):
    """The words of Gate."""

    venue = VENUES["gate"]
    symbol_field = "contract"

    def clock(self) -> Call:
        return Call("publicSpotGetTime", {})

    def clock_in(self, reply: Any) -> int:
        return Row(reply).ms("server_time")

    def mode(self, market: Market) -> Call:
        return Call("privateFuturesGetSettleAccounts", dict(_SETTLE))

    def mode_in(self, reply: Any) -> bool:
        return Row(reply).get("in_dual_mode") is True

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        # Leverage 0 is cross margin, any other isolates.
        params = _SETTLE | {"contract": market.venue_id, "leverage": str(leverage)}
        name = "DualCompPositions" if hedge else "Positions"
        return [Call(f"privateFuturesPostSettle{name}ContractLeverage", params)]

    # --- orders ---------------------------------------------------------------------------------------------------

    def order(self, order: orders.MarketOrder, hedge: bool, price: Decimal) -> Call:
        at = {"price": plain(order.price), "tif": "gtc"} if isinstance(order, orders.LimitOrder) else _AT_MARKET
        params: dict[str, Any] = _SETTLE | {
            "contract": order.market.venue_id,
            "size": _size(order.market, order.quantity, order.side),
            **at,
            "text": venue_client_id(self.venue, order.client_order_id),
        }
        if order.reduces:  # in dual mode it names the side that is closed, too
            params["reduce_only"] = True
        return Call("privateFuturesPostSettleOrders", params)

    def order_taken(self, reply: Any, order: orders.MarketOrder) -> orders.OrderFact:
        row = Row(reply, Kind.WRITE)
        self.check_echo(row.text("text"), order.client_order_id)
        return _fact(row, order.market, Kind.WRITE)

    def cancel(self, market: Market, client_id: str) -> Call:
        params = _SETTLE | {"order_id": venue_client_id(self.venue, client_id)}
        return Call("privateFuturesDeleteSettleOrdersOrderId", params)

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name = venue_client_id(self.venue, client_id) if client_id else order_id
        one = Call("privateFuturesGetSettleOrdersOrderId", _SETTLE | {"order_id": name})
        if order_id:
            return [one]
        # By our id a finished order is known for an hour only; the list of finished ones goes back further.
        params = _SETTLE | {"contract": market.venue_id, "status": "finished", "limit": 100}
        return [one, Call("privateFuturesGetSettleOrders", params)]

    def orders_in(self, reply: Any, market: Market) -> list[orders.OrderFact]:
        rows = rows_of(reply) if isinstance(reply, list) else [Row(reply)]
        return [_fact(row, market, Kind.READ) for row in self.of(market, rows)]

    def trades(self, market: Market, order_id: str) -> Call:
        params = _SETTLE | {"contract": market.venue_id, "order": order_id, "limit": 100}
        return Call("privateFuturesGetSettleMyTrades", params)

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        params: dict[str, Any] = _SETTLE | {"contract": market.venue_id, "limit": 100}
        if since_ms is None:
            return Call("privateFuturesGetSettleMyTrades", params)
        return Call("privateFuturesGetSettleMyTradesTimerange", params | {"from": since_ms // 1000})

    def trades_in(self, reply: Any, market: Market) -> list[orders.Trade]:
        return [
            orders.Trade(
                trade_id=row.id("id" if row.get("id") else "trade_id"),
                order_id=row.id("order_id"),
                price=row.price("price"),
                quantity=row.coins("size", market),
                fee=row.decimal("fee"),
                fee_currency="USDT",
                side="BUY" if row.signed("size") > 0 else "SELL",
                time_ms=row.seconds_ms("create_time"),
                maker=row.text("role") == "maker",
            )
            for row in self.of(market, rows_of(reply))
        ]

    # --- conditional orders ---------------------------------------------------------------------------------------

    def stop(self, stop: orders.StopOrder, hedge: bool) -> Call:
        side = stop.position_side.lower()
        closing: dict[str, Any] = {"size": 0, "reduce_only": True}
        if stop.quantity is not None:
            closing["size"] = _size(stop.market, stop.quantity, stop.side)
        elif hedge:
            closing["auto_size"] = f"close_{side}"
        else:
            closing["close"] = True
        # `...-position` closes all of it, `plan-...-position` the size that is named.
        plan = "" if stop.quantity is None else "plan-"
        return self._waiting(stop, closing, {"order_type": f"{plan}close-{side}-position"})

    def trigger(self, order: orders.TriggerOrder, hedge: bool) -> Call:
        return self._waiting(order, {"size": _size(order.market, order.quantity, order.side)}, {})

    def _waiting(
        self, order: orders.StopOrder | orders.TriggerOrder, sized: dict[str, Any], more: dict[str, Any]
    ) -> Call:
        text = venue_client_id(self.venue, order.client_order_id)
        params = _SETTLE | {
            "initial": {"contract": order.market.venue_id, **sized, **_AT_MARKET, "text": text},
            "trigger": {
                "strategy_type": 0,
                "price_type": 0,  # the last price
                "price": plain(order.trigger_price),
                "rule": _RISES if rises(order) else _FALLS,
            },
            **more,
        }
        return Call("privateFuturesPostSettlePriceOrders", params)

    def stop_taken(self, reply: Any) -> str:
        return Row(reply, Kind.WRITE).id("id")

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        return [self._stops(market, "open"), self._stops(market, "finished")]

    def open_stops(self, market: Market) -> list[Call]:
        return [self._stops(market, "open")]

    def _stops(self, market: Market, status: str) -> Call:
        params = _SETTLE | {"contract": market.venue_id, "limit": 100, "status": status}
        return Call("privateFuturesGetSettlePriceOrders", params)

    def stops_in(self, reply: Any, market: Market) -> list[orders.StopFact]:
        found = []
        for row in rows_of(reply):
            initial, trigger = row.row("initial"), row.row("trigger")
            if initial.text("contract") != market.venue_id:
                continue
            side, rising = _stop_side(row), trigger.text("rule") == str(_RISES)
            actual = row.text("trade_id")
            found.append(
                orders.StopFact(
                    client_order_id=_our_id(initial),
                    exchange_order_id=row.id("id"),
                    status="OPEN" if row.text("status") == "open" else _STOPS.get(row.text("finish_as"), "CANCELED"),
                    trigger_price=trigger.price("price"),
                    actual_order_id="" if actual == "0" else actual,
                    closes_position=not (initial.optional("size") or Decimal(0)),
                    position_side="LONG" if side == "SELL" else "SHORT",
                    kind=kind_of(side, rising),
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: orders.StopFact) -> Call:
        return Call("privateFuturesDeleteSettlePriceOrdersOrderId", _SETTLE | {"order_id": stop.exchange_order_id})

    # --- facts of the account -------------------------------------------------------------------------------------

    def incomes(self, since_ms: int, limit: int) -> Call:
        return Call("privateFuturesGetSettleAccountBook", _SETTLE | {"from": since_ms // 1000, "limit": limit})

    def incomes_in(self, reply: Any, by_id: ById) -> list[orders.IncomeFact]:
        found = []
        for row in rows_of(reply):
            kind, market = row.text("type"), by_id(row.text("contract"))
            # A line has no id of its own; what, when, for which trade and how much make one.
            name = "-".join((row.text("time"), row.text("trade_id") or row.text("text"), row.text("change")))[:64]
            parts, time_ms = [(_INCOMES.get(kind, kind.upper()), row.decimal("change"))], row.seconds_ms("time")
            found += income_facts(parts, market, income_id=name, currency="USDT", time_ms=time_ms)
        return found

    def balance(self) -> Call:
        return Call("privateFuturesGetSettleAccounts", dict(_SETTLE))

    def balance_in(self, reply: Any) -> orders.BalanceFact:
        row = Row(reply)
        total, pnl = row.decimal("total"), row.decimal("unrealised_pnl")
        return orders.BalanceFact(
            balance=total,
            available=row.decimal("available"),
            unrealized_pnl=pnl,
            margin_used=row.decimal("position_margin") + row.decimal("order_margin"),
            equity=total + pnl,
        )

    def positions(self) -> Call:
        return Call("privateFuturesGetSettlePositions", _SETTLE | {"holding": True})

    def position_rows(self, reply: Any) -> list[Row]:
        return rows_of(reply)

    def position(self, row: Row, market: Market, size: Decimal) -> orders.PositionFact:
        return orders.PositionFact(
            symbol=market.symbol,
            position_side="LONG" if size > 0 else "SHORT",
            quantity=abs(size) * market.contract_size,
            entry_price=row.price("entry_price"),
            unrealized_pnl=row.optional("unrealised_pnl"),
            leverage=row.leverage("leverage"),
            liquidation_price=row.optional("liq_price") or Decimal(0),
        )

    def permissions(self) -> Call | None:
        return Call("privateAccountGetDetail", {})

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        # It tells the addresses; what else the key may do it does not: the calls of the other checks show it.
        return {
            "ipRestrict": bool(Row(reply).get("ip_whitelist")),
            "enableReading": True,
            "enableWithdrawals": None,
            "enableInternalTransfer": False,
            "enableFutures": True,
            "permitsUniversalTransfer": False,
            "expires_ms": None,
        }


def _size(market: Market, coins: Decimal, side: str) -> int | str:
    """Contracts with the sign of the side, as the venue's JSON wants them: an integer where they are one."""
    size = contracts_of(market, coins) if side == "BUY" else -contracts_of(market, coins)
    return int(size) if size == size.to_integral_value() else plain(size)


def _our_id(row: Row) -> str:
    """Our client id; an order without one (made by hand) is known by nothing."""
    return row.text("text").removeprefix("t-")


def _fact(row: Row, market: Market, kind: Kind) -> orders.OrderFact:
    size, left = row.signed("size"), row.signed("left")
    states = {"open": OPEN, "finished": ENDED if left else DONE}
    return order_fact(
        market,
        client_order_id=_our_id(row),
        order_id=row.id("id"),
        state=states.get(row.text("status")),
        size=abs(size),
        filled=abs(size) - abs(left),
        average=row.decimal("fill_price"),
        side="BUY" if size > 0 else "SELL",
        time_ms=row.seconds_ms("finish_time") or row.seconds_ms("create_time"),
        kind=kind,
    )


def _stop_side(row: Row) -> str:
    """BUY or SELL of a conditional order; one that closes all names only the position, or, made by hand, nothing."""
    initial = row.row("initial")
    size = initial.optional("size") or Decimal(0)
    if size:
        return "BUY" if size > 0 else "SELL"
    closes = row.text("order_type") + initial.text("auto_size")
    if "long" in closes or "short" in closes:
        return "SELL" if "long" in closes else "BUY"
    return "BUY" if row.row("trigger").text("rule") == str(_RISES) else "SELL"
