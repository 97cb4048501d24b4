"""One run's world: who lives in it, what happens to them, and the trace of it."""

from __future__ import annotations

import contextvars
import hashlib
import random
from typing import Any

from tests.faults.harness.clock import Clocks
from tests.faults.harness.database import FaultyDatabase, refused
from tests.faults.harness.loop import PROCESS, Crash, Process, VirtualLoop, VirtualTime
from tests.faults.harness.network import Network, Pipe
from tests.faults.harness.plan import HEAL_S, Plan

RESTART_S = 0.5


class World:
    """Decides at every step, from the plan and its own seeded dice."""

    def __init__(self, plan: Plan, db: FaultyDatabase) -> None:
        self.plan = plan
        self.db = db
        self.time = VirtualTime()
        self.clocks = Clocks(self.time)
        self._net_dice = random.Random(f"net {plan.seed}")
        self._dice = random.Random(f"world {plan.seed}")
        self.loop = VirtualLoop(self.time, random.Random(f"loop {plan.seed}"))
        self.network = Network(self)
        self.loop.network = self.network
        self.outside = contextvars.copy_context()
        self.living: dict[str, Process] = {}
        self.starters: dict[str, Any] = {}
        self.lives: list[Process] = []
        self.steps = 0
        self.crashed = 0
        self.happened = 0  # deliveries and ticks, which have no line in the trace
        self.trace: list[str] = []

    # --- the trace ------------------------------------------------------------------------------------------------

    def note(self, who: str, what: str) -> None:
        """One line of the trace."""
        self.trace.append(f"{self.time.now:.6f} {who} {what}")

    def digest(self) -> str:
        """The same for the same seed, byte for byte."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    # --- processes ------------------------------------------------------------------------------------------------

    def spawn(self, name: str) -> Process:
        """Start a program: its next life."""
        before = self.living.get(name)
        skew = self.plan.skew_ms.get(name, 0) if self.troubled else 0
        process = Process(name, before.number + 1 if before else 1, skew)
        self.living[name] = process
        self.lives.append(process)
        self.note(name, f"starts {process.number}")
        process.start(self.loop, self.starters[name](process))
        return process

    def kill(self, process: Process) -> None:
        """kill -9, and the supervisor starts it again soon."""
        process.dead = True
        self.crashed += 1
        self.note(process.name, f"dies {process.number}")
        self.network.died(process)
        if self.living.get(process.name) is process:
            self.loop.call_later(RESTART_S + self._dice.random(), self.spawn, process.name, context=self.outside.copy())

    def pause(self, name: str, until_s: float) -> None:
        """SIGSTOP and SIGCONT. Somebody misses a centre that is silent and starts another beside it."""
        process = self.living[name]
        process.paused_until = until_s
        self.note(name, f"is paused {process.number}")
        if name == "centre":
            self.loop.call_later(1.0, self.spawn, name, context=self.outside.copy())

    @property
    def troubled(self) -> bool:
        """Whether things still go wrong."""
        return self.time.now < HEAL_S

    def heal(self) -> None:
        """The end of all trouble."""
        self.note("world", "heals")
        for process in self.lives:  # one that was paused may still be there, beside its successor
            process.skew_ms = 0

    # --- what may happen at a step ----------------------------------------------------------------------------------

    def step(self, process: Process | None, what: str) -> None:
        """A point where the running process may die."""
        if process is None or process.name == "exchange":
            return
        if process.dead:
            raise Crash
        self.steps += 1
        self.note(process.name, f"{self.steps} {what}")
        if self.steps in self.plan.crashes:
            self.kill(process)
            raise Crash

    def latency(self) -> float:
        """Seconds on the wire."""
        return self._net_dice.uniform(0.001, 0.02)

    def opens_at(self, one: str, other: str) -> float:
        """When bytes between two processes arrive again; 0 when they do now."""
        now, ends = self.time.now, {one, other}
        return max((end for a, b, start, end in self.plan.partitions if {a, b} == ends and start <= now < end), default=0.0)

    def on_write(self, pipe: Pipe, raw: bytes) -> None:
        """Bytes leave a process."""
        process, towards = pipe.process, pipe.peer.process.name
        self.step(process, f"sends {len(raw)} to {towards}")
        luck = self._net_dice.random() if self.troubled else 1.0
        plan = self.plan
        if luck < plan.lost:
            self.note(process.name, "lost")
            pipe.reset()
            return
        if luck < plan.lost + plan.cut:
            self.note(process.name, "cut")
            pipe.deliver(raw[: len(raw) // 2])
            pipe.hang_up()
            self.loop.call_soon(pipe.protocol.connection_lost, ConnectionResetError(), context=process.context.copy())
            return
        late = self._net_dice.uniform(0.1, 3.0) if luck < plan.lost + plan.cut + plan.slow else 0.0
        pipe.deliver(raw, late)
        if towards == "node" and process.name == "centre" and self.troubled and self._net_dice.random() < plan.replays:
            self._replay(raw)
        self.step(process, "sent")

    def _replay(self, raw: bytes) -> None:
        """Somebody on the way sends the same bytes to the node again, later."""
        thief = Process("thief")
        self.loop.call_later(self._dice.uniform(0.01, 6.0), thief.start, self.loop, self._send_again(raw), context=self.outside.copy())

    async def _send_again(self, raw: bytes) -> None:
        import asyncio

        try:
            transport, _ = await self.network.connect(asyncio.Protocol, *NODE)
        except ConnectionRefusedError:
            return
        self.note("thief", f"replays {len(raw)}")
        transport.deliver(raw)
        await asyncio.sleep(5)
        transport.close()

    def database_answers(self) -> None:
        """A database that is being restarted refuses. Whoever looks from outside always sees it."""
        start, end = self.plan.database_down
        if PROCESS.get() is not None and start <= self.time.now < end:
            raise refused(2003, "Can't connect")

    def read_only(self) -> bool:
        """A full disk: what is there can be read, nothing can be written."""
        start, end = self.plan.read_only
        return start <= self.time.now < end

    def may_deadlock(self) -> None:
        """The server picked this transaction as the victim."""
        if PROCESS.get() is not None and self.troubled and self._dice.random() < self.plan.deadlocks:
            self.note("database", "deadlock")
            raise refused(1213, "Deadlock found")

    def may_lose_commit(self) -> None:
        """It is committed, and nobody was told."""
        if PROCESS.get() is None:
            return
        if self.steps in self.plan.unanswered or (self.troubled and self._dice.random() < self.plan.commit_lost):
            self.note("database", "commit not answered")
            raise refused(2013, "Lost connection")


NODE = ("10.0.0.2", 9101)
EXCHANGE = ("10.0.0.3", 80)
