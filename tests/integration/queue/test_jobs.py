"""Job rows on both databases: claimed once, leased, fenced, tried again, given up, replayed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from backend.clock import utcnow
from backend.db import Database
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.leases import LeaseLost
from backend.models import AuditLog, Job, Notification
from backend.queue import queries, service
from backend.queue.rules import DEAD, DONE, EXPIRED, KINDS, RUNNING, WAITING, backoff_s

LEASE_MS = 60_000
LANES = ("urgent", "normal")
ADMIN = Principal("admin", 1, None, "root@test.example", "Root", "super_admin", 0)


def add(db: Database, kind: str = "settle", **more: Any) -> int:
    job = db.run(lambda s: service.add(s, kind, {"fills": [1]}, **more))
    assert job is not None and job.id is not None
    return job.id


def claim(db: Database, owner: str = "a", lease_ms: int = LEASE_MS, **more: Any) -> list[Job]:
    return db.run(lambda s: service.claim(s, owner, lease_ms, **{"lanes": LANES, **more}))


def state(db: Database, job_id: int) -> Job:
    with db.reading() as session:
        return session.exec(select(Job).where(Job.id == job_id)).one()


def test_claimed_by_one_of_many(database: Database) -> None:
    ids = {add(database) for _ in range(12)}
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda n: [job for _ in range(6) for job in claim(database, f"w{n}", limit=1)], range(4)))
    taken = [job.id for part in parts for job in part]
    assert sorted(taken) == sorted(ids)
    assert {state(database, one).attempts for one in ids} == {1}


def test_urgent_lane_is_apart_and_closer_work_goes_first(database: Database) -> None:
    late, export = add(database, "dispatch"), add(database, "export")
    fresh, urgent = add(database, "dispatch"), add(database, "dispatch", lane="urgent")
    assert [job.id for job in claim(database, lanes=("normal",), limit=3)] == [fresh, late, export]
    assert [job.id for job in claim(database, lanes=("urgent",))] == [urgent]


def test_a_kind_without_room_is_left_to_others(database: Database) -> None:
    add(database, "export")
    assert claim(database, full={"export"}) == []
    assert len(claim(database)) == 1


def test_the_same_work_is_asked_for_once_until_it_is_done(database: Database) -> None:
    first = add(database, key="settle-now")
    assert database.run(lambda s: service.add(s, "settle", {}, key="settle-now")) is None
    (job,) = claim(database)
    assert database.run(lambda s: service.add(s, "settle", {}, key="settle-now")) is None
    assert database.run(lambda s: service.finish(s, first, job.token))
    assert database.run(lambda s: service.add(s, "settle", {}, key="settle-now")) is not None


def test_a_silent_worker_s_job_goes_on_and_the_old_one_writes_nothing(database: Database) -> None:
    job_id = add(database)
    (old,) = claim(database, "old", lease_ms=30)
    time.sleep(0.06)
    assert database.run(lambda s: service.renew(s, "old", {job_id: old.token}, LEASE_MS)) == set()
    (new,) = claim(database, "new")
    assert (new.id, new.token > old.token, new.attempts) == (job_id, True, 2)
    with pytest.raises(LeaseLost):
        database.run(lambda s: service.require(s, job_id, old.token))
    assert not database.run(lambda s: service.finish(s, job_id, old.token))
    assert database.run(lambda s: service.fail(s, job_id, old.token, "late")) == ""
    database.run(lambda s: service.require(s, job_id, new.token))
    assert database.run(lambda s: service.finish(s, job_id, new.token, {"ok": 1}))
    assert (state(database, job_id).state, state(database, job_id).result) == (DONE, {"ok": 1})


def test_a_lease_is_prolonged(database: Database) -> None:
    job_id = add(database)
    (job,) = claim(database, lease_ms=2_000)
    assert database.run(lambda s: service.renew(s, "a", {job_id: job.token}, LEASE_MS)) == {job_id}
    assert state(database, job_id).lease_until_ms - job.lease_until_ms > LEASE_MS / 2


def test_tried_again_later_and_given_up_in_the_end(database: Database) -> None:
    job_id = add(database)
    for attempt in range(1, KINDS["settle"].max_attempts + 1):
        (job,) = claim(database)
        assert job.attempts == attempt
        found = database.run(lambda s, token=job.token: service.fail(s, job_id, token, "the database was away"))
        row = state(database, job_id)
        if found == WAITING:
            assert claim(database) == []
            now = database.run(service.now_ms)
            assert 0.6 * backoff_s("settle", attempt) < (row.due_ms - now) / 1000 <= 1.2 * backoff_s("settle", attempt)
            database.run(lambda s: s.connection().execute(update(Job).values(due_ms=0)) and None)
    assert found == DEAD
    assert (row.error, row.open_key) == ("the database was away", None)
    with database.reading() as session:
        notices = session.exec(select(Notification)).all()
    assert [(one.audience, one.link) for one in notices] == [("platform", "/admin/queue")]


def test_one_that_kills_its_workers_is_given_up(database: Database) -> None:
    job_id = add(database)
    for _ in range(KINDS["settle"].max_attempts):
        assert len(claim(database, lease_ms=1)) == 1
        time.sleep(0.005)
    assert claim(database) == []
    assert (state(database, job_id).state, state(database, job_id).error) == (DEAD, "the worker died at it each time")


def test_replayed_by_hand_and_written_down(database: Database) -> None:
    job_id = add(database)
    with pytest.raises(service.NotDead):
        database.run(lambda s: service.replay(s, ADMIN, job_id))
    database.run(lambda s: s.connection().execute(update(Job).values(state=DEAD, attempts=5, finished_at=utcnow())) and None)
    token = state(database, job_id).token
    database.run(lambda s: service.replay(s, ADMIN, job_id))
    (job,) = claim(database)
    assert (job.id, job.attempts, job.token > token) == (job_id, 1, True)
    with database.reading() as session:
        assert [row.action for row in session.exec(select(AuditLog)).all()] == ["job.replay"]


def test_too_late_is_said_and_not_done(database: Database) -> None:
    job_id = add(database, deadline_ms=1)
    assert claim(database) == []
    assert (state(database, job_id).state, bool(state(database, job_id).error)) == (EXPIRED, True)


def test_handed_back_is_no_try(database: Database) -> None:
    job_id = add(database)
    (job,) = claim(database)
    database.run(lambda s: service.leave(s, "a", {job_id: job.token}))
    assert (state(database, job_id).state, state(database, job_id).attempts) == (WAITING, 0)


def test_unknown_work_is_refused(database: Database) -> None:
    with pytest.raises(InvalidInput):
        database.run(lambda s: service.add(s, "dance", {}))


def test_old_jobs_are_forgotten_dead_ones_kept_longer(database: Database) -> None:
    done, dead, fresh = add(database), add(database), add(database)
    hours_ago = utcnow() - timedelta(hours=2)
    for job_id, end in ((done, DONE), (dead, DEAD)):
        database.run(
            lambda s, i=job_id, e=end: s.connection().execute(
                update(Job).where(col(Job.id) == i).values(state=e, finished_at=hours_ago)
            ) and None
        )  # fmt: skip
    assert database.run(service.prune) == 1
    with database.reading() as session:
        assert set(session.exec(select(Job.id)).all()) == {dead, fresh}


def test_what_the_page_shows(database: Database) -> None:
    add(database, "dispatch", lane="urgent")
    add(database)
    claim(database, lanes=("normal",))
    with database.reading() as session:
        seen = queries.overview(session)
    counts = {(one.kind, one.lane): one for one in seen.counts}
    assert (counts["dispatch", "urgent"].waiting, counts["settle", "normal"].running) == (1, 1)
    assert counts["dispatch", "urgent"].oldest_s is not None and counts["dispatch", "urgent"].oldest_s >= 0
    assert (seen.dead, seen.workers, seen.leader) == (0, [], None)
    assert RUNNING in seen.states
