"""The exact requests an opening, its stop and its close become on every venue, as the venue's documents want them."""

from __future__ import annotations

from typing import Any

import pytest

from node_service.executor import Executor
from tests.integration.node_service.test_venues import KINDS, RecordedAccount

FIRST, STOP, LAST = "q" + "1" * 25, "q" + "2" * 25, "q" + "3" * 25
# fmt: off
WRITES: dict[str, list[tuple[str, Any]]] = {
    "okx one-way": [
        ("POST /api/v5/account/set-leverage", {"instId": "BTC-USDT-SWAP", "lever": "10", "mgnMode": "isolated"}),
        ("POST /api/v5/trade/order", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "buy", "ordType":
         "market", "sz": "2", "clOrdId": FIRST}),
        ("POST /api/v5/trade/order-algo", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "sell", "ordType":
         "conditional", "slTriggerPx": "58000", "slOrdPx": "-1", "slTriggerPxType": "last", "algoClOrdId": STOP,
         "closeFraction": "1", "reduceOnly": True}),
        ("POST /api/v5/trade/order", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "sell", "ordType":
         "market", "sz": "2", "clOrdId": LAST, "reduceOnly": True}),
        ("POST /api/v5/trade/cancel-algos", [{"algoId": "700002", "instId": "BTC-USDT-SWAP"}]),
    ],
    "okx hedge": [
        ("POST /api/v5/account/set-leverage", {"instId": "BTC-USDT-SWAP", "lever": "10", "mgnMode": "isolated",
         "posSide": "long"}),
        ("POST /api/v5/account/set-leverage", {"instId": "BTC-USDT-SWAP", "lever": "10", "mgnMode": "isolated",
         "posSide": "short"}),
        ("POST /api/v5/trade/order", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "buy", "ordType":
         "market", "sz": "2", "clOrdId": FIRST, "posSide": "long"}),
        ("POST /api/v5/trade/order-algo", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "sell", "ordType":
         "conditional", "slTriggerPx": "58000", "slOrdPx": "-1", "slTriggerPxType": "last", "algoClOrdId": STOP,
         "closeFraction": "1", "posSide": "long"}),
        ("POST /api/v5/trade/order", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "sell", "ordType":
         "market", "sz": "2", "clOrdId": LAST, "posSide": "long"}),
        ("POST /api/v5/trade/cancel-algos", [{"algoId": "700002", "instId": "BTC-USDT-SWAP"}]),
    ],
    "gate one-way": [
        ("POST /api/v4/futures/usdt/positions/BTC_USDT/leverage", {"leverage": "10"}),
        ("POST /api/v4/futures/usdt/orders", {"contract": "BTC_USDT", "size": 200, "price": "0", "tif": "ioc", "text":
         "t-" + FIRST}),
        ("POST /api/v4/futures/usdt/price_orders", {"initial": {"contract": "BTC_USDT", "size": 0, "price": "0",
         "tif": "ioc", "reduce_only": True, "text": "t-" + STOP, "close": True}, "trigger": {"strategy_type": 0,
         "price_type": 0, "price": "58000", "rule": 2}, "order_type": "close-long-position"}),
        ("POST /api/v4/futures/usdt/orders", {"contract": "BTC_USDT", "size": -200, "price": "0", "tif": "ioc",
         "text": "t-" + LAST, "reduce_only": True}),
        ("DELETE /api/v4/futures/usdt/price_orders/700002", {}),
    ],
    "gate hedge": [
        ("POST /api/v4/futures/usdt/dual_comp/positions/BTC_USDT/leverage", {"leverage": "10"}),
        ("POST /api/v4/futures/usdt/orders", {"contract": "BTC_USDT", "size": 200, "price": "0", "tif": "ioc", "text":
         "t-" + FIRST}),
        ("POST /api/v4/futures/usdt/price_orders", {"initial": {"contract": "BTC_USDT", "size": 0, "price": "0",
         "tif": "ioc", "reduce_only": True, "text": "t-" + STOP, "auto_size": "close_long"}, "trigger":
         {"strategy_type": 0, "price_type": 0, "price": "58000", "rule": 2}, "order_type": "close-long-position"}),
        ("POST /api/v4/futures/usdt/orders", {"contract": "BTC_USDT", "size": -200, "price": "0", "tif": "ioc",
         "text": "t-" + LAST, "reduce_only": True}),
        ("DELETE /api/v4/futures/usdt/price_orders/700002", {}),
    ],
    "bybit one-way": [
        ("POST /v5/position/set-leverage", {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "10",
         "sellLeverage": "10"}),
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market",
         "qty": "0.02", "orderLinkId": FIRST, "positionIdx": 0}),
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market",
         "qty": "0", "triggerPrice": "58000", "triggerDirection": 2, "triggerBy": "LastPrice", "orderLinkId": STOP,
         "positionIdx": 0, "reduceOnly": True, "closeOnTrigger": True}),
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market",
         "qty": "0.02", "orderLinkId": LAST, "positionIdx": 0, "reduceOnly": True}),
        ("POST /v5/order/cancel", {"category": "linear", "symbol": "BTCUSDT", "orderId": "700002"}),
    ],
    "bybit hedge": [
        ("POST /v5/position/set-leverage", {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "10",
         "sellLeverage": "10"}),
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market",
         "qty": "0.02", "orderLinkId": FIRST, "positionIdx": 1}),
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market",
         "qty": "0", "triggerPrice": "58000", "triggerDirection": 2, "triggerBy": "LastPrice", "orderLinkId": STOP,
         "positionIdx": 1, "reduceOnly": True, "closeOnTrigger": True}),
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market",
         "qty": "0.02", "orderLinkId": LAST, "positionIdx": 1, "reduceOnly": True}),
        ("POST /v5/order/cancel", {"category": "linear", "symbol": "BTCUSDT", "orderId": "700002"}),
    ],
    "bitget one-way": [
        ("POST /api/v2/mix/account/set-margin-mode", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "marginMode": "isolated"}),
        ("POST /api/v2/mix/account/set-leverage", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "leverage": "10"}),
        ("POST /api/v2/mix/order/place-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "marginMode": "isolated", "orderType": "market", "size": "0.02", "side": "buy", "clientOid":
         FIRST}),
        ("POST /api/v2/mix/order/place-tpsl-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "planType": "pos_loss", "triggerPrice": "58000", "triggerType": "fill_price", "holdSide": "buy",
         "clientOid": STOP}),
        ("POST /api/v2/mix/order/place-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "marginMode": "isolated", "orderType": "market", "size": "0.02", "side": "sell", "clientOid":
         LAST, "reduceOnly": "YES"}),
        ("POST /api/v2/mix/order/cancel-plan-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "planType": "pos_loss", "orderIdList": [{"orderId": "700002"}]}),
    ],
    "bitget hedge": [
        ("POST /api/v2/mix/account/set-margin-mode", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "marginMode": "isolated"}),
        ("POST /api/v2/mix/account/set-leverage", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "leverage": "10", "holdSide": "long"}),
        ("POST /api/v2/mix/account/set-leverage", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "leverage": "10", "holdSide": "short"}),
        ("POST /api/v2/mix/order/place-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "marginMode": "isolated", "orderType": "market", "size": "0.02", "side": "buy", "clientOid":
         FIRST, "tradeSide": "open"}),
        ("POST /api/v2/mix/order/place-tpsl-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "planType": "pos_loss", "triggerPrice": "58000", "triggerType": "fill_price", "holdSide": "long",
         "clientOid": STOP}),
        ("POST /api/v2/mix/order/place-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "marginMode": "isolated", "orderType": "market", "size": "0.02", "side": "buy", "clientOid": LAST,
         "tradeSide": "close"}),
        ("POST /api/v2/mix/order/cancel-plan-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "planType": "pos_loss", "orderIdList": [{"orderId": "700002"}]}),
    ],
    "hyperliquid one-way": [
        ("POST /exchange", {"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 10}),
        ("POST /exchange", {"type": "order", "orders": [{"a": 0, "b": True, "p": "63000", "s": "0.02", "r": False,
         "t": {"limit": {"tif": "Ioc"}}, "c": "0x1e9d16418520039a2b409529137705d9"}], "grouping": "na"}),
        ("POST /exchange", {"type": "order", "orders": [{"a": 0, "b": False, "p": "55100", "s": "0.02", "r": True,
         "t": {"trigger": {"isMarket": True, "triggerPx": "58000", "tpsl": "sl"}}, "c":
         "0x9bae94970ae0a46a3f9b2e1c08af1358"}], "grouping": "na"}),
        ("POST /exchange", {"type": "order", "orders": [{"a": 0, "b": False, "p": "57000", "s": "0.02", "r": True,
         "t": {"limit": {"tif": "Ioc"}}, "c": "0xd7396d35c7c686c9492c1f5d5d4128ee"}], "grouping": "na"}),
        ("POST /exchange", {"type": "cancel", "cancels": [{"a": 0, "o": 700002}]}),
    ],
}
# fmt: on


@pytest.mark.parametrize("case", WRITES)
async def test_what_is_sent(case: str) -> None:
    code, mode = case.split()
    executor = Executor(allow_venue_url=True)
    async with KINDS[code](hedge=mode == "hedge") as venue:
        venue.book.isolated = True
        account = RecordedAccount(venue, executor)
        await account.order("OPEN", "0.02", stop_loss=58000, stop_client_order_id=STOP, client_order_id=FIRST)
        await account.order("CLOSE", "0.02", stop_client_order_id=STOP, client_order_id=LAST)
        await executor.close()
    written = [seen for seen in venue.seen if seen.method != "GET" and seen.path != "/info"]
    # An action of Hyperliquid stands beside its nonce and signature; Bitget's and OKX's lists stay lists.
    bodies = [seen.params["action"] if code == "hyperliquid" else seen.params for seen in written]
    assert [(f"{seen.method} {seen.path}", body) for seen, body in zip(written, bodies, strict=True)] == WRITES[case]
    assert "secret" not in repr(venue.seen)
