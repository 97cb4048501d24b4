"""Hyperliquid as its documents show it: every action is checked to be signed by the key's own wallet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web

from tests.support.venue_book import NOW_MS, PRICE, Order, RecordedVenue, Refusal, Stop, text

COIN = "BTC"


class HyperliquidVenue(RecordedVenue):
    """Hyperliquid: /info asks, /exchange acts."""

    code, orders_path = "hyperliquid", "/exchange"

    def signed(self, request: web.Request, params: Any) -> bool:
        return "signature" in params or "user" in params

    def answer(self, method: str, path: str, params: Any) -> Any:
        return self._act(params) if path == "/exchange" else self._info(params)

    def _act(self, params: Any) -> Any:
        action, signature = params["action"], params["signature"]
        assert set(signature) == {"r", "s", "v"} and params["nonce"] > 0
        match action["type"]:
            case "updateLeverage":
                assert action["isCross"] is False
                self.book.leverage, self.book.isolated = str(action["leverage"]), True
                return {"status": "ok", "response": {"type": "default"}}
            case "cancel":
                stop = self.book.stop(order_id=str(action["cancels"][0]["o"]))
                if stop is None or stop.state != "open":
                    error = "Order was never placed, already canceled, or filled. asset=0"
                    raise Refusal(200, self._statuses("cancel", {"error": error}))
                stop.state = "cancelled"
                return self._statuses("cancel", "success")
            case "cancelByCloid":
                if self.book.cancel(action["cancels"][0]["cloid"]) is None:
                    error = "Order was never placed, already canceled, or filled. asset=0"
                    raise Refusal(200, self._statuses("cancel", {"error": error}))
                return self._statuses("cancel", "success")
            case "order":
                return self._order(action["orders"][0], action["grouping"])
        raise AssertionError(f"no action {action}")

    def _statuses(self, kind: str, row: Any) -> Any:
        return {"status": "ok", "response": {"type": kind, "data": {"statuses": [row]}}}

    def _order(self, row: Any, grouping: str) -> Any:
        assert "builder" not in row
        size, reduces = Decimal(row["s"]), row["r"]
        if "trigger" in row["t"]:
            trigger = row["t"]["trigger"]
            assert trigger["isMarket"] is True
            leg = "entry" if not reduces else {"sl": "loss", "tp": "profit"}[trigger["tpsl"]]
            held, whole = "long" if row["b"] != reduces else "short", grouping == "positionTpsl"
            assert whole == (size == 0)
            stop = self.book.wait(row["c"], held, trigger["triggerPx"], None if whole else size, leg)
            assert stop.rises == ((trigger["tpsl"] == "sl") == row["b"])
            if whole:
                return self._statuses("order", "waitingForTrigger")
            return self._statuses("order", {"resting": {"oid": stop.order_id, "cloid": row["c"]}})
        assert grouping == "na"
        rests, bound = row["t"] == {"limit": {"tif": "Gtc"}}, Decimal(row["p"])
        assert rests or (row["t"] == {"limit": {"tif": "Ioc"}} and (bound > PRICE if row["b"] else bound < PRICE))
        held = "long" if row["b"] != reduces else "short"
        side, price = "B" if row["b"] else "A", row["p"] if rests else ""
        order = self.book.take(row["c"], side, size, held, reduces=reduces, price=price)
        if order is None:
            error = "Reduce only order would increase position. asset=0"
            raise Refusal(200, self._statuses("order", {"error": error}))
        if not order.filled:
            return self._statuses("order", {"resting": {"oid": order.order_id, "cloid": row["c"]}})
        filled = {"totalSz": text(size), "avgPx": text(PRICE), "oid": order.order_id, "cloid": row["c"]}
        return self._statuses("order", {"filled": filled})

    def _info(self, params: Any) -> Any:
        book = self.book
        match params["type"]:
            case "metaAndAssetCtxs":
                universe = {"name": COIN, "szDecimals": 5, "maxLeverage": 40}
                return [{"universe": [universe]}, [{"markPx": text(PRICE), "midPx": text(PRICE), "oraclePx": text(PRICE)}]]
            case "allMids":
                return {COIN: text(PRICE), "ETH": "3000"}
            case "clearinghouseState":
                rows = [self._position(held, size) for held, size in book.held.items() if size]
                margin = {"accountValue": "1010", "totalMarginUsed": "100", "totalNtlPos": "0", "totalRawUsd": "1000"}
                return {"marginSummary": margin, "withdrawable": "900", "assetPositions": rows, "time": NOW_MS}
            case "orderStatus":
                order, stop = book.order(str(params["oid"]), str(params["oid"])), book.stop(str(params["oid"]), str(params["oid"]))
                if order is None and stop is None:
                    return {"status": "unknownOid"}
                shown = self._stop(stop) if stop else self._shown(order)
                state = stop.state if stop else order.state if order else ""
                state = {"cancelled": "canceled", "fired": "filled"}.get(state, state)
                return {"status": "order", "order": {"order": shown, "status": state, "statusTimestamp": NOW_MS}}
            case "frontendOpenOrders":
                return [self._stop(stop) for stop in book.open_stops()]
            case "userFills" | "userFillsByTime":
                return [self._trade(order) for order in book.trades(None)]
            case "userFunding":
                delta = {"type": "funding", "coin": COIN, "usdc": "-0.1", "szi": "0.02", "fundingRate": "0.0001"}
                return [{"time": NOW_MS, "hash": "0x0", "delta": delta}]
        raise AssertionError(f"no info {params}")

    def fire(self, stop: Stop) -> Order:
        return self.book.fire(stop, "B" if stop.buys else "A", same_id=True)

    def _shown(self, order: Order | None) -> Any:
        assert order is not None
        return {
            "coin": COIN, "side": order.side, "oid": order.order_id, "cloid": order.client_id, "origSz": text(order.size),
            "sz": text(order.size - order.filled), "limitPx": order.price or text(PRICE), "isTrigger": False, "triggerPx": "0.0",
            "reduceOnly": order.reduces, "timestamp": NOW_MS, "orderType": "Limit" if order.price else "Market",
            "tif": "Gtc" if order.price else "Ioc",
        }  # fmt: skip

    def _stop(self, stop: Stop | None) -> Any:
        assert stop is not None
        size = text(stop.size or Decimal(0))
        return {
            "coin": COIN, "side": "B" if stop.buys else "A", "oid": stop.order_id, "cloid": stop.client_id,
            "origSz": size, "sz": size, "isPositionTpsl": stop.size is None, "isTrigger": True, "triggerPx": stop.trigger,
            "reduceOnly": stop.leg != "entry", "limitPx": stop.trigger, "timestamp": NOW_MS,
            "orderType": "Stop Market" if stop.rises == stop.buys else "Take Profit Market",
        }  # fmt: skip

    def _trade(self, order: Order) -> Any:
        return {
            "coin": COIN, "side": order.side, "oid": order.order_id, "tid": order.order_id + 9_000_000, "px": text(PRICE),
            "sz": text(order.filled), "fee": text(order.fee), "feeToken": "USDC", "crossed": True, "time": NOW_MS,
            "closedPnl": "0.0", "hash": "0x0", "dir": "Open Long",
        }  # fmt: skip

    def _position(self, held: str, size: Decimal) -> Any:
        row = {
            "coin": COIN, "szi": text(size if held == "long" else -size), "entryPx": text(PRICE), "unrealizedPnl": "10",
            "leverage": {"type": "isolated", "value": int(self.book.leverage)}, "liquidationPx": None, "marginUsed": "100",
        }  # fmt: skip
        return {"type": "oneWay", "position": row}
