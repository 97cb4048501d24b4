"""The exact requests that orders of every kind become on every venue, as the venue's documents want them."""

from __future__ import annotations

from typing import Any

import pytest

from node_service.executor import Executor
from tests.support.venue_book import RecordedVenue
from tests.support.venues import KINDS, RecordedAccount

FIRST, STOP, LAST, WAITS = ("q" + digit * 25 for digit in "1234")
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
        ("POST /v5/order/cancel", {"category": "linear", "symbol": "BTCUSDT", "orderId": "o700002"}),
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
        ("POST /v5/order/cancel", {"category": "linear", "symbol": "BTCUSDT", "orderId": "o700002"}),
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
        ("POST /exchange", {"type": "order", "orders": [{"a": 0, "b": False, "p": "55100", "s": "0", "r": True,
         "t": {"trigger": {"isMarket": True, "triggerPx": "58000", "tpsl": "sl"}}, "c":
         "0x9bae94970ae0a46a3f9b2e1c08af1358"}], "grouping": "positionTpsl"}),
        ("POST /exchange", {"type": "order", "orders": [{"a": 0, "b": False, "p": "57000", "s": "0.02", "r": True,
         "t": {"limit": {"tif": "Ioc"}}, "c": "0xd7396d35c7c686c9492c1f5d5d4128ee"}], "grouping": "na"}),
        ("POST /exchange", {"type": "cancel", "cancels": [{"a": 0, "o": 700002}]}),
    ],
}
# A take-profit; a limit and its cancellation; an entry that waits for its trigger and its cancellation.
LEGS: dict[str, list[tuple[str, Any]]] = {
    "okx": [
        ("POST /api/v5/trade/order-algo", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "sell", "ordType":
         "conditional", "tpTriggerPx": "63000", "tpOrdPx": "-1", "tpTriggerPxType": "last", "algoClOrdId": STOP,
         "closeFraction": "1", "reduceOnly": True}),
        ("POST /api/v5/trade/order", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "buy", "ordType": "limit",
         "px": "59000", "sz": "2", "clOrdId": LAST}),
        ("POST /api/v5/trade/cancel-order", {"instId": "BTC-USDT-SWAP", "clOrdId": LAST}),
        ("POST /api/v5/trade/order-algo", {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "buy", "ordType":
         "trigger", "triggerPx": "61000", "orderPx": "-1", "triggerPxType": "last", "sz": "2", "algoClOrdId": WAITS}),
        ("POST /api/v5/trade/cancel-algos", [{"algoId": "700004", "instId": "BTC-USDT-SWAP"}]),
    ],
    "gate": [
        ("POST /api/v4/futures/usdt/price_orders", {"initial": {"contract": "BTC_USDT", "size": 0, "price": "0",
         "tif": "ioc", "reduce_only": True, "text": "t-" + STOP, "close": True}, "trigger": {"strategy_type": 0,
         "price_type": 0, "price": "63000", "rule": 1}, "order_type": "close-long-position"}),
        ("POST /api/v4/futures/usdt/orders", {"contract": "BTC_USDT", "size": 200, "price": "59000", "tif": "gtc",
         "text": "t-" + LAST}),
        ("DELETE /api/v4/futures/usdt/orders/t-" + LAST, {}),
        ("POST /api/v4/futures/usdt/price_orders", {"initial": {"contract": "BTC_USDT", "size": 200, "price": "0",
         "tif": "ioc", "text": "t-" + WAITS}, "trigger": {"strategy_type": 0, "price_type": 0, "price": "61000",
         "rule": 1}}),
        ("DELETE /api/v4/futures/usdt/price_orders/700004", {}),
    ],
    "bybit": [
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market",
         "qty": "0", "triggerPrice": "63000", "triggerDirection": 1, "triggerBy": "LastPrice", "orderLinkId": STOP,
         "positionIdx": 0, "reduceOnly": True, "closeOnTrigger": True}),
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
         "qty": "0.02", "price": "59000", "timeInForce": "GTC", "orderLinkId": LAST, "positionIdx": 0}),
        ("POST /v5/order/cancel", {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": LAST}),
        ("POST /v5/order/create", {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market",
         "qty": "0.02", "triggerPrice": "61000", "triggerDirection": 1, "triggerBy": "LastPrice", "orderLinkId": WAITS,
         "positionIdx": 0}),
        ("POST /v5/order/cancel", {"category": "linear", "symbol": "BTCUSDT", "orderId": "o700004"}),
    ],
    "bitget": [
        ("POST /api/v2/mix/order/place-tpsl-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "planType": "pos_profit", "triggerPrice": "63000", "triggerType": "fill_price", "holdSide": "buy",
         "clientOid": STOP}),
        ("POST /api/v2/mix/order/place-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "marginMode": "isolated", "orderType": "limit", "price": "59000", "force": "gtc", "size": "0.02",
         "side": "buy", "clientOid": LAST}),
        ("POST /api/v2/mix/order/cancel-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "clientOid": LAST}),
        ("POST /api/v2/mix/order/place-plan-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "marginMode": "isolated", "orderType": "market", "size": "0.02", "side": "buy", "clientOid": WAITS,
         "planType": "normal_plan", "triggerPrice": "61000", "triggerType": "fill_price"}),
        ("POST /api/v2/mix/order/cancel-plan-order", {"productType": "USDT-FUTURES", "marginCoin": "USDT", "symbol":
         "BTCUSDT", "planType": "normal_plan", "orderIdList": [{"orderId": "700004"}]}),
    ],
    "hyperliquid": [
        ("POST /exchange", {"type": "order", "orders": [{"a": 0, "b": False, "p": "59850", "s": "0", "r": True,
         "t": {"trigger": {"isMarket": True, "triggerPx": "63000", "tpsl": "tp"}}, "c":
         "0x9bae94970ae0a46a3f9b2e1c08af1358"}], "grouping": "positionTpsl"}),
        ("POST /exchange", {"type": "order", "orders": [{"a": 0, "b": True, "p": "59000", "s": "0.02", "r": False,
         "t": {"limit": {"tif": "Gtc"}}, "c": "0xd7396d35c7c686c9492c1f5d5d4128ee"}], "grouping": "na"}),
        ("POST /exchange", {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid":
         "0xd7396d35c7c686c9492c1f5d5d4128ee"}]}),
        ("POST /exchange", {"type": "order", "orders": [{"a": 0, "b": True, "p": "64050", "s": "0.02", "r": False,
         "t": {"trigger": {"isMarket": True, "triggerPx": "61000", "tpsl": "sl"}}, "c":
         "0xfd6bbaf62a6053a4e0a12dbc5dbf83dd"}], "grouping": "na"}),
        ("POST /exchange", {"type": "cancel", "cancels": [{"a": 0, "o": 700004}]}),
    ],
}
# fmt: on


def written(venue: RecordedVenue) -> list[tuple[str, Any]]:
    """What was sent to change something, as (method and path, body)."""
    assert "secret" not in repr(venue.seen)
    changes = [seen for seen in venue.seen if seen.method != "GET" and seen.path != "/info"]
    # An action of Hyperliquid stands beside its nonce and signature; Bitget's and OKX's lists stay lists.
    bodies = [seen.params["action"] if venue.code == "hyperliquid" else seen.params for seen in changes]
    return [(f"{seen.method} {seen.path}", body) for seen, body in zip(changes, bodies, strict=True)]


@pytest.mark.parametrize("case", WRITES)
async def test_what_is_sent(case: str, executor: Executor) -> None:
    code, mode = case.split()
    async with KINDS[code](hedge=mode == "hedge") as venue:
        venue.book.isolated = True
        account = RecordedAccount(venue, executor)
        await account.order("OPEN", "0.02", stop_loss=58000, stop_client_order_id=STOP, client_order_id=FIRST)
        await account.order("CLOSE", "0.02", stop_client_order_id=STOP, client_order_id=LAST)
    assert written(venue) == WRITES[case]


@pytest.mark.parametrize("code", LEGS)
async def test_what_is_sent_for_orders_that_rest_or_wait(code: str, executor: Executor) -> None:
    async with KINDS[code]() as venue:
        venue.book.isolated = True
        account = RecordedAccount(venue, executor)
        await account.order("OPEN", "0.02", client_order_id=FIRST, take_profit=63000, take_profit_client_order_id=STOP)
        await account.order("OPEN", "0.02", client_order_id=LAST, order_type="LIMIT", price=59000)
        assert await account.cancel(LAST)
        await account.order("OPEN", "0.02", client_order_id=WAITS, order_type="STOP_MARKET", trigger_price=61000)
        assert await account.cancel(WAITS, conditional=True)
    assert written(venue)[-5:] == LEGS[code]
