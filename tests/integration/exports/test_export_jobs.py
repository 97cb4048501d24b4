"""Long exports on both databases: every row once, whoever writes them, and only for the person who asked."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import signal
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlmodel import Session, col, func, select, update

from backend.clock import utcnow
from backend.db import Database
from backend.errors import InvalidInput, NotAllowed, NotFound
from backend.exports import service
from backend.exports.worker import Exporter
from backend.identity.principal import Principal
from backend.identity.service import create_admin
from backend.models import Admin, AuditLog, ExportJob, ExportPiece, Notification
from tests.support.faults import times
from tests.support.money import add_tenant, add_user

ROWS = times(2_500, 200_000)


def as_admin(session: Session, name: str = "first") -> Principal:
    row = session.exec(select(Admin).where(Admin.username == name)).first() or create_admin(session, name, "blue-Kettle-47-walks")
    return Principal("admin", row.id or 0, None, name, "", "owner", 0)


def fill(database: Database, count: int) -> Principal:
    """So many lines in the audit trail, and an admin who may read them."""
    table, now = AuditLog.__table__, utcnow() - timedelta(hours=1)

    def work(session: Session) -> Principal:
        for start in range(0, count, 5_000):
            session.connection().execute(
                insert(table),
                [
                    {"at": now + timedelta(milliseconds=n), "actor_kind": "system", "action": f"thing.{n}", "target": f"=row {n}",
                     "ok": True, "ip": "", "detail": {"n": n}}
                    for n in range(start, min(start + 5_000, count))
                ],
            )  # fmt: skip
        return as_admin(session)

    return database.run(work)


def content(database: Database, who: Principal, job_id: int) -> bytes:
    with database.reading() as session:
        job = service.ready_job(session, who, job_id)
        data = b"".join(service.piece(session, job_id, number) for number in range(job.pieces))
        assert len(data) == job.size
        return data


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def job(database: Database, job_id: int) -> ExportJob:
    with database.reading() as session:
        return session.get_one(ExportJob, job_id)


async def test_every_row_that_existed_once_and_in_order(database: Database) -> None:
    who = fill(database, ROWS)
    asked = database.run(lambda s: service.ask(s, who, "audit", "csv", {"search": "thing."}))
    database.run(lambda s: s.add(AuditLog(actor_kind="system", action="thing.later", target="x")))
    assert await Exporter(database).run()
    found = rows_of(content(database, who, asked.id or 0))
    assert [row["action"] for row in found] == [f"thing.{n}" for n in reversed(range(ROWS))]
    assert found[0]["target"] == f"'=row {ROWS - 1}", "no formula for a spreadsheet"
    done = job(database, asked.id or 0)
    assert (done.status, done.rows_done, done.total) == ("done", ROWS, ROWS)
    with database.reading() as session:
        note = session.exec(select(Notification).where(Notification.title == "Export of audit is ready")).one()
        assert (note.audience, note.link) == ("platform", "/admin/exports")
    assert not await Exporter(database).run()


async def test_an_excel_file(database: Database) -> None:
    who = fill(database, 700)
    asked = database.run(lambda s: service.ask(s, who, "audit", "xlsx", {"search": "thing.", "sort": "action", "desc": "0"}))
    assert await Exporter(database, page=300).run()
    book = zipfile.ZipFile(io.BytesIO(content(database, who, asked.id or 0)))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 701
    assert "<f>" not in sheet


CHILD = """
import asyncio, sys
from datetime import timedelta
from backend.db import Database
from backend.exports.worker import Exporter
asyncio.run(Exporter(Database(sys.argv[1]), page=50, stale=timedelta(seconds=0)).run())
"""


async def test_a_killed_writer_is_followed_by_another_one(database: Database, tmp_path: Path) -> None:
    count = 6_000
    who = fill(database, count)
    asked = database.run(lambda s: service.ask(s, who, "audit", "csv", {"search": "thing."}))
    url = database.url.render_as_string(hide_password=False)
    env = {**os.environ, "IRONBULL_HOME": str(tmp_path)}
    for kills in range(1, 4):
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, url, env=env, cwd=Path(__file__).parents[3])
        async with asyncio.timeout(60):
            while job(database, asked.id or 0).rows_done < kills * 200:  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        await child.wait()
    left = job(database, asked.id or 0)
    assert left.status == "running" and left.rows_done < count, "the writer must have died before it was done"
    await asyncio.sleep(0.01)
    assert await Exporter(database, stale=timedelta(seconds=0)).run()
    found = rows_of(content(database, who, asked.id or 0))
    assert [row["action"] for row in found] == [f"thing.{n}" for n in reversed(range(count))]


async def test_a_writer_taken_for_dead_writes_no_more(database: Database) -> None:
    who = fill(database, 500)
    asked = database.run(lambda s: service.ask(s, who, "audit", "csv", {"search": "thing."}))
    slow, quick = Exporter(database, page=100), Exporter(database, page=100, stale=timedelta(seconds=0))
    keep, began, go_on = slow._keep, asyncio.Event(), asyncio.Event()

    async def paused(*given: object) -> None:
        if given[2]:
            began.set()
            await go_on.wait()
        await keep(*given)

    slow._keep = paused
    late = asyncio.create_task(slow.run())
    await began.wait()
    await asyncio.sleep(0.01)
    assert await quick.run()
    go_on.set()
    await late
    assert len(rows_of(content(database, who, asked.id or 0))) == 500


async def test_cancelled_while_it_is_written(database: Database) -> None:
    who = fill(database, 500)
    asked = database.run(lambda s: service.ask(s, who, "audit", "csv", {"search": "thing."}))
    exporter = Exporter(database, page=50)
    keep = exporter._keep

    async def cancel_after_the_first(*given: object) -> None:
        await keep(*given)
        with database.reading() as session:
            there = session.get(ExportJob, asked.id)
        if there is not None:
            database.run(lambda s: service.remove(s, who, asked.id or 0))

    exporter._keep = cancel_after_the_first
    assert await exporter.run()
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(ExportPiece)).one() == 0
        assert session.exec(select(func.count()).select_from(ExportJob)).one() == 0


async def test_it_is_its_owners_alone(database: Database) -> None:
    who = fill(database, 3)
    other = database.run(lambda s: as_admin(s, "second"))
    asked = database.run(lambda s: service.ask(s, who, "audit", "csv", {}))
    assert asked.id
    with database.reading() as session:
        for verb in (service.job_of, service.ready_job):
            with pytest.raises(NotFound):
                verb(session, other, asked.id)
        with pytest.raises(service.ExportNotReady):
            service.ready_job(session, who, asked.id)
        assert service.jobs(session, other) == ([], 0)
    with pytest.raises(NotFound):
        database.run(lambda s: service.remove(s, other, asked.id or 0))
    # Who is switched off meanwhile gets nothing.
    database.run(lambda s: s.connection().execute(update(Admin).where(col(Admin.id) == who.id).values(status=0)))
    assert await Exporter(database).run()
    assert job(database, asked.id).status == "failed"


def test_what_is_refused(database: Database) -> None:
    who = fill(database, 1)

    def agent(session: Session) -> Principal:
        user = add_user(session, add_tenant(session))
        return Principal("agent", user.id or 0, user.tenant_id, "", "", "", 0)

    them = database.run(agent)
    for name, kind, asked, error in (
        ("nothing", "csv", {}, NotFound), ("audit", "pdf", {}, InvalidInput), ("audit", "csv", {"result": "maybe"}, InvalidInput),
        ("audit", "csv", {"sort": "detail"}, InvalidInput),
    ):  # fmt: skip
        with pytest.raises(error):
            database.run(lambda s, name=name, kind=kind, asked=asked: service.ask(s, who, name, kind, asked))
    with pytest.raises(NotAllowed):
        database.run(lambda s: service.ask(s, them, "audit", "csv", {}))
    for _ in range(service.AT_ONCE):
        database.run(lambda s: service.ask(s, who, "audit", "csv", {}))
    with pytest.raises(service.TooManyExports):
        database.run(lambda s: service.ask(s, who, "audit", "csv", {}))
    database.run(lambda s: service.ask(s, them, "history", "csv", {}))


def test_old_files_are_deleted(database: Database) -> None:
    who = fill(database, 1)
    old = database.run(lambda s: service.ask(s, who, "audit", "csv", {}))
    database.run(lambda s: s.add(ExportPiece(job_id=old.id or 0, number=0, data=b"x")))
    late = utcnow() - service.KEEP - timedelta(minutes=1)
    database.run(lambda s: s.connection().execute(update(ExportJob).values(created_at=late)))
    young = database.run(lambda s: service.ask(s, who, "audit", "csv", {}))
    assert database.run(service.prune) == 1
    with database.reading() as session:
        assert [row.id for row in session.exec(select(ExportJob)).all()] == [young.id]
        assert session.exec(select(func.count()).select_from(ExportPiece)).one() == 0
