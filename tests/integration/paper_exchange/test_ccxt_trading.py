"""Unmodified ccxt trading on the simulated exchange over HTTP."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest
import pytest_asyncio

from tests.support.paper import PaperServer, make_ccxt, make_ccxt_sync

BTC = "BTC/USDT:USDT"
SOL = "SOL/USDT:USDT"
_names = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperServer]:
    with PaperServer(tmp_path_factory.mktemp("paper")) as running:
        yield running


@pytest.fixture
def account(server: PaperServer) -> dict[str, Any]:
    return server.account(f"trader-{next(_names)}")


@pytest_asyncio.fixture
async def client(server: PaperServer, account: dict[str, Any]) -> AsyncIterator[Any]:
    made = make_ccxt(server.base_url, account["api_key"], account["api_secret"])
    await made.load_markets()
    yield made
    await made.close()


async def refused(call: Any) -> ccxt.BaseError:
    with pytest.raises(ccxt.BaseError) as caught:
        await call
    return caught.value


async def test_market_data(server: PaperServer, client: Any) -> None:
    assert len(client.markets) == 5
    market = client.market(BTC)
    assert (market["precision"]["price"], market["limits"]["cost"]["min"]) == (0.1, 50)
    price = float(server.prices()["BTCUSDT"])
    assert (await client.fetch_ticker(BTC))["last"] == price
    assert set(await client.fetch_tickers([BTC, SOL])) == {BTC, SOL}
    assert (await client.fetch_last_prices())[BTC]["price"] == price
    assert (await client.fetch_mark_prices())[BTC]["markPrice"] == price
    book = await client.fetch_order_book(BTC, 5)
    assert book["bids"][0][0] < price < book["asks"][0][0]
    assert (await client.fetch_bids_asks([BTC]))[BTC]["bid"] == book["bids"][0][0]
    funding = await client.fetch_funding_rate(BTC)
    assert abs(funding["fundingRate"]) <= 0.00075 and funding["markPrice"] == price
    history = await client.fetch_funding_rate_history(BTC, limit=5)
    assert len(history) == 5 and history[1]["timestamp"] - history[0]["timestamp"] == 28_800_000
    assert abs(await client.fetch_time() - client.milliseconds()) < 5_000
    assert (await client.fetch_status())["status"] == "ok"
    assert "x-mbx-used-weight-1m" in client.last_response_headers or await client.fetch_time()


@pytest.mark.parametrize("interval", ["15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"])
async def test_every_interval_is_the_sum_of_the_base_bars(client: Any, interval: str) -> None:
    base = await client.fetch_ohlcv(SOL, "15m", limit=1000)
    large = await client.fetch_ohlcv(SOL, interval, limit=6)
    assert len(large) == 6
    width = client.parse_timeframe(interval) * 1000
    for opened, o, h, low, c, v in large:
        inside = [row for row in base if opened <= row[0] < opened + width]
        assert opened % width == 0 and inside
        assert (o, c) == (inside[0][1], inside[-1][4])
        assert (h, low) == (max(r[2] for r in inside), min(r[3] for r in inside))
        assert v == pytest.approx(sum(r[5] for r in inside), abs=0.01)


async def test_klines_from_a_start_and_below_the_base_interval(client: Any) -> None:
    last = await client.fetch_ohlcv(SOL, "1h", limit=10)
    again = await client.fetch_ohlcv(SOL, "1h", since=last[3][0], limit=4)
    assert again == last[3:7]
    until = await client.fetch_ohlcv(SOL, "1h", limit=4, params={"until": last[6][0]})
    assert until == last[3:7]
    assert "-1120" in str(await refused(client.fetch_ohlcv(SOL, "1m")))


async def test_a_round_trip(server: PaperServer, client: Any, account: dict[str, Any]) -> None:
    await client.set_margin_mode("isolated", SOL)
    await client.set_leverage(10, SOL)
    opened = await client.create_order(SOL, "market", "buy", 2, None, {"clientOrderId": "qopen1"})
    price = float(server.prices()["SOLUSDT"])
    assert (opened["status"], opened["average"], opened["filled"]) == ("closed", price, 2.0)
    assert opened["info"]["marketTime"] == server.clock()["market_ms"]

    (position,) = await client.fetch_positions([SOL])
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 2.0, price)
    assert position["marginMode"] == "isolated" and 0 < position["liquidationPrice"] < price
    (second,) = await client.fetch_positions([SOL], {"useV2": True})
    assert (second["leverage"], second["contracts"]) == (10, 2.0)

    stop = await client.create_order(
        SOL, "market", "sell", None, None,
        {"stopLossPrice": round(price * 0.9, 2), "closePosition": True, "clientOrderId": "qstop1"},
    )  # fmt: skip
    assert (stop["status"], stop["clientOrderId"]) == ("open", "qstop1")
    assert not await client.fetch_open_orders(SOL)
    assert [o["id"] for o in await client.fetch_open_orders(SOL, params={"trigger": True})] == [stop["id"]]
    found = await client.fetch_order(None, SOL, {"trigger": True, "clientAlgoId": "qstop1"})
    assert found["id"] == stop["id"]

    closed = await client.create_order(SOL, "market", "sell", 2, None, {"reduceOnly": True})
    assert closed["status"] == "closed" and not await client.fetch_positions([SOL])
    assert not await client.fetch_open_orders(SOL, params={"trigger": True})
    assert (await client.fetch_order(stop["id"], SOL, {"trigger": True}))["status"] == "expired"

    by_id = await client.fetch_order(opened["id"], SOL)
    by_client = await client.fetch_order(None, SOL, {"clientOrderId": "qopen1"})
    assert by_id["id"] == by_client["id"] == opened["id"]
    trades = await client.fetch_my_trades(SOL, params={"orderId": opened["id"]})
    assert [(t["order"], t["amount"], t["takerOrMaker"]) for t in trades] == [(opened["id"], 2.0, "taker")]
    fee = sum(Decimal(str(t["fee"]["cost"])) for t in await client.fetch_my_trades(SOL))
    balance = await client.fetch_balance()
    assert Decimal(str(balance["USDT"]["total"])) == 10_000 - fee
    assert Decimal(str((await client.fetch_balance({"useV2": True}))["USDT"]["free"])) == 10_000 - fee
    kinds = [row["info"]["incomeType"] for row in await client.fetch_ledger("USDT")]
    assert kinds == ["TRANSFER", "COMMISSION", "COMMISSION"]
    dump = server.dump(account["account_id"])
    assert len(dump["orders"]) == 2 and len(dump["trades"]) == 2 and dump["positions"] == []


async def test_a_triggered_stop_points_at_its_order(server: PaperServer, client: Any) -> None:
    price = float(server.prices()["BTCUSDT"])
    await client.create_order(BTC, "market", "buy", 0.01)
    stop = await client.create_order(
        BTC, "market", "sell", 0.01, None, {"stopLossPrice": price - 0.1, "reduceOnly": True}
    )
    target = await client.create_order(
        BTC, "market", "sell", 0.01, None, {"takeProfitPrice": price + 0.1, "reduceOnly": True}
    )
    server.step(4)
    one, other = [await client.fetch_order(o["id"], BTC, {"trigger": True}) for o in (stop, target)]
    fired, expired = (one, other) if one["status"] == "closed" else (other, one)
    assert (fired["info"]["algoStatus"], expired["status"]) == ("FINISHED", "expired")
    actual = await client.fetch_order(fired["info"]["actualOrderId"], BTC)
    assert (actual["status"], actual["filled"]) == ("closed", 0.01)
    assert not await client.fetch_positions([BTC])


async def test_limit_orders_rest_are_listed_amended_and_cancelled(server: PaperServer, client: Any) -> None:
    price = float(server.prices()["SOLUSDT"])
    low = round(price * 0.9, 2)
    order = await client.create_order(SOL, "limit", "buy", 1, low, {"clientOrderId": "qlimit"})
    assert order["status"] == "open"
    changed = await client.edit_order(order["id"], SOL, "limit", "buy", 2, low)
    assert changed["amount"] == 2.0
    assert [o["id"] for o in await client.fetch_open_orders()] == [order["id"]]
    assert (await client.fetch_open_order(order["id"], SOL))["amount"] == 2.0
    gone = await client.cancel_order(None, SOL, {"origClientOrderId": "qlimit"})
    assert gone["status"] == "canceled"
    assert "-2011" in str(await refused(client.cancel_order(order["id"], SOL)))
    ids = [(await client.create_order(SOL, "limit", "buy", 1, low, {"postOnly": True}))["id"] for _ in range(4)]
    assert len(await client.cancel_orders(ids[:2], SOL)) == 2
    await client.cancel_all_orders(SOL)
    assert not await client.fetch_open_orders(SOL)
    assert {o["status"] for o in await client.fetch_orders(SOL)} == {"canceled"}
    rejected = await refused(client.create_order(SOL, "limit", "buy", 1, price + 1, {"postOnly": True}))
    assert isinstance(rejected, ccxt.OrderNotFillable)


async def test_batches_keep_their_order(client: Any) -> None:
    rows = [
        {"symbol": "SOLUSDT", "side": "BUY", "type": "MARKET", "quantity": "1", "newClientOrderId": "qb1"},
        {"symbol": "SOLUSDT", "side": "BUY", "type": "MARKET", "quantity": "0"},
        {"symbol": "SOLUSDT", "side": "SELL", "type": "MARKET", "quantity": "1", "reduceOnly": "true"},
    ]
    raw = await client.fapiPrivatePostBatchOrders({"batchOrders": rows})
    assert [row.get("code") for row in raw] == [None, -4003, None]
    assert raw[0]["clientOrderId"] == "qb1"
    made = await client.create_orders(
        [{"symbol": SOL, "type": "market", "side": side, "amount": 1, "price": None} for side in ("buy", "sell")]
    )
    assert [o["status"] for o in made] == ["closed", "closed"]


async def test_algo_orders_cancel_one_and_all(server: PaperServer, client: Any) -> None:
    price = float(server.prices()["SOLUSDT"])
    low = {"stopLossPrice": round(price * 0.8, 2)}
    first = await client.create_order(SOL, "market", "sell", 1, None, low | {"clientOrderId": "qa1"})
    await client.create_order(SOL, "limit", "sell", 1, round(price * 0.79, 2), low)
    await client.create_order(SOL, "market", "sell", 1, None, {"trailingPercent": 2})
    types = [o["info"]["orderType"] for o in await client.fetch_open_orders(SOL, params={"trigger": True})]
    assert types == ["STOP_MARKET", "STOP", "TRAILING_STOP_MARKET"]
    await client.cancel_order(None, SOL, {"trigger": True, "clientAlgoId": "qa1"})
    assert (await client.fetch_order(first["id"], SOL, {"trigger": True}))["status"] == "canceled"
    await client.cancel_all_orders(SOL)
    assert len(await client.fetch_open_orders(SOL, params={"trigger": True})) == 2
    await client.cancel_all_orders(SOL, {"trigger": True})
    assert not await client.fetch_open_orders(SOL, params={"trigger": True})
    assert len(await client.fetch_orders(SOL, params={"trigger": True})) == 3


async def test_hedge_mode(client: Any) -> None:
    await client.set_position_mode(True)
    assert (await client.fetch_position_mode())["hedged"] is True
    for side, leg in (("buy", "LONG"), ("sell", "SHORT")):
        await client.create_order(SOL, "market", side, 1, None, {"positionSide": leg})
    assert sorted(p["side"] for p in await client.fetch_positions([SOL])) == ["long", "short"]
    assert "-4061" in str(await refused(client.create_order(SOL, "market", "buy", 1)))
    assert "-4068" in str(await refused(client.set_position_mode(False)))
    await client.create_order(SOL, "market", "sell", 1, None, {"hedged": True, "reduceOnly": True})
    assert [p["side"] for p in await client.fetch_positions([SOL])] == ["short"]


async def test_settings_and_tables(client: Any) -> None:
    assert (await client.set_leverage(7, SOL))["leverage"] == 7
    await client.set_margin_mode("isolated", SOL)
    await client.set_margin_mode("isolated", SOL)
    assert (await client.fetch_leverages([SOL]))[SOL]["longLeverage"] == 7
    assert (await client.fetch_margin_modes([SOL]))[SOL]["marginMode"] == "isolated"
    tiers = (await client.fetch_leverage_tiers([BTC]))[BTC]
    assert tiers[0]["maxLeverage"] == 125 and tiers[-1]["maxNotional"] > 1e9
    assert (await client.fetch_trading_fee(SOL))["taker"] == 0.0005
    assert (await client.sapiGetAccountApiRestrictions())["enableWithdrawals"] is False
    assert (
        await client.fapiPrivatePostOrderTest({"symbol": "SOLUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"})
        == {}
    )
    assert not await client.fetch_orders(SOL)


async def test_the_dead_man_switch_cancels(server: PaperServer, client: Any) -> None:
    price = float(server.prices()["SOLUSDT"])
    await client.create_order(SOL, "limit", "buy", 1, round(price * 0.9, 2))
    await client.fapiPrivatePostCountdownCancelAll({"symbol": "SOLUSDT", "countdownTime": 80})
    assert len(await client.fetch_open_orders(SOL)) == 1
    await asyncio.sleep(0.1)
    assert not await client.fetch_open_orders(SOL)


async def test_refusals_as_ccxt_sees_them(server: PaperServer, client: Any) -> None:
    price = float(server.prices()["BTCUSDT"])
    order = client.create_order
    raw = client.fapiPrivatePostOrder
    base = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    await order(BTC, "market", "buy", 0.01, None, {"clientOrderId": "qdup"})
    cases: list[tuple[Any, int, type[ccxt.BaseError]]] = [
        (order(BTC, "market", "buy", 10), -2019, ccxt.InsufficientFunds),
        (order(BTC, "market", "buy", 0.01, None, {"clientOrderId": "qdup"}), -4116, ccxt.InvalidOrder),
        (order(SOL, "market", "sell", 1, None, {"reduceOnly": True}), -2022, ccxt.InvalidOrder),
        (order(BTC, "market", "sell", 0.01, None, {"stopLossPrice": price + 50}), -2021,
         ccxt.OrderImmediatelyFillable),
        (raw(base | {"type": "STOP_MARKET", "stopPrice": "1000"}), -4120, ccxt.InvalidOrder),
        (raw(base | {"symbol": "NOPEUSDT"}), -1121, ccxt.BadSymbol),
        (raw(base | {"quantity": "0"}), -4003, ccxt.ExchangeError),
        (raw(base | {"quantity": "0.0101"}), -1111, ccxt.BadRequest),
        (raw(base | {"positionSide": "LONG"}), -4061, ccxt.OperationRejected),
        (raw(base | {"symbol": "XRPUSDT", "quantity": "1"}), -4164, ccxt.InvalidOrder),
        (raw({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "60000"}),
         -1102, ccxt.BadRequest),
        (client.fapiPrivatePostLeverage({"symbol": "XRPUSDT", "leverage": 100}), -4028, ccxt.ExchangeError),
        (client.fetch_order("999", BTC), -2013, ccxt.OrderNotFound),
        (client.cancel_order("999", BTC, {"trigger": True}), -2011, ccxt.OrderNotFound),
    ]  # fmt: skip
    for call, code, kind in cases:
        error = await refused(call)
        assert f'"code":{code},' in str(error), (code, error)
        assert isinstance(error, kind), (code, type(error))


async def test_who_may_ask(server: PaperServer, account: dict[str, Any]) -> None:
    key, secret = account["api_key"], account["api_secret"]
    cases = [
        (make_ccxt(server.base_url, key, "wrong"), -1022, {}),
        (make_ccxt(server.base_url, "0" * 64, secret), -2015, {}),
        (make_ccxt(server.base_url, "short", secret), -2014, {}),
        (make_ccxt(server.base_url, key, secret), -1021, {"timeDifference": 60_000}),
        (make_ccxt(server.base_url, key, secret), -1021, {"timeDifference": -5_000}),
    ]
    for client, code, options in cases:
        client.options |= options
        try:
            error = await refused(client.fetch_balance())
        finally:
            await client.close()
        assert f'"code":{code},' in str(error), error
        assert isinstance(error, ccxt.InvalidNonce if code == -1021 else ccxt.AuthenticationError)


def test_the_synchronous_client_works_too(server: PaperServer, account: dict[str, Any]) -> None:
    client = make_ccxt_sync(server.base_url, account["api_key"], account["api_secret"])
    assert client.create_order(SOL, "market", "buy", 1)["status"] == "closed"
    assert client.fetch_positions()[0]["contracts"] == 1.0
    assert client.fetch_balance()["USDT"]["total"] < 10_000


def test_default_options_of_ccxt_are_served(server: PaperServer, account: dict[str, Any]) -> None:
    client = make_ccxt_sync(server.base_url, account["api_key"], account["api_secret"], fetchCurrencies=True)
    client.options["adjustForTimeDifference"] = True
    assert BTC in client.load_markets()
