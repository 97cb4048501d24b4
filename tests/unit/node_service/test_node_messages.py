"""Strict parsing of requests, symbols and client ids."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from node_service.messages import account_tasks, new_client_id, parse_close, parse_execute, parse_queries, parse_stop
from node_service.protocol import ProtocolError
from node_service.venues import (
    VENUES,
    SymbolError,
    binance_id,
    canonical_symbol,
    ccxt_symbol,
    valid_client_id,
    venue_of,
)

ACCOUNT = {"account_id": 1, "tenant_id": 2, "user_id": 3, "exchange": "binance", "api_key": "k", "api_secret": "s"}
SIGNAL = {"symbol": "BTC/USDT", "side": "BUY", "entry_price": 100.5}
CLIENT_ID = "q0123456789abcdefghijklmno"


def body(task: dict[str, Any] | None = None, **signal: Any) -> dict[str, Any]:
    return {"signal": SIGNAL | signal, "amount_usdt": 100.0, "sandbox": True, "tasks": [ACCOUNT | (task or {})]}


def refusal(request: dict[str, Any]) -> tuple[str, int]:
    with pytest.raises(ProtocolError) as caught:
        parse_execute(request)
    assert caught.value.message
    return caught.value.code, caught.value.status


def test_the_documented_old_request_is_still_understood() -> None:
    [order] = parse_execute(body({"passphrase": None, "market_type": "future", "amount_usdt": None, "leverage": None,
                                  "binding_id": 9, "ratio": 100}, leverage=20))  # fmt: skip
    assert (order.trade_type, order.side, order.position_side) == ("OPEN", "BUY", "LONG")
    assert (order.amount_usdt, order.quantity, order.reference_price) == (Decimal(100), None, Decimal("100.5"))
    assert (order.leverage, order.account.sandbox, order.lookup) == (20, True, False)
    assert valid_client_id(order.client_order_id)


def test_the_tasks_own_fields_win() -> None:
    task = {
        "client_order_id": CLIENT_ID, "trade_type": "CLOSE", "side": "SELL", "position_side": "LONG", "leverage": 5,
        "quantity": "0.5", "amount_usdt": 7, "reduce_only": True, "lookup": True, "symbol": "ETHUSDT", "sandbox": False,
    }  # fmt: skip
    [order] = parse_execute(body(task, leverage=20))
    assert (order.symbol, order.trade_type, order.side, order.position_side) == ("ETH/USDT", "CLOSE", "SELL", "LONG")
    assert (order.quantity, order.amount_usdt, order.leverage) == (Decimal("0.5"), None, 5)
    assert (order.client_order_id, order.lookup, order.account.sandbox) == (CLIENT_ID, True, False)


def test_credentials_never_show_in_a_repr() -> None:
    [order] = parse_execute(body({"api_key": "canary-key", "api_secret": "canary-secret", "passphrase": "canary-pass"}))
    assert "canary" not in repr(order)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantity": "0"}, ("ZERO_QUANTITY", 422)),
        ({"quantity": 0.0}, ("ZERO_QUANTITY", 422)),
        ({"amount_usdt": 0}, ("ZERO_AMOUNT", 422)),
        ({"quantity": "-1"}, ("FIELD_INVALID", 422)),
        ({"quantity": "NaN"}, ("FIELD_INVALID", 422)),
        ({"quantity": "Infinity"}, ("FIELD_INVALID", 422)),
        ({"quantity": "1e5"}, ("FIELD_INVALID", 422)),
        ({"quantity": 1e30}, ("FIELD_INVALID", 422)),
        ({"quantity": float("inf")}, ("FIELD_INVALID", 422)),
        ({"quantity": "1,000"}, ("FIELD_INVALID", 422)),
        ({"quantity": "١"}, ("FIELD_INVALID", 422)),
        ({"quantity": "1." + "0" * 40}, ("FIELD_INVALID", 422)),
        ({"quantity": True}, ("FIELD_INVALID", 422)),
        ({"quantity": []}, ("FIELD_INVALID", 422)),
        ({"account_id": None}, ("FIELD_MISSING", 422)),
        ({"account_id": "1"}, ("FIELD_INVALID", 422)),
        ({"account_id": True}, ("FIELD_INVALID", 422)),
        ({"api_key": None}, ("FIELD_MISSING", 422)),
        ({"api_secret": " "}, ("FIELD_MISSING", 422)),
        ({"api_key": "a\x00b"}, ("FIELD_INVALID", 422)),
        ({"exchange": "nyse"}, ("UNKNOWN_EXCHANGE", 422)),
        ({"market_type": "spot"}, ("MARKET_TYPE_UNSUPPORTED", 422)),
        ({"client_order_id": "t123456789abcdefghijklmnop"}, ("CLIENT_ID_INVALID", 422)),
        ({"client_order_id": "short"}, ("CLIENT_ID_INVALID", 422)),
        ({"client_order_id": CLIENT_ID.upper()}, ("CLIENT_ID_INVALID", 422)),
        ({"trade_type": "BUY"}, ("FIELD_INVALID", 422)),
        ({"position_side": "SHORT"}, ("SIDE_MISMATCH", 422)),
        ({"reduce_only": True}, ("SIDE_MISMATCH", 422)),
        ({"trade_type": "CLOSE", "side": "SELL", "position_side": "SHORT"}, ("SIDE_MISMATCH", 422)),
        ({"leverage": 0}, ("FIELD_INVALID", 422)),
        ({"leverage": 2.5}, ("FIELD_INVALID", 422)),
        ({"lookup": "yes"}, ("FIELD_INVALID", 422)),
        ({"expires_at_ms": "soon"}, ("FIELD_INVALID", 422)),
        ({"base_url": "ftp://x"}, ("FIELD_INVALID", 422)),
        ({"base_url": "http://user:pw@x"}, ("FIELD_INVALID", 422)),
        ({"base_url": "http://169.254.169.254/latest"}, ("FIELD_INVALID", 422)),
    ],
)
def test_bad_fields_are_refused_by_name(change: dict[str, Any], expected: tuple[str, int]) -> None:
    assert refusal(body(change)) == expected


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        ({}, ("FIELD_MISSING", 400)),
        ({"signal": None, "tasks": []}, ("FIELD_MISSING", 400)),
        ({"signal": [], "tasks": []}, ("FIELD_INVALID", 422)),
        ({"signal": SIGNAL}, ("FIELD_MISSING", 422)),
        ({"signal": SIGNAL, "tasks": {}}, ("FIELD_INVALID", 422)),
        ({"signal": SIGNAL, "tasks": ["x"]}, ("FIELD_INVALID", 422)),
        ({"signal": SIGNAL | {"symbol": "GARBAGE"}, "tasks": []}, ("UNKNOWN_SYMBOL", 422)),
        ({"signal": SIGNAL | {"symbol": 7}, "tasks": []}, ("FIELD_INVALID", 422)),
        (body(entry_price=0), ("FIELD_MISSING", 400)),
        (body(entry_price=None), ("FIELD_MISSING", 400)),
        (body() | {"amount_usdt": 0}, ("ZERO_AMOUNT", 422)),
        (body() | {"sandbox": 1}, ("FIELD_INVALID", 422)),
    ],
)
def test_bad_requests_are_refused(request_body: dict[str, Any], expected: tuple[str, int]) -> None:
    assert refusal(request_body) == expected


def test_old_callers_get_the_documented_words() -> None:
    for request, words in (
        ({"tasks": []}, "signal.symbol required"),
        (body(entry_price=0), "signal.entry_price required"),
    ):
        with pytest.raises(ProtocolError) as caught:
            parse_execute(request)
        assert caught.value.body()["detail"] == words


def test_no_tasks_is_no_error() -> None:
    assert parse_execute({"signal": SIGNAL, "tasks": []}) == []


def test_a_sealed_task_needs_no_plain_key() -> None:
    [order] = parse_execute(body({"api_key": None, "api_secret": None, "sealed": "id.box"}))
    assert (order.account.sealed, order.account.api_key) == ("id.box", "")


def test_the_flat_close_body() -> None:
    order = parse_close(
        ACCOUNT | {"symbol": "BTC-USDT-SWAP", "side": "BUY", "close_quantity": "2", "trigger_type": "TP"}
    )
    assert (order.symbol, order.trade_type, order.position_side, order.quantity) == (
        "BTC/USDT", "CLOSE", "SHORT", Decimal(2),
    )  # fmt: skip
    with pytest.raises(ProtocolError):
        parse_close(ACCOUNT | {"symbol": "BTC/USDT", "side": "BUY", "position_side": "LONG", "close_quantity": 1})
    with pytest.raises(ProtocolError):
        parse_close(ACCOUNT | {"symbol": "BTC/USDT", "side": "BUY"})


def test_queries_and_stops() -> None:
    queries = [{"symbol": "BTC/USDT", "client_order_id": "x-old-id", "conditional": True}]
    [(account, task)] = account_tasks({"tasks": [ACCOUNT | {"queries": queries}]})
    assert [(q.client_order_id, q.conditional) for q in parse_queries(task)] == [("x-old-id", True)]
    stop = {"symbol": "BTC/USDT", "position_side": "LONG", "trigger_price": "99.5", "client_order_id": CLIENT_ID}
    [(account, task)] = account_tasks({"tasks": [ACCOUNT | stop]})
    assert parse_stop(account, task).trigger_price == Decimal("99.5")
    [(account, task)] = account_tasks({"tasks": [ACCOUNT | stop | {"trigger_price": "0"}]})
    with pytest.raises(ProtocolError):
        parse_stop(account, task)


# --- symbols and ids ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["BTC/USDT", "btc/usdt", "BTC/USDT:USDT", "BTC-USDT", "BTC_USDT", "BTC-USDT-SWAP", "BTCUSDT", " BTCUSDT "]
)
def test_every_writing_of_a_symbol_is_one_symbol(text: str) -> None:
    assert canonical_symbol(text) == "BTC/USDT"


def test_symbols_turn_into_the_venues_forms() -> None:
    assert (ccxt_symbol("BTC/USDT"), binance_id("1000PEPE/USDT")) == ("BTC/USDT:USDT", "1000PEPEUSDT")
    assert canonical_symbol("ETHBTC") == "ETH/BTC"


@pytest.mark.parametrize("text", ["", "USDT", "BTC", "BTC/", "/USDT", "B TC/USDT", "BTC/USDT/X", "БТС/USDT", "A" * 60])
def test_what_is_no_symbol_is_refused(text: str) -> None:
    with pytest.raises(SymbolError):
        canonical_symbol(text)


def test_client_ids_fit_every_venue() -> None:
    for _ in range(200):
        name = new_client_id()
        assert valid_client_id(name)
        assert len(name) <= min(venue.max_client_id for venue in VENUES.values())


@pytest.mark.parametrize(("name", "code"), [("binanceusdm", "binance"), ("GateIO", "gate"), ("okex", "okx")])
def test_old_exchange_names_are_known(name: str, code: str) -> None:
    assert venue_of(name).code == code
