"""One run: build the world of a seed, let it live, let it heal, wait for rest, and look at the books of both sides."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog
from sqlmodel import Session, select

from backend import migrations
from backend.db import Database
from backend.execution.service import write_close
from backend.models import Fill, Order, Position, Settlement
from backend.monitoring.service import run_invariants
from backend.paper_exchange.app import ROUTES
from backend.paper_exchange.exchange import Exchange
from backend.paper_exchange.http import Call, PaperApp
from backend.paper_exchange.routes_control import get_dump
from backend.settings import Settings
from tests.faults.harness.clock import START_MS, virtual_world
from tests.faults.harness.database import FaultyDatabase
from tests.faults.harness.plan import HEAL_S, Plan
from tests.faults.harness.programs import NODE_SECRET, Said, make_exchange, run_centre, run_exchange, run_node
from tests.faults.harness.world import EXCHANGE, NODE, World
from tests.support.centre import make_centre

PATIENCE_S = 240.0
ACCOUNTS = {"agent-0": "20000", "agent-1": "20000"}
_KEYS = 77
_RESTING = ("FILLED", "REJECTED", "EXPIRED", "CANCELLED", "FAILED")


class _Keys:
    """Exchange accounts before there is an exchange: the keys they will have."""

    base_url = f"http://{EXCHANGE[0]}"
    token = "token"

    def __init__(self) -> None:
        self._dice = random.Random(_KEYS)
        self._made = 0

    def account(self, _name: str, _balance: Any) -> dict[str, Any]:
        self._made += 1
        return {
            "account_id": self._made, "api_key": self._dice.randbytes(32).hex(), "api_secret": self._dice.randbytes(32).hex(),
        }  # fmt: skip


class Template:
    """The database every run begins with, and the settings of the centre."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.settings = path, settings
        shm = Path("/dev/shm")
        self._folder = tempfile.TemporaryDirectory(prefix="ib-run-", dir=shm if shm.is_dir() else None)
        self._live = Path(self._folder.name) / "ironbull.db"
        self.db = FaultyDatabase(f"sqlite:///{self._live}")

    def begin(self, world: World) -> None:
        """A fresh copy for a run."""
        self.db.begin(world)
        for part in ("", "-wal", "-shm"):
            Path(f"{self._live}{part}").unlink(missing_ok=True)
        shutil.copyfile(self.path, self._live)

    def close(self) -> None:
        """Remove the copy."""
        self.db.dispose()
        self._folder.cleanup()


def make_template(folder: Path) -> Template:
    """Migrations, a tenant, two agents: one executed by the centre, one by the node. Made once."""
    path = folder / "start.db"
    migrations.upgrade(f"sqlite:///{path}")
    db = Database(f"sqlite:///{path}")
    bot = {"stop_loss_roi": 4, "take_profit_roi": 3, "trailing_start_roi": 2, "trailing_distance_roi": 1, "cooldown_minutes": 0}
    centre = make_centre(
        db, _Keys(), folder, accounts=2, node=(f"http://{NODE[0]}:{NODE[1]}", NODE_SECRET), bot=bot,
        market_mode="running", exit_interval_s=1.0, reconcile_interval_s=2.0,
    )  # fmt: skip
    db.dispose()
    return Template(path, centre.settings)


@dataclass
class Report:
    """What came of one run."""

    plan: Plan
    digest: str = ""
    trace: list[str] = field(default_factory=list)
    steps: int = 0
    crashes: int = 0
    rest_s: float = 0.0
    orders: int = 0
    fills: int = 0
    events: int = 0
    entries_s: list[float] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing lost, nothing doubled, every invariant true."""
        return not self.faults


    def sentence(self) -> str:
        """One line: the plan, what came of it, and the digest of the trace."""
        word = "; ".join(self.faults) or "nothing lost, nothing doubled"
        return (
            f"{self.plan.describe()}: {self.steps} steps, {self.crashes} crashes, {self.orders} orders, {self.fills} fills, "
            f"at rest after {self.rest_s:.0f} s: {word}. trace {self.digest}"
        )


def run(template: Template, plan: Plan) -> Report:
    """Live through a plan. Never raises for what the platform did; `Report.faults` says it."""
    loud = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    try:
        world = World(plan, template.db)
        template.begin(world)
        with virtual_world(world.clocks, random.Random(f"names {plan.seed}")):
            return _live(world, template.settings)
    finally:
        logging.disable(logging.NOTSET)
        structlog.configure(**loud)


def _live(world: World, settings: Settings) -> Report:
    exchange = make_exchange(random.Random(f"market {world.plan.seed}"))
    app = PaperApp(exchange, ROUTES)
    dice = random.Random(f"signals {world.plan.seed}")
    said = [Said(1.0, START_MS, dice.choice(((1, 0), (-1, 0), (1, -1))))]
    if dice.random() < 0.5:
        said.append(Said(dice.uniform(4.0, 9.0), START_MS + 3_600_000, dice.choice(((1, 0), (0, 1), (0, -1)))))
    world.starters = {
        "exchange": lambda process: run_exchange(world, exchange, app, ACCOUNTS, random.Random(_KEYS)),
        "node": lambda process: run_node(world, process),
        "centre": lambda process: run_centre(world, process, settings, app, said),
    }
    asyncio.set_event_loop(world.loop)
    report = Report(world.plan)
    try:
        world.loop.run_until_complete(_drive(world, exchange, said, report))
    finally:
        for process in world.lives:
            process.dead = True
            for thing in process.kept:
                if isinstance(thing, asyncio.Task):
                    thing._log_destroy_pending = False
        for task in asyncio.all_tasks(world.loop):
            task._log_destroy_pending = False
        world.loop.forget()
        asyncio.set_event_loop(None)
        world.loop.close()
    report.digest, report.trace = world.digest(), world.trace
    report.steps, report.crashes, report.events = world.steps, world.crashed, len(world.trace) + world.happened
    return report


async def _drive(world: World, exchange: Exchange, said: list[Said], report: Report) -> None:
    for name in ("exchange", "node", "centre"):
        world.outside.copy().run(world.spawn, name)
        await asyncio.sleep(0.1)
    for name, start, end in world.plan.pauses:
        world.loop.call_at(start, world.pause, name, end)
    asked_at = 0.0
    healed = False
    calm_s = max(world.plan.ends_s, said[-1].at_s + 1.0)
    while world.time.now < PATIENCE_S:
        await asyncio.sleep(1.0)
        if not healed and not world.troubled:
            healed = True
            world.heal()
        if world.time.now > HEAL_S - 4 and world.time.now - asked_at > 15:
            asked_at = world.time.now
            with world.db.transaction() as session:
                _leave(session)
        if world.time.now > calm_s and not _restless(world, exchange):
            break
    report.rest_s = world.time.now
    _check(world, exchange, report)


def _leave(session: Session) -> None:
    """A person closes what is still open."""
    for position in session.exec(select(Position).where(Position.status == "OPEN")).all():
        write_close(session, position, "MANUAL", price=position.entry_price, market_at=None)


def _dumps(world: World, exchange: Exchange) -> dict[int, dict[str, Any]]:
    return {
        number: get_dump(exchange, Call("GET", "", {"account_id": str(number)}, b"", []))
        for number in range(1, len(ACCOUNTS) + 1)
    }


def _restless(world: World, exchange: Exchange) -> list[str]:
    """What is still on its way."""
    found: list[str] = []
    with world.db.reading() as session:
        for order in session.exec(select(Order)).all():
            if order.status not in _RESTING:
                found.append(f"order {order.client_order_id} {order.trade_type} {order.order_type} is {order.status}: {order.reason}")
        for position in session.exec(select(Position)).all():
            if position.status == "OPEN":
                found.append(f"position {position.id} is open, {position.quantity} {position.symbol}")
            elif position.stop_status == "CANCEL":
                found.append(f"the stop of position {position.id} is to be cancelled")
        settled = set(session.exec(select(Settlement.fill_id)).all())
        found += [f"fill {fill.id} is not settled" for fill in session.exec(select(Fill)).all() if fill.id not in settled]
    for number, dump in _dumps(world, exchange).items():
        found += [
            f"account {number} holds {row['positionAmt']} {row['symbol']}" for row in dump["positions"] if Decimal(str(row["positionAmt"]))
        ]
        found += [f"account {number} has a live stop {row['clientAlgoId']}" for row in dump["algo_orders"] if row["algoStatus"] == "NEW"]
    return found


def _check(world: World, exchange: Exchange, report: Report) -> None:
    wrong = report.faults
    wrong += [f"not at rest: {text}" for text in _restless(world, exchange)]
    with world.db.transaction() as session:
        wrong += [f"invariant: {item}" for item in run_invariants(session) if not item.ok]
        orders, fills = session.exec(select(Order)).all(), session.exec(select(Fill)).all()
        settlements = session.exec(select(Settlement.fill_id)).all()
    report.orders, report.fills = len(orders), len(fills)
    report.states.update(f"{order.trade_type} {order.status}" for order in orders)
    wrong += [f"order {order.id} ended without a reason" for order in orders if not order.reason]
    booked = Counter((fill.account_id, fill.symbol.replace("/", ""), fill.exchange_trade_id) for fill in fills)
    wrong += [f"trade {key} is booked {count} times" for key, count in booked.items() if count > 1]
    wrong += [f"fill {key} is settled {count} times" for key, count in Counter(settlements).items() if count > 1]
    opening = {order.client_order_id for order in orders if order.trade_type == "OPEN"}
    for number, dump in _dumps(world, exchange).items():
        traded = {(number, row["symbol"], str(row["id"])) for row in dump["trades"]}
        ours = {key for key in booked if key[0] == number}
        wrong += [f"lost: trade {key} of the exchange is not booked" for key in sorted(traded - ours)]
        wrong += [f"invented: trade {key} is not the exchange's" for key in sorted(ours - traded)]
        report.entries_s += [(row["time"] - START_MS) / 1000 for row in dump["orders"] if row["clientOrderId"] in opening]
        ids = Counter(row["clientOrderId"] for row in dump["orders"])
        wrong += [f"doubled: {name} became {count} orders" for name, count in ids.items() if count > 1]
    for order in orders:
        world.note("end", f"{order.account_id} {order.client_order_id} {order.trade_type} {order.status} {order.filled_quantity} {order.reason}")
    for fill in fills:
        world.note("end", f"{fill.account_id} {fill.exchange_trade_id} {fill.side} {fill.quantity} {fill.price} {fill.realized_pnl}")
