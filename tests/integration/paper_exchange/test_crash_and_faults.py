"""The simulated exchange survives being killed, and misbehaves exactly as told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ccxt
import httpx
import pytest

from tests.support.paper import PaperServer, make_ccxt, make_ccxt_sync

SOL = "SOL/USDT:USDT"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperServer]:
    with PaperServer(tmp_path_factory.mktemp("paper")) as running:
        yield running


@pytest.fixture
def client(server: PaperServer, request: pytest.FixtureRequest) -> Iterator[Any]:
    account = server.account(request.node.name)
    made = make_ccxt_sync(server.base_url, account["api_key"], account["api_secret"])
    made.load_markets()
    yield made
    server.clear_faults()


def test_kill_and_restart_keeps_everything(tmp_path: Path) -> None:
    with PaperServer(tmp_path) as server:
        account = server.account("keeper")
        client = make_ccxt_sync(server.base_url, account["api_key"], account["api_secret"])
        price = float(server.prices()["SOLUSDT"])
        client.set_leverage(5, SOL)
        client.create_order(SOL, "market", "buy", 3)
        client.create_order(SOL, "limit", "buy", 1, round(price * 0.86, 2))
        client.create_order(
            SOL, "market", "sell", None, None, {"stopLossPrice": round(price * 0.5, 2), "closePosition": True}
        )
        server.step(403)
        before = server.dump(account["account_id"]), server.clock(), server.prices()
        bars = server.control("GET", "/paper/bars?interval=1h&limit=800")
        server.kill()
        server.restart()
        after = server.dump(account["account_id"]), server.clock(), server.prices()
        for clock in (before[1], after[1]):
            clock.pop("wall_ms")
        assert after == before
        assert server.control("GET", "/paper/bars?interval=1h&limit=800") == bars
        assert len(bars["times"]) >= 700
        assert client.fetch_leverages([SOL])[SOL]["longLeverage"] == 5
        server.step(1)
        assert server.account("keeper") == account


def test_a_restart_walks_the_same_market_as_no_restart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with PaperServer(tmp_path / "a") as steady, PaperServer(tmp_path / "b") as shaken:
        steady.step(900)
        for _ in range(3):
            shaken.step(300)
            shaken.kill()
            shaken.restart()
        assert steady.prices() == shaken.prices()
        assert steady.clock()["market_ms"] == shaken.clock()["market_ms"]


def test_no_acknowledged_order_is_lost_when_killed_under_load(tmp_path: Path) -> None:
    with PaperServer(tmp_path) as server:
        account = server.account("busy")
        client = make_ccxt_sync(server.base_url, account["api_key"], account["api_secret"])
        client.load_markets()
        acknowledged: list[str] = []

        def trade() -> None:
            try:
                for number in range(10_000):
                    side = "buy" if number % 2 else "sell"
                    acknowledged.append(
                        client.create_order(SOL, "market", side, 1, None, {"clientOrderId": f"q{number}"})[
                            "clientOrderId"
                        ]
                    )
            except ccxt.NetworkError:
                return

        worker = threading.Thread(target=trade)
        worker.start()
        deadline = time.monotonic() + 20
        while len(acknowledged) < 60 and time.monotonic() < deadline:
            time.sleep(0.005)
        server.kill()
        worker.join(20)
        server.restart()
        dump = server.dump(account["account_id"])
        known = [o["clientOrderId"] for o in dump["orders"]]
        assert len(acknowledged) >= 60 and set(acknowledged) <= set(known)
        assert len(known) == len(set(known)) <= len(acknowledged) + 1
        assert len(dump["trades"]) == len(known)
        wallet = sum(float(row["income"]) for row in dump["income"])
        assert float(dump["balances"][0]["balance"]) == pytest.approx(wallet, abs=1e-7)


def test_another_market_is_refused_on_the_same_file(tmp_path: Path) -> None:
    with PaperServer(tmp_path) as server:
        server.stop()
        server._args += ["--seed", "2"]
        with pytest.raises(RuntimeError, match="use another database file or the same source and seed"):
            server.start()


def test_a_reply_lost_after_the_order_was_taken(server: PaperServer, client: Any) -> None:
    server.faults({"kind": "drop", "when": "after", "method": "POST", "path": "/fapi/v1/order", "times": 1})
    with pytest.raises(ccxt.NetworkError):
        client.create_order(SOL, "market", "buy", 1, None, {"clientOrderId": "qlost"})
    assert client.fetch_order(None, SOL, {"clientOrderId": "qlost"})["status"] == "closed"
    assert "-4116" in _refusal(client, "qlost")
    assert len(client.fetch_orders(SOL)) == 1


async def test_a_dropped_connection_is_no_http_answer(server: PaperServer) -> None:
    account = server.account("dropper")
    client = make_ccxt(server.base_url, account["api_key"], account["api_secret"])
    server.faults({"kind": "drop", "path": "/fapi/v3/account"})
    try:
        with pytest.raises(ccxt.ExchangeNotAvailable) as caught:
            await client.fetch_balance()
        assert type(caught.value.__cause__).__name__ == "ServerDisconnectedError"
    finally:
        server.clear_faults()
        await client.close()


def _refusal(client: Any, client_id: str) -> str:
    with pytest.raises(ccxt.BaseError) as caught:
        client.create_order(SOL, "market", "buy", 1, None, {"clientOrderId": client_id})
    return str(caught.value)


def test_drop_before_and_cut_body(server: PaperServer, client: Any) -> None:
    server.faults({"kind": "drop", "method": "POST", "times": 1})
    with pytest.raises(ccxt.NetworkError):
        client.create_order(SOL, "market", "buy", 1)
    assert not client.fetch_orders(SOL)
    server.faults({"kind": "cut", "bytes": 20, "clean": True, "method": "POST", "times": 1})
    cut = client.create_order(SOL, "market", "buy", 1)
    assert cut["id"] is None and len(client.fetch_orders(SOL)) == 1
    server.faults({"kind": "cut", "bytes": 20, "method": "POST", "times": 1})
    with pytest.raises(ccxt.NetworkError):
        client.create_order(SOL, "market", "buy", 1)
    assert len(client.fetch_orders(SOL)) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, ccxt.ExchangeNotAvailable), (502, ccxt.ExchangeNotAvailable), (503, ccxt.NetworkError),
     (418, ccxt.DDoSProtection), (429, ccxt.DDoSProtection)],
)  # fmt: skip
def test_http_statuses(server: PaperServer, client: Any, status: int, kind: type[Exception]) -> None:
    server.faults({"kind": "status", "status": status, "retry_after_s": 7, "times": 1})
    with pytest.raises(kind):
        client.fetch_balance()
    assert client.last_response_headers["Retry-After"] == "7"
    assert client.fetch_balance()["USDT"]["free"] == 10_000
    server.faults({"kind": "status", "status": status, "when": "after", "method": "POST", "times": 1})
    with pytest.raises(kind):
        client.create_order(SOL, "market", "buy", 1)
    assert len(client.fetch_orders(SOL)) == 1


def test_delays(server: PaperServer, client: Any) -> None:
    server.faults(
        {"kind": "delay", "delay_ms": 120, "times": 1}, {"kind": "delay", "delay_ms": 120, "when": "after", "times": 1}
    )
    start = time.monotonic()
    client.fetch_balance()
    assert 0.24 <= time.monotonic() - start < 10


def test_partial_fills(server: PaperServer, client: Any) -> None:
    server.faults({"kind": "partial", "fractions": ["0.3", "0.3", "0.4"], "times": 1})
    whole = client.create_order(SOL, "market", "buy", 10)
    amounts = [t["amount"] for t in client.fetch_my_trades(SOL, params={"orderId": whole["id"]})]
    assert (whole["status"], amounts) == ("closed", [3.0, 3.0, 4.0])
    server.faults({"kind": "partial", "fractions": ["0.5"], "times": 1})
    half = client.create_order(SOL, "market", "sell", 10)
    assert (half["status"], half["filled"]) == ("expired", 5.0)
    server.faults({"kind": "partial", "fractions": ["0.6", "0.4"], "over_ticks": True, "times": 1})
    slow = client.create_order(SOL, "market", "sell", 5)
    assert (slow["status"], slow["filled"]) == ("open", 3.0)
    server.step(1)
    assert client.fetch_order(slow["id"], SOL)["status"] == "closed"
    assert not client.fetch_positions([SOL])


def test_hidden_orders_garbage_and_rejected_stops(server: PaperServer, client: Any) -> None:
    server.faults({"kind": "hide", "hide_ms": 300, "times": 1})
    order = client.create_order(SOL, "market", "buy", 1, None, {"clientOrderId": "qhidden"})
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order(None, SOL, {"clientOrderId": "qhidden"})
    assert client.fetch_orders(SOL) == [] == client.fetch_my_trades(SOL)
    time.sleep(0.3)
    assert client.fetch_order(order["id"], SOL)["status"] == "closed"

    server.faults({"kind": "garbage", "fields": {"avgPrice": "NaN", "executedQty": "-1"}, "times": 1})
    spoiled = client.fetch_order(order["id"], SOL)
    assert spoiled["average"] != spoiled["average"] and spoiled["filled"] == -1
    server.faults({"kind": "garbage", "body": "<html>gateway</html>", "path": "/fapi/v3/positionRisk", "times": 1})
    assert client.fetch_positions() == []

    price = float(server.prices()["SOLUSDT"])
    stop = {"stopLossPrice": round(price * 0.9, 2), "closePosition": True}
    server.faults({"kind": "reject_stops", "times": 2})
    for _ in range(2):
        with pytest.raises(ccxt.ExchangeError, match="-4045"):
            client.create_order(SOL, "market", "sell", None, None, stop)
    assert client.create_order(SOL, "market", "sell", None, None, stop)["status"] == "open"


def test_faults_choose_account_and_chance(server: PaperServer, client: Any) -> None:
    other = server.account("somebody else")
    server.faults({"kind": "error", "code": -2019, "account": str(other["account_id"])})
    client.create_order(SOL, "market", "buy", 1)
    stranger = make_ccxt_sync(server.base_url, other["api_key"], other["api_secret"])
    with pytest.raises(ccxt.InsufficientFunds):
        stranger.fetch_balance()
    server.clear_faults()
    server.faults({"kind": "status", "status": 500, "probability": 0.5, "seed": 4, "path": "/fapi/v1/ping"})
    codes = [httpx.get(server.base_url + "/fapi/v1/ping").status_code for _ in range(40)]
    assert 8 < codes.count(500) < 32
    for bad in ({"kind": "nonsense"}, {"kind": "partial", "fractions": ["0.7", "0.7"]}, {"kind": "drop", "x": 1}):
        with pytest.raises(AssertionError, match="400"):
            server.faults(bad)


def test_control_routes_need_the_token(server: PaperServer) -> None:
    for method, path in (("POST", "/paper/step"), ("POST", "/paper/accounts"), ("POST", "/paper/clock"),
                         ("GET", "/paper/accounts/1/dump"), ("POST", "/paper/faults"), ("DELETE", "/paper/faults")):  # fmt: skip
        for headers in ({}, {"X-Paper-Token": "guess"}):
            assert httpx.request(method, server.base_url + path, headers=headers).status_code == 401
    reply = httpx.get(server.base_url + "/fapi/v1/nowhere")
    assert (reply.status_code, reply.json()["code"]) == (404, -5000)


def test_hostile_control_input_is_refused(server: PaperServer) -> None:
    for path, body in (
        ("/paper/step", {"ticks": 0}),
        ("/paper/step", {"ticks": True}),
        ("/paper/clock", {"speed": "fast"}),
        ("/paper/clock", {"mode": "backwards"}),
        ("/paper/accounts", {"name": "", "balance_usdt": "1"}),
        ("/paper/accounts", {"name": "x", "balance_usdt": "NaN"}),
        ("/paper/accounts", ["x"]),
    ):
        with pytest.raises(AssertionError, match="400"):
            server.control("POST", path, body)
