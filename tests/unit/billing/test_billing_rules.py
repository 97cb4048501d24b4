"""The golden tables of billing, number for number, and what must hold for all inputs."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.billing import rules
from backend.billing.rules import LEVELS, Member, charge_for, deduct, distribute, level_for, quote_withdrawal
from backend.errors import InvalidInput
from tests.support.golden import DEDUCTIONS, GOLDEN, LEVEL_RATES, LEVEL_TABLE, ROOT, A, Z, node


@pytest.mark.parametrize(("profit", "own", "gift", "out"), DEDUCTIONS.values(), ids=DEDUCTIONS)
def test_golden_deductions(profit: str, own: str, gift: str, out: tuple[str, ...]) -> None:
    got = deduct(charge_for(D(profit)), D(own), D(gift))
    assert (got.nominal, got.self_deduct, got.gift_deduct, got.self_after, got.gift_after, got.pool) == tuple(
        map(D, out)
    )


def test_shortfall_is_forgiven() -> None:
    assert deduct(charge_for(D(1000)), D(50), D(20)).forgiven == 230


@pytest.mark.parametrize("profit", ["0", "-1", "-0.00000001"])
def test_only_profit_is_billed(profit: str) -> None:
    with pytest.raises(InvalidInput):
        charge_for(D(profit))


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_distributions(name: str) -> None:
    pool, level, inviter, path, payments, totals, undistributed = GOLDEN[name]
    got = distribute(D(pool), root_id=ROOT, source_level=level, inviter=inviter, path=path)
    assert [(p.reward_type, p.user_id, p.amount) for p in got.payments] == [(t, u, D(a)) for t, u, a in payments]
    assert {user: got.paid_to(user) for user in {p.user_id for p in got.payments}} == {
        user: D(amount) for user, amount in totals.items()
    }
    assert got.undistributed == D(undistributed)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_rates(name: str) -> None:
    pool, level, inviter, path, *_ = GOLDEN[name]
    payments = distribute(D(pool), root_id=ROOT, source_level=level, inviter=inviter, path=path).payments
    assert [p.rate for p in payments if p.reward_type == "level_diff"] == [D(r) for r in LEVEL_RATES.get(name, ())]
    others = {p.reward_type: p.rate for p in payments if p.reward_type != "level_diff"}
    known = {"tech_team": "0.1", "direct": "0.25", "direct_undist": "0.25", "peer": "0.1", "peer_undist": "0.1",
             "network_undist": "0", "platform_retain": "0.7"}  # fmt: skip
    assert others == {kind: D(known[kind]) for kind in others}


def test_the_level_table() -> None:
    assert [(level.min_team_usdt, level.diff_rate) for level in LEVELS] == [(D(a), D(b)) for a, b in LEVEL_TABLE]


def test_golden_rounding() -> None:
    got = distribute(
        D("3.703703673"), root_id=ROOT, inviter=node(A, 0, "1000", False), path=[node(A, 0, "1000", False)]
    )
    assert {p.reward_type: p.exact for p in got.payments} == {
        "tech_team": D(".3703703673"),
        "direct": D(".18518518365"),
        "peer_undist": D(".07407407346"),
        "network_undist": D(".48148147749"),
        "platform_retain": D("2.5925925711"),
    }
    assert got.undistributed == D(".55555555095")
    assert sum(p.amount for p in got.payments) == D("3.70370367")
    assert {p.reward_type: p.amount for p in got.payments} == {
        "tech_team": D(".37037036"),
        "direct": D(".18518518"),
        "peer_undist": D(".07407407"),
        "network_undist": D(".48148147"),
        "platform_retain": D("2.59259259"),
    }


def test_remarks_are_the_documented_ones() -> None:
    got = distribute(D(1000), root_id=ROOT, inviter=node(Z, 7, "1000"), path=[node(Z, 7, "1000")])
    assert [p.remark for p in got.payments] == [
        "技术团队 10%",
        "直推奖励",
        "级差奖 S0->S7 diff=0.8 (预算封顶)",
        "平台留存 70%",
    ]
    alone = distribute(D(100), root_id=ROOT)
    assert [p.remark for p in alone.payments][1:4] == [
        "直推未发放（无邀请人）→ 根账户",
        "平级未发放（无同级市场节点）→ 根账户",
        "网体剩余预算 → 根账户",
    ]
    poor = distribute(D(100), root_id=ROOT, inviter=node(A, 0, "999.99", False))
    assert poor.payments[1].remark == "直推未发放（邀请人自持不足）→ 根账户"
    assert rules.remark_handed_out(rules.GIFT, 5) == "分发给用户#5（赠送）"
    assert rules.remark_transfer_in(rules.SELF, 5) == "从用户#5自充转入"


def test_a_pool_without_root_cannot_be_distributed() -> None:
    with pytest.raises(rules.DistributionImpossible):
        distribute(D(100), root_id=None)


@pytest.mark.parametrize(
    ("hold", "team", "level"),
    [
        ("999.99999999", "99999999", 0),
        ("1000", "0", 0),
        ("1000", "9999.99", 0),
        ("1000", "10000", 1),
        ("1000", "49999", 1),
        ("1000", "50000", 2),
        ("1000", "200000", 3),
        ("1000", "500000", 4),
        ("1000", "1000000", 5),
        ("1000", "3000000", 6),
        ("5000", "9999999.99", 6),
        ("1000", "10000000", 7),
    ],
)
def test_levels(hold: str, team: str, level: int) -> None:
    assert level_for(D(hold), D(team)) == level


@pytest.mark.parametrize(
    ("amount", "fee", "actual"),
    [("100", "5.00", "95.00"), ("50", "2.50", "47.50"), ("66.70", "3.34", "63.36"), ("66.50", "3.32", "63.18")],
)
def test_golden_withdrawals(amount: str, fee: str, actual: str) -> None:
    got = quote_withdrawal(D(amount))
    assert (got.fee, got.actual) == (D(fee), D(actual))


def test_a_small_withdrawal_is_refused() -> None:
    with pytest.raises(rules.WithdrawalTooSmall):
        quote_withdrawal(D("49.99"))


units = st.integers(0, 10**17).map(lambda n: D(n).scaleb(-8))


@given(profit=units.filter(bool), own=units, gift=units)
def test_deduction_conserves_points(profit: D, own: D, gift: D) -> None:
    got = deduct(charge_for(profit), own, gift)
    assert got.self_after >= 0 and got.gift_after >= 0 and got.forgiven >= 0
    assert got.self_after + got.self_deduct == own and got.gift_after + got.gift_deduct == gift
    assert got.self_deduct + got.gift_deduct + got.forgiven == charge_for(profit)
    # Gift is only touched when the paid points are used up.
    assert got.gift_deduct == 0 or got.self_after == 0


members = st.builds(
    Member,
    user_id=st.integers(2, 40),
    level=st.integers(0, 7),
    market_node=st.booleans(),
    self_hold_usdt=st.sampled_from([D(0), D(999), D(1000), D(5000)]),
)


@given(
    pool=st.integers(1, 10**16).map(lambda n: D(n).scaleb(-8)),
    level=st.integers(0, 7),
    path=st.lists(members, max_size=12, unique_by=lambda m: m.user_id),
)
def test_distribution_conserves_the_pool(pool: D, level: int, path: list[Member]) -> None:
    got = distribute(pool, root_id=ROOT, source_level=level, inviter=path[0] if path else None, path=path)
    assert sum(p.amount for p in got.payments) == pool
    assert all(p.amount > 0 for p in got.payments)
    assert got.undistributed >= 0 and got.direct + got.diff + got.peer <= got.network
    assert got.tech + got.network + got.platform == pool
    # No more is lost to rounding than one unit per payment, and the platform gets it.
    for payment in got.payments:
        if payment.reward_type != "platform_retain":
            assert payment.exact - D("1e-8") < payment.amount <= payment.exact
    assert len({(p.reward_type, p.user_id) for p in got.payments}) == len(got.payments)
    nodes = {m.user_id for m in path if m.market_node}
    assert {p.user_id for p in got.payments if p.reward_type in ("level_diff", "peer")} <= nodes
    assert LEVELS[7].diff_rate == D("0.80")
