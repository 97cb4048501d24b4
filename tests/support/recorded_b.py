"""Bybit and Bitget as their documents show them: requests in, replies out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.venue_book import NOW_MS, PRICE, Order, RecordedVenue, Refusal, Stop, now_ms, text

_ENDED = str(NOW_MS)
_BYBIT_STATES = {
    ("open", False): "New", ("open", True): "PartiallyFilled", ("filled", True): "Filled",
    ("cancelled", False): "Cancelled", ("cancelled", True): "PartiallyFilledCanceled",
}  # fmt: skip
_BITGET_PLANS = {("loss", True): "pos_loss", ("loss", False): "loss_plan", ("profit", True): "pos_profit",
                 ("profit", False): "profit_plan", ("entry", False): "normal_plan"}  # fmt: skip


class BybitVenue(RecordedVenue):
    """Bybit v5, unified account with isolated margin."""

    code, key_header, orders_path = "bybit", "X-BAPI-API-KEY", "/v5/order/create"

    def answer(self, method: str, path: str, params: Any) -> Any:
        book = self.book
        match path.removeprefix("/v5"):
            case "/market/time":
                ms = now_ms()
                return self._ok({"timeSecond": ms[:-3], "timeNano": ms + "000000"}) | {"time": int(ms)}
            case "/market/instruments-info":
                row = {
                    "symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC",
                    "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": "1580000000000",
                    "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001", "maxOrderQty": "1000", "minNotionalValue": "5"},
                    "priceFilter": {"tickSize": "0.10", "minPrice": "0.1", "maxPrice": "9999999"},
                    "leverageFilter": {"minLeverage": "1", "maxLeverage": "100"},
                }  # fmt: skip
                wanted = "status" not in params and params.get("category") == "linear"
                return self._ok({"category": "linear", "list": [row] if wanted else [], "nextPageCursor": ""})
            case "/position/list":
                return self._ok({"list": self._positions("symbol" in params)})
            case "/account/info":
                return self._ok({"marginMode": "ISOLATED_MARGIN" if book.isolated else "REGULAR_MARGIN", "unifiedMarginStatus": 5})
            case "/position/set-leverage":
                if book.leverage == params["buyLeverage"]:
                    raise Refusal(200, {"retCode": 110043, "retMsg": "leverage not modified", "result": {}})
                book.leverage = params["buyLeverage"]
                return self._ok({})
            case "/order/create":
                return self._create(params)
            case "/order/realtime" | "/order/history":
                return self._ok({"list": self._listed(params)})
            case "/order/cancel":
                return self._cancel(params.get("orderId", ""), params.get("orderLinkId", ""))
            case "/execution/list":
                number = params["orderId"].removeprefix("o") if "orderId" in params else None
                return self._ok({"list": [self._trade(order) for order in book.trades(number)]})
            case "/account/wallet-balance":
                coin = {
                    "coin": "USDT", "walletBalance": "1000", "equity": "1010", "unrealisedPnl": "10", "totalPositionIM": "100",
                    "totalOrderIM": "0",
                }  # fmt: skip
                return self._ok({"list": [{"accountType": "UNIFIED", "totalAvailableBalance": "", "coin": [coin]}]})
            case "/account/transaction-log":
                shared = {"symbol": "BTCUSDT", "currency": "USDT", "transactionTime": _ENDED}
                trade = {"id": "a_1", "type": "TRADE", "cashFlow": "1.5", "fee": "0.3", "change": "1.2"}
                funding = {"id": "a_2", "type": "SETTLEMENT", "cashFlow": "0", "fee": "0", "change": "-0.1"}
                return self._ok({"list": [trade | shared, funding | shared]})
            case "/user/query-api":
                may = {"ContractTrade": ["Order", "Position"], "Wallet": ["AccountTransfer"]}
                return self._ok({"readOnly": 0, "ips": ["192.0.2.1"], "permissions": may})
        raise AssertionError(f"Bybit has no {method} {path}")

    def _ok(self, result: Any) -> Any:
        return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": int(now_ms())}

    def _cancel(self, order_id: str, link_id: str) -> Any:
        order, stop = self.book.cancel(link_id), self.book.stop(order_id=order_id.removeprefix("o"))
        if order is None and (stop is None or stop.state != "open"):
            raise Refusal(200, {"retCode": 110001, "retMsg": "order not exists or too late to cancel", "result": {}})
        if stop is not None:
            stop.state = "cancelled"
        return self._ok({"orderId": order_id, "orderLinkId": link_id})

    def _create(self, params: Any) -> Any:
        sells, index = params["side"] == "Sell", int(params["positionIdx"])
        assert index in ((1, 2) if self.book.hedge else (0,)), "position idx not match position mode"
        if "triggerPrice" in params:
            size, closes = Decimal(params["qty"]) or None, params.get("closeOnTrigger", False)
            assert closes == params.get("reduceOnly", False)
            held, rises = "long" if sells == closes else "short", params["triggerDirection"] == 1
            leg = "entry" if not closes else "profit" if rises == (held == "long") else "loss"
            stop = self.book.wait(params["orderLinkId"], held, params["triggerPrice"], size, leg)
            assert stop.rises == rises
            return self._ok({"orderId": f"o{stop.order_id}", "orderLinkId": stop.client_id})
        reduces = bool(params.get("reduceOnly"))
        held = "long" if sells == reduces else "short"
        assert params["orderType"] == ("Limit" if "price" in params else "Market")
        size, price = Decimal(params["qty"]), params.get("price", "")
        order = self.book.take(params["orderLinkId"], params["side"], size, held, reduces=reduces, price=price)
        if order is None:
            message = "current position is zero, cannot fix reduce-only order qty"
            raise Refusal(200, {"retCode": 110017, "retMsg": message, "result": {}})
        return self._ok({"orderId": f"o{order.order_id}", "orderLinkId": order.client_id})

    def fire(self, stop: Stop) -> Order:
        return self.book.fire(stop, "Buy" if stop.buys else "Sell", same_id=True)

    def _listed(self, params: Any) -> list[Any]:
        if params.get("orderFilter") == "StopOrder":
            return [self._stop(stop) for stop in self.book.open_stops()]
        name, number = params.get("orderLinkId", ""), params.get("orderId", "").removeprefix("o")
        order, stop = self.book.order(name, number), self.book.stop(name, number)
        return [self._stop(stop)] if stop else [self._shown(order)] if order else []

    def _shown(self, order: Order) -> Any:
        return {
            "symbol": "BTCUSDT", "orderId": f"o{order.order_id}", "orderLinkId": order.client_id,
            "orderStatus": _BYBIT_STATES[order.state, bool(order.filled)], "side": order.side, "qty": text(order.size),
            "cumExecQty": text(order.filled), "leavesQty": text(order.size - order.filled), "avgPrice": order.average,
            "orderType": "Limit" if order.price else "Market", "price": order.price or "0", "updatedTime": _ENDED, "createdTime": _ENDED, "triggerPrice": "", "closeOnTrigger": False,
        }  # fmt: skip

    def _stop(self, stop: Stop) -> Any:
        return {
            "symbol": "BTCUSDT", "orderId": f"o{stop.order_id}", "orderLinkId": stop.client_id, "stopOrderType": "Stop",
            "orderStatus": {"open": "Untriggered", "fired": "Filled", "cancelled": "Deactivated"}[stop.state], "triggerPrice": stop.trigger,
            "triggerDirection": 1 if stop.rises else 2, "side": "Buy" if stop.buys else "Sell",
            "qty": "0" if stop.size is None else text(stop.size), "avgPrice": stop.fired.average if stop.fired else "",
            "cumExecQty": text(stop.fired.filled) if stop.fired else "0",
            "closeOnTrigger": stop.leg != "entry", "reduceOnly": stop.leg != "entry", "updatedTime": _ENDED,
        }  # fmt: skip

    def _trade(self, order: Order) -> Any:
        return {
            "symbol": "BTCUSDT", "execId": f"e{order.order_id}", "orderId": f"o{order.order_id}", "execPrice": text(PRICE),
            "execQty": text(order.filled), "execFee": text(order.fee), "feeCurrency": "", "isMaker": False, "execType": "Trade",
            "side": order.side, "execTime": _ENDED,
        }  # fmt: skip

    def _positions(self, empty_too: bool) -> list[Any]:
        rows = []
        for index, held in ((1, "long"), (2, "short")):
            size = self.book.held.get(held, Decimal(0))
            if size or (empty_too and (self.book.hedge or index == 1)):
                rows.append(
                    {
                        "symbol": "BTCUSDT", "positionIdx": index if self.book.hedge else 0, "size": text(size),
                        "side": {"long": "Buy", "short": "Sell"}[held] if size else "", "avgPrice": text(PRICE) if size else "",
                        "unrealisedPnl": "0.5" if size else "", "leverage": self.book.leverage or "10", "liqPrice": "",
                    }
                )  # fmt: skip
        return rows


class BitgetVenue(RecordedVenue):
    """Bitget v2 USDT futures."""

    code, key_header, orders_path = "bitget", "ACCESS-KEY", "/api/v2/mix/order/place-order"

    def answer(self, method: str, path: str, params: Any) -> Any:
        book = self.book
        match path.removeprefix("/api/v2"):
            case "/public/time":
                return self._ok({"serverTime": now_ms()})
            case "/mix/market/contracts":
                row = {
                    "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "supportMarginCoins": ["USDT"],
                    "minTradeNum": "0.001", "priceEndStep": "1", "volumePlace": "3", "pricePlace": "1", "sizeMultiplier": "0.001",
                    "symbolType": "perpetual", "minTradeUSDT": "5", "symbolStatus": "normal", "minLever": "1", "maxLever": "125",
                    "maxMarketOrderQty": "220", "maxOrderQty": "1200", "makerFeeRate": "0.0002", "takerFeeRate": "0.0006",
                }  # fmt: skip
                return self._ok([row] if params["productType"] == "USDT-FUTURES" else [])
            case "/mix/account/account":
                return self._ok({"marginCoin": "USDT", "posMode": "hedge_mode" if book.hedge else "one_way_mode"})
            case "/mix/account/set-margin-mode":
                book.isolated = params["marginMode"] == "isolated"
                return self._ok({"symbol": "BTCUSDT", "marginCoin": "USDT", "marginMode": params["marginMode"]})
            case "/mix/account/set-leverage":
                book.leverage = params["leverage"]
                return self._ok({"symbol": "BTCUSDT", "longLeverage": book.leverage, "shortLeverage": book.leverage})
            case "/mix/order/place-order":
                return self._place(params)
            case "/mix/order/detail":
                order = book.order(params.get("clientOid", ""), params.get("orderId", ""))
                if order is None:
                    raise Refusal(400, {"code": "40109", "msg": "The data of the order cannot be found", "data": None})
                return self._ok(self._shown(order))
            case "/mix/order/cancel-order":
                order = book.cancel(params["clientOid"])
                if order is None:
                    raise Refusal(400, {"code": "40768", "msg": "Order does not exist", "data": None})
                return self._ok({"orderId": str(order.order_id), "clientOid": order.client_id})
            case "/mix/order/place-tpsl-order":
                return self._protect(params)
            case "/mix/order/place-plan-order":
                return self._plan_entry(params)
            case "/mix/order/orders-plan-pending" | "/mix/order/orders-plan-history":
                waits, entries = path.endswith("pending"), params["planType"] == "normal_plan"
                rows = [s for s in book.stops if (s.state == "open", s.leg == "entry") == (waits, entries)]
                rows = [stop for stop in rows if params.get("clientOid", stop.client_id) == stop.client_id]
                return self._ok({"entrustedList": [self._stop(stop) for stop in rows] or None, "endId": None})
            case "/mix/order/cancel-plan-order":
                found = book.stop(order_id=params["orderIdList"][0]["orderId"])
                assert found is not None and params["planType"] == _BITGET_PLANS[found.leg, found.size is None]
                found.state = "cancelled"
                return self._ok({"successList": params["orderIdList"], "failureList": []})
            case "/mix/order/fills":
                orders = book.trades(params.get("orderId"))
                return self._ok({"fillList": [self._trade(order) for order in orders] or None, "endId": None})
            case "/mix/account/accounts":
                row = {"marginCoin": "USDT", "available": "900", "accountEquity": "1010", "unrealizedPL": "10", "locked": "0"}
                return self._ok([row])
            case "/mix/position/all-position":
                return self._ok([self._position(held, size) for held, size in book.held.items() if size])
            case "/mix/account/bill":
                shared = {"symbol": "BTCUSDT", "coin": "USDT", "cTime": _ENDED}
                close = {"billId": "1", "businessType": "close_long", "amount": "1.5", "fee": "-0.3"}
                funding = {"billId": "2", "businessType": "contract_settle_fee", "amount": "-0.1", "fee": "0"}
                return self._ok({"bills": [close | shared, funding | shared], "endId": None})
            case "/spot/account/info":
                return self._ok({"userId": "1", "ips": "192.0.2.1", "authorities": ["trade", "readonly"]})
        raise AssertionError(f"Bitget has no {method} {path}")

    def _protect(self, params: Any) -> Any:
        held = {"long": "long", "short": "short"} if self.book.hedge else {"buy": "long", "sell": "short"}
        leg, closes_all = next(key for key, plan in _BITGET_PLANS.items() if plan == params["planType"])
        size = None if closes_all else Decimal(params["size"])
        stop = self.book.wait(params["clientOid"], held[params["holdSide"]], params["triggerPrice"], size, leg)
        return self._ok({"orderId": str(stop.order_id), "clientOid": stop.client_id})

    def _plan_entry(self, params: Any) -> Any:
        assert (params["planType"], params["orderType"]) == ("normal_plan", "market")
        assert params.get("tradeSide") == ("open" if self.book.hedge else None)
        side = "long" if params["side"] == "buy" else "short"
        stop = self.book.wait(params["clientOid"], side, params["triggerPrice"], Decimal(params["size"]), "entry")
        return self._ok({"orderId": str(stop.order_id), "clientOid": stop.client_id})

    def _ok(self, data: Any) -> Any:
        return {"code": "00000", "msg": "success", "requestTime": int(now_ms()), "data": data}

    def _place(self, params: Any) -> Any:
        if self.book.hedge:
            reduces, held = params["tradeSide"] == "close", "long" if params["side"] == "buy" else "short"
        else:
            reduces = params.get("reduceOnly") == "YES"
            held = "long" if (params["side"] == "buy") != reduces else "short"
        assert (params["orderType"], params.get("force")) == (("limit", "gtc") if "price" in params else ("market", None))
        size, price = Decimal(params["size"]), params.get("price", "")
        order = self.book.take(params["clientOid"], params["side"], size, held, reduces=reduces, price=price)
        if order is None:
            raise Refusal(400, {"code": "22002", "msg": "No position to close", "data": None})
        return self._ok({"orderId": str(order.order_id), "clientOid": order.client_id})

    def fire(self, stop: Stop) -> Order:
        buys = stop.held == "long" if self.book.hedge else stop.buys
        return self.book.fire(stop, "buy" if buys else "sell")

    def _words(self, order: Order) -> Any:
        if self.book.hedge:
            return {"side": order.side, "tradeSide": "close" if order.reduces else "open", "posMode": "hedge_mode"}
        return {"side": order.side, "tradeSide": f"{order.side}_single", "posMode": "one_way_mode"}

    def _shown(self, order: Order) -> Any:
        return {
            "symbol": "BTCUSDT", "orderId": str(order.order_id), "clientOid": order.client_id,
            "state": {"open": "live", "filled": "filled", "cancelled": "canceled"}[order.state], "size": text(order.size),
            "baseVolume": text(order.filled), "priceAvg": order.average, "uTime": _ENDED, "cTime": _ENDED,
            **self._words(order),
        }  # fmt: skip

    def _trade(self, order: Order) -> Any:
        return {
            "symbol": "BTCUSDT", "tradeId": f"9{order.order_id}", "orderId": str(order.order_id), "price": text(PRICE),
            "baseVolume": text(order.filled), "profit": "0", "tradeScope": "taker", "cTime": _ENDED,
            "feeDetail": [{"deduction": "no", "feeCoin": "USDT", "totalFee": text(-order.fee)}], **self._words(order),
        }  # fmt: skip

    def _stop(self, stop: Stop) -> Any:
        return {
            "symbol": "BTCUSDT", "planType": _BITGET_PLANS[stop.leg, stop.size is None], "orderId": str(stop.order_id),
            "clientOid": stop.client_id, "triggerPrice": stop.trigger, "triggerType": "fill_price",
            "planStatus": {"open": "live", "fired": "executed", "cancelled": "cancelled"}[stop.state], "posSide": stop.held if self.book.hedge else "net",
            "side": "buy" if stop.buys else "sell", "executeOrderId": str(stop.fired.order_id) if stop.fired else "",
        }  # fmt: skip

    def _position(self, held: str, size: Decimal) -> Any:
        return {
            "symbol": "BTCUSDT", "holdSide": held, "total": text(size), "openPriceAvg": text(PRICE), "unrealizedPL": "0.5",
            "leverage": self.book.leverage, "liquidationPrice": "-3", "marginMode": "isolated", "marginCoin": "USDT",
        }  # fmt: skip
