"""Idempotency-Key: one effect, one answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal as D

import pytest
from sqlmodel import Session, select

from backend.billing.cards import recharge_user
from backend.clock import utcnow
from backend.merchant import jobs, repeats
from backend.merchant.errors import BadParameters, InProgress
from backend.models import MerchantCall, Withdrawal
from tests.support.doors import World
from tests.support.merchant import data, merchant, refused, stopped
from tests.support.money import assert_sound

TRON = "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"


async def test_two_recharges_with_one_key_are_one(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    form = {"email": fresh.a.email, "amount": "10", "type": 1}
    first = await a.post("/user/recharge", key="order-1", **form)
    again = await a.post("/user/recharge", key="order-1", **form)
    assert first.content == again.content and data(first, "分发成功")["amount"] == "10.00000000"
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"
    data(await a.post("/user/recharge", key="order-2", **form), "分发成功")
    data(await a.post("/user/recharge", **form), "分发成功")
    data(await a.post("/user/recharge", **form), "分发成功")
    assert data(await a.get("/balance"))["point_card_self"] == "790.00000000"


async def test_the_same_key_for_something_else_is_refused(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    form = {"email": fresh.a.email, "amount": "10", "type": 1}
    data(await a.post("/user/recharge", key="k", **form), "分发成功")
    for path, other in (
        ("/user/recharge", {**form, "amount": "11"}),
        ("/user/recharge", {**form, "type": 2}),
        ("/user/recharge", {**form, "note": "x"}),
        ("/user/withdraw", {**form, "wallet_address": TRON}),
    ):
        assert stopped(await a.post(path, key="k", **other), 422) == "Idempotency-Key 已用于其他请求，请更换"
    reordered = dict(reversed(form.items()))
    assert (await a.post("/user/recharge", key="k", **reordered)).headers["Idempotent-Replayed"] == "true"
    assert data(await a.get("/balance"))["point_card_self"] == "820.00000000"


async def test_a_refusal_is_an_answer_too(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    form = {"email": fresh.a.email, "amount": "5000", "type": 1}
    assert refused(await a.post("/user/recharge", key="too-much", **form)) == "代理商自充余额不足"
    with fresh.db.transaction() as session:
        from backend.billing.cards import recharge_tenant

        recharge_tenant(session, "more", tenant_id=fresh.a.tenant_id, card=1, amount=D(10_000))
    again = await a.post("/user/recharge", key="too-much", **form)
    assert refused(again) == "代理商自充余额不足" and again.headers["Idempotent-Replayed"] == "true"
    data(await a.post("/user/recharge", key="now-enough", **form), "分发成功")


async def test_a_key_belongs_to_its_tenant(fresh: World) -> None:
    for owned in (fresh.a, fresh.b):
        form = {"email": owned.email, "amount": "1", "type": 1}
        answer = await merchant(fresh, owned).post("/user/recharge", key="same", **form)
        data(answer, "分发成功")
        assert "Idempotent-Replayed" not in answer.headers


async def test_transfers_and_withdrawals_are_repeatable(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    with fresh.db.reading() as session:
        from backend.models import User

        root = session.get(User, fresh.a.root_id)
        assert root
    move = {"from_email": fresh.a.email, "to_email": root.email, "amount": "3", "type": 2}
    first, again = [await a.post("/user/transfer-point-card", key="t", **move) for _ in range(2)]
    assert first.content == again.content and data(first, "赠送互转成功")["to_gift_after"] == "3.00000000"
    ask = {"email": fresh.a.email, "amount": "100", "wallet_address": TRON}
    first, again = [await a.post("/user/withdraw", key="w", **ask) for _ in range(2)]
    assert first.content == again.content and data(first, "申请成功")["fee"] == "5.00000000"
    with fresh.db.reading() as session:
        assert len(session.exec(select(Withdrawal)).all()) == 1
    assert_sound(fresh.db)


async def test_many_calls_with_one_key_at_once(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    form = {"email": fresh.a.email, "amount": "1", "type": 1}
    answers = await asyncio.gather(*(a.post("/user/recharge", key="race", **form) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    done = {answer.content for answer in answers if answer.status_code == 200}
    assert len(done) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.headers["Retry-After"] == "1"
    assert data(await a.get("/balance"))["point_card_self"] == "829.00000000"


def claim(session: Session, world: World, mark: str = "m") -> repeats.Claim:
    held = repeats.claim(session, world.a.tenant_id, "k", mark)
    assert isinstance(held, repeats.Claim)
    return held


def test_a_claim_is_exclusive_and_a_dead_workers_claim_is_taken_over(fresh: World) -> None:
    first = fresh.db.run(lambda s: claim(s, fresh))
    with pytest.raises(InProgress):
        fresh.db.run(lambda s: claim(s, fresh))
    with pytest.raises(BadParameters):
        fresh.db.run(lambda s: claim(s, fresh, "other"))

    def age(session: Session) -> None:
        session.exec(select(MerchantCall)).one().claimed_at = utcnow() - repeats.CLAIM_HOLDS

    fresh.db.run(age)
    second = fresh.db.run(lambda s: claim(s, fresh))

    def late(session: Session) -> None:
        recharge_user(
            session, "late", tenant_id=fresh.a.tenant_id, user_id=fresh.a.user_id, card=1, amount=D(1)
        )
        repeats.store(session, first, 200, "late")

    with pytest.raises(InProgress):  # the work of the one that only slept is rolled back with its answer
        fresh.db.run(late)
    fresh.db.run(lambda s: repeats.store(s, second, 200, "first"))
    fresh.db.run(lambda s: repeats.release(s, second))  # an answer that is stored stays
    found = fresh.db.run(lambda s: repeats.claim(s, fresh.a.tenant_id, "k", "m"))
    assert found == repeats.StoredAnswer(200, "first")
    assert_sound(fresh.db)


def test_a_released_key_is_free_again(fresh: World) -> None:
    first = fresh.db.run(lambda s: claim(s, fresh))
    fresh.db.run(lambda s: repeats.release(s, first))
    fresh.db.run(lambda s: claim(s, fresh, "another call"))


async def test_a_failure_of_ours_frees_the_key(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    form = {"email": fresh.a.email, "amount": "1", "type": 1}
    with fresh.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE point_card_log RENAME TO point_card_log_away")
    answer = await a.post("/user/recharge", key="k", **form)
    assert stopped(answer, 500) == "系统繁忙，请稍后重试" and "point_card_log" not in answer.text
    with fresh.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE point_card_log_away RENAME TO point_card_log")
    again = await a.post("/user/recharge", key="k", **form)
    data(again, "分发成功")
    assert "Idempotent-Replayed" not in again.headers
    assert_sound(fresh.db)


@pytest.mark.parametrize("key", ["x" * 256, "\x01"])
async def test_a_bad_key(fresh: World, key: str) -> None:
    answer = await merchant(fresh, fresh.a).post("/user/recharge", key=key, email=fresh.a.email, amount="1")
    assert stopped(answer, 422).startswith("Idempotency-Key 格式错误")


async def test_old_nonces_and_answers_are_forgotten_and_young_ones_kept(fresh: World) -> None:
    a = merchant(fresh, fresh.a)
    data(await a.post("/user/recharge", key="k", email=fresh.a.email, amount="1"), "分发成功")

    def counts(session: Session) -> tuple[int, int]:
        from backend.models import MerchantNonce

        return len(session.exec(select(MerchantNonce)).all()), len(session.exec(select(MerchantCall)).all())

    fresh.db.run(jobs.prune)
    assert fresh.db.run(counts) == (1, 1)

    def age(session: Session) -> None:
        from backend.models import MerchantNonce

        session.exec(select(MerchantNonce)).one().expires_at = utcnow() - timedelta(seconds=1)
        session.exec(select(MerchantCall)).one().created_at = utcnow() - repeats.KEPT - timedelta(seconds=1)

    fresh.db.run(age)
    fresh.db.run(jobs.prune)
    assert fresh.db.run(counts) == (0, 0)
