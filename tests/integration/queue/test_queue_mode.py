"""The whole chain in queue mode: real engines on one database, a real simulated exchange, a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from backend.db import Database
from backend.models import ExportJob, JobRun
from tests.support.centre import Centre, make_centre, until
from tests.support.faults import FULL
from tests.support.intents import enter, leave
from tests.support.paper import PaperServer
from tests.support.queue import RUNNING, Tap, at_rest, calm, engines, jobs
from tests.support.redis import RedisServer, private_redis

__all__ = ["private_redis"]


@pytest.fixture(params=["sqlite", "mariadb"] if FULL else ["sqlite"])
def centre(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Centre]:
    db = Database(request.getfixturevalue(f"{request.param}_url"))
    with PaperServer(tmp_path) as paper:
        made = make_centre(db, paper, tmp_path, accounts=4, **RUNNING)
        calm(made)
        yield made
        made.check_oracles()
    db.dispose()


def settled_once(centre: Centre, orders: int) -> None:
    """So many market orders, all filled, each one order on the exchange and one job of ours."""
    market = [order for order in centre.orders() if order.order_type == "MARKET"]
    assert len(market) == orders
    assert {order.status for order in market} == {"FILLED"}, [(o.status, o.reason) for o in market]
    assert {order.job_id for order in market} == {None}
    ids = [row["clientOrderId"] for row in centre.exchange_orders()]
    assert len(ids) == len(set(ids))
    assert {order.client_order_id for order in market} <= set(ids)


async def test_orders_go_through_workers_and_nothing_secret_through_redis(
    centre: Centre, private_redis: RedisServer
) -> None:
    centre.settings = centre.settings.model_copy(update={"redis_url": private_redis.url})
    with Tap(private_redis.port) as tap:
        async with engines(centre, 2) as both:
            await until(lambda: any(engine.leading.is_set() for engine in both), 120)
            await until(lambda: all(engine.desk.runner.waker.healthy for engine in both), 120)
            enter(centre)
            await until(lambda: len(centre.fills()) == 4 and at_rest(centre), 180)
            leave(centre)
            await until(lambda: len(centre.fills()) == 8 and at_rest(centre), 180)
            with centre.db.transaction() as session:
                session.add(ExportJob(owner_kind="agent", owner_id=centre.user_ids[0], tenant_id=centre.tenant_id,
                                      list_name="history", format="csv", asked={}))  # fmt: skip
            await until(lambda: any(job.kind == "export" and job.state == "DONE" for job in jobs(centre)), 120)
            with private_redis.client() as link:
                # What was done leaves nothing behind in Redis.
                await until(lambda: link.xlen("ironbull:jobs:normal") + link.xlen("ironbull:jobs:urgent") == 0, 120)
        await until(lambda: not jobs(centre, state="RUNNING"), 60)
    settled_once(centre, 8)
    dispatched = jobs(centre, kind="dispatch")
    assert {job.lane for job in dispatched} == {"normal", "urgent"}
    assert {job.state for job in dispatched} == {"DONE"}
    assert {job.kind for job in jobs(centre, state="DONE")} >= {"dispatch", "settle", "timetable", "export", "notices"}
    with centre.db.reading() as session:
        assert session.exec(select(ExportJob)).one().status == "done"
        assert {"sync_balances", "settle_pending"} <= {row.name for row in session.exec(select(JobRun)).all()}
    # What Redis was told: which rows to look at. No key, no secret, no amount, no symbol.
    assert tap.text.count("XADD") >= 2
    for number in range(4):
        keys = centre.paper.account(f"agent-{number}")
        assert keys["api_key"] not in tap.text and keys["api_secret"] not in tap.text
    for order in centre.orders():
        assert order.client_order_id not in tap.text and order.symbol not in tap.text


async def test_without_redis_the_workers_ask_the_database(centre: Centre, private_redis: RedisServer) -> None:
    """D7, D8: away at the start, there, frozen, flushed, killed for good. Nothing is lost, nothing goes twice."""
    centre.settings = centre.settings.model_copy(update={"redis_url": private_redis.url})
    private_redis.kill()
    async with engines(centre, 2) as both:
        wakers = [engine.desk.runner.waker for engine in both]
        await until(lambda: any(engine.leading.is_set() for engine in both), 120)

        async def round_trip(name: str, fills: int) -> None:
            enter(centre, name)
            await until(lambda: len(centre.fills()) == fills - 4 and at_rest(centre), 180)
            leave(centre)
            await until(lambda: len(centre.fills()) == fills and at_rest(centre), 180)

        await round_trip("SIGAWAY", 8)
        private_redis.start()
        await until(lambda: all(waker.healthy for waker in wakers), 120)
        await round_trip("SIGTHERE", 16)
        private_redis.freeze()
        await round_trip("SIGFROZEN", 24)
        private_redis.thaw()
        await until(lambda: all(waker.healthy for waker in wakers), 120)
        with private_redis.client() as link:
            link.flushall()
        await round_trip("SIGFLUSHED", 32)
        private_redis.kill()
        await round_trip("SIGDEAD", 40)
    settled_once(centre, 40)
