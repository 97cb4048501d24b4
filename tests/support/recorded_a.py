"""OKX and Gate as their documents show them: requests in, replies out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.venue_book import FEE_RATE, NOW_MS, PRICE, Order, RecordedVenue, Refusal, Stop, now_ms, text

_OKX_COIN = Decimal("0.01")  # coins in a contract
_GATE_COIN = Decimal("0.0001")
_OKX_LEGS = {"slTriggerPx": "loss", "tpTriggerPx": "profit", "triggerPx": "entry"}
_OKX_STATES = {"open": "live", "filled": "filled", "cancelled": "canceled"}


def _ok(*rows: Any) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": list(rows)}


class OkxVenue(RecordedVenue):
    """OKX v5."""

    code, key_header, orders_path = "okx", "OK-ACCESS-KEY", "/api/v5/trade/order"

    def answer(self, method: str, path: str, params: Any) -> Any:
        book = self.book
        match path.removeprefix("/api/v5"):
            case "/public/time":
                return _ok({"ts": now_ms()})
            case "/public/instruments":
                return _ok(
                    {
                        "instId": "BTC-USDT-SWAP", "instType": "SWAP", "uly": "BTC-USDT", "settleCcy": "USDT", "ctVal": "0.01",
                        "ctMult": "1", "lotSz": "0.1", "minSz": "0.1", "maxMktSz": "1000", "maxLmtSz": "1000", "tickSz": "0.1",
                        "state": "live", "lever": "100", "baseCcy": "", "quoteCcy": "", "listTime": "1600000000000",
                    }
                )  # fmt: skip
            case "/account/config":
                mode = "long_short_mode" if book.hedge else "net_mode"
                return _ok({"uid": "1", "acctLv": "2", "posMode": mode, "perm": "read_only,trade", "ip": "192.0.2.1"})
            case "/account/set-leverage":
                book.leverage, book.isolated = params["lever"], params["mgnMode"] == "isolated"
                return _ok(params)
            case "/trade/order" if method == "POST":
                return self._order(params)
            case "/trade/order":
                order = book.order(params.get("clOrdId", ""), params.get("ordId", ""))
                if order is None:
                    raise Refusal(200, {"code": "51603", "msg": "Order does not exist", "data": []})
                return _ok(self._shown(order))
            case "/trade/cancel-order":
                if book.cancel(params["clOrdId"]) is None:
                    gone = {"clOrdId": params["clOrdId"], "ordId": "", "sCode": "51400", "sMsg": "Cancellation failed"}
                    raise Refusal(200, {"code": "1", "msg": "All operations failed", "data": [gone]})
                return _ok({"clOrdId": params["clOrdId"], "ordId": "1", "sCode": "0", "sMsg": ""})
            case "/trade/order-algo" if method == "POST":
                field, leg = next(item for item in _OKX_LEGS.items() if item[0] in params)
                size = None if params.get("closeFraction") == "1" else Decimal(params["sz"])
                held = params.get("posSide") or ("long" if (params["side"] == "buy") == (leg == "entry") else "short")
                stop = book.wait(params["algoClOrdId"], held, params[field], size, leg)
                return _ok({"algoId": str(stop.order_id), "algoClOrdId": stop.client_id, "sCode": "0", "sMsg": ""})
            case "/trade/order-algo":
                stop_found = book.stop(params.get("algoClOrdId", ""))
                if stop_found is None:
                    raise Refusal(200, {"code": "51603", "msg": "Order does not exist", "data": []})
                return _ok(self._stop(stop_found))
            case "/trade/orders-algo-pending":
                wanted = [stop for stop in book.open_stops() if (stop.leg == "entry") == (params["ordType"] == "trigger")]
                return _ok(*map(self._stop, wanted))
            case "/trade/cancel-algos":
                stop_found = book.stop(order_id=params[0]["algoId"])
                assert stop_found is not None
                stop_found.state = "cancelled"
                return _ok({"algoId": params[0]["algoId"], "sCode": "0", "sMsg": ""})
            case "/trade/fills" | "/trade/fills-history":
                return _ok(*map(self._trade, book.trades(params.get("ordId"))))
            case "/account/balance":
                detail = {"ccy": "USDT", "cashBal": "1000", "eq": "1010", "availEq": "900", "upl": "10", "frozenBal": "110"}
                return _ok({"totalEq": "1010", "details": [detail]})
            case "/account/positions":
                return _ok(*[self._position(held, size) for held, size in book.held.items()])
            case "/account/bills":
                line = {"billId": "9001", "type": "2", "pnl": "1.5", "fee": "-0.3", "balChg": "1.2"}
                funding = {"billId": "9002", "type": "8", "pnl": "-0.1", "fee": "0", "balChg": "-0.1"}
                shared = {"ccy": "USDT", "instId": "BTC-USDT-SWAP", "ts": str(NOW_MS)}
                return _ok(line | shared, funding | shared)
        raise AssertionError(f"OKX has no {method} {path}")

    def _order(self, params: Any) -> Any:
        held = params.get("posSide") or ("long" if params["side"] == "buy" else "short")
        opens = (params["side"] == "buy") == (held == "long")
        reduces = bool(params.get("reduceOnly")) or (self.book.hedge and not opens)
        if not self.book.hedge and reduces:
            held = "long" if params["side"] == "sell" else "short"
        assert (params["ordType"] == "limit") == ("px" in params)
        size, price = Decimal(params["sz"]), params.get("px", "")
        order = self.book.take(params["clOrdId"], params["side"], size, held, reduces=reduces, price=price)
        if order is None:
            bad = {"clOrdId": params["clOrdId"], "ordId": "", "sCode": "51169", "sMsg": "Order failed, no position"}
            raise Refusal(200, {"code": "1", "msg": "All operations failed", "data": [bad]})
        return _ok({"ordId": str(order.order_id), "clOrdId": order.client_id, "tag": "", "sCode": "0", "sMsg": ""})

    def _shown(self, order: Order) -> Any:
        return {
            "instId": "BTC-USDT-SWAP", "ordId": str(order.order_id), "clOrdId": order.client_id,
            "state": _OKX_STATES[order.state] if order.state != "open" or not order.filled else "partially_filled",
            "sz": text(order.size), "accFillSz": text(order.filled), "avgPx": order.average, "side": order.side,
            "posSide": order.held if self.book.hedge else "net", "uTime": str(NOW_MS), "cTime": str(NOW_MS),
            "fee": text(-order.fee * _OKX_COIN), "feeCcy": "USDT",
        }  # fmt: skip

    def _trade(self, order: Order) -> Any:
        return {
            "instId": "BTC-USDT-SWAP", "tradeId": f"t{order.order_id}", "ordId": str(order.order_id), "fillPx": text(PRICE),
            "fillSz": text(order.filled), "side": order.side, "execType": "T", "fee": text(-order.fee * _OKX_COIN),
            "feeCcy": "USDT", "ts": str(NOW_MS), "fillPnl": "0",
        }  # fmt: skip

    def _stop(self, stop: Stop) -> Any:
        return {
            "instId": "BTC-USDT-SWAP", "algoId": str(stop.order_id), "algoClOrdId": stop.client_id,
            "ordType": "trigger" if stop.leg == "entry" else "conditional",
            "state": {"open": "live", "fired": "effective", "cancelled": "canceled"}[stop.state],
            **{field: stop.trigger if leg == stop.leg else "" for field, leg in _OKX_LEGS.items()},
            "side": "buy" if stop.buys else "sell", "closeFraction": "1" if stop.size is None else "",
            "sz": "" if stop.size is None else text(stop.size), "ordId": "",
            "ordIdList": [str(stop.fired.order_id)] if stop.fired else [],
        }  # fmt: skip

    def _position(self, held: str, size: Decimal) -> Any:
        signed = size if self.book.hedge or held == "long" else -size
        return {
            "instId": "BTC-USDT-SWAP", "posSide": held if self.book.hedge else "net", "pos": text(signed),
            "avgPx": text(PRICE), "upl": "0.5", "lever": self.book.leverage, "liqPx": "", "mgnMode": "isolated",
        }  # fmt: skip


class GateVenue(RecordedVenue):
    """Gate v4 futures."""

    code, key_header, orders_path = "gate", "KEY", "/api/v4/futures/usdt/orders"

    def answer(self, method: str, path: str, params: Any) -> Any:
        book, route = self.book, path.removeprefix("/api/v4").removeprefix("/futures/usdt")
        if route.startswith("/orders/"):
            name = route.removeprefix("/orders/")
            order = book.cancel(name) if method == "DELETE" else book.order(name, name)
            if order is None:
                raise Refusal(404, {"label": "ORDER_NOT_FOUND", "message": "Order not found"})
            return self._shown(order)
        if route.startswith("/price_orders/") and method == "DELETE":
            stop = book.stop(order_id=route.removeprefix("/price_orders/"))
            if stop is None or stop.state != "open":
                raise Refusal(404, {"label": "AUTO_ORDER_NOT_FOUND", "message": "not found"})
            stop.state = "cancelled"
            return self._stop(stop)
        match route:
            case "/spot/time":
                return {"server_time": int(now_ms())}
            case "/contracts":
                return [
                    {
                        "name": "BTC_USDT", "quanto_multiplier": "0.0001", "order_size_min": 1, "order_size_max": 1000000,
                        "order_price_round": "0.1", "mark_price": text(PRICE), "order_price_deviate": "0.5",
                        "leverage_min": "1", "leverage_max": "100", "status": "trading", "type": "direct",
                    }
                ]  # fmt: skip
            case "/accounts":
                return {
                    "total": "1000", "unrealised_pnl": "10", "position_margin": "100", "order_margin": "0", "available": "900",
                    "currency": "USDT", "in_dual_mode": book.hedge,
                }  # fmt: skip
            case "/positions/BTC_USDT/leverage" | "/dual_comp/positions/BTC_USDT/leverage":
                assert path.count("dual_comp") == int(book.hedge)
                book.leverage, book.isolated = params["leverage"], params["leverage"] != "0"
                return {"contract": "BTC_USDT", "leverage": params["leverage"]}
            case "/orders" if method == "POST":
                return self._order(params)
            case "/orders":
                return [self._shown(order) for order in book.orders if order.state != "open"]
            case "/price_orders" if method == "POST":
                return {"id": self._wait(params).order_id}
            case "/price_orders":
                state = params["status"] == "open"
                return [self._stop(stop) for stop in book.stops if (stop.state == "open") == state]
            case "/my_trades" | "/my_trades_timerange":
                return [self._trade(order) for order in book.trades(params.get("order"))]
            case "/positions":
                return [self._position(held, size) for held, size in book.held.items()]
            case "/account_book":
                shared = {"time": NOW_MS // 1000, "contract": "BTC_USDT", "text": "BTC_USDT:1", "balance": "1000"}
                kinds = (("pnl", "1.5"), ("fee", "-0.3"), ("fund", "-0.1"))
                return [shared | {"type": kind, "change": change} for kind, change in kinds]
            case "/account/detail":
                return {"user_id": 1, "ip_whitelist": ["192.0.2.1"], "key": {"mode": 1}}
        raise AssertionError(f"Gate has no {method} {path}")

    def _order(self, params: Any) -> Any:
        size = Decimal(params["size"])
        reduces = bool(params.get("reduce_only"))
        held = "long" if (size > 0) != reduces else "short"
        price = "" if params["price"] == "0" else params["price"]
        assert params["tif"] == ("gtc" if price else "ioc")
        side = "buy" if size > 0 else "sell"
        order = self.book.take(params["text"], side, abs(size), held, reduces=reduces, price=price)
        if order is None:
            raise Refusal(400, {"label": "REDUCE_EXCEEDED", "message": "position is smaller"})
        return self._shown(order)

    def _wait(self, params: Any) -> Stop:
        initial, closes = params["initial"], params.get("order_type", "")
        size, rises = Decimal(initial["size"]), params["trigger"]["rule"] == 1
        if not closes:
            held = "long" if size > 0 else "short"
            return self.book.wait(initial["text"], held, params["trigger"]["price"], abs(size), "entry")
        held = "long" if "long" in closes else "short"
        assert initial.get("auto_size", f"close_{held}") == f"close_{held}" and initial["reduce_only"]
        leg = "profit" if rises == (held == "long") else "loss"
        return self.book.wait(initial["text"], held, params["trigger"]["price"], abs(size) if size else None, leg)

    def _shown(self, order: Order) -> Any:
        sign, left = (1 if order.buys else -1), order.size - order.filled
        return {
            "id": order.order_id, "contract": "BTC_USDT", "text": order.client_id,
            "status": "open" if order.state == "open" else "finished", "finish_as": order.state,
            "size": int(sign * order.size), "left": int(sign * left), "fill_price": order.average or "0",
            "price": order.price or "0", "tif": "gtc" if order.price else "ioc", "is_reduce_only": order.reduces, "create_time": NOW_MS / 1000, "finish_time": NOW_MS / 1000,
            "tkfr": text(FEE_RATE), "mkfr": "0",
        }  # fmt: skip

    def _trade(self, order: Order) -> Any:
        return {
            "id": order.order_id + 5000, "contract": "BTC_USDT", "order_id": str(order.order_id), "price": text(PRICE),
            "size": int(order.filled if order.buys else -order.filled), "fee": text(order.fee * _GATE_COIN),
            "role": "taker", "create_time": NOW_MS / 1000, "text": order.client_id,
        }  # fmt: skip

    def _stop(self, stop: Stop) -> Any:
        size = int(stop.size or 0)
        return {
            "id": stop.order_id, "status": "open" if stop.state == "open" else "finished", "me_order_id": 0,
            "trade_id": stop.fired.order_id if stop.fired else 0,
            "finish_as": {"open": "", "fired": "succeeded", "cancelled": "cancelled"}[stop.state],
            "initial": {"contract": "BTC_USDT", "size": size if stop.buys else -size, "price": "0",
                        "text": stop.client_id, "is_close": size == 0},
            "trigger": {"price": stop.trigger, "rule": 1 if stop.rises else 2, "price_type": 0, "strategy_type": 0},
            "order_type": "" if stop.leg == "entry" else f"close-{stop.held}-position",
        }  # fmt: skip

    def _position(self, held: str, size: Decimal) -> Any:
        return {
            "contract": "BTC_USDT", "size": int(size if held == "long" else -size), "leverage": self.book.leverage,
            "entry_price": text(PRICE), "liq_price": "54000", "unrealised_pnl": "0.5", "mode": f"dual_{held}" if self.book.hedge else "single",
        }  # fmt: skip
