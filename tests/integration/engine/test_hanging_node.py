"""A node that takes requests and never answers: the accounts of the others are served as if it were not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlmodel import Session, select

from backend.db import Database
from backend.engine import Engine
from backend.execution import reconcile
from backend.execution.dispatcher import NODE_DEADLINE_S
from backend.models import ExchangeAccount, ExecutionNode, Order
from tests.support.centre import Centre, make_centre, until
from tests.support.intents import enter
from tests.support.paper import PaperServer, own_hand


class SilentNode:
    """Accepts, reads, and says nothing."""

    def __init__(self) -> None:
        self.requests = 0
        self.questions = 0
        self._server: asyncio.Server | None = None
        self._open: list[asyncio.StreamWriter] = []

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._listen, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        try:
            while data := await reader.read(65536):
                self.requests += data.count(b"POST /api/execute")
                self.questions += data.count(b"POST /api/sync-positions") + data.count(b"POST /api/query-orders")
        finally:
            writer.close()

    def drop(self) -> None:
        """Close what is open, without a word."""
        for writer in self._open:
            writer.close()

    def close(self) -> None:
        assert self._server is not None
        self._server.close()


@pytest.fixture
async def node() -> AsyncIterator[SilentNode]:
    made = SilentNode()
    yield made
    made.close()


@pytest.fixture
async def centre(
    sqlite_database: Database, paper: PaperServer, tmp_path: Path, node: SilentNode
) -> AsyncIterator[Centre]:
    """Four accounts, the second and the fourth behind the silent node."""
    url = await node.start()
    made = make_centre(sqlite_database, paper, tmp_path, accounts=4, node=(url, "secret-of-a-node-that-hangs"))
    yield made
    await made.stop_engine()
    made.check_oracles()


def of(centre: Centre, signal_id: str, *, near: bool) -> list[Order]:
    return [order for order in centre.orders(signal_id=signal_id) if (order.node_id is None) == near]


async def test_a_node_that_hangs_delays_no_account_of_another(centre: Centre, node: SilentNode) -> None:
    """The loop of a running centre goes on while the node's first request is still open."""
    engine = centre.start_engine()
    began = asyncio.get_running_loop().time()
    loop = asyncio.create_task(dispatching(engine))
    for number in range(4):
        name = f"SIGHANG{number}"
        enter(centre, name, symbol=("BTC/USDT", "ETH/USDT")[number % 2], side=("LONG", "SHORT")[number // 2])
        await until(lambda name=name: all(order.status == "FILLED" for order in of(centre, name, near=True)))
    # Not one answer came: the node is still waited for, and its accounts got nothing new meanwhile.
    assert [order.status for order in of(centre, "SIGHANG0", near=False)] == ["SENT", "SENT"]
    assert {order.status for order in of(centre, "SIGHANG3", near=False)} == {"PENDING"}
    assert node.requests == 1
    assert asyncio.get_running_loop().time() - began < NODE_DEADLINE_S
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def dispatching(engine: Engine) -> None:
    """The loop that a running centre dispatches in."""
    engine.leading.set()
    await engine._dispatch_loop()


async def test_an_answer_that_comes_late_is_applied(centre: Centre, node: SilentNode) -> None:
    """What the loop no longer waits for is still awaited: when the node falls, its orders are UNKNOWN, never lost."""
    engine = centre.start_engine()
    enter(centre)
    assert await engine.dispatch(patience_s=0.05) == 4
    await until(lambda: node.requests == 1)
    assert {order.status for order in of(centre, "SIGTEST1", near=False)} == {"SENT"}
    node.drop()
    await until(lambda: {order.status for order in of(centre, "SIGTEST1", near=False)} == {"UNKNOWN"})
    assert {order.status for order in of(centre, "SIGTEST1", near=True)} <= {"SENT", "FILLED"}
    await until(lambda: {order.status for order in of(centre, "SIGTEST1", near=True)} == {"FILLED"})


async def test_a_node_that_hangs_delays_no_reconciliation_of_another(
    centre: Centre, node: SilentNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the questions about its accounts are still open, closes and lost answers of the others are found; its own in the end."""
    monkeypatch.setattr(reconcile, "CALL_DEADLINE_S", 3600.0)
    centre.settings = centre.settings.model_copy(update={"reconcile_interval_s": 0.1})
    engine = centre.start_engine()
    at_node(centre, set())
    enter(centre)
    await engine.dispatch()
    at_node(centre, {1, 3})
    forget(centre, {0, 1})
    engine.leading.set()
    loop = asyncio.create_task(engine._reconcile_loop())
    await until(lambda: node.questions == 2, 60)
    for name in ("agent-0", "agent-2"):
        number = int(name[-1])
        quantity = float(centre.positions()[number].quantity)
        async with own_hand(centre.paper, name) as client:
            await client.create_order("BTC/USDT:USDT", "market", "sell", quantity, None, {"reduceOnly": True})
        await until(lambda number=number: centre.positions()[number].status == "CLOSED", 60)
    entries = {order.account_id: order.status for order in centre.orders(trade_type="OPEN")}
    assert [entries[one] for one in centre.account_ids] == ["FILLED", "UNKNOWN", "FILLED", "FILLED"]
    assert node.questions == 2, "its accounts were asked about again before it had answered"
    node.drop()
    node.close()
    await until(lambda: not centre.orders(status="UNKNOWN"), 60)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


def at_node(centre: Centre, numbers: set[int]) -> None:
    """These accounts are executed by the node, the others here."""

    def work(session: Session) -> None:
        node_id = session.exec(select(ExecutionNode.id)).one()
        for number, account_id in enumerate(centre.account_ids):
            session.get_one(ExchangeAccount, account_id).node_id = node_id if number in numbers else None

    centre.db.run(work)


def forget(centre: Centre, numbers: set[int]) -> None:
    """As if the answers to the entries of these accounts had been lost."""

    def work(session: Session) -> None:
        for number in numbers:
            account = session.get_one(ExchangeAccount, centre.account_ids[number])
            order = session.exec(select(Order).where(Order.account_id == account.id, Order.trade_type == "OPEN")).one()
            order.status, order.node_id = "UNKNOWN", account.node_id

    centre.db.run(work)
