"""The programs of the world: the simulated exchange, an execution node, the centre. Each is the real thing."""

from __future__ import annotations

import asyncio
import random
import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from unittest import mock

import httpx
import numpy as np
from sqlmodel import Session, select
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from backend import announce
from backend.billing import jobs as billing
from backend.engine import Engine
from backend.execution.wire import Wire
from backend.market.feed import PaperFeed
from backend.models import Strategy
from backend.paper_exchange.config import PaperConfig
from backend.paper_exchange.exchange import Exchange
from backend.paper_exchange.faults import read_fault
from backend.paper_exchange.http import PaperApp
from backend.settings import Settings
from backend.signals.service import ScanFacts, ScanOutcome, record_scan
from backend.strategies.base import Decisions
from node_service.app import NodeApp, NodeSettings, create_runner
from node_service.client import NodeClient
from node_service.executor import Executor
from tests.faults.harness.loop import Process
from tests.faults.harness.world import EXCHANGE, NODE, World
from tests.support.paper_book import Bar, WrittenMarket

NODE_SECRET = "n" * 40
SYMBOLS = ("BTCUSDT", "ETHUSDT")
BARS = 180
TICK_S = 0.5
SETTLE_S = 5.0


def paper_config() -> PaperConfig:
    """Two symbols, stepped by the run, doubles allowed as on the real venue: that is what is looked for."""
    return PaperConfig(
        mode="stepped", control_token="token", slippage_bps=Decimal(0), warmup_bars=5, max_symbols=2, symbols=SYMBOLS,
        strict_client_ids=False,
    )  # fmt: skip


def make_exchange(dice: random.Random) -> Exchange:
    """An exchange on hourly bars drawn from ``dice``, two to three per cent each way: stops and targets are reached."""
    exchange = Exchange(paper_config())
    bars: dict[str, list[Bar]] = {}
    for name, start in zip(SYMBOLS, (60_000.0, 3_000.0), strict=True):
        rows, last = [], start
        for _ in range(BARS):
            close = last * (1 + dice.uniform(-0.02, 0.02))
            high, low = max(last, close) * (1 + dice.uniform(0, 0.01)), min(last, close) * (1 - dice.uniform(0, 0.01))
            rows.append((round(last, 2), round(high, 2), round(low, 2), round(close, 2)))
            last = rows[-1][3]
        bars[name] = rows
    exchange.source = WrittenMarket(bars, "0.01")
    return exchange


async def run_exchange(
    world: World, exchange: Exchange, app: PaperApp, accounts: dict[str, str], dice: random.Random
) -> None:
    """Serve until the run ends. Faults of the plan act until the world heals. ``dice`` give the accounts their keys."""
    await exchange.start()
    with mock.patch.object(secrets, "token_hex", lambda nbytes: dice.randbytes(nbytes).hex()):
        for name, balance in accounts.items():
            exchange.book.open_account(name, Decimal(balance))
    exchange.flush()
    config = Config(app=app, lifespan="off", log_config=None, http="h11", access_log=False)
    config.load()
    state = ServerState()
    process = world.living["exchange"]
    world.network.listen(process, *EXCHANGE, lambda: H11Protocol(config, state, {}, _loop=world.loop))
    for fault in world.plan.exchange:
        exchange.faults.add(read_fault(fault))
    healed = False
    while True:
        await asyncio.sleep(TICK_S)
        await exchange.step(1)
        world.happened += 1
        if not world.troubled and not healed:
            healed = True
            exchange.faults.clear()


async def run_node(world: World, process: Process) -> None:
    """An execution node."""
    node = NodeApp(NodeSettings(auth_secret=NODE_SECRET, node_code="node-t", allow_venue_url=True))
    runner = create_runner(node)
    await runner.setup()
    process.kept.append(runner)
    assert runner.server is not None
    world.network.listen(process, *NODE, runner.server)
    await asyncio.Event().wait()


class Idle:
    """No timetable: what it would do about orders is a loop of the centre here."""

    def start(self) -> None: ...

    def pause(self) -> None: ...

    async def stop(self) -> None: ...


class RecordingWire(Wire):
    """Keeps the answers about orders, so that they can be delivered again."""

    def __init__(self, local: Executor, nodes: NodeClient) -> None:
        super().__init__(local, nodes)
        self.answers: list[Any] = []

    async def call(self, target: Any, path: str, body: Any, deadline_s: float) -> dict[str, Any]:
        answer = await super().call(target, path, body, deadline_s)
        if path == "/api/execute":
            self.answers += answer.get("results") or []
        return answer


@dataclass
class Said:
    """One closed bar at which the strategy wants something."""

    at_s: float
    bar_open_ms: int
    directions: tuple[int, ...]
    prices: dict[str, Decimal] = field(default_factory=dict)


async def run_centre(world: World, process: Process, settings: Settings, app: PaperApp, said: list[Said]) -> None:
    """The engine with the loops that have to do with orders."""
    db = world.db
    feed = PaperFeed("http://exchange", "token")
    feed._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://exchange")
    wire = RecordingWire(Executor(node_code="centre", allow_venue_url=True), NodeClient())
    engine = Engine(settings, db, feed, wire)
    engine.timetable = Idle()

    async def scan() -> None:
        while engine.leading.is_set():
            for bar in said:
                if world.time.now >= bar.at_s and world.troubled:
                    await _scan(engine, bar)
            await asyncio.sleep(1.5)

    async def settle() -> None:
        while engine.leading.is_set():
            await asyncio.sleep(SETTLE_S)
            await db.arun(billing.settle_pending)

    async def redeliver() -> None:
        dice = world._dice
        while engine.leading.is_set() and world.plan.redeliver:
            await asyncio.sleep(dice.uniform(0.5, 3.0))
            if wire.answers and world.troubled:
                await _again(engine, dice.sample(wire.answers, dice.randint(1, len(wire.answers))))
        await asyncio.Event().wait()

    loops = {
        "lead": engine._lead, "exits": engine._exits_loop, "dispatch": engine._dispatch_loop,
        "reconcile": engine._reconcile_loop, "scan": scan, "settle": settle, "redeliver": redeliver,
    }  # fmt: skip
    await asyncio.gather(*(engine._guard(name, loop) for name, loop in loops.items()))


async def _scan(engine: Engine, bar: Said) -> None:
    def record(session: Session) -> ScanOutcome | None:
        engine._fence(session)
        strategy = session.exec(select(Strategy)).one()
        prices = engine.prices.by_symbol if engine.prices else {}
        ones = np.ones(len(SYMBOLS))
        close = np.array([float(prices.get(f"{name[:3]}/USDT", 0)) for name in SYMBOLS])
        decisions = Decisions(
            symbols=tuple(f"{name[:3]}/USDT" for name in SYMBOLS), bar_open_ms=bar.bar_open_ms,
            direction=np.array(bar.directions, dtype=np.int8), score=ones * 80, close=close, stop_loss=ones * np.nan,
            take_profit=ones * np.nan, status=np.zeros(len(SYMBOLS), dtype=np.int8),
            components={},
        )  # fmt: skip
        market_ms = engine.prices.market_ms if engine.prices else bar.bar_open_ms
        return record_scan(session, ScanFacts(strategy, decisions, market_ms, 1, 30.0, prices))

    if engine.prices is None:
        return
    outcome = await engine.db.arun(record)
    if outcome is not None:
        engine._wake.set()
        announce.scan(outcome)


async def _again(engine: Engine, answers: list[Any]) -> None:
    """Old answers once more, in any order."""
    from backend.models import Order

    keys = {(row["account_id"], row["client_order_id"]) for row in answers}
    orders = await engine.db.aread(lambda s: s.exec(select(Order)).all())
    index = {(o.account_id, o.client_order_id): o.id for o in orders if o.id and (o.account_id, o.client_order_id) in keys}
    await engine.dispatcher.apply(index, answers)
