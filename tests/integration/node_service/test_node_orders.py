"""Orders of the executor at the simulated exchange, through real ccxt over HTTP."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import Any

import pytest

from node_service.exchange import MAY_OPEN
from node_service.executor import Executor
from node_service.messages import new_client_id
from node_service.protocol import ProtocolError
from tests.support.node import Trader


async def run(executor: Executor, trader: Trader, task: dict[str, Any], **signal: Any) -> dict[str, Any]:
    reply = await executor.execute(trader.request(task, **signal))
    assert reply["success"] is True
    assert len(reply["results"]) == 1
    return reply["results"][0]


async def test_a_market_order_is_filled_with_exact_fee_and_trades(executor: Executor, trader: Trader) -> None:
    task = trader.task()
    result = await run(executor, trader, task)
    assert (result["status"], result["success"], result["error"]) == ("FILLED", True, None)
    assert result["client_order_id"] == task["client_order_id"]
    assert result["filled_quantity"] == "0.01"
    trades = result["trades"]
    assert sum(Decimal(trade["quantity"]) for trade in trades) == Decimal("0.01")
    assert sum(Decimal(trade["fee"]) for trade in trades) == Decimal(result["commission"])
    assert result["commission_asset"] == "USDT"
    assert trades[0]["market_time_ms"] > 0
    [order] = trader.orders()
    assert (str(order["orderId"]), order["clientOrderId"]) == (result["exchange_order_id"], task["client_order_id"])


async def test_amount_in_usdt_is_truncated_to_the_step(executor: Executor, trader: Trader) -> None:
    task = trader.task(quantity=None, amount_usdt=trader.price * 0.0129)
    result = await run(executor, trader, task)
    assert (result["status"], result["filled_quantity"]) == ("FILLED", "0.012")


async def test_a_repeated_request_sends_one_order_and_gives_the_first_answer(
    executor: Executor, trader: Trader
) -> None:
    task = trader.task()
    first = await run(executor, trader, task)
    second = await run(executor, trader, task)
    assert second == first | {"repeated": True}
    assert len(trader.orders()) == 1


async def test_ten_simultaneous_deliveries_send_one_order(executor: Executor, trader: Trader) -> None:
    task = trader.task()
    results = await asyncio.gather(*(run(executor, trader, task) for _ in range(10)))
    assert {result["exchange_order_id"] for result in results} == {results[0]["exchange_order_id"]}
    assert len(trader.orders()) == 1


async def test_the_callers_cancellation_does_not_stop_an_order(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "delay", "delay_ms": 1_500, "method": "POST", "path": "/fapi/v1/order"})
    task = trader.task()
    caller = asyncio.create_task(run(executor, trader, task))
    await asyncio.sleep(0.15)
    assert executor.in_flight == 1
    caller.cancel()
    result = await run(executor, trader, task)
    assert result["status"] == "FILLED"
    assert len(trader.orders()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "drop", "when": "after"}, id="connection closed after taking it"),
        pytest.param({"kind": "cut", "bytes": 40}, id="reply cut off"),
        pytest.param({"kind": "cut", "bytes": 0, "clean": True}, id="empty reply"),
        pytest.param({"kind": "cut", "bytes": 40, "clean": True}, id="half a reply that looks whole"),
        pytest.param({"kind": "garbage", "fields": {"avgPrice": "NaN"}}, id="price NaN"),
        pytest.param({"kind": "garbage", "fields": {"avgPrice": "-1"}}, id="negative price"),
        pytest.param({"kind": "garbage", "fields": {"executedQty": "1e30"}}, id="absurd quantity"),
        pytest.param({"kind": "garbage", "fields": {"symbol": "ETHUSDT"}}, id="another symbol"),
        pytest.param({"kind": "garbage", "fields": {"status": "SETTLED"}}, id="unknown status"),
        pytest.param({"kind": "garbage", "body": "<html>busy</html>"}, id="a web page"),
        pytest.param({"kind": "status", "status": 503, "when": "after"}, id="503 after taking it"),
        pytest.param({"kind": "error", "code": -1007, "status": 408}, id="-1007"),
    ],
)
async def test_any_doubt_after_sending_is_unknown_and_the_client_id_finds_the_truth(
    executor: Executor, trader: Trader, fault: dict[str, Any]
) -> None:
    trader.venue.faults(fault | {"method": "POST", "path": "/fapi/v1/order", "times": 1})
    task = trader.task()
    result = await run(executor, trader, task)
    assert (result["status"], result["success"]) == ("UNKNOWN", False)
    assert result["reaction"] == "UNKNOWN_OUTCOME"
    assert result["sent"] is True
    at_exchange = len(trader.orders())
    assert at_exchange <= 1
    reply = await executor.query_orders(trader.query(task["client_order_id"]))
    [order] = reply["results"][0]["orders"]
    if at_exchange:
        assert (order["found"], order["status"], order["filled_quantity"]) == (True, "FILLED", "0.01")
        assert len(order["trades"]) == 1
    else:  # moments after sending, a denial proves nothing yet
        assert (order["found"], order["error_code"]) == (None, "TOO_EARLY")
    assert len(trader.orders()) == at_exchange


async def test_a_timeout_is_unknown_and_not_a_failure(executor: Executor, trader: Trader) -> None:
    await run(executor, trader, trader.task())  # markets, mode and leverage are known
    executor._accounts.gateways.open_gateways[0].order_timeout_s = 0.3
    trader.venue.faults(
        {"kind": "delay", "delay_ms": 900, "when": "after", "method": "POST", "path": "/fapi/v1/order", "times": 1}
    )
    task = trader.task()
    result = await run(executor, trader, task)
    assert (result["status"], result["error_code"]) == ("UNKNOWN", "TIMEOUT")
    again = await run(executor, trader, task | {"lookup": True})
    assert (again["status"], again["filled_quantity"]) == ("FILLED", "0.01")
    assert len(trader.orders()) == 2


async def test_a_retry_looks_up_first_and_does_not_trust_an_early_denial(executor: Executor, trader: Trader) -> None:
    hidden = {"kind": "hide", "hide_ms": 60_000, "path": "/fapi/v1/order", "times": 1}
    dropped = {"kind": "drop", "when": "after", "method": "POST", "path": "/fapi/v1/order", "times": 1}
    trader.venue.faults(hidden, dropped)
    task = trader.task()
    assert (await run(executor, trader, task))["status"] == "UNKNOWN"
    denied = await run(executor, trader, task | {"lookup": True})
    assert (denied["status"], denied["error_code"]) == ("UNKNOWN", "TOO_EARLY")
    assert len(trader.orders()) == 1
    trader.venue.clear_faults()
    found = await run(executor, trader, task | {"lookup": True})
    assert found["status"] == "FILLED"
    assert len(trader.orders()) == 1


async def test_another_process_retrying_finds_the_order_and_sends_nothing(trader: Trader, executor: Executor) -> None:
    task = trader.task()
    await run(executor, trader, task)
    fresh = Executor(allow_venue_url=True)
    try:
        result = await run(fresh, trader, task | {"lookup": True})
    finally:
        await fresh.close()
    assert result["status"] == "FILLED"
    assert len(trader.orders()) == 1


@pytest.mark.parametrize("named", [True, False])
async def test_a_centre_in_production_goes_to_its_own_simulated_exchange_only(trader: Trader, named: bool) -> None:
    """Paper accounts trade in production too; no other address does."""
    task = trader.task()
    own = str(trader.request(task)["tasks"][0]["base_url"]) if named else "http://127.0.0.1:9/elsewhere"
    strict = Executor(allow_venue_url=False, venues=frozenset({own}))
    try:
        result = await run(strict, trader, task)
    finally:
        await strict.close()
    assert (result["status"] == "FILLED") is named
    assert len(trader.orders()) == named


async def test_a_retry_of_an_absent_order_sends_it_once(executor: Executor, trader: Trader) -> None:
    result = await run(executor, trader, trader.task(lookup=True))
    assert result["status"] == "FILLED"
    assert len(trader.orders()) == 1


async def test_a_retry_that_cannot_look_up_sends_nothing(executor: Executor, trader: Trader) -> None:
    await run(executor, trader, trader.task())
    trader.venue.faults({"kind": "status", "status": 500, "method": "GET", "path": "/fapi/v1/order"})
    result = await run(executor, trader, trader.task(lookup=True))
    assert (result["status"], result["sent"]) == ("UNKNOWN", False)
    assert len(trader.orders()) == 1


async def test_whoever_was_paused_on_the_way_opens_nothing_and_closes_all_the_same(executor: Executor, trader: Trader) -> None:
    """Another may have taken over and opened it; that a close arrives twice harms nobody."""
    assert (await run(executor, trader, trader.task()))["status"] == "FILLED"
    held = MAY_OPEN.set(lambda: False)
    try:
        late = await run(executor, trader, trader.task())
        closed = await run(executor, trader, trader.task(trade_type="CLOSE", side="SELL"))
    finally:
        MAY_OPEN.reset(held)
    assert (late["status"], late["error_code"]) == ("UNKNOWN", "SUPERSEDED") and closed["status"] == "FILLED"
    assert len(trader.orders()) == 2


async def test_partial_fills_add_up(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "partial", "path": "/fapi/v1/order", "fractions": ["0.3", "0.3", "0.4"], "times": 1})
    result = await run(executor, trader, trader.task())
    assert (result["status"], result["filled_quantity"]) == ("FILLED", "0.01")
    assert [trade["quantity"] for trade in result["trades"]] == ["0.003", "0.003", "0.004"]
    assert sum(Decimal(trade["fee"]) for trade in result["trades"]) == Decimal(result["commission"])


async def test_a_part_of_the_order_is_reported_as_partial(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "partial", "path": "/fapi/v1/order", "fractions": ["0.3"], "times": 1})
    result = await run(executor, trader, trader.task())
    assert (result["status"], result["success"], result["filled_quantity"]) == ("PARTIAL", True, "0.003")
    assert result["trades_complete"] is True and result["final"] is True


@pytest.mark.parametrize(
    ("fields", "signal", "code"),
    [
        ({"quantity": "0.0004"}, {}, "BAD_SIZE"),
        ({"quantity": "100000"}, {}, "BAD_SIZE"),
        ({"quantity": None, "amount_usdt": 4}, {"entry_price": 1.0, "symbol": "NOPE/USDT"}, "UNKNOWN_SYMBOL"),
        ({"expires_at_ms": 1_600_000_000_000}, {}, "EXPIRED"),
        ({"api_key": "x" * 64}, {}, "KEY_INVALID"),
        ({"api_secret": "x" * 64}, {}, "SECRET_WRONG"),
    ],
)
async def test_what_cannot_be_traded_is_refused_before_anything_exists(
    executor: Executor, trader: Trader, fields: dict[str, Any], signal: dict[str, Any], code: str
) -> None:
    result = await run(executor, trader, trader.task(**fields), **signal)
    assert result["status"] == ("EXPIRED" if code == "EXPIRED" else "REJECTED")
    assert (result["error_code"], result["sent"], result["success"]) == (code, False, False)
    assert result["error"]
    assert trader.orders() == []


async def test_an_expired_close_is_still_executed(executor: Executor, trader: Trader) -> None:
    await run(executor, trader, trader.task())
    task = trader.task(trade_type="CLOSE", side="SELL", expires_at_ms=1_600_000_000_000)
    assert (await run(executor, trader, task))["status"] == "FILLED"


async def test_a_refusal_by_the_venue_names_the_reason(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "error", "code": -2019, "method": "POST", "path": "/fapi/v1/order", "times": 1})
    result = await run(executor, trader, trader.task())
    assert (result["status"], result["error_code"], result["reaction"]) == (
        "REJECTED",
        "INSUFFICIENT_FUNDS",
        "FIX_INPUT",
    )
    assert result["sent"] is False


async def test_an_unreachable_exchange_means_nothing_was_sent(executor: Executor, trader: Trader) -> None:
    await run(executor, trader, trader.task())
    result = await run(executor, trader, trader.task(base_url="http://127.0.0.1:9"))
    assert (result["status"], result["error_code"], result["sent"]) == ("REJECTED", "NOT_REACHED", False)


async def test_unconfirmed_isolated_margin_refuses_the_entry(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "status", "status": 500, "path": "/fapi/v1/marginType"})
    result = await run(executor, trader, trader.task())
    assert (result["status"], result["error_code"]) == ("REJECTED", "MARGIN_MODE_ERROR")
    assert trader.orders() == []


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "drop", "when": "after"}])
async def test_isolated_margin_is_asked_for_once_more_when_the_answer_is_lost(executor: Executor, trader: Trader, fault: dict[str, Any]) -> None:
    trader.venue.faults({**fault, "path": "/fapi/v1/marginType", "times": 1})
    result = await run(executor, trader, trader.task())
    assert (result["status"], len(trader.orders())) == ("FILLED", 1)


async def test_a_wrong_clock_is_corrected_once(executor: Executor, trader: Trader) -> None:
    trader.venue.faults({"kind": "error", "code": -1021, "method": "POST", "path": "/fapi/v1/order", "times": 1})
    result = await run(executor, trader, trader.task())
    assert result["status"] == "FILLED"
    assert len(trader.orders()) == 1


async def test_leverage_and_isolated_margin_are_set(executor: Executor, trader: Trader) -> None:
    await run(executor, trader, trader.task(leverage=7))
    [position] = (await executor.sync_positions({"tasks": [trader.credentials]}))["results"][0]["positions"]
    assert (position["symbol"], position["position_side"], position["quantity"]) == ("BTC/USDT", "LONG", "0.01")
    assert position["leverage"] == 7


async def test_a_retry_after_from_the_exchange_is_obeyed(executor: Executor, trader: Trader) -> None:
    await run(executor, trader, trader.task())
    trader.venue.faults({"kind": "status", "status": 429, "retry_after_s": 30, "path": "/fapi/v1/order", "times": 1})
    first = await run(executor, trader, trader.task())
    assert (first["status"], first["error_code"], first["sent"]) == ("REJECTED", "RATE_LIMITED", False)
    started = time.monotonic()
    second = await run(executor, trader, trader.task())
    assert second["error_code"] == "RATE_LIMITED" and second["retry_after_s"] > 30 - 15
    assert time.monotonic() - started < 15
    assert len(trader.orders()) == 1


async def test_one_slow_account_does_not_delay_another(executor: Executor, trader: Trader) -> None:
    other = Trader(trader.venue, trader.venue.account("node-fast"))
    await asyncio.gather(run(executor, trader, trader.task()), run(executor, other, other.task()))
    trader.venue.faults({"kind": "delay", "delay_ms": 800, "account": trader.credentials["api_key"]})
    reply = await executor.execute(trader.request(trader.task(), other.task()))
    slow, fast = reply["results"]
    assert (slow["status"], fast["status"]) == ("FILLED", "FILLED")
    assert fast["latency_ms"] < 500 < slow["latency_ms"]


async def test_another_address_is_refused_unless_allowed(trader: Trader) -> None:
    strict = Executor()
    try:
        result = await run(strict, trader, trader.task())
    finally:
        await strict.close()
    assert (result["status"], result["error_code"]) == ("REJECTED", "VENUE_URL_REFUSED")
    assert trader.orders() == []


async def test_bad_input_raises_before_any_task_runs(executor: Executor, trader: Trader) -> None:
    with pytest.raises(ProtocolError) as caught:
        await executor.execute(trader.request(trader.task(), trader.task(quantity="0")))
    assert (caught.value.code, caught.value.status) == ("ZERO_QUANTITY", 422)
    assert trader.orders() == []


async def test_the_same_id_may_be_used_by_two_accounts(executor: Executor, trader: Trader) -> None:
    other = Trader(trader.venue, trader.venue.account("node-same-id"))
    name = new_client_id()
    reply = await executor.execute(trader.request(trader.task(client_order_id=name), other.task(client_order_id=name)))
    assert [result["status"] for result in reply["results"]] == ["FILLED", "FILLED"]
    assert (len(trader.orders()), len(other.orders())) == (1, 1)
