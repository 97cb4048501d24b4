"""Hyperliquid: perpetuals in USDC, one-way, orders signed as actions, a market order is a limit far from the price.

`key` is the address of the account and the private key of an agent wallet, which can trade but not withdraw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from ..errors import Kind, bad_reply
from ..figures import Market, plain, signed_number
from ..orders import BalanceFact, IncomeFact, MarketOrder, OrderFact, PositionFact, StopFact, StopOrder, Trade
from ..venues import VENUES, venue_client_id
from .base import (
    DONE,
    ENDED,
    OPEN,
    REFUSED,
    ById,
    Call,
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

_SLIPPAGE: Final = "0.05"  # how far from the price a market order may fill
_INCOMES: Final = {"funding": "FUNDING_FEE"}


class Hyperliquid:
    """The words of Hyperliquid."""

    venue = VENUES["hyperliquid"]

    def clock(self) -> Call:
        return _info("clearinghouseState", weight=2)

    def clock_in(self, reply: Any) -> int:
        return ms_of(row_of(reply).get("time"))

    def mode(self, market: Market) -> Call:
        return self.clock()

    def mode_in(self, reply: Any) -> bool:
        return False

    def isolate(self, market: Market) -> Call | None:
        return None  # said together with the leverage

    def isolated_in(self, reply: Any) -> bool:
        return True

    def leverage(self, market: Market, leverage: int, hedge: bool) -> list[Call]:
        def build(client: Any) -> Any:
            action = {
                "type": "updateLeverage",
                "asset": int(client.market(market.ccxt_symbol)["baseId"]),
                "isCross": False,
                "leverage": leverage,
            }
            return _signed(client, action)

        return [Call("privatePostExchange", build)]

    def price(self, market: Market) -> Call | None:
        return Call("publicPostInfo", {"type": "allMids"}, 2)

    def price_in(self, reply: Any, market: Market) -> Decimal:
        return price_of(row_of(reply), market.venue_id)

    def order(self, order: MarketOrder, hedge: bool, price: Decimal) -> Call:
        params = {
            "clientOrderId": venue_client_id(self.venue, order.client_order_id),
            "reduceOnly": order.reduces,
            "slippage": _SLIPPAGE,
        }
        return Call("privatePostExchange", _order(order.market, order.side, order.quantity, price, params))

    def order_taken(self, reply: Any, order: MarketOrder) -> OrderFact:
        answer = _status(reply)
        filled = answer.get("filled")
        if filled is None:
            return taken_fact(order, id_of(row_of(answer.get("resting"), Kind.WRITE), "oid", Kind.WRITE))
        row = row_of(filled, Kind.WRITE)
        return order_fact(
            order.market,
            client_order_id=order.client_order_id,
            order_id=id_of(row, "oid", Kind.WRITE),
            state=ENDED,  # what did not fill at once is cancelled
            size=order.quantity,
            filled=decimal_of(row, "totalSz", Kind.WRITE),
            average=decimal_of(row, "avgPx", Kind.WRITE),
            side=order.side,
            time_ms=0,
            kind=Kind.WRITE,
        )

    def find(self, market: Market, client_id: str, order_id: str) -> list[Call]:
        name: Any = venue_client_id(self.venue, client_id) if client_id else int(order_id)
        return [_info("orderStatus", oid=name, weight=2)]

    def orders_in(self, reply: Any, market: Market) -> list[OrderFact]:
        found = _one_order(reply, market)
        if found is None:
            return []
        row, status, time_ms = found
        size, left = decimal_of(row, "origSz"), decimal_of(row, "sz")
        state = _state(status)
        return [
            order_fact(
                market,
                client_order_id=str(row.get("cloid") or ""),
                order_id=id_of(row, "oid"),
                state=state,
                size=size,
                filled=size if state == DONE else size - left,
                average=None,
                side=_side(row),
                time_ms=time_ms,
            )
        ]

    def stop(self, stop: StopOrder, hedge: bool, price: Decimal) -> Call:
        assert stop.quantity is not None
        params = {
            "clientOrderId": venue_client_id(self.venue, stop.client_order_id),
            "reduceOnly": True,
            "stopLossPrice": plain(stop.trigger_price),
            "slippage": _SLIPPAGE,
        }
        build = _order(stop.market, stop.side, stop.quantity, stop.trigger_price, params)
        return Call("privatePostExchange", build)

    def stop_taken(self, reply: Any) -> str:
        return id_of(row_of(_status(reply).get("resting"), Kind.WRITE), "oid", Kind.WRITE)

    def find_stop(self, market: Market, client_id: str) -> list[Call]:
        return self.find(market, client_id, "")

    def open_stops(self, market: Market) -> Call:
        return _info("frontendOpenOrders", weight=20)

    def stops_in(self, reply: Any, market: Market) -> list[StopFact]:
        if isinstance(reply, list):
            rows = [(row, "open") for row in rows_of(reply) if row.get("coin") == market.venue_id]
        else:
            one = _one_order(reply, market)
            rows = [] if one is None else [(one[0], one[1])]
        found = []
        for row, status in rows:
            if row.get("isTrigger") is not True:
                continue
            fired = status in ("filled", "triggered")
            ended = "REJECTED" if _state(status) == REFUSED else "CANCELED"
            found.append(
                StopFact(
                    client_order_id=str(row.get("cloid") or ""),
                    exchange_order_id=id_of(row, "oid"),
                    status="TRIGGERED" if fired else "OPEN" if status == "open" else ended,
                    trigger_price=price_of(row, "triggerPx"),
                    actual_order_id=id_of(row, "oid") if fired else "",
                    closes_position=row.get("reduceOnly") is True,
                    position_side="LONG" if _side(row) == "SELL" else "SHORT",
                )
            )
        return found

    def cancel_stop(self, market: Market, stop: StopFact) -> Call:
        def build(client: Any) -> Any:
            asset = int(client.market(market.ccxt_symbol)["baseId"])
            return _signed(client, {"type": "cancel", "cancels": [{"a": asset, "o": int(stop.exchange_order_id)}]})

        return Call("privatePostExchange", build)

    def trades(self, market: Market, order_id: str) -> Call:
        return _info("userFills", weight=20)

    def recent_trades(self, market: Market, since_ms: int | None) -> Call:
        return (
            _info("userFills", weight=20)
            if since_ms is None
            else _info("userFillsByTime", startTime=since_ms, weight=20)
        )

    def trades_in(self, reply: Any, market: Market) -> list[Trade]:
        return [
            Trade(
                trade_id=id_of(row, "tid"),
                order_id=id_of(row, "oid"),
                price=price_of(row, "px"),
                quantity=trade_size(row, "sz", market),
                fee=decimal_of(row, "fee"),
                fee_currency=str(row.get("feeToken", "USDC")),
                side=_side(row),
                time_ms=ms_of(row.get("time")),
                maker=row.get("crossed") is False,
                realized_pnl=optional_of(row, "closedPnl"),
            )
            for row in rows_of(reply)
            if row.get("coin") == market.venue_id
        ]

    def incomes(self, since_ms: int, limit: int) -> Call:
        return _info("userFunding", startTime=since_ms, weight=20)

    def incomes_in(self, reply: Any, by_id: ById) -> list[IncomeFact]:
        found = []
        for row in rows_of(reply):
            delta = row_of(row.get("delta"))
            kind, coin = str(delta.get("type", "")), str(delta.get("coin", ""))
            market, time_ms = by_id(coin), ms_of(row.get("time"))
            amount = decimal_of(delta, "usdc")
            # The transaction of a funding payment is the same for everyone: the coin and the time make it one line.
            found.append(
                IncomeFact(
                    f"{time_ms}-{coin}",
                    _INCOMES.get(kind, kind.upper()),
                    amount,
                    "USDC",
                    market.symbol if market else "",
                    time_ms,
                )
            )
        return found

    def balance(self) -> Call:
        return _info("clearinghouseState", weight=2)

    def balance_in(self, reply: Any) -> BalanceFact:
        row = row_of(reply)
        total = row_of(row.get("marginSummary"))
        equity = decimal_of(total, "accountValue")
        positions = [row_of(item.get("position")) for item in rows_of(row.get("assetPositions"))]
        pnl = sum((decimal_of(position, "unrealizedPnl") for position in positions), Decimal(0))
        return BalanceFact(
            balance=equity - pnl,
            available=decimal_of(row, "withdrawable"),
            unrealized_pnl=pnl,
            margin_used=decimal_of(total, "totalMarginUsed"),
            equity=equity,
        )

    def positions(self) -> Call:
        return _info("clearinghouseState", weight=2)

    def positions_in(self, reply: Any, by_id: ById) -> list[PositionFact]:
        found = []
        for item in rows_of(row_of(reply).get("assetPositions")):
            row = row_of(item.get("position"))
            market, size = by_id(str(row.get("coin"))), signed_number(row.get("szi"), "size", Kind.READ)
            if market is None or not size:
                continue
            leverage = row_of(row.get("leverage")).get("value")
            found.append(
                PositionFact(
                    symbol=market.symbol,
                    position_side="LONG" if size > 0 else "SHORT",
                    quantity=abs(size),
                    entry_price=price_of(row, "entryPx"),
                    unrealized_pnl=optional_of(row, "unrealizedPnl"),
                    leverage=leverage if isinstance(leverage, int) else None,
                    liquidation_price=optional_of(row, "liquidationPx") or Decimal(0),
                )
            )
        return found

    def permissions(self) -> Call | None:
        return None

    def permissions_in(self, reply: Any) -> dict[str, Any]:
        return {}


def _info(name: str, *, weight: int, **params: Any) -> Call:
    """A question about the account of the key."""
    return Call("publicPostInfo", lambda client: {"type": name, "user": client.walletAddress, **params}, weight)


def _order(
    market: Market, side: str, quantity: Decimal, price: Decimal, params: dict[str, Any]
) -> Callable[[Any], Any]:
    def build(client: Any) -> Any:
        row = {
            "symbol": market.ccxt_symbol,
            "type": "market",
            "side": side.lower(),
            "amount": plain(quantity),
            "price": plain(price),
            "params": dict(params),
        }
        return client.create_orders_request([row])

    return build


def _signed(client: Any, action: dict[str, Any]) -> dict[str, Any]:
    nonce = client.incrementing_nonce()
    return {"action": action, "nonce": nonce, "signature": client.sign_l1_action(action, nonce)}


def _status(reply: Any) -> Mapping[str, Any]:
    """What happened to the only order of an action."""
    response = row_of(row_of(reply, Kind.WRITE).get("response"), Kind.WRITE)
    return only(row_of(response.get("data"), Kind.WRITE).get("statuses"), Kind.WRITE)


def _one_order(reply: Any, market: Market) -> tuple[Mapping[str, Any], str, int] | None:
    """The order of an `orderStatus` answer with its status and time; None when there is none of that id."""
    answer = row_of(reply)
    if answer.get("status") == "unknownOid":
        return None
    if answer.get("status") != "order":
        raise bad_reply(Kind.READ, "unknown answer about an order")
    outer = row_of(answer.get("order"))
    row = row_of(outer.get("order"))
    if row.get("coin") != market.venue_id:
        return None
    return row, str(outer.get("status", "")), ms_of(outer.get("statusTimestamp"))


def _state(status: str) -> str | None:
    if status in ("open", "triggered"):
        return OPEN
    if status == "filled":
        return DONE
    lower = status.lower()
    return ENDED if lower.endswith("canceled") else REFUSED if lower.endswith("rejected") else None


def _side(row: Mapping[str, Any]) -> str:
    return {"B": "BUY", "A": "SELL"}.get(str(row.get("side")), "")
