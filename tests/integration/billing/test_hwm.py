"""Billing periods on SQLite and MariaDB: months, late trades, corrections, terms, and the way to paid."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from sqlalchemy import text
from sqlmodel import Session, func, select

from backend.billing import hwm, hwm_queries, jobs
from backend.billing.hwm_rules import BillingPeriodState
from backend.billing.income import record_income
from backend.billing.service import settle_fill
from backend.billing.statements import rows, statement, to_csv, to_pdf
from backend.clock import utcnow
from backend.db import Database
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.ledger.rules import tenant_card, user_account
from backend.models import (
    BillingItem,
    BillingPeriod,
    EquitySnapshot,
    ExchangeAccount,
    Notification,
    Position,
    Tenant,
    User,
)
from backend.money import from_units
from tests.support.at_once import all_at_once
from tests.support.golden import EIGHT_MONTHS
from tests.support.money import add_account, add_fill, add_tenant, add_user, amounts, assert_sound

ANN = Principal("admin", 1, None, "Ann", "ann", "owner", 0)
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


def month(number: int) -> datetime:
    """The start of month 1, 2, ... 12, 13."""
    return datetime(2025 + (number - 1) // 12, (number - 1) % 12 + 1, 1, tzinfo=UTC)


def trade(session: Session, user: User, net: str, at: datetime, **more) -> Position:
    """A closed trade with that result after its fee."""
    values = {"fee": D("0.5"), "symbol": "BTC/USDT", **more}
    position = Position(
        tenant_id=user.tenant_id, user_id=user.id, account_id=user.id, symbol=values["symbol"], position_side="LONG",
        status="CLOSED", realized_pnl=D(net) + values["fee"], total_fee=values["fee"], entry_price=D(100),
        exit_price=D(101), opened_at=at - timedelta(hours=5), opened_market_at=at, closed_at=at, closed_market_at=at,
    )  # fmt: skip
    session.add(position)
    session.flush()
    position.open_slot = None
    session.add(position)
    session.flush()
    return position


@pytest.fixture
def agent(database: Database) -> User:
    """An agent of a tenant billed by the mark, since the beginning of 2025."""

    def build(session: Session) -> User:
        tenant = add_tenant(session)
        tenant.billing_scheme, tenant.created_at = "hwm", FIRST
        session.add(tenant)
        return add_user(session, tenant, created_at=FIRST + timedelta(days=3))

    return database.run(build)


def close(database: Database, agent: User, now: datetime, **more) -> list[BillingPeriod]:
    return database.run(lambda s: hwm.close_until(s, s.get(User, agent.id), now, **more))


def figures(row: BillingPeriod) -> list[D]:
    return [from_units(v) for v in (row.pnl, row.ending_c, row.high_before, row.fee, row.high_after)]


def test_the_eight_months_from_trades_to_invoices(database: Database, agent: User) -> None:
    def build(session: Session) -> None:
        for number, (pnl, *_) in enumerate(EIGHT_MONTHS, 1):
            half = D(pnl) / 2
            trade(session, agent, str(half + 7), month(number))
            trade(session, agent, str(half - 7), month(number + 1) - timedelta(microseconds=1))

    database.run(build)
    made = close(database, agent, month(9))
    assert [(row.start_at, row.end_at) for row in made] == [(month(n), month(n + 1)) for n in range(1, 9)]
    for row, (pnl, cumulative, before, fee, after, carried) in zip(made, EIGHT_MONTHS, strict=True):
        assert figures(row) == [D(pnl), D(cumulative), D(before), D(fee), D(after)]
        assert hwm.bill_of(row).carry_forward == D(carried) and row.trades == 2
    assert sum(from_units(row.fee) for row in made) == 146
    assert close(database, agent, month(9)) == []
    assert_sound(database)


def test_months_without_service_or_trades_are_made_up_by_the_job(database: Database, agent: User) -> None:
    database.run(lambda s: trade(s, agent, "100", month(1)))
    made = database.run(jobs.close_periods)
    assert made >= 12 and database.run(jobs.close_periods) == 0
    with database.reading() as session:
        found = session.exec(select(BillingPeriod).order_by(BillingPeriod.start_at)).all()
    assert [row.fee for row in found][:3] == [20 * 10**8, 0, 0] and found[-1].end_at <= utcnow()
    assert all(a.end_at == b.start_at for a, b in itertools.pairwise(found))


def test_a_late_trade_and_a_correction_enter_the_next_period_once(database: Database, agent: User) -> None:
    first = database.run(lambda s: trade(s, agent, "100", month(1)).id)
    (january,) = close(database, agent, month(2))

    def later(session: Session) -> None:
        trade(session, agent, "10", month(2) - timedelta(seconds=1))
        position = session.get(Position, first)
        position.total_fee += D("2.25")
        session.add(position)

    database.run(later)
    february, march = close(database, agent, month(4))
    assert [from_units(row.pnl) for row in (january, february, march)] == [100, D("7.75"), 0]
    with database.reading() as session:
        items = session.exec(
            select(BillingItem).where(BillingItem.period_id == february.id).order_by(BillingItem.kind)
        ).all()
        assert [(i.kind, i.late, from_units(i.amount)) for i in items] == [
            ("correction", True, D("-2.25")),
            ("trade", True, D(10)),
        ]
    assert_sound(database)


def test_funding_counts_and_transfers_do_not(database: Database, agent: User) -> None:
    def build(session: Session) -> None:
        account = add_account(session, agent)
        for number, (kind, amount) in enumerate([("FUNDING_FEE", "-3.5"), ("TRANSFER", "5000"), ("FUNDING_FEE", "1")]):
            for _ in range(2):
                record_income(
                    session, account, exchange_id=str(number), income_type=kind, amount=D(amount), at=month(1),
                    symbol="BTC/USDT",
                )  # fmt: skip
        trade(session, agent, "10", month(1))

    database.run(build)
    (january,) = close(database, agent, month(2))
    assert figures(january)[0] == D("7.5")
    assert_sound(database)


def test_fees_in_other_coins_are_left_out_and_open_losses_count(database: Database, agent: User) -> None:
    def build(session: Session) -> None:
        fill = add_fill(session, agent, "50", fee="0.01", fee_currency="BNB")
        position = session.get(Position, fill.position_id)
        position.realized_pnl, position.total_fee, position.closed_at = D(50), D("1.01"), month(1)
        session.add(position)
        for age, value in ((1, "-10"), (3, "-900"), (30, "-5000")):
            session.add(
                EquitySnapshot(
                    tenant_id=agent.tenant_id, user_id=agent.id, account_id=1, market_at=month(1), balance=D(1),
                    equity=D(1), at=month(2) - timedelta(hours=age), unrealized_pnl=D(value),
                )
            )  # fmt: skip
            session.flush()

    database.run(build)
    (january,) = close(database, agent, month(2))
    # The readings were stored newest last by age: the one stored last within the day counts.
    assert from_units(january.pnl) == 49 and from_units(january.unrealized) == -900
    assert (from_units(january.c_bill), january.fee, january.high_after) == (D(-851), 0, 0)


def test_from_draft_to_paid_and_never_back(database: Database, agent: User) -> None:
    position = database.run(lambda s: trade(s, agent, "100", month(1)).id)
    january, february = close(database, agent, month(3))
    with pytest.raises(BillingPeriodState, match="earlier period"):
        database.run(lambda s: hwm.approve(s, february.id, ANN))
    with pytest.raises(BillingPeriodState):
        database.run(lambda s: hwm.mark_paid(s, january.id, ANN))
    approved = database.run(lambda s: hwm.approve(s, january.id, ANN))
    assert (approved.status, approved.approved_by, len(approved.digest)) == ("approved", 1, 64)
    with pytest.raises(BillingPeriodState):
        database.run(lambda s: hwm.recompute(s, january.id, ANN))
    assert database.run(lambda s: hwm.invoice(s, january.id, ANN)).invoice_no == f"IB-202501-{january.id:06d}"
    owed = shares(database, january)
    paid = database.run(lambda s: hwm.mark_paid(s, january.id, ANN, "wire  7"))
    fee = from_units(january.fee)
    assert (owed, shares(database, january)) == ([-fee, D(0), fee], [D(0), -fee, fee])
    assert_sound(database)
    assert (paid.status, paid.payment_reference) == ("paid", "wire 7")
    with database.reading() as session:
        note = session.exec(select(Notification)).one()
        assert "20.00 USDT" in note.message and note.user_id == agent.id

    def correct(session: Session) -> None:
        found = session.get(Position, position)
        found.total_fee += 1
        session.add(found)

    database.run(correct)
    again = database.run(lambda s: hwm.recompute(s, february.id, ANN))
    assert (again.start_at, from_units(again.pnl)) == (month(2), D(-1))
    with database.reading() as session:
        assert session.get(BillingPeriod, january.id).model_dump() == paid.model_dump()
        assert session.exec(select(func.count()).select_from(BillingPeriod)).one() == 2
    assert_sound(database)
    database.run(lambda s: s.execute(text("UPDATE billing_period SET fee = 1 WHERE status = 'paid'")))
    with database.reading() as session:
        broken = hwm_queries.check_periods(session)
    assert not broken.ok and "changed after its approval" in broken.difference


def test_shares_change_from_the_next_month_on(database: Database, agent: User) -> None:
    database.run(lambda s: hwm.set_share(s, ANN, agent.tenant_id, D("0.25")))
    first = database.run(lambda s: hwm.set_share(s, ANN, agent.tenant_id, D("0.1"), user_id=agent.id))
    assert first.effective_from == FIRST
    second = database.run(lambda s: hwm.set_share(s, ANN, agent.tenant_id, D("0.3"), user_id=agent.id))
    assert second.effective_from > utcnow()
    database.run(lambda s: trade(s, agent, "100", month(1)))
    assert (close(database, agent, month(2))[0].share_bp, close(database, agent, month(3))[0].share_bp) == (1000, 1000)
    with database.reading() as session:
        assert hwm.share_at(session, agent.tenant_id, None, utcnow()) == 2500
        assert hwm.share_at(session, agent.tenant_id, agent.id, second.effective_from) == 3000
        assert hwm.share_at(session, 999, None, utcnow()) == 2000
    for bad in ("-0.1", "1.0001", "0.12345", "NaN"):
        with pytest.raises(InvalidInput):
            database.run(lambda s, v=bad: hwm.set_share(s, ANN, agent.tenant_id, D(v)))
    with pytest.raises(NotFound):
        database.run(lambda s: hwm.set_share(s, ANN, agent.tenant_id + 1, D("0.1"), user_id=agent.id))


def test_leaving_the_mark_bills_to_that_day_and_old_trades_do_not_come_back(database: Database, agent: User) -> None:
    now = utcnow()
    database.run(lambda s: trade(s, agent, "100", now - timedelta(minutes=1)))
    tenant = database.run(lambda s: hwm.set_scheme(s, ANN, agent.tenant_id, "per_close"))
    assert tenant.billing_scheme == "per_close"
    with database.reading() as session:
        last = session.exec(select(BillingPeriod).order_by(BillingPeriod.start_at.desc())).first()
        assert from_units(last.fee) == 20 and now <= last.end_at <= utcnow()
    database.run(lambda s: trade(s, agent, "1000", utcnow()))
    database.run(lambda s: hwm.set_scheme(s, ANN, agent.tenant_id, "hwm"))
    database.run(lambda s: trade(s, agent, "7", utcnow()))
    assert [from_units(row.pnl) for row in close(database, agent, utcnow(), part=True)] == [D(7)]
    assert database.run(jobs.close_periods) == 0
    assert_sound(database)


def test_two_who_close_at_once_make_one_chain(database: Database, agent: User) -> None:
    database.run(lambda s: [trade(s, agent, "10", month(n)) for n in range(1, 5)])
    all_at_once(*[lambda: close(database, agent, month(5))] * 4)
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(BillingPeriod)).one() == 4
        assert session.exec(select(func.count()).select_from(BillingItem)).one() == 4
    assert_sound(database)


def test_a_statement_can_be_computed_by_hand(database: Database, agent: User) -> None:
    def build(session: Session) -> None:
        for number, net in enumerate(("10.00000001", "-4", "=1+1")):
            if net[0] == "=":
                trade(session, agent, "5", month(1) + timedelta(days=number), symbol="=HYPERLINK()")
            else:
                trade(session, agent, net, month(1) + timedelta(days=number))

    database.run(build)
    (january,) = close(database, agent, month(2))
    me = Principal("agent", agent.id, agent.tenant_id, "", "", "", 0)
    with database.reading() as session:
        found = statement(session, me, january.id)
        for other in (Principal("agent", agent.id + 1, agent.tenant_id, "", "", "", 0),
                      Principal("tenant", 1, agent.tenant_id + 1, "", "", "", 0)):  # fmt: skip
            with pytest.raises(NotFound):
                statement(session, other, january.id)
    lines = rows(found)
    running = from_units(january.starting_c)
    for line in lines:
        assert line["net"] == line["pnl"] - line["fee"] + line["funding"]
        running += line["net"]
        assert (line["cumulative"], line["above_mark"]) == (running, running)
    assert running == from_units(january.ending_c) == D("11.00000001")
    assert found.bill.formula() == "0.2 x max(0, 11.00000001 - 0) = 2.200000002 -> 2.20 USDT"
    table = to_csv(found)
    assert "'=HYPERLINK()" in table and ",=" not in table and table.count("\n") > len(lines) + 14
    pdf = to_pdf(found)
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF") and to_pdf(found) == pdf


def test_settlement_still_books_and_bills_nothing(database: Database, agent: User) -> None:
    fill = database.run(lambda s: add_fill(s, agent, "10").id)
    assert database.run(lambda s: settle_fill(s, fill)).deduct_total == 0
    with database.reading() as session:
        assert session.get(Tenant, agent.tenant_id).billing_scheme == "hwm"
        assert session.exec(select(func.count()).select_from(ExchangeAccount)).one() == 0


def shares(database: Database, period: BillingPeriod) -> list[D]:
    """What the agent owes, has paid, and what the tenant earned."""
    user = [user_account(period.tenant_id, period.user_id, kind) for kind in ("share_due", "share_paid")]
    return amounts(database, [*user, tenant_card(period.tenant_id, "share_income")])
