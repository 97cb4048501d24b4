"""Limits on the real chain: a scan asks them before it writes, the panel says whose limit refused, the equity stop closes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlmodel import Session, select

from backend.billing import standing
from backend.clock import utcnow
from backend.errors import NotAllowed, NotFound
from backend.identity.principal import Principal
from backend.models import AuditLog, ExchangeAccount, KillSwitch, Order, ScanPanel
from backend.risk import limits, refusals, stops
from tests.support.centre import Centre
from tests.support.intents import enter

ADMIN = Principal("admin", 1, None, "a", "a", "owner", 0)


def tenant(centre: Centre) -> Principal:
    return Principal("tenant", centre.tenant_id, centre.tenant_id, "t", "t", "", 0)


def agent(centre: Centre, place: int = 0) -> Principal:
    return Principal("agent", centre.user_ids[place], centre.tenant_id, "u", "u", "", 0)


def entries(centre: Centre) -> list[Order]:
    return [row for row in centre.orders(trade_type="OPEN") if row.order_type == "MARKET"]


async def scan_until_signals(centre: Centre) -> list[dict]:
    """Steps until the first signals that passed all gates; their decisions in the panels."""
    engine = centre.start_engine()
    for _ in range(400):
        await engine.step()
        with centre.db.reading() as session:
            rows = [row for panel in session.exec(select(ScanPanel)).all() for row in panel.decisions]
        found = [row for row in rows if row["passed"] or row["reason"] == "risk limit"]
        if found:
            return found
    raise AssertionError("the market gave no signal")


async def test_without_limits_signals_are_entered(centre: Centre) -> None:
    assert any(row["passed"] for row in await scan_until_signals(centre))
    assert entries(centre)


@pytest.mark.parametrize(
    ("scope", "values", "code"),
    [
        ("platform", {"max_positions": 0}, "RISK_MAX_POSITION"), ("tenant", {"max_position_value_usdt": "1"}, "RISK_MAX_POSITION_VALUE"),
        ("agent", {"min_balance_usdt": "999999"}, "RISK_INSUFFICIENT_BALANCE"), ("platform", {"max_total_usdt": "1"}, "RISK_TOTAL_EXPOSURE"),
        ("agent", {"symbols_only": ["NOTHING/USDT"]}, "RISK_SYMBOL_NOT_ALLOWED"),
    ],
)  # fmt: skip
async def test_a_limit_of_each_scope_refuses_and_says_so(centre: Centre, scope: str, values: dict, code: str) -> None:
    who = {"platform": ADMIN, "tenant": tenant(centre), "agent": agent(centre)}[scope]
    number = {"platform": 0, "tenant": centre.tenant_id, "agent": centre.user_ids[0]}[scope]
    centre.db.run(lambda s: limits.set_limits(s, who, scope, number, values))
    found = await scan_until_signals(centre)
    refused = [row for row in found if row["reason"] == "risk limit"]
    assert refused and all((row["limit"]["code"], row["limit"]["source"]) == (code, scope) for row in refused)
    with centre.db.reading() as session:
        kept = refusals.violations(session, 1)
        elsewhere = refusals.violations(session, 1, centre.tenant_id + 1)
    assert kept["total"] == len(refused) == sum(len(row["symbols"]) for row in kept["rows"]) and elsewhere["total"] == 0
    assert {one["code"] for one in kept["by_rule"]} == {code} and kept["daily"]["violations"] == [len(refused)]
    held = set(centre.account_ids if scope != "agent" else centre.account_ids[:1])
    assert not [row for row in entries(centre) if row.account_id in held]
    if scope == "agent":
        assert [row for row in entries(centre) if row.account_id not in held], "the other agent trades on"


async def test_no_figures_no_entries(centre: Centre) -> None:
    """An account that was never read is not traded once a limit needs its figures."""
    centre.db.run(lambda s: limits.set_limits(s, ADMIN, "platform", 0, {"min_balance_usdt": "1"}))

    def forget(session: Session) -> None:
        for row in session.exec(select(ExchangeAccount)).all():
            row.last_sync_at = None
            session.add(row)

    with centre.db.reading() as session:
        accounts = session.exec(select(ExchangeAccount)).all()
    centre.db.run(forget)
    with centre.db.reading() as session:
        accounts = session.exec(select(ExchangeAccount)).all()
        held = limits.in_force(session, accounts)
        facts = limits.facts_of(session, accounts, held, utcnow())
    assert all(one.available_usdt is None for one in facts.values())


async def test_the_equity_stop_closes_and_waits_for_the_platform(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    centre.db.run(lambda s: limits.set_limits(s, tenant(centre), "tenant", centre.tenant_id, {"equity_stop_pct": "20"}))
    assert centre.db.run(stops.hard_stop) == 0
    hit = centre.account_ids[0]

    def lose(session: Session) -> None:
        row = session.get_one(ExchangeAccount, hit)
        row.equity_peak, row.futures_balance, row.last_sync_at = Decimal(1000), Decimal(799), utcnow()
        session.add(row)
        standing.update(session, [row.user_id])

    centre.db.run(lose)
    assert centre.db.run(stops.hard_stop) == 1
    assert centre.db.run(stops.hard_stop) == 0, "once"
    await engine.dispatch()
    await engine.dispatch()
    assert {row.account_id: row.status for row in centre.positions()} == {hit: "CLOSED", centre.account_ids[1]: "OPEN"}
    with centre.db.reading() as session:
        row = session.exec(select(KillSwitch)).one()
        assert "20.1 % below its peak" in row.reason and "tenant" in row.reason
    for who in (tenant(centre), agent(centre)):
        with pytest.raises(NotFound):
            centre.db.run(lambda s, who=who: stops.lift(s, who, row.id or 0, "please"))
    centre.db.run(lambda s: stops.lift(s, ADMIN, row.id or 0, "talked to them"))
    assert centre.db.run(stops.hard_stop) == 0, "the loss counts anew from here"


async def test_who_may_set_whose_limits(centre: Centre) -> None:
    mine, other = centre.user_ids
    for who, scope, number, error in (
        (tenant(centre), "platform", 0, NotAllowed), (agent(centre), "tenant", centre.tenant_id, NotAllowed),
        (agent(centre), "agent", other, NotFound), (ADMIN, "agent", mine, NotAllowed), (ADMIN, "tenant", 999, NotFound),
    ):  # fmt: skip
        with pytest.raises(error):
            centre.db.run(lambda s, w=who, sc=scope, n=number: limits.set_limits(s, w, sc, n, {"max_leverage": 3}))
    centre.db.run(lambda s: limits.set_limits(s, agent(centre), "agent", mine, {"max_leverage": 3}))
    centre.db.run(lambda s: limits.set_limits(s, ADMIN, "tenant", centre.tenant_id, {"max_leverage": 5, "max_positions": 4}))
    centre.db.run(limits.seed_limits)
    with centre.db.reading() as session:
        accounts = session.exec(select(ExchangeAccount).where(ExchangeAccount.id == centre.account_ids[0])).all()
        held = {one["name"]: (one["value"], one["source"]) for one in limits.shown(limits.in_force(session, accounts)[centre.account_ids[0]])}
        assert held["max_leverage"] == ("3", "agent") and held["max_positions"] == ("4", "tenant")
        assert held["min_balance_usdt"] == ("100", "platform")
        assert len(session.exec(select(AuditLog).where(AuditLog.action == "risk.limits")).all()) == 2
