"""Orders that rest and orders that wait, the same on every venue: limits, take-profits, triggered entries and reductions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from node_service.executor import Executor
from node_service.messages import new_client_id
from tests.support.node import Trader
from tests.support.venues import Account, RecordedAccount


def at(account: Account, factor: str) -> str:
    """A price so far from the market's."""
    return str(int(Decimal(account.price) * Decimal(factor)))


async def seen(account: Account, client_id: str, *, conditional: bool = False) -> tuple[Any, ...]:
    row = await account.ask(client_id, conditional=conditional)
    return row["status"], row["final"], row["filled_quantity"]


async def test_orders_that_rest_and_wait(account: RecordedAccount) -> None:
    await legs(account)
    assert account.venue.book.open_stops() == []


async def test_orders_that_rest_and_wait_over_the_wire(executor: Executor, trader: Trader) -> None:
    await legs(Account(executor, trader.credentials, trader.price))


async def legs(account: Account) -> None:
    """A limit rests and is taken off; one that crosses fills and gets both legs; entries and reductions wait."""
    rests = await account.order("OPEN", "0.02", order_type="LIMIT", price=at(account, "0.97"))
    name = rests["client_order_id"]
    assert (rests["status"], rests["error"], rests["filled_quantity"], rests["sent"]) == ("OPEN", None, "0", True)
    assert await seen(account, name) == ("OPEN", False, "0")
    assert (await account.cancel(name), await account.cancel(name)) == (True, False)
    assert await seen(account, name) == ("CANCELED", True, "0")

    stop, profit = new_client_id(), new_client_id()
    crosses = await account.order(
        "OPEN", "0.02", order_type="LIMIT", price=at(account, "1.01"), stop_loss=at(account, "0.97"),
        stop_client_order_id=stop, take_profit=at(account, "1.05"), take_profit_client_order_id=profit,
    )  # fmt: skip
    assert (crosses["status"], crosses["filled_quantity"], crosses["trades_complete"]) == ("FILLED", "0.02", True)
    assert (crosses["stop"]["status"], crosses["take_profit"]["status"]) == ("OPEN", "OPEN")
    for leg, factor in ((stop, "0.97"), (profit, "1.05")):
        row = await account.ask(leg, conditional=True)
        assert (row["status"], row["trigger_price"]) == ("OPEN", at(account, factor))

    waiting = [
        ("OPEN", "STOP_MARKET", "1.04"), ("OPEN", "TAKE_PROFIT_MARKET", "0.96"),
        ("REDUCE", "STOP_MARKET", "0.95"), ("REDUCE", "TAKE_PROFIT_MARKET", "1.06"),
    ]  # fmt: skip
    for trade_type, kind, factor in waiting:
        waits = await account.order(trade_type, "0.01", order_type=kind, trigger_price=at(account, factor))
        assert (waits["status"], waits["error"]) == ("OPEN", None), (trade_type, kind)
        name = waits["client_order_id"]
        assert await seen(account, name, conditional=True) == ("OPEN", False, "0")
        assert (await account.cancel(name, conditional=True), await account.cancel(name, conditional=True)) == (
            True,
            False,
        )

    reply = await account.read("cancel_conditionals", symbols=["BTC/USDT"])
    assert (reply["errors"], reply["cancelled"]) == ([], 2)
    assert (await account.order("CLOSE", "0.02"))["status"] == "FILLED"


async def test_a_limit_that_fills_in_parts(account: RecordedAccount) -> None:
    rests = await account.order("OPEN", "0.02", order_type="LIMIT", price="59000")
    [order] = account.venue.book.orders
    account.venue.book.fill(order, order.size / 2)
    row = await account.ask(rests["client_order_id"])
    assert (row["status"], row["final"], row["filled_quantity"], row["filled_price"]) == (
        "PARTIAL",
        False,
        "0.01",
        "60000",
    )
    assert await account.cancel(rests["client_order_id"]) is True
    assert await seen(account, rests["client_order_id"]) == ("PARTIAL", True, "0.01")


async def test_a_limit_whose_reply_is_lost_is_found_resting(account: RecordedAccount) -> None:
    assert (await account.order("OPEN", "0.01"))["status"] == "FILLED"  # symbols, mode and leverage are known now
    account.venue.cut_next = account.venue.orders_path
    lost = await account.order("ADD", "0.01", order_type="LIMIT", price="59000")
    assert (lost["status"], lost["sent"]) == ("UNKNOWN", True)
    assert await seen(account, lost["client_order_id"]) == ("OPEN", False, "0")
    assert len(account.venue.book.orders) == 2


async def test_a_limit_is_sent_in_the_venues_ticks_and_never_worse_than_asked(account: RecordedAccount) -> None:
    await account.order("OPEN", "0.02")
    await account.order("ADD", "0.02", order_type="LIMIT", price="59000.07")
    await account.order("REDUCE", "0.02", order_type="LIMIT", price="61000.07")
    _, buys, sells = (Decimal(order.price or 0) for order in account.venue.book.orders)
    assert 59000 <= buys <= Decimal("59000.07") and Decimal("61000.07") <= sells <= 61001


async def test_a_stop_that_fired_is_told_with_its_fill(account: RecordedAccount) -> None:
    stop = new_client_id()
    await account.order("OPEN", "0.02", stop_loss="58000", stop_client_order_id=stop)
    await account.order("ADD", "0.01")
    account.venue.fire(account.venue.book.stops[0])
    row = await account.ask(stop, conditional=True)
    assert (row["status"], row["final"], row["side"], row["actual_status"]) == ("TRIGGERED", True, "SELL", "FILLED")
    assert (row["filled_quantity"], row["filled_price"], row["trades_complete"]) == ("0.03", "60000", True)
    assert (await account.read("sync_positions"))["positions"] == []
