"""Settlements that race: the same fills in several processes, many users below one root in several threads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import func, select

from backend.billing import jobs, service
from backend.db import Database
from backend.ledger.rules import InsufficientBalance
from backend.models import Reward, Settlement, User
from tests.support.at_once import at_once
from tests.support.faults import times
from tests.support.money import add_fill, add_tenant, add_user, assert_sound, fund

PROCESSES, FILLS = times(4, 8), times(24, 10_000)
WORKER = Path(__file__).with_name("settle_worker.py")
HOME = Path(__file__).resolve().parents[3]


def test_processes_race_for_the_same_fills(database: Database, database_url: str) -> None:
    """D1: each fill is settled once; every loser gets the winner's result."""

    def build(session):
        tenant = add_tenant(session)
        inviter = add_user(session, tenant, node=True, hold="20000")
        users = [add_user(session, tenant, inviter) for _ in range(3)]
        for user in users:
            fund(session, user, str(times(60, 4_000_000)), "10")
        return [add_fill(session, users[n % 3], str(10 + n)).id for n in range(FILLS)]

    fills = database.run(build)
    workers = [
        subprocess.Popen(
            [sys.executable, str(WORKER), database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=HOME, env={"PYTHONPATH": str(HOME), "PATH": ""},
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    answers = []
    for worker in workers:
        worker.stdin.write(json.dumps(fills) + "\n")
        worker.stdin.flush()
    for worker in workers:
        out, _ = worker.communicate(timeout=times(120, 3600))
        assert worker.returncode == 0
        answers += [json.loads(line) for line in out.splitlines()]
    by_fill = defaultdict(list)
    for fill_id, *answer in answers:
        by_fill[fill_id].append(answer)
    assert sorted(by_fill) == fills
    for same in by_fill.values():
        assert len(same) == PROCESSES
        assert len({tuple(answer[:3]) for answer in same}) == 1
        assert [answer[3] for answer in same].count(False) == 1
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(Settlement)).one() == FILLS
    assert_sound(database)


def test_many_users_below_one_root_do_not_deadlock_each_other(database: Database) -> None:
    def build(session):
        tenant = add_tenant(session)
        top = add_user(session, tenant, node=True, hold="20000")
        users = []
        for _ in range(4):
            middle = add_user(session, tenant, top, node=True, hold="1500")
            users += [add_user(session, tenant, middle) for _ in range(2)]
        for user in users:
            fund(session, user, "500", "20")
        return [add_fill(session, user, "25.5", fee="0.1").id for user in users for _ in range(5)]

    fills = database.run(build)

    def work(part: list[int]) -> None:
        for fill_id in part:
            # No retry: a deadlock would surface here.
            with database.transaction() as session:
                service.settle_fill(session, fill_id)

    assert at_once(*(partial(work, fills[n::6]) for n in range(6))) == [None] * 6
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(Settlement)).one() == len(fills)
    assert_sound(database)


@given(
    parents=st.lists(st.integers(0, 100), min_size=2, max_size=9),
    nodes=st.lists(st.booleans(), min_size=10, max_size=10),
    holds=st.lists(st.sampled_from(["0", "999.99", "1000", "15000", "600000"]), min_size=10, max_size=10),
    events=st.lists(
        st.tuples(
            st.integers(0, 100),
            st.sampled_from(["fill", "fund", "gift", "transfer"]),
            st.integers(1, 10**11).map(lambda n: Decimal(n).scaleb(-8)),
        ),
        min_size=1,
        max_size=12,
    ),
)
@settings(max_examples=times(25, 2_000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_money_is_conserved_in_any_tree(sqlite_database: Database, parents, nodes, holds, events) -> None:
    """Random invite trees and random events: every invariant holds, no balance is negative, nothing is lost."""

    def build(session):
        tenant = add_tenant(session)
        users = [session.get(User, tenant.root_user_id)]
        for number, parent in enumerate(parents):
            inviter = users[parent % len(users)]
            users.append(add_user(session, tenant, inviter, node=nodes[number], hold=holds[number]))
        return tenant.id, [user.id for user in users]

    tenant_id, user_ids = sqlite_database.run(build)
    for number, (who, what, amount) in enumerate(events):
        user_id, other_id = user_ids[who % len(user_ids)], user_ids[(who // 7) % len(user_ids)]

        def step(session, user_id=user_id, other_id=other_id, what=what, amount=amount, number=number):
            user = session.get(User, user_id)
            if what == "fund":
                fund(session, user, own=str(amount))
            elif what == "gift":
                fund(session, user, gift=str(amount))
            elif what == "transfer":
                try:
                    service.transfer_points(
                        session, f"{tenant_id}:{number}", tenant_id=tenant_id, from_user_id=user_id,
                        to_user_id=other_id, card=1, amount=amount,
                    )  # fmt: skip
                except (InsufficientBalance, service.NotSameLine):
                    pass
            else:
                sign = -1 if number % 3 == 2 else 1
                service.settle_fill(session, add_fill(session, user, str(sign * amount), fee="0.00000001").id)

        sqlite_database.run(step)
    sqlite_database.run(jobs.refresh_levels)
    assert_sound(sqlite_database)
    with sqlite_database.reading() as session:
        assert all(amount > 0 for amount in session.exec(select(Reward.amount)).all())
