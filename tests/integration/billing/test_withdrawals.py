"""Withdrawals on SQLite and MariaDB: the books, the limits, the state machine, and those who act at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal as D
from functools import partial

import pytest
from sqlmodel import func, select

from backend.billing import withdrawal_rules as rules
from backend.billing import withdrawals
from backend.billing.rules import WithdrawalTooSmall
from backend.billing.service import settle_fill
from backend.billing.wallets import BadAddress, BadNetwork
from backend.billing.withdrawal_rules import WithdrawalPolicy
from backend.dashboards.lists.withdrawals import withdrawal_detail
from backend.db import Database
from backend.errors import IronBullError
from backend.identity.principal import Principal
from backend.ledger.rules import KeyReused, fee_income, user_account
from backend.models import AuditLog, Notification, Withdrawal
from backend.money import from_units
from backend.security import audit
from tests.support.at_once import all_at_once
from tests.support.money import add_fill, add_tenant, add_user, amounts, assert_sound, fund

TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
ETH = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ANN = Principal("admin", 1, None, "Ann", "ann", "owner", 0)
POLICY = WithdrawalPolicy()
BOB = Principal("admin", 2, None, "Bob", "bob", "owner", 0)


@pytest.fixture
def world(database: Database) -> dict[str, int]:
    """A root user with 1000 USDT of reward, all from one billed profit."""
    made: dict[str, int] = {}

    def build(session) -> int:
        tenant = add_tenant(session)
        user = add_user(session, tenant)
        fund(session, user, "1000")
        made.update(tenant=tenant.id, user=tenant.root_user_id, other=add_tenant(session).id)
        return add_fill(session, user, "3334").id

    fill = database.run(build)
    database.run(lambda s: settle_fill(s, fill))
    return made


def ask(database: Database, world, amount: str, key: str = "k", policy: WithdrawalPolicy = POLICY, **more):
    values = {"wallet_address": TRON, "wallet_network": "TRC20", **more}
    return database.run(
        lambda s: withdrawals.apply(
            s, tenant_id=world["tenant"], user_id=world["user"], amount=D(amount), key=key, policy=policy, **values
        )
    )


def pockets(database: Database, world) -> list[D]:
    """Free, frozen, paid out, fees."""
    refs = [user_account(world["tenant"], world["user"], kind) for kind in ("reward", "withdrawal_frozen", "paid_out")]
    return amounts(database, [*refs, fee_income()])


def way(database: Database, world, pk: int) -> list[str]:
    """The steps its owner sees."""
    owner = Principal("agent", world["user"], world["tenant"], "Root", "root", "agent", 0)
    with database.reading() as session:
        return [step["name"] for step in withdrawal_detail(session, owner, pk)["steps"]]


def test_the_golden_case_from_request_to_payment(database: Database, world) -> None:
    start = pockets(database, world)[0]
    row = ask(database, world, "100")
    assert [from_units(v) for v in (row.amount, row.fee, row.actual_amount)] == [D(100), D(5), D(95)]
    assert pockets(database, world) == [start - 100, 100, 0, 0]
    assert database.run(lambda s: withdrawals.approve(s, row.id, ANN)).status == rules.APPROVED
    paid = database.run(lambda s: withdrawals.complete(s, row.id, BOB, " a1b2 "))
    assert (paid.status, paid.tx_hash, paid.audit_by, paid.finished_by) == (rules.COMPLETED, "a1b2", 1, 2)
    assert paid.audit_at and paid.completed_at
    assert pockets(database, world) == [start - 100, 0, 95, 5]
    with database.reading() as session:
        actions = session.exec(select(AuditLog.action).order_by(AuditLog.id)).all()
        titles = session.exec(select(Notification.title).order_by(Notification.id)).all()
    assert actions == ["withdrawal.approve", "withdrawal.complete"]
    assert titles == ["Withdrawal approved", "Withdrawal paid"]
    assert way(database, world, row.id) == ["asked", "approved", "completed"]
    assert_sound(database)


@pytest.mark.parametrize(("first", "kind"), [(None, "reject"), ("approve", "fail")])
def test_a_refusal_returns_everything(database: Database, world, first, kind) -> None:
    start = pockets(database, world)
    row = ask(database, world, "66.70")
    if first:
        database.run(lambda s: withdrawals.approve(s, row.id, ANN))
    done = database.run(lambda s: getattr(withdrawals, kind)(s, row.id, ANN, "wrong  network"))
    assert (done.reason, pockets(database, world)) == ("wrong network", start)
    assert way(database, world, row.id) == ["asked", *(["approved", "failed"] if first else ["rejected"])]
    with database.reading() as session:
        assert "wrong network" in session.exec(select(Notification.message).order_by(Notification.id.desc())).first()
    assert_sound(database)


@pytest.mark.parametrize(
    ("amount", "more", "error", "zh"),
    [
        ("49.99", {}, WithdrawalTooSmall, "最低提现金额为 50 USDT"),
        ("5000", {}, rules.RewardTooLow, "奖励余额不足"),
        ("100", {"wallet_address": TRON[:-1] + "u"}, BadAddress, "钱包地址格式不正确"),
        ("100", {"wallet_network": "BTC"}, BadNetwork, "不支持的提现网络，仅支持: TRC20, ERC20, BEP20"),
        ("100", {"wallet_network": "ERC20"}, BadAddress, "钱包地址格式不正确"),
    ],
)
def test_what_is_refused_writes_nothing(database: Database, world, amount, more, error, zh) -> None:
    start = pockets(database, world)
    with pytest.raises(error) as caught:
        ask(database, world, amount, **more)
    assert caught.value.zh == zh
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(Withdrawal)).one() == 0
    assert pockets(database, world) == start
    # The key stays free.
    assert ask(database, world, "100").status == rules.PENDING


def test_a_key_is_one_withdrawal(database: Database, world) -> None:
    row = ask(database, world, "100")
    assert ask(database, world, "100").id == row.id
    with pytest.raises(KeyReused):
        ask(database, world, "101")
    with pytest.raises(KeyReused):
        ask(database, world, "100", wallet_address=ETH, wallet_network="ERC20")
    assert pockets(database, world)[1] == 100


def test_another_tenants_user_is_not_there(database: Database, world) -> None:
    with pytest.raises(rules.WithdrawalUserNotFound) as caught:
        ask(database, {**world, "tenant": world["other"]}, "100")
    assert caught.value.zh == "用户不存在"


def test_four_eyes(database: Database, world) -> None:
    row = ask(database, world, "100", policy=WithdrawalPolicy(four_eyes_usdt=D(100)))
    first = database.run(lambda s: withdrawals.approve(s, row.id, ANN))
    assert (first.status, first.audit_by) == (rules.PENDING, ANN.id)
    assert way(database, world, row.id) == ["asked"], "one of two is no approval yet"
    with pytest.raises(rules.SecondAdminNeeded):
        database.run(lambda s: withdrawals.approve(s, row.id, ANN))
    with pytest.raises(rules.WithdrawalStateRefused) as caught:
        database.run(lambda s: withdrawals.complete(s, row.id, ANN, "aa"))
    assert caught.value.zh == "当前状态(0)不允许标记完成，需先审核通过"
    second = database.run(lambda s: withdrawals.approve(s, row.id, BOB))
    assert (second.status, second.audit_by, second.second_audit_by) == (rules.APPROVED, ANN.id, BOB.id)
    assert ask(database, world, "99.99", "b", WithdrawalPolicy(four_eyes_usdt=D(100))).approvals_needed == 1


def test_the_daily_cap_counts_what_is_asked_and_not_what_came_back(database: Database, world) -> None:
    policy = WithdrawalPolicy(daily_cap_usdt=D(150))
    row = ask(database, world, "100", "a", policy)
    with pytest.raises(rules.DailyCapReached) as caught:
        ask(database, world, "51", "b", policy)
    assert "50.00000000 USDT are left" in caught.value.message
    database.run(lambda s: withdrawals.reject(s, row.id, ANN, "no"))
    assert ask(database, world, "150", "b", policy).status == rules.PENDING


@pytest.mark.parametrize(
    "change", ["password.change", "second_factor.on", "second_factor.off", "second_factor.recovery"]
)
def test_hold_after_a_change_of_password_or_second_factor(database: Database, world, change: str) -> None:
    policy = WithdrawalPolicy(hold=timedelta(hours=24))
    ask(database, world, "50", "a", policy)
    me = Principal("agent", world["user"], world["tenant"], "", "", "", 0)
    database.run(lambda s: audit.record(s, me, change, f"agent:{me.id}"))
    with pytest.raises(rules.WithdrawalOnHold):
        ask(database, world, "50", "b", policy)
    assert ask(database, world, "50", "b", WithdrawalPolicy()).status == rules.PENDING


STEPS = {
    "approve": lambda s, n, who: withdrawals.approve(s, n, who),
    "reject": lambda s, n, who: withdrawals.reject(s, n, who, "no"),
    "complete": lambda s, n, who: withdrawals.complete(s, n, who, f"tx{who.id}"),
    "fail": lambda s, n, who: withdrawals.fail(s, n, who, "bounced"),
}


def ended(work: Callable[[], object]) -> str:
    """"ok" or the error's code."""
    try:
        work()
    except IronBullError as error:
        return error.code
    return "ok"


def act_at_once(database: Database, number: int, *steps: tuple[str, Principal]) -> list[object]:
    """Do the steps at once; how each ended."""

    def act(name: str, who: Principal) -> str:
        return ended(lambda: database.run(lambda s: STEPS[name](s, number, who)))

    return all_at_once(*(partial(act, *step) for step in steps))


@pytest.mark.parametrize(
    ("before", "steps", "ends"),
    [
        ([], ["approve", "approve"], {rules.APPROVED}),
        ([], ["approve", "reject"], {rules.APPROVED, rules.REJECTED}),
        ([], ["reject", "reject"], {rules.REJECTED}),
        (["approve"], ["complete", "complete"], {rules.COMPLETED}),
        (["approve"], ["complete", "fail"], {rules.COMPLETED, rules.FAILED}),
        (["approve"], ["fail", "fail", "reject"], {rules.FAILED}),
    ],
)
def test_of_those_who_act_at_once_one_wins(database: Database, world, before, steps, ends) -> None:
    start = pockets(database, world)
    for turn in range(4):
        row = ask(database, world, "60", f"r{turn}")
        for name in before:
            database.run(lambda s, n=name, r=row: STEPS[n](s, r.id, ANN))
        out = act_at_once(database, row.id, *((name, (ANN, BOB)[place % 2]) for place, name in enumerate(steps)))
        assert sorted(out) == ["ok"] + ["withdrawal_state"] * (len(steps) - 1)
        with database.reading() as session:
            assert session.get(Withdrawal, row.id).status in ends
    with database.reading() as session:
        kept = [from_units(r.amount) for r in session.exec(select(Withdrawal)).all() if r.status in (1, 3)]
    assert start[0] - pockets(database, world)[0] == sum(kept)
    assert_sound(database)


def test_two_admins_together_are_four_eyes(database: Database, world) -> None:
    row = ask(database, world, "100", policy=WithdrawalPolicy(four_eyes_usdt=D(1)))
    assert act_at_once(database, row.id, ("approve", ANN), ("approve", BOB)) == ["ok", "ok"]
    with database.reading() as session:
        done = session.get(Withdrawal, row.id)
        assert done.status == rules.APPROVED and {done.audit_by, done.second_audit_by} == {1, 2}


def test_the_cap_and_the_balance_hold_against_requests_at_once(database: Database, world) -> None:
    start = pockets(database, world)[0]

    def request(number: int) -> str:
        return ended(lambda: ask(database, world, "100", f"c{number % 6}", WithdrawalPolicy(daily_cap_usdt=D(300))))

    out = all_at_once(*(partial(request, number) for number in range(12)))
    assert pockets(database, world)[:2] == [start - 300, 300]
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(Withdrawal)).one() == 3
    assert set(out) == {"ok", "withdrawal_daily_cap"}
    assert_sound(database)
