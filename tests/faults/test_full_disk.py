"""D6: the disk under the database is full, a real one: nothing is half written, nothing new is sent, what was sent is booked later."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import func, select

from backend.clock import utcnow
from backend.db import CannotWrite, Database
from backend.execution.service import adopt_orphans
from backend.execution.wire import Wire
from backend.models import AuditLog, Notification, Order
from node_service.client import NodeClient
from node_service.executor import Executor
from tests.support.centre import Centre, make_centre
from tests.support.intents import enter, leave
from tests.support.paper import PaperServer

DISK_MB = 24
ROW = 2_000


class Disk:
    """A small disk of its own, and a file that takes up what is left of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, db: Database) -> None:
        """Until the smallest write is refused: pages the database had set aside are used up first."""
        with self._ballast.open("ab", buffering=0) as out:
            try:
                while True:
                    out.write(b"\0" * 4096)
            except OSError:
                pass
        refused = 0
        while refused < 3:
            try:
                db.run(lambda s: s.add(Notification(audience="platform", type="system", title="full", message="x" * ROW)))
                refused = 0
            except CannotWrite:
                refused += 1

    def free(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield Disk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def centre(disk: Disk, _sqlite_template: Path, tmp_path: Path) -> Iterator[Centre]:
    shutil.copyfile(_sqlite_template, disk.folder / "ironbull.db")
    db = Database(f"sqlite:///{disk.folder / 'ironbull.db'}")
    with PaperServer(tmp_path) as paper:
        yield make_centre(db, paper, tmp_path, accounts=2)
    db.dispose()


class FillingWire(Wire):
    """The disk is full by the time the answer about orders arrives."""

    def __init__(self, disk: Disk, db: Database) -> None:
        super().__init__(Executor(node_code="centre", allow_venue_url=True), NodeClient())
        self._disk = disk
        self._db = db

    async def call(self, target: Any, path: str, body: Mapping[str, Any], deadline_s: float) -> dict[str, Any]:
        answer = await super().call(target, path, body, deadline_s)
        if path == "/api/execute":
            self._disk.fill(self._db)
        return answer


def counts(centre: Centre) -> tuple[int, ...]:
    with centre.db.reading() as session:
        return tuple(session.exec(select(func.count()).select_from(table)).one() for table in (Order, AuditLog))


async def test_nothing_is_half_written_and_all_is_found_again(centre: Centre, disk: Disk) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre, "SIGBEFORE")
    await engine.dispatch()
    resting = centre.positions()
    assert {row.status for row in resting} == {"OPEN"}

    # Answers arrive when nothing can be written any more.
    enter(centre, "SIGDURING", symbol="ETH/USDT")
    await engine.wire.close()
    engine.wire = engine.dispatcher._wire = FillingWire(disk, centre.db)
    with pytest.raises(CannotWrite, match="disk is full"):
        await engine.dispatch()
    sent = centre.exchange_orders()
    during = [row for row in centre.orders(signal_id="SIGDURING") if row.order_type == "MARKET"]
    assert {row.status for row in during} == {"SENT"} and len(sent) == 4

    # While it lasts: no new intent, no part of one, nothing on its way to the exchange; everything can be read, stops rest.
    before = counts(centre)
    for attempt in (lambda: enter(centre, "SIGAFTER", symbol="XRP/USDT"), lambda: leave(centre)):
        with pytest.raises(CannotWrite):
            attempt()
    assert counts(centre) == before and centre.exchange_orders() == sent
    assert [(row.id, row.quantity, row.stop_status) for row in centre.positions()] == [(row.id, row.quantity, "OPEN") for row in resting]
    for paper_id in centre.paper_ids:
        assert [row["algoStatus"] for row in centre.paper.dump(paper_id)["algo_orders"]] == ["NEW", "NEW"]

    # There is room again: what was executed meanwhile is asked for and booked, once.
    disk.free()
    await centre.stop_engine()
    engine = centre.start_engine()
    await centre.db.arun(lambda s: adopt_orphans(s, utcnow()))
    await engine.refresh_prices()
    await engine.reconciler.run()
    assert {row.status for row in centre.positions()} == {"OPEN"} and len(centre.positions()) == 4
    leave(centre)
    await engine.dispatch()
    assert {row.status for row in centre.positions()} == {"CLOSED"}
    ids = [row["clientOrderId"] for row in centre.exchange_orders()]
    assert len(ids) == len(set(ids)) == 8
    await engine._settle_new()
    await centre.stop_engine()
    centre.check_oracles()
