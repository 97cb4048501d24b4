"""``ironbull worker --supervise N``: N engine workers as processes, watched and started again.

One of them holds the engine's lease and acts; another takes over within the lease's time when it dies. A dead worker is
started again after a pause that grows; the fourth death within five minutes ends that, with a notification. A worker proves
that it lives by a byte on a pipe from its event loop: one that is silent too long hangs and is killed. When the supervisor
itself ends, in whatever way, its workers read the end of their standard input and stop.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import structlog

from backend.bots.restart_rules import after_crash, stale_after_s
from backend.clock import utcnow
from backend.db import Database
from backend.models import Notification
from backend.settings import Settings

log = structlog.get_logger("supervisor")

BEAT_FD = "IRONBULL_WORKER_BEAT_FD"
EXIT_WITH_STDIN = "IRONBULL_WORKER_EXIT_WITH_STDIN"
BEAT_S = 2.0
POLL_S = 0.2
END_S = 20.0
"""So long a worker may take to end: jobs in hand are given their time, what is left goes to others by its lease."""
STOP_S = END_S + 4.0
CANNOT_RUN = 2
"""Exit code of a worker whose configuration is not usable: starting it again would not help."""


@dataclass
class Slot:
    """One worker's place. ``state`` is running | waiting | error."""

    number: int
    process: subprocess.Popen[bytes] | None = None
    beat_fd: int | None = None
    last_beat_s: float = 0.0
    crashes: tuple[float, ...] = ()
    start_at_s: float = 0.0
    state: str = "waiting"
    starts: int = 0


@dataclass
class Supervisor:
    """Starts and watches workers until ``stop``. ``command`` is what one worker runs; it inherits this environment."""

    settings: Settings
    db: Database
    workers: int = 2
    command: list[str] = field(default_factory=lambda: [sys.executable, "-m", "ironbull_app.cli", "worker"])
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.slots = [Slot(number) for number in range(1, self.workers + 1)]
        self._stopping = threading.Event()

    def run(self) -> int:
        """Watch until told to stop. 0 then; 1 when every worker had to be given up."""
        try:
            while not self._stopping.wait(POLL_S):
                for slot in self.slots:
                    self.look(slot)
                if all(slot.state == "error" for slot in self.slots):
                    log.error("no worker is left")
                    return 1
            return 0
        finally:
            self._end_all()

    def stop(self, *_: Any) -> None:
        """End the workers and return from ``run``. Fit for a signal handler."""
        self._stopping.set()

    def look(self, slot: Slot) -> None:
        """Start, listen to, or bury one worker."""
        now = time.monotonic()
        if slot.process is None:
            if slot.state == "waiting" and now >= slot.start_at_s:
                self._start(slot)
            return
        self._listen(slot, now)
        if slot.process.poll() is None and now - slot.last_beat_s > stale_after_s(self.settings.scan_interval_s):
            log.error("worker hangs", worker=slot.number, silent_s=round(now - slot.last_beat_s))
            slot.process.kill()
            slot.process.wait()
        code = slot.process.poll()
        if code is not None:
            self._died(slot, code, now)

    def _start(self, slot: Slot) -> None:
        reads, writes = os.pipe()
        os.set_blocking(reads, False)
        environment = {**os.environ, **self.environment, BEAT_FD: str(writes), EXIT_WITH_STDIN: "1"}
        slot.process = subprocess.Popen(self.command, env=environment, stdin=subprocess.PIPE, pass_fds=(writes,))  # noqa: S603 - our own command
        os.close(writes)
        slot.beat_fd, slot.last_beat_s, slot.state = reads, time.monotonic(), "running"
        slot.starts += 1
        log.info("worker started", worker=slot.number, pid=slot.process.pid)

    @staticmethod
    def _listen(slot: Slot, now_s: float) -> None:
        with contextlib.suppress(BlockingIOError):
            if slot.beat_fd is not None and os.read(slot.beat_fd, 4096):
                slot.last_beat_s = now_s

    def _died(self, slot: Slot, code: int, now_s: float) -> None:
        self._forget(slot)
        if code == CANNOT_RUN:
            self._give_up(slot, "Its configuration is not usable; see its output. Correct it and start the worker again.")
            return
        verdict = after_crash(slot.crashes, now_s)
        slot.crashes = verdict.crashes
        if verdict.wait_s is None:
            self._give_up(slot, "It ended four times within five minutes. See the log, then start the worker again.")
            return
        slot.state, slot.start_at_s = "waiting", now_s + verdict.wait_s
        log.warning("worker died", worker=slot.number, code=code, again_in_s=verdict.wait_s)

    def _give_up(self, slot: Slot, why: str) -> None:
        slot.state = "error"
        log.error("worker given up", worker=slot.number, why=why)
        row = Notification(audience="platform", type="system", title=f"Worker {slot.number} stopped", message=why, created_at=utcnow())
        self.db.run(lambda session: session.add(row))

    @staticmethod
    def _forget(slot: Slot) -> None:
        if slot.process is not None and slot.process.stdin is not None:
            slot.process.stdin.close()
        if slot.beat_fd is not None:
            os.close(slot.beat_fd)
        slot.process = slot.beat_fd = None

    def _end_all(self) -> None:
        alive = [slot for slot in self.slots if slot.process is not None]
        for slot in alive:
            assert slot.process is not None
            slot.process.terminate()
        deadline = time.monotonic() + STOP_S
        for slot in alive:
            assert slot.process is not None
            try:
                slot.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                slot.process.kill()
                slot.process.wait()
            self._forget(slot)


def main(settings: Settings, db: Database, workers: int) -> int:
    """Supervise until SIGTERM or SIGINT. The process's exit code."""
    supervisor = Supervisor(settings, db, workers)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, supervisor.stop)
    return supervisor.run()
