"""Bots on the real chain: one that fails harms no other, rests, and is given up with what to do; a dead engine's place is taken."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from backend import leases
from backend.bots import queries, service, watchdog
from backend.clock import utcnow
from backend.db import Database
from backend.engine import LEASE
from backend.errors import Conflict
from backend.identity.principal import Principal
from backend.models import (
    Binding,
    Bot,
    BotWatch,
    ExchangeAccount,
    Notification,
    Position,
    Scan,
    ScanPanel,
    Tenant,
    User,
)
from tests.support.centre import Centre, make_centre
from tests.support.intents import enter
from tests.support.paper import PaperServer


@pytest.fixture
async def two(tmp_path: Path, sqlite_database: Database) -> Any:
    with PaperServer(tmp_path) as paper:
        centre = make_centre(sqlite_database, paper, tmp_path, accounts=2)
        yield centre
        await centre.stop_engine()


def bot(centre: Centre, place: int) -> Bot:
    with centre.db.reading() as session:
        return session.exec(select(Bot).where(Bot.user_id == centre.user_ids[place])).one()


def agent(centre: Centre, place: int = 0) -> Principal:
    return Principal("agent", centre.user_ids[place], centre.tenant_id, "u", "u", "", 0)


def panels(centre: Centre, place: int) -> int:
    with centre.db.reading() as session:
        return len(session.exec(select(ScanPanel.id).where(ScanPanel.user_id == centre.user_ids[place])).all())


async def scans(centre: Centre, steps: int = 20) -> None:
    engine = centre.engine or centre.start_engine()
    for _ in range(steps):
        await engine.step()


async def test_settings_that_are_not_valid_stop_one_bot_only(two: Centre) -> None:
    with two.db.transaction() as session:
        row = session.exec(select(Bot).where(Bot.user_id == two.user_ids[0])).one()
        row.config = {"max_leverage": 999}
        session.add(row)
    await scans(two)
    assert (bot(two, 0).desired, bot(two, 0).observed) == ("stopped", "error")
    assert "settings are not valid" in bot(two, 0).reason
    assert panels(two, 0) == 0 and panels(two, 1) >= 1 and bot(two, 1).observed == "running"
    with two.db.reading() as session:
        told = session.exec(select(Notification).where(Notification.type == "bot_error")).all()
    assert {(row.audience, row.user_id) for row in told} == {("agent", two.user_ids[0]), ("tenant", None)}
    # A person corrects it and starts again.
    two.db.run(lambda s: service.configure(s, agent(two), two.user_ids[0], {"max_leverage": 5}))
    two.db.run(lambda s: service.start(s, agent(two), two.user_ids[0]))
    await scans(two)
    assert bot(two, 0).observed == "running" and panels(two, 0) >= 1


async def test_a_bot_that_crashes_harms_no_other_and_rests(two: Centre) -> None:
    """Something in one bot that nobody thought of: a size that no longer fits its arithmetic."""
    with two.db.transaction() as session:
        for row in session.exec(select(Bot)).all():
            row.config = {"min_score": 0, "long_min_score": 0, "long_skip_from_score": None, "ma_filter": "off"}
            session.add(row)
        bindings = session.exec(select(Binding).where(Binding.user_id == two.user_ids[0])).all()
        for row in bindings:
            row.leverage, row.capital = 10**12, Decimal(10) ** 17
            session.add(row)
    await scans(two, 40)
    with two.db.reading() as session:
        watch = session.get(BotWatch, two.user_ids[0])
    assert bot(two, 0).observed == "restarting" and watch is not None and watch.last_error
    assert not [row for row in two.orders() if row.account_id == two.account_ids[0]]
    assert [row for row in two.orders() if row.account_id == two.account_ids[1]] and bot(two, 1).observed == "running"
    before = panels(two, 0), panels(two, 1)
    with two.db.transaction() as session:
        session.get_one(BotWatch, two.user_ids[0]).retry_at = utcnow() - timedelta(seconds=1)
        for row in session.exec(select(Binding)).all():
            row.leverage, row.capital = 3, Decimal(1000)
            session.add(row)
    await scans(two)
    assert bot(two, 0).observed == "running" and panels(two, 0) > before[0] and panels(two, 1) > before[1]


async def test_the_fourth_crash_in_five_minutes_ends_it(two: Centre) -> None:
    def crash() -> tuple[str, float]:
        with two.db.transaction() as session:
            row = session.exec(select(Bot).where(Bot.user_id == two.user_ids[0])).one()
            watchdog.crashed(session, row, "Boom")
            watchdog.crashed(session, row, "Boom")  # a second strategy of the bot, in the same scan
            rest = session.get_one(BotWatch, row.user_id).retry_at
            session.get_one(BotWatch, row.user_id).retry_at = None
            return row.observed, round((rest - utcnow()).total_seconds()) if rest else -1

    assert [crash() for _ in range(4)] == [("restarting", 5), ("restarting", 15), ("restarting", 45), ("error", -1)]
    assert bot(two, 0).desired == "stopped" and "four times" in bot(two, 0).reason
    two.db.run(lambda s: service.start(s, agent(two), two.user_ids[0]))
    assert crash() == ("restarting", 5), "a person's start forgets what was"


async def test_a_refused_key_goes_straight_to_error(two: Centre) -> None:
    """The exchange says the key is wrong: no restart, and the person hears what to do."""
    engine = two.start_engine()
    await engine.refresh_prices()
    with two.db.transaction() as session:
        account = session.get_one(ExchangeAccount, two.account_ids[0])
        tenant = session.get_one(Tenant, two.tenant_id)
        from backend.execution.credentials import seal_credentials

        seal_credentials(tenant, account, "k" * 64, "s" * 64)
        session.add(account)
    enter(two)
    await engine.dispatch()
    order = next(row for row in two.orders(trade_type="OPEN") if row.account_id == two.account_ids[0])
    assert (order.status, order.error_code) == ("REJECTED", "KEY_INVALID")
    assert (bot(two, 0).desired, bot(two, 0).observed) == ("stopped", "error") and "new key" in bot(two, 0).reason
    assert bot(two, 1).desired == "running"


async def test_pause_keeps_watching_positions_and_is_restored(two: Centre) -> None:
    engine = two.start_engine()
    await engine.refresh_prices()
    enter(two)
    await engine.dispatch()
    two.db.run(lambda s: service.pause(s, agent(two), two.user_ids[0]))
    before = panels(two, 0)
    with two.db.transaction() as session:  # a target that is reached at once
        for row in session.exec(select(Position).where(Position.account_id == two.account_ids[0])).all():
            row.take_profit = row.entry_price / 2
            session.add(row)
    await scans(two)
    mine = [row for row in two.positions() if row.account_id == two.account_ids[0]]
    assert mine[0].status == "CLOSED" and mine[0].close_reason == "TP"
    assert panels(two, 0) == before and bot(two, 0).observed == "paused"
    two.db.run(watchdog.recovering)
    assert (bot(two, 0).observed, bot(two, 1).observed) == ("paused", "starting")
    two.db.run(lambda s: service.start(s, agent(two), two.user_ids[0]))
    two.db.run(lambda s: service.stop(s, agent(two), two.user_ids[0]))
    with pytest.raises(Conflict):
        two.db.run(lambda s: service.pause(s, agent(two), two.user_ids[0]))


async def test_only_the_holder_of_the_lease_writes(two: Centre) -> None:
    """An engine that was paused past its lease claims nothing and scans nothing: its successor does."""
    old = two.start_engine()
    await old.refresh_prices()
    old.token = two.db.run(lambda s: leases.acquire(s, LEASE, old.owner, 60_000))
    enter(two)
    two.db.run(lambda s: leases.release(s, LEASE, old.owner, old.token or 0))
    fresh = two.db.run(lambda s: leases.acquire(s, LEASE, "successor", 60_000))
    assert fresh and old.token and fresh > old.token
    with pytest.raises(leases.LeaseLost):
        await old.dispatch()
    with pytest.raises(leases.LeaseLost):
        for _ in range(8):
            await old.feed.step()
            await old.scan()
    assert {row.status for row in two.orders()} == {"PENDING"}
    with two.db.reading() as session:
        assert not session.exec(select(Scan)).all()
    old.token = fresh
    await old.dispatch()
    assert {row.status for row in two.orders(order_type="MARKET")} == {"FILLED"}


def test_heartbeats_belong_to_the_newest_engine(two: Centre) -> None:
    with two.db.reading() as session:
        user = session.get_one(User, two.user_ids[0])
        assert not queries.status(session, user, two.settings)["watched"]
    assert two.db.run(lambda s: watchdog.beat(s, "b", 7)) == 2
    two.db.run(lambda s: watchdog.beat(s, "a", 6))
    with two.db.reading() as session:
        assert {(row.owner, row.token) for row in session.exec(select(BotWatch)).all()} == {("b", 7)}
        assert queries.status(session, user, two.settings)["watched"]


async def test_a_new_engine_goes_on_where_the_dead_one_was(two: Centre) -> None:
    """Peaks of trailing and open positions are there before the first scan."""
    first = two.start_engine()
    await first.refresh_prices()
    enter(two)
    await first.dispatch()
    with two.db.transaction() as session:
        for row in session.exec(select(Position)).all():
            row.peak_price = row.entry_price * 3
            row.trailing_start_roi, row.trailing_distance_roi, row.take_profit = row.entry_price * 0 + 6, row.entry_price * 0 + 3, None
            session.add(row)
    second = two.start_engine()  # the first one is simply gone
    await second._take_over()
    assert {row.observed for row in (bot(two, 0), bot(two, 1))} == {"starting"}
    await second.refresh_prices()
    await second.check_exits()
    await second.dispatch()
    assert {(row.status, row.close_reason) for row in two.positions()} == {("CLOSED", "TRAILING")}
    two.check_oracles()
