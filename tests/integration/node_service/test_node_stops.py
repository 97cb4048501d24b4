"""Protective stops, closing, reading back: the executor at the simulated exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from node_service.executor import Executor
from node_service.messages import new_client_id
from tests.support.node import Trader
from tests.support.paper import make_ccxt


async def enter(executor: Executor, trader: Trader, **fields: Any) -> dict[str, Any]:
    """A long entry with a stop 5 % below."""
    task = trader.task(stop_loss=f"{trader.price * 0.95:.1f}", stop_client_order_id=new_client_id(), **fields)
    result: dict[str, Any] = (await executor.execute(trader.request(task)))["results"][0]
    return result


def stops(trader: Trader, status: str = "NEW") -> list[dict[str, Any]]:
    return [algo for algo in trader.dump()["algo_orders"] if algo["algoStatus"] == status]


def position(trader: Trader) -> Decimal:
    return sum((Decimal(row["positionAmt"]) for row in trader.dump()["positions"]), Decimal(0))


async def test_an_entry_gets_a_stop_that_closes_the_position(executor: Executor, trader: Trader) -> None:
    result = await enter(executor, trader)
    assert (result["status"], result["stop"]["status"]) == ("FILLED", "OPEN")
    [stop] = stops(trader)
    assert (stop["clientAlgoId"], stop["side"], stop["closePosition"]) == (
        result["stop"]["client_order_id"], "SELL", True,
    )  # fmt: skip
    assert Decimal(stop["triggerPrice"]) == Decimal(result["stop"]["trigger_price"])


async def test_a_short_entry_is_protected_above(executor: Executor, trader: Trader) -> None:
    task = trader.task(stop_loss=f"{trader.price * 1.05:.1f}", stop_client_order_id=new_client_id())
    [result] = (await executor.execute(trader.request(task, side="SELL")))["results"]
    assert (result["position_side"], result["stop"]["status"]) == ("SHORT", "OPEN")
    assert [stop["side"] for stop in stops(trader)] == ["BUY"]
    assert position(trader) == Decimal("-0.01")


async def test_a_stop_that_cannot_be_placed_closes_the_position(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "reject_stops"})
    result = await enter(executor, trader)
    assert (result["status"], result["stop"]["status"]) == ("FILLED", "FAILED")
    assert (result["error_code"], result["emergency_close"]["status"]) == ("STOP_FAILED", "FILLED")
    assert result["emergency_close"]["filled_quantity"] == "0.01"
    assert len(result["emergency_close"]["trades"]) == 1
    assert position(trader) == 0
    assert stops(trader) == []
    assert len(trader.orders()) == 2


async def test_a_stop_that_fails_twice_is_placed_at_the_third_try(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "reject_stops", "times": 2})
    result = await enter(executor, trader)
    assert result["stop"]["status"] == "OPEN"
    assert "emergency_close" not in result
    assert len(stops(trader)) == 1


async def test_a_stop_whose_reply_is_lost_is_found_and_not_doubled(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "drop", "when": "after", "method": "POST", "path": "/fapi/v1/algoOrder", "times": 1})
    result = await enter(executor, trader)
    assert (result["stop"]["status"], result["error_code"]) == ("OPEN", None)
    assert len(stops(trader)) == 1


async def test_a_lost_reply_of_the_emergency_close_does_not_close_twice(executor: Executor, trader: Trader) -> None:
    trader.venue.faults(
        {"kind": "reject_stops"},
        {"kind": "drop", "when": "after", "method": "POST", "path": "/fapi/v1/order", "skip": 1, "times": 1},
    )
    result = await enter(executor, trader)
    assert result["emergency_close"]["status"] == "FILLED"
    assert position(trader) == 0
    assert len(trader.orders()) == 2


async def test_a_position_that_stays_naked_is_shouted_about(executor: Executor, trader: Trader) -> None:
    trader.venue.faults(
        {"kind": "reject_stops"},
        {"kind": "error", "code": -4401, "method": "POST", "path": "/fapi/v1/order", "skip": 1},
    )
    result = await enter(executor, trader)
    assert (result["error_code"], result["emergency_close"]["status"]) == ("NAKED_POSITION", "FAILED")
    assert result["emergency_close"]["error_code"] == "CLOSE_ONLY"
    assert "close it at the exchange" in result["error"]


async def test_a_close_takes_its_stop_away(executor: Executor, trader: Trader) -> None:
    entry = await enter(executor, trader)
    task = trader.task(
        trade_type="CLOSE", side="SELL", stop_client_order_id=entry["stop"]["client_order_id"], reduce_only=True
    )
    [result] = (await executor.execute(trader.request(task)))["results"]
    assert (result["status"], result["stop"]["status"]) == ("FILLED", "CANCELED")
    assert result["trades"][0]["realized_pnl"] is not None
    assert position(trader) == 0
    assert stops(trader) == []


async def test_closing_what_is_flat_says_so(executor: Executor, trader: Trader) -> None:
    [result] = (await executor.execute(trader.request(trader.task(trade_type="CLOSE", side="SELL"))))["results"]
    assert (result["status"], result["error_code"]) == ("REJECTED", "POSITION_FLAT")
    assert position(trader) == 0


async def test_the_flat_close_route_closes_by_quantity(executor: Executor, trader: Trader) -> None:
    await enter(executor, trader)
    body = {**trader.credentials, "symbol": "BTC/USDT", "side": "SELL", "position_side": "LONG", "trigger_type": "SL"}
    result = await executor.close_position(body | {"close_quantity": "0.004"})
    assert (result["success"], result["filled_quantity"], result["trigger_type"]) == (True, "0.004", "SL")
    assert position(trader) == Decimal("0.006")


async def test_hedge_mode_holds_both_sides_and_closes_the_right_one(executor: Executor, trader: Trader) -> None:
    client = make_ccxt(trader.venue.base_url, trader.credentials["api_key"], trader.credentials["api_secret"])
    try:
        await client.set_position_mode(True)
    finally:
        await client.close()
    long = await enter(executor, trader)
    short_task = trader.task(
        side="SELL", stop_loss=f"{trader.price * 1.05:.1f}", stop_client_order_id=new_client_id(), quantity="0.020"
    )
    [short] = (await executor.execute(trader.request(short_task)))["results"]
    assert (long["stop"]["status"], short["stop"]["status"]) == ("OPEN", "OPEN")
    [facts] = (await executor.sync_positions({"tasks": [trader.credentials]}))["results"]
    assert {(row["position_side"], row["quantity"]) for row in facts["positions"]} == {
        ("LONG", "0.01"), ("SHORT", "0.02"),
    }  # fmt: skip
    close = trader.task(trade_type="CLOSE", side="SELL", position_side="LONG")
    [closed] = (await executor.execute(trader.request(close)))["results"]
    assert closed["status"] == "FILLED"
    [facts] = (await executor.sync_positions({"tasks": [trader.credentials]}))["results"]
    assert [(row["position_side"], row["quantity"]) for row in facts["positions"]] == [("SHORT", "0.02")]


async def test_a_changed_position_mode_is_learnt_from_the_refusal(executor: Executor, trader: Trader) -> None:
    await executor.execute(trader.request(trader.task()))
    await executor.execute(trader.request(trader.task(trade_type="CLOSE", side="SELL")))
    client = make_ccxt(trader.venue.base_url, trader.credentials["api_key"], trader.credentials["api_secret"])
    try:
        await client.set_position_mode(True)
    finally:
        await client.close()
    [refused] = (await executor.execute(trader.request(trader.task())))["results"]
    assert (refused["status"], refused["error_code"]) == ("REJECTED", "POSITION_MODE")
    [taken] = (await executor.execute(trader.request(trader.task())))["results"]
    assert taken["status"] == "FILLED"


async def test_place_stop_is_idempotent_by_id(executor: Executor, trader: Trader) -> None:
    await executor.execute(trader.request(trader.task()))
    request = {
        "tasks": [
            trader.credentials
            | {
                "symbol": "BTC/USDT", "position_side": "LONG", "trigger_price": f"{trader.price * 0.9:.2f}",
                "client_order_id": new_client_id(),
            }
        ]
    }  # fmt: skip
    first, second = [(await executor.place_stop(request))["results"][0] for _ in range(2)]
    assert (first["success"], second["success"]) == (True, True)
    assert first["stop"]["exchange_order_id"] == second["stop"]["exchange_order_id"]
    assert len(stops(trader)) == 1


async def test_a_triggered_stop_reports_its_fill(executor: Executor, trader: Trader) -> None:
    task = trader.task(stop_loss=f"{trader.price * 0.9999:.1f}", stop_client_order_id=new_client_id())
    [entry] = (await executor.execute(trader.request(task)))["results"]
    assert entry["stop"]["status"] == "OPEN"
    for _ in range(400):
        trader.venue.step(4)
        if not stops(trader):
            break
    reply = await executor.query_orders(trader.query(task["stop_client_order_id"], conditional=True))
    [order] = reply["results"][0]["orders"]
    assert (order["found"], order["status"], order["final"]) == (True, "TRIGGERED", True)
    assert (order["filled_quantity"], order["side"]) == ("0.01", "SELL")
    assert order["trades"][0]["market_time_ms"] > entry["trades"][0]["market_time_ms"]


async def test_conditionals_are_cancelled_and_plain_orders_are_not(executor: Executor, trader: Trader) -> None:
    await enter(executor, trader)
    request = {"tasks": [trader.credentials], "symbols": ["BTC/USDT", "ETHUSDT"]}
    [first] = (await executor.cancel_conditionals(request))["results"]
    [again] = (await executor.cancel_conditionals(request))["results"]
    assert (first["success"], first["cancelled"], first["by_symbol"]) == (True, 1, {"BTC/USDT": 1, "ETH/USDT": 0})
    assert (again["cancelled"], again["errors"]) == (0, [])
    assert stops(trader) == []


async def test_balance_and_trades_are_read(executor: Executor, trader: Trader) -> None:
    [empty] = (await executor.sync_balance({"tasks": [trader.credentials]}))["results"]
    assert (empty["success"], Decimal(empty["equity"])) == (True, Decimal(10000))
    await executor.execute(trader.request(trader.task()))
    [held] = (await executor.sync_balance({"tasks": [trader.credentials]}))["results"]
    assert Decimal(held["margin_used"]) > 0
    assert 0 < Decimal(held["margin_ratio"]) < 1
    [trades] = (await executor.sync_trades({"tasks": [trader.credentials], "symbols": ["BTC/USDT"]}))["results"]
    assert [(row["symbol"], row["side"], row["quantity"]) for row in trades["trades"]] == [("BTC/USDT", "BUY", "0.01")]


@pytest.mark.parametrize("body", ["", "[", "{}", "null", '{"code": 0}'])
async def test_nonsense_is_never_read_as_a_flat_account(executor: Executor, trader: Trader, body: str) -> None:
    await executor.execute(trader.request(trader.task()))
    trader.venue.faults(
        {"kind": "garbage", "body": body, "path": "/fapi/v3/positionRisk"},
        {"kind": "garbage", "body": body, "path": "/fapi/v3/account"},
    )
    [positions] = (await executor.sync_positions({"tasks": [trader.credentials]}))["results"]
    [balance] = (await executor.sync_balance({"tasks": [trader.credentials]}))["results"]
    assert (positions["success"], positions["error_code"]) == (False, "BAD_REPLY")
    assert (balance["success"], balance["error_code"]) == (False, "BAD_REPLY")


async def test_an_unknown_id_is_denied_and_a_silent_exchange_denies_nothing(executor: Executor, trader: Trader) -> None:
    query = trader.query(new_client_id())
    [asked] = (await executor.query_orders(query))["results"][0]["orders"]
    assert (asked["found"], asked["error_code"]) == (False, None)
    trader.venue.faults({"kind": "status", "status": 502, "path": "/fapi/v1/order"})
    [unasked] = (await executor.query_orders(query))["results"][0]["orders"]
    assert (unasked["found"], unasked["error_code"]) == (None, "VENUE_DOWN")
