"""Workers as real processes: killed ones are healed within 30 s, hopeless ones are given up, none outlives its supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlmodel import select

from backend.db import Database
from backend.migrations import upgrade
from backend.models import Lease, Notification, Order, Scan
from backend.settings import get_settings
from backend.supervisor import Supervisor
from tests.support.paper import ROOT, PaperServer


def wait(check: Callable[[], bool], timeout_s: float, what: str) -> float:
    started = time.monotonic()
    while not check():
        assert time.monotonic() - started < timeout_s, f"waited {timeout_s} s for {what}"
        time.sleep(0.1)
    return time.monotonic() - started


def gone(pid: int) -> bool:
    """No such process, or only its entry in the table is left."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def worker_pids(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def database(home: Path) -> Database:
    home.mkdir(exist_ok=True)
    url = f"sqlite:///{home / 'ironbull.db'}"
    upgrade(url)
    return Database(url)


def test_a_killed_worker_is_healed_within_30_s(tmp_path: Path) -> None:
    home = tmp_path / "home"
    db = database(home)
    with PaperServer(tmp_path, "--speed", "1500", mode="running") as paper:
        environment = {
            **os.environ, "IRONBULL_HOME": str(home), "IRONBULL_PAPER_URL": paper.base_url, "IRONBULL_PAPER_TOKEN": paper.token,
            "IRONBULL_SCAN_INTERVAL_S": "0.5", "IRONBULL_EXIT_INTERVAL_S": "0.5",
        }  # fmt: skip
        command = [sys.executable, "-m", "ironbull_app.cli", "worker", "--supervise", "2"]
        with (tmp_path / "out.log").open("wb") as out:
            supervisor = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

        def scans() -> int:
            with db.reading() as session:
                return len(session.exec(select(Scan.id)).all())

        def token() -> int:
            with db.reading() as session:
                row = session.get(Lease, "engine")
                return row.token if row else 0

        try:
            start_s = wait(lambda: scans() > 0, 180, "the first scan")
            workers = worker_pids(supervisor.pid)
            assert len(workers) == 2
            before, held = scans(), token()
            for pid in workers:  # both, so that no standby hides it
                os.kill(pid, signal.SIGKILL)
            # A machine that needs longer than half of the 30 s for any start is given the pause and the lease's end besides.
            healed_s = max(30.0, start_s + 15.0)
            took = wait(lambda: scans() > before and token() > held, healed_s, "scans by a new worker")
            wait(lambda: len(worker_pids(supervisor.pid)) == 2, 90, "two workers again")
            assert not set(worker_pids(supervisor.pid)) & set(workers)
            print(f"healed after {took:.1f} s")
            left = worker_pids(supervisor.pid)
            supervisor.kill()
            supervisor.wait()
            wait(lambda: all(gone(pid) for pid in left), 60, "the workers to end with their supervisor")
            with db.reading() as session:
                ids = [row.client_order_id for row in session.exec(select(Order)).all()]
            assert len(ids) == len(set(ids))
        finally:
            supervisor.kill()
            supervisor.wait()


def test_hopeless_workers_are_given_up(tmp_path: Path) -> None:
    """One that refuses its configuration is not tried again; people are told."""
    db = database(tmp_path / "home")
    supervisor = Supervisor(get_settings(), db, 2, [sys.executable, "-c", "raise SystemExit(2)"])
    assert supervisor.run() == 1
    assert [slot.starts for slot in supervisor.slots] == [1, 1]
    with db.reading() as session:
        said = session.exec(select(Notification)).all()
    assert sorted(row.title for row in said) == ["Worker 1 stopped", "Worker 2 stopped"]
    assert all("configuration" in row.message for row in said)


def test_a_crash_waits_and_the_fourth_is_the_end(tmp_path: Path) -> None:
    db = database(tmp_path / "home")
    supervisor = Supervisor(get_settings(), db, 1, [sys.executable, "-c", "raise SystemExit(7)"])
    slot = supervisor.slots[0]
    waits = []
    while slot.state != "error":
        supervisor.look(slot)
        if slot.process is not None:
            slot.process.wait()
        elif slot.start_at_s > time.monotonic():
            waits.append(round(slot.start_at_s - time.monotonic()))
            slot.start_at_s = 0.0  # the pause itself is not what is tested
    assert (waits, slot.starts) == ([5, 15, 45], 4)


def test_a_worker_that_hangs_is_killed(tmp_path: Path) -> None:
    """It runs, but its event loop says nothing."""
    db = database(tmp_path / "home")
    supervisor = Supervisor(get_settings(), db, 1, [sys.executable, "-c", "import time; time.sleep(600)"])
    slot = supervisor.slots[0]
    supervisor.look(slot)
    assert slot.process is not None
    pid = slot.process.pid
    supervisor.look(slot)
    assert slot.process is not None
    slot.last_beat_s -= 91
    supervisor.look(slot)
    assert gone(pid) and slot.state == "waiting"


def test_it_ends_its_workers(tmp_path: Path) -> None:
    db = database(tmp_path / "home")
    supervisor = Supervisor(get_settings(), db, 2, [sys.executable, "-c", "import time; time.sleep(600)"])
    pids: list[int] = []

    def stop_when_all_run() -> None:
        try:
            wait(lambda: all(slot.state == "running" for slot in supervisor.slots), 60, "both workers")
            pids.extend(slot.process.pid for slot in supervisor.slots if slot.process is not None)
        finally:
            supervisor.stop()

    watch = threading.Thread(target=stop_when_all_run)
    watch.start()
    assert supervisor.run() == 0
    watch.join()
    assert len(pids) == 2 and all(gone(pid) for pid in pids)
