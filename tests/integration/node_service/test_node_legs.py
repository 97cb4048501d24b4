"""Limit and conditional orders, the take-profit leg and cancelling by client id; over a real node with one slow account."""

from __future__ import annotations

import asyncio
from typing import Any

from node_service.client import NodeClient
from node_service.executor import Executor
from node_service.messages import new_client_id
from tests.support.node import NodeServer, Trader


def queries(trader: Trader, *names: str, conditional: bool = False) -> dict[str, Any]:
    return trader.query(*names, conditional=conditional)


async def test_a_limit_rests_is_repeated_once_and_leaves_by_its_id(executor: Executor, trader: Trader) -> None:
    task = trader.task(order_type="LIMIT", price=f"{trader.price * 0.97:.3f}")
    first = (await executor.execute(trader.request(task)))["results"][0]
    assert (first["status"], first["filled_quantity"], first["error_code"]) == ("OPEN", "0", None)
    # A new process that is told to look first finds it and sends nothing.
    other = Executor(allow_venue_url=True)
    again = (await other.execute(trader.request(task | {"lookup": True})))["results"][0]
    await other.close()
    assert (again["status"], again["exchange_order_id"]) == ("OPEN", first["exchange_order_id"])
    assert len(trader.orders()) == 1
    asked = (await executor.query_orders(queries(trader, task["client_order_id"])))["results"][0]["orders"][0]
    assert (asked["found"], asked["status"]) == (True, "OPEN")
    for cancelled in (True, False):
        [row] = (await executor.cancel_orders(queries(trader, task["client_order_id"])))["results"][0]["orders"]
        assert row["cancelled"] is cancelled
    asked = (await executor.query_orders(queries(trader, task["client_order_id"])))["results"][0]["orders"][0]
    assert (asked["status"], asked["final"]) == ("CANCELED", True)


async def test_a_limit_that_meets_the_market_is_filled_and_protected_on_both_sides(executor: Executor, trader: Trader) -> None:
    stop, profit = new_client_id(), new_client_id()
    task = trader.task(
        order_type="LIMIT", price=f"{trader.price * 1.001:.1f}", stop_loss=f"{trader.price * 0.95:.1f}", stop_client_order_id=stop,
        take_profit=f"{trader.price * 1.08:.1f}", take_profit_client_order_id=profit,
    )  # fmt: skip
    result = (await executor.execute(trader.request(task)))["results"][0]
    assert (result["status"], result["stop"]["status"], result["take_profit"]["status"]) == ("FILLED", "OPEN", "OPEN")
    legs = (await executor.query_orders(queries(trader, stop, profit, conditional=True)))["results"][0]["orders"]
    assert [leg["status"] for leg in legs] == ["OPEN", "OPEN"]


async def test_a_conditional_entry_waits_for_its_trigger(executor: Executor, trader: Trader) -> None:
    task = trader.task(order_type="STOP_MARKET", trigger_price=f"{trader.price * 1.05:.1f}")
    result = (await executor.execute(trader.request(task)))["results"][0]
    assert (result["status"], bool(result["exchange_order_id"])) == ("OPEN", True)
    assert trader.orders() == []
    [asked] = (await executor.query_orders(queries(trader, task["client_order_id"], conditional=True)))["results"][0]["orders"]
    assert (asked["found"], asked["status"]) == (True, "OPEN")
    missing = trader.task(order_type="STOP_MARKET")
    try:
        await executor.execute(trader.request(missing))
    except Exception as error:
        assert "trigger_price" in str(error)
    else:
        raise AssertionError("a conditional order without its trigger was taken")


async def test_over_a_real_node_a_slow_account_delays_nobody(trader: Trader) -> None:
    others = [Trader(trader.venue, trader.venue.account(f"legs-{number}")) for number in range(3)]
    async with NodeServer() as server:
        client = NodeClient()
        try:
            warm = await client.send(server.node(), "/api/execute", trader.request(trader.task(), *(o.task() for o in others)), timeout_s=30)
            assert warm.ok, warm.error
            trader.venue.faults({"kind": "delay", "delay_ms": 2_000, "account": trader.credentials["api_key"]})
            tasks = [trader.task(), *(o.task(order_type="LIMIT", price=f"{o.price * 0.97:.1f}") for o in others)]
            reply = await asyncio.wait_for(client.send(server.node(), "/api/execute", trader.request(*tasks), timeout_s=60), 70)
        finally:
            await client.close()
    slow, *fast = reply.data["results"]
    assert (slow["status"], {one["status"] for one in fast}) == ("FILLED", {"OPEN"})
    # Each of its requests takes two seconds; nobody else waits for even one of them.
    assert slow["latency_ms"] >= 2_000 > max(one["latency_ms"] for one in fast)
