"""The kill switch on the real chain: entries stop at once, positions close, and only those who may lift it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.errors import InvalidInput, NotAllowed, NotFound
from backend.execution.service import claim
from backend.identity.principal import Principal
from backend.models import AuditLog, ExchangeAccount, KillSwitch, Notification, Order, Position, ScanPanel
from backend.risk import stops
from tests.support.centre import Centre
from tests.support.intents import enter

ADMIN = Principal("admin", 1, None, "a", "a", "owner", 0)


def tenant(centre: Centre) -> Principal:
    return Principal("tenant", centre.tenant_id, centre.tenant_id, "t", "t", "", 0)


def agent(centre: Centre, place: int = 0) -> Principal:
    return Principal("agent", centre.user_ids[place], centre.tenant_id, "u", "u", "", 0)


def engage(centre: Centre, who: Principal, scope: str, number: int, mode: str = "entries") -> KillSwitch:
    return centre.db.run(lambda s: stops.engage(s, who, scope, number, mode=mode, reason="for a test"))


def targets(centre: Centre) -> list[tuple[str, int, set[int]]]:
    """Scope, its id, and which of the two accounts it holds."""
    return [
        ("platform", 0, set(centre.account_ids)), ("tenant", centre.tenant_id, set(centre.account_ids)),
        ("account", centre.account_ids[0], {centre.account_ids[0]}),
    ]  # fmt: skip


@pytest.mark.parametrize("place", [0, 1, 2], ids=["platform", "tenant", "account"])
async def test_entries_that_were_not_sent_are_never_sent(centre: Centre, place: int) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    scope, number, held = targets(centre)[place]
    engage(centre, ADMIN, scope, number)
    await engine.dispatch()
    for order in centre.orders(trade_type="OPEN"):
        if order.order_type != "MARKET":
            continue
        if order.account_id in held:
            assert (order.status, order.error_code) == ("CANCELLED", "KILL_SWITCH")
            assert order.reason.startswith("trading is stopped for")
        else:
            assert order.status == "FILLED"
    entries = [row for row in centre.exchange_orders() if not row.get("reduceOnly")]
    assert len([row for row in entries if row["type"] == "MARKET"]) == 2 - len(held)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["platform", "tenant", "account"])
async def test_close_everything_within_a_second(centre: Centre, place: int) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    assert len([row for row in centre.positions() if row.status == "OPEN"]) == 2
    scope, number, held = targets(centre)[place]
    engage(centre, ADMIN, scope, number, "close")
    await engine.dispatch()
    await engine.dispatch()
    for row in centre.positions():
        if row.account_id in held:
            assert (row.status, row.close_reason) == ("CLOSED", "KILL")
        else:
            assert row.status == "OPEN"
    assert not [row for row in centre.orders(trade_type="CLOSE", order_type="MARKET") if row.account_id not in held]


async def test_a_position_from_an_order_on_the_wire_is_closed_too(centre: Centre) -> None:
    """The entry was sent before the switch; its fill arrives after it."""
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    call, arrived, go_on = engine.wire.call, asyncio.Event(), asyncio.Event()

    async def late(target: Any, path: str, body: Any, deadline_s: float) -> dict[str, Any]:
        answer = await call(target, path, body, deadline_s)
        if path == "/api/execute" and not arrived.is_set():
            arrived.set()
            await go_on.wait()
        return answer

    engine.wire.call = late
    sending = asyncio.create_task(engine.dispatch())
    await arrived.wait()
    engage(centre, ADMIN, "platform", 0, "close")
    go_on.set()
    await sending
    await engine.dispatch()
    await engine.dispatch()
    rows = centre.positions()
    assert len(rows) == 2 and all((row.status, row.close_reason) == ("CLOSED", "KILL") for row in rows)


async def test_the_loops_close_by_themselves(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    engine.leading.set()
    loop = asyncio.create_task(engine._dispatch_loop())
    try:
        engage(centre, ADMIN, "platform", 0, "close")
        async with asyncio.timeout(10):
            while any(row.status == "OPEN" for row in centre.positions()):  # noqa: ASYNC110 - the engine's own loop works
                await asyncio.sleep(0.05)
    finally:
        engine.leading.clear()
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


async def test_a_stop_is_seen_by_the_scan_and_lifted(centre: Centre) -> None:
    made = engage(centre, ADMIN, "account", centre.account_ids[0])
    engine = centre.start_engine()
    for _ in range(40):
        await engine.step()
    with centre.db.reading() as session:
        account = session.get_one(ExchangeAccount, centre.account_ids[0])
        panels = session.exec(select(ScanPanel).where(ScanPanel.user_id == account.user_id)).all()
    assert panels
    assert not [row for row in centre.orders() if row.account_id == account.id]
    assert any(row["direction"] for panel in panels for row in panel.decisions), "the market gave no signal"
    judged = [row for panel in panels for row in panel.decisions if row["reason"] == "risk gate"]
    assert all("trading is stopped for this account" in str(row["gates"]) for row in judged)
    centre.db.run(lambda s: stops.lift(s, ADMIN, made.id or 0, "all is well"))
    enter(centre, "SIGAFTER1")
    with centre.db.transaction() as session:
        assert len(claim(session)) == 2
    with pytest.raises(stops.NotStopped):
        centre.db.run(lambda s: stops.lift(s, ADMIN, made.id or 0, "again"))


async def test_who_may_stop_and_lift_what(centre: Centre) -> None:
    mine, other = centre.account_ids
    for who, scope, number, error in (
        (tenant(centre), "platform", 0, NotAllowed), (agent(centre), "platform", 0, NotAllowed),
        (agent(centre), "tenant", centre.tenant_id, NotAllowed), (tenant(centre), "tenant", 999, NotFound),
        (agent(centre), "account", other, NotFound), (ADMIN, "planet", 1, InvalidInput), (ADMIN, "account", 999, NotFound),
    ):  # fmt: skip
        with pytest.raises(error):
            engage(centre, who, scope, number)
    with pytest.raises(InvalidInput):
        centre.db.run(lambda s: stops.engage(s, ADMIN, "platform", 0, mode="entries", reason="  "))
    by_agent = engage(centre, agent(centre), "account", mine)
    with pytest.raises(stops.AlreadyStopped):
        engage(centre, tenant(centre), "account", mine)
    by_tenant = engage(centre, tenant(centre), "account", mine, "close")
    assert by_tenant.id == by_agent.id and by_tenant.mode == "close"
    with pytest.raises(NotFound):
        centre.db.run(lambda s: stops.lift(s, agent(centre), by_tenant.id or 0, "mine"))
    centre.db.run(lambda s: stops.lift(s, tenant(centre), by_tenant.id or 0, "ours"))
    by_admin = engage(centre, ADMIN, "tenant", centre.tenant_id)
    with pytest.raises(NotFound):
        centre.db.run(lambda s: stops.lift(s, tenant(centre), by_admin.id or 0, "ours"))
    with centre.db.reading() as session:
        assert [row.id for row in stops.holding(session, agent(centre))] == [by_admin.id]
        assert not stops.holding(session, Principal("tenant", 77, 77, "", "", "", 0))
        said = session.exec(select(AuditLog.action).where(AuditLog.action.like("kill.%"))).all()
        assert sorted(said) == ["kill.engage"] * 3 + ["kill.lift"]
        alerts = session.exec(select(Notification).where(Notification.type == "risk_alert")).all()
        assert {row.audience for row in alerts} >= {"platform", "tenant", "agent"}


async def test_two_at_once_make_one_stop(centre: Centre) -> None:
    def work(session: Session) -> KillSwitch:
        return stops.engage(session, ADMIN, "platform", 0, mode="entries", reason="both")

    results = await asyncio.gather(*(centre.db.arun(work) for _ in range(4)), return_exceptions=True)
    assert len([one for one in results if isinstance(one, KillSwitch)]) == 1
    assert all(isinstance(one, KillSwitch | stops.AlreadyStopped) for one in results)
    with centre.db.reading() as session:
        assert len(session.exec(select(KillSwitch)).all()) == 1
        assert not session.exec(select(Order)).all() and not session.exec(select(Position)).all()
