"""D9: a long backlog. What came too late ends with a reason, what is fresh does not wait behind it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import event, insert
from sqlmodel import func, select

from backend.clock import utcnow
from backend.db import Database
from backend.execution.planning import AHEAD, TOGETHER, plan
from backend.execution.service import new_order_id, ready_orders
from backend.models import Job, Order
from tests.support.centre import make_centre, until
from tests.support.faults import times
from tests.support.intents import enter, leave
from tests.support.money import add_tenant, add_user
from tests.support.paper import PaperServer
from tests.support.queue import RUNNING, calm, engines

BACKLOG = times(5_000, 100_000)


def backlog(db: Database, like: Order, count: int, *, late: bool) -> None:
    """So many further entries of the same account, all too late or all in time."""
    values = {name: value for name, value in like.model_dump().items() if name not in ("id", "order_id", "client_order_id")}
    values |= {"status": "PENDING", "reason": "", "job_id": None, "attempt": 0,
               "expires_at": utcnow() + timedelta(hours=-1 if late else 1)}  # fmt: skip
    with db.transaction() as session:
        for start in range(0, count, 5_000):
            rows = [
                {**values, "order_id": new_order_id(), "client_order_id": f"late{late:d}x{number}"}
                for number in range(start, min(count, start + 5_000))
            ]
            session.connection().execute(insert(Order), rows)


def pending(db: Database) -> int:
    """How many wait, without reading them: this loop is the engine's, too."""
    with db.reading() as session:
        return session.exec(select(func.count()).select_from(Order).where(Order.status == "PENDING")).one()


async def test_a_fresh_order_overtakes_the_late_ones(sqlite_database: Database, tmp_path: Path) -> None:
    with PaperServer(tmp_path) as paper:
        centre = make_centre(sqlite_database, paper, tmp_path, accounts=1, **RUNNING)
        calm(centre)
        async with engines(centre, 1) as (engine,):
            await until(engine.leading.is_set, 120)
            (first,) = enter(centre, "SIGFIRST")
            await until(lambda: centre.orders(id=first.id)[0].status == "FILLED", 120)
            backlog(centre.db, first, BACKLOG, late=True)
            (fresh,) = leave(centre)
            await until(lambda: centre.orders(id=fresh.id)[0].status == "FILLED", 120)
            assert pending(centre.db) > 0 or BACKLOG < 10_000, "the fresh order waited for the backlog"
            await until(lambda: not pending(centre.db), times(180, 600), 0.5)
        late = [order for order in centre.orders() if order.client_order_id.startswith("late")]
        assert {(order.status, order.reason) for order in late} == {("EXPIRED", "expired before it could be sent")}
        assert len(late) == BACKLOG
        assert len(centre.exchange_orders()) == 2
        centre.check_oracles()


def test_planned_are_closes_first_then_the_newest_and_no_more_than_can_wait(
    sqlite_database: Database, tmp_path: Path
) -> None:
    db = sqlite_database
    like = Order(
        order_id="ORD-1", tenant_id=1, user_id=1, account_id=1, client_order_id="first", symbol="BTC/USDT", side="BUY",
        position_side="LONG", expires_at=utcnow() + timedelta(hours=1),
    )  # fmt: skip
    backlog(db, like, 5_000, late=False)
    db.run(plan)
    with db.transaction() as session:
        session.add(Order(**like.model_dump(exclude={"id", "trade_type"}), trade_type="CLOSE"))
    jobs = db.run(plan)
    assert jobs[0][0] == "urgent"
    with db.reading() as session:
        urgent = session.exec(select(Job).where(Job.lane == "urgent")).one()
        close = session.exec(select(Order.id).where(Order.trade_type == "CLOSE")).one()
        newest = session.exec(select(Order.id).order_by(Order.id.desc()).limit(TOGETHER + 1)).all()[-1]
        assert urgent.payload["orders"] == [close]
        planned = {one for job in session.exec(select(Job)).all() for one in job.payload["orders"]}
        assert newest in planned
    for _ in range(20):
        db.run(plan)
    with db.reading() as session:
        waiting = session.exec(select(Job.id).where(Job.state == "WAITING")).all()
    assert len(waiting) <= AHEAD + 25


def test_of_late_orders_none_is_read_to_find_the_fresh(database: Database) -> None:
    """The database's own count of rows it went through, SQLite's plan on SQLite."""
    number = database.run(lambda session: add_user(session, add_tenant(session)).id)
    like = Order(
        tenant_id=1, user_id=number or 0, account_id=1, strategy_code="x", symbol="BTC/USDT", side="BUY", position_side="LONG",
        trade_type="OPEN", order_type="MARKET", quantity=Decimal(1), order_id="O", client_order_id="q", signal_id="S",
        exchange="binance", market_type="future", mode="simulated",
    )  # fmt: skip
    backlog(database, like, 5_000, late=True)
    backlog(database, like, 3, late=False)
    with database.transaction() as session:
        run = session.connection().exec_driver_sql
        if database.is_sqlite:
            said: list[str] = []
            event.listen(database.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
            found = ready_orders(session, 500)
            asked = [sql for sql in said if sql.startswith("SELECT trade_order") and "expires_at DESC" in sql]
            marks = [tuple("0" for _ in range(sql.count("?"))) for sql in asked]
            plans = [row[3] for sql, values in zip(asked, marks, strict=True) for row in run(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert plans
            assert all("ix_trade_order_due" in one or "TEMP B-TREE" in one for one in plans), plans
        else:
            run("ANALYZE TABLE trade_order")
            run("FLUSH STATUS")
            found = ready_orders(session, 500)
            read = sum(int(count) for name, count in run("SHOW SESSION STATUS LIKE 'Handler_read%%'"))
            assert read < 500, read
        assert len(found) == 3
