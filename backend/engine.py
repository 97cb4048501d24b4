"""The centre at work: candles, scans, exits, dispatch, reconciliation, settlement, each in its own loop.

One ``Engine`` runs in one process at a time (a lease in the database says which). Two ways of time: on a running market each loop
has its interval; on a stepped market ``step`` walks all through one tick in a fixed order, so that a run compares with a backtest.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from backend import announce, leases
from backend.billing import jobs as billing
from backend.bots import watchdog
from backend.clock import from_ms, utcnow
from backend.db import CannotWrite, Database
from backend.ending import end_tasks
from backend.errors import IronBullError
from backend.execution.apply import Applied
from backend.execution.dispatcher import Dispatcher
from backend.execution.patience import PATIENCE_S, Late
from backend.execution.reconcile import Reconciler
from backend.execution.resting_keeper import Keeper
from backend.execution.routing import by_executor
from backend.execution.service import ORPHANED_AFTER, adopt_orphans, busy
from backend.execution.stop_keeper import StopKeeper
from backend.execution.wire import Wire
from backend.exits.service import Watched, watch
from backend.exports.worker import Exporter
from backend.market.feed import Feed, MarketClock, PaperFeed, Prices
from backend.market.rules import TICKS_PER_BAR
from backend.models import Position
from backend.notifications.sender import NoticeSender
from backend.portfolio.sync import sync_balances
from backend.queue.desk import Desk
from backend.queue.errands import Errands
from backend.risk import stops, switches
from backend.settings import Settings
from backend.signals.scanner import Scanner
from backend.timetable import Timetable
from backend.webhooks.delivery import Deliverer

log = structlog.get_logger("engine")

LEASE = "engine"
LEASE_TTL_MS = 6_000
BOT_BEAT_S = 10.0
ERROR_PAUSE_S = 1.0
TAKE_OVER_PATIENCE_S = 5.0  # longer than in the loops, yet a node that hangs keeps nobody from the first scan
WHOLE_EVERY_S = 300.0
LOOPS_END_S, GIVE_BACK_S = 3.0, 2.0


class Engine:
    """Everything the centre does by itself. ``start`` returns at once; ``stop`` ends within seconds."""

    def __init__(self, settings: Settings, db: Database, feed: Feed, wire: Wire) -> None:
        self.settings = settings
        self.db = db
        self.feed = feed
        self.wire = wire
        self.dispatcher = Dispatcher(db, wire, self._applied, self._fence, lambda: time.monotonic() < self._sure_until_s)
        self.reconciler = Reconciler(db, wire, self.dispatcher)
        self.stops = StopKeeper(db, wire)
        self.resting = Keeper(db, wire, self.reconciler, self.stops)
        self.scanner = Scanner(db, feed, settings, self._fence)
        self.timetable = Timetable(db, settings, wire, lambda: self.prices)
        self.exporter = Exporter(db)
        self.webhooks = Deliverer(db, allow_private=settings.webhook_allow_private)
        self.notices = NoticeSender(db, settings, allow_private=settings.webhook_allow_private)
        self.prices: Prices | None = None
        self.clock: MarketClock | None = None
        self.owner = uuid.uuid4().hex
        self.token: int | None = None
        self._sure_until_s = float("inf")
        self.leading = asyncio.Event()
        self._wake = asyncio.Event()
        self._scan_now = asyncio.Event()
        self.timetable.scan_now = self._scan_now.set
        self._unsettled: list[int] = []
        self._holding: dict[tuple[str, int], str] = {}
        self._doubtful: set[int] = set()
        self._comparing = Late()
        self._tasks: list[asyncio.Task[None]] = []
        self.desk = Desk(self) if settings.queued else None

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start all loops; they wait until this process holds the lease."""
        loops: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("lead", self._lead),
        ]
        if self.desk is not None:
            self.desk.runner.start()
            loops.append(("carry", partial(self._each_second, self.desk.carry)))
        else:
            loops += [
                ("webhooks", partial(self._each_second, self.webhooks.run)),
                ("notices", partial(self._each_second, self.notices.run)),
                ("exports", self._exports_loop),
                ("errands", partial(self._each_second, Errands(self.db, self.owner, self.feed).run)),
            ]
        if self.settings.stepped:
            loops.append(("conduct", self._conduct))
        else:
            loops += [
                ("prices", self._prices_loop),
                ("exits", self._exits_loop),
                ("scan", self._scan_loop),
                ("dispatch", self._dispatch_loop),
                ("reconcile", self._reconcile_loop),
            ]
        self._tasks = [asyncio.create_task(self._guard(name, loop), name=name) for name, loop in loops]

    async def stop(self) -> None:
        """Stop the loops, give the lease back, close connections. What is in flight is left to the next start."""
        await end_tasks(self._tasks, LOOPS_END_S)
        await self.dispatcher.stop()
        await self._comparing.stop()
        for part in (self.resting, self.stops, self.reconciler):
            await part.stop()
        await self.timetable.stop()
        if self.desk is not None:
            await self.desk.runner.stop()
        await self.webhooks.close()
        await self.notices.close()
        if self.token is not None:
            await self._give_back(self.token)
        await self.feed.close()
        await self.wire.close()

    async def _give_back(self, token: int) -> None:
        """The lease, so that another need not wait for its time to run out."""
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                await self.db.arun(lambda s: leases.release(s, LEASE, self.owner, token))
        except (SQLAlchemyError, CannotWrite, TimeoutError) as error:
            log.warning("the lease was not given back, it runs out by itself", error=type(error).__name__)

    async def _guard(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """The edge of a loop: an error is logged and counted, and the loop goes on."""
        while True:
            try:
                if name != "lead":
                    await self.leading.wait()
                await loop()
            except asyncio.CancelledError:
                raise
            except IronBullError as error:
                log.warning("loop paused", loop=name, code=error.code, message=error.message)
                announce.trouble(name, error.message)
            except Exception:  # the edge of a loop: it goes on
                log.exception("loop failed", loop=name)
                announce.trouble(name, "An unexpected error; see the log.")
            await asyncio.sleep(ERROR_PAUSE_S)

    async def _lead(self) -> None:
        asked_s = time.monotonic()
        token = await self.db.arun(lambda s: leases.acquire(s, LEASE, self.owner, LEASE_TTL_MS))
        if token is None:
            await asyncio.sleep(0.3)
            return
        self.token = token
        self._sure_until_s = asked_s + LEASE_TTL_MS / 1000
        await self._take_over()
        self.leading.set()
        self.timetable.start()
        beat_at = 0.0
        try:
            while True:
                if time.monotonic() >= beat_at:
                    await self.db.arun(lambda s: watchdog.beat(s, self.owner, token))
                    beat_at = time.monotonic() + BOT_BEAT_S
                await asyncio.sleep(LEASE_TTL_MS / 3000)
                asked_s = time.monotonic()
                if not await self.db.arun(lambda s: leases.renew(s, LEASE, self.owner, token, LEASE_TTL_MS)):
                    log.warning("lease lost")
                    return
                self._sure_until_s = asked_s + LEASE_TTL_MS / 1000
        finally:
            self.leading.clear()
            # The token stays: what is still on its way asks the fence with it, and is refused.
            self._sure_until_s = 0.0
            self.timetable.pause()

    def _fence(self, session: Session) -> None:
        leases.require(session, LEASE, self.token)

    async def _take_over(self) -> None:
        """Before the first scan: what a dead process left behind is asked for, positions are compared."""
        adopted = await self.db.arun(lambda s: adopt_orphans(s, utcnow()))
        if adopted:
            log.info("orders adopted", count=adopted)
        await self.db.arun(watchdog.recovering)
        await self.refresh_prices()
        await self.reconciler.run(TAKE_OVER_PATIENCE_S)
        await self.reconciler.positions(everyone=True, patience_s=TAKE_OVER_PATIENCE_S)
        await self._settle_pending()

    # --- loops on a running market ---------------------------------------------------------------------------------

    async def _prices_loop(self) -> None:
        while self.leading.is_set():
            await self.refresh_prices()
            await announce.prices(self.db, self.prices)
            await asyncio.sleep(min(1.0, self.settings.exit_interval_s))

    async def _exits_loop(self) -> None:
        while self.leading.is_set():
            await self.check_exits(PATIENCE_S)
            await asyncio.sleep(self.settings.exit_interval_s)

    async def _scan_loop(self) -> None:
        while self.leading.is_set():
            started = time.monotonic()
            await self.scan()
            pause = self.settings.scan_interval_s - (time.monotonic() - started)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(pause, 0.05)):
                    await self._scan_now.wait()
            self._scan_now.clear()

    async def _dispatch_loop(self) -> None:
        while self.leading.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._wake.wait()
            self._wake.clear()
            await self.dispatch(PATIENCE_S)

    async def _reconcile_loop(self) -> None:
        last_positions, last_whole = 0.0, time.monotonic()
        while self.leading.is_set():
            await self.reconciler.run(PATIENCE_S)
            await self.resting.run(self.prices, PATIENCE_S)
            if time.monotonic() - last_positions >= self.settings.reconcile_interval_s:
                whole = time.monotonic() - last_whole >= WHOLE_EVERY_S
                last_whole = time.monotonic() if whole else last_whole
                await self.db.arun(lambda s: adopt_orphans(s, utcnow() - ORPHANED_AFTER))
                await self.reconciler.positions(everyone=whole, patience_s=PATIENCE_S)
                await self.stops.cancel(PATIENCE_S)
                await self.stops.move(PATIENCE_S)
                await self.stops.restore(PATIENCE_S)
                last_positions = time.monotonic()
            await self._settle_new()
            await asyncio.sleep(0.5)

    async def _each_second(self, work: Callable[[], Awaitable[object]]) -> None:
        while self.leading.is_set():
            await work()
            await asyncio.sleep(1.0)

    async def _exports_loop(self) -> None:
        while self.leading.is_set():
            if not await self.exporter.run():
                await asyncio.sleep(1.0)

    # --- the verbs -------------------------------------------------------------------------------------------------

    async def refresh_prices(self) -> Prices:
        """Read the market's last prices."""
        self.prices = await self.feed.prices()
        return self.prices

    async def scan(self) -> int:
        """Scan every enabled strategy whose newest closed bar was not scanned yet. Returns the intents written."""
        prices = await self.refresh_prices()
        written = 0
        for outcome in await self.scanner.run(prices):
            written += len(outcome.orders)
            announce.scan(outcome)
        if written:
            self._wake.set()
        return written

    async def check_exits(self, patience_s: float | None = None) -> int:
        """Look at every open position once; write and send exits. Returns how many exits were written."""
        prices = await self.refresh_prices()
        watched = await self.db.arun(partial(self._watch, prices=prices))
        if watched.stop_crossed:
            await self._ask_crossed(watched.stop_crossed, patience_s)
        if watched.exits:
            await self.dispatch(patience_s)
        return len(watched.exits)

    def _watch(self, session: Session, prices: Prices) -> Watched:
        # A leader that slept past its lease has prices of another time.
        self._fence(session)
        return watch(session, prices.by_symbol, prices.market_ms)

    async def _ask_crossed(self, position_ids: list[int], patience_s: float | None) -> None:
        held = select(Position.account_id).where(col(Position.id).in_(position_ids))
        await self._compare(set(await self.db.aread(lambda s: s.exec(held).all())), patience_s)

    async def _compare(self, accounts: set[int], patience_s: float | None) -> None:
        """Compare accounts with the exchange, those of each executor by themselves; none twice at a time."""
        await self._comparing.wait(None if patience_s is None else 0.0)
        groups = await self.db.aread(partial(by_executor, account_ids=accounts - self._comparing.accounts))
        begun = [self._comparing.begin(self.reconciler.positions(group), group) for group in groups]
        await self._comparing.wait(patience_s, begun)

    async def dispatch(self, patience_s: float | None = None) -> int:
        """Write what a kill switch wants closed, then send what is pending."""
        await self.db.arun(self._kill_sweep)
        sent = await self._send(patience_s)
        if self._doubtful:
            accounts, self._doubtful = self._doubtful, set()
            await self._compare(accounts, patience_s)
        if sent:
            await self._settle_new()
        return sent

    async def _send(self, patience_s: float | None) -> int:
        """Send what is pending, or write jobs for it that any worker may take."""
        return await self.dispatcher.run(patience_s=patience_s) if self.desk is None else await self.desk.plan()

    def _kill_sweep(self, session: Session) -> int:
        prices = self.prices
        holding = dict(switches.active(session).modes)
        if holding != self._holding:
            self._holding = holding
            announce.stopped(session)
        if not holding:
            return 0
        return stops.sweep(session, prices.by_symbol if prices else {}, from_ms(prices.market_ms) if prices else None)

    async def _settle_new(self) -> None:
        fills, self._unsettled = self._unsettled, []
        if self.desk is not None:
            if fills:
                await self.desk.settle(fills)
            return
        step = billing.SETTLE_AT_ONCE
        for start in range(0, len(fills), step):
            await self.db.arun(partial(billing.settle_each, fill_ids=fills[start : start + step]))
        if fills:
            announce.settled(self.db, fills)

    async def _settle_pending(self) -> None:
        await self.db.arun(billing.settle_pending)

    def _applied(self, results: list[Applied]) -> None:
        for applied in results:
            if applied.order.error_code == "POSITION_FLAT":
                # Somebody or something closed it first: ask what happened.
                self._doubtful.add(applied.order.account_id)
            self._unsettled += applied.to_settle
            if applied.stop_missing:
                self._wake.set()  # its close is written
        announce.applied(results)

    # --- a stepped market --------------------------------------------------------------------------------------------

    async def step(self) -> MarketClock:
        """One tick of a stepped market, everything in its order: exchange, exits, then on a new bar the scan."""
        assert isinstance(self.feed, PaperFeed)
        clock = await self.feed.step()
        self.clock = clock
        await self.check_exits()
        await self._quiet()
        if clock.tick == 0:
            # The risk score looks at the equity: read at the bar, not at whatever wall time the timetable has.
            await sync_balances(self.db, self.wire, self.prices)
            await self.scan()
            await self._quiet()
        await announce.prices(self.db, self.prices)
        return clock

    async def _quiet(self) -> None:
        """Until nothing is pending or unknown: the market stands still meanwhile."""
        while True:
            sent = await self.dispatch()
            asked = await self.reconciler.run() + await self.resting.run(self.prices)
            await self.stops.cancel()
            await self.stops.move()
            await self._settle_new()
            if not sent and not asked and not await self.db.aread(busy):
                return
            if asked and await self.db.aread(busy):
                await asyncio.sleep(0.2)

    async def _conduct(self) -> None:
        while self.leading.is_set():
            started = time.monotonic()
            clock = await self.step()
            tick_s = clock.interval_ms / TICKS_PER_BAR / 1000 / self.settings.market_speed
            await asyncio.sleep(max(0.0, tick_s - (time.monotonic() - started)))
            if clock.done:
                log.info("the replay has ended")
                announce.market_done()
                await asyncio.Event().wait()
