"""Posting, on SQLite and MariaDB."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from backend.db import Database
from backend.errors import Conflict, InvalidInput, NotFound
from backend.ledger import queries, service
from backend.ledger.jobs import verify_balances
from backend.ledger.rules import (
    InsufficientBalance,
    KeyReused,
    LedgerUnbalanced,
    Posting,
    platform_source,
    tenant_card,
    user_account,
)
from tests.support.at_once import at_once

SOURCE = platform_source()
TENANT = tenant_card(1, "point_self")
USER = user_account(1, 7, "point_self")


def move(key: str, amount: int, source=SOURCE, target=TENANT, **more):
    def work(session):
        return service.post(session, key, [Posting(source, -amount), Posting(target, amount)], kind="move", **more)

    return work


def held(database: Database, ref) -> int:
    with database.reading() as session:
        return queries.balance(session, ref)


def sound(database: Database) -> None:
    with database.reading() as session:
        for check in (queries.check_zero_sum, queries.check_balances, queries.check_not_negative):
            result = check(session)
            assert result.ok, result


def test_money_moves_and_is_counted_twice(database: Database) -> None:
    first = database.run(move("a", 500))
    assert not first.replayed
    assert first.balances == {SOURCE: -500, TENANT: 500}
    second = database.run(move("b", 200, TENANT, USER, watch=[SOURCE]))
    assert second.balances == {TENANT: 300, USER: 200, SOURCE: -500}
    assert (held(database, TENANT), held(database, USER)) == (300, 200)
    sound(database)


def test_a_replay_returns_the_first_answer(database: Database) -> None:
    first = database.run(move("a", 500))
    database.run(move("b", 100))
    again = database.run(move("a", 500))
    assert again.replayed and again.id == first.id and again.balances == first.balances
    assert held(database, TENANT) == 600


@pytest.mark.parametrize("change", [{"amount": 501}, {"amount": 500, "target": USER}, {"amount": 500, "tenant_id": 3}])
def test_a_key_is_not_reused_for_something_else(database: Database, change) -> None:
    database.run(move("a", 500))
    with pytest.raises(KeyReused) as caught:
        database.run(move("a", **change))
    assert caught.value.status == 409
    assert held(database, TENANT) == 500


def test_the_empty_pocket_is_named_and_nothing_is_written(database: Database) -> None:
    database.run(move("a", 500))
    with pytest.raises(InsufficientBalance) as caught:
        database.run(move("b", 501, TENANT, USER))
    assert "point_self of tenant 1" in caught.value.message
    assert caught.value.details["available"] == 500
    assert held(database, TENANT) == 500 and held(database, USER) == 0
    # The refused key is free again once there is money.
    database.run(move("c", 1))
    assert not database.run(move("b", 501, TENANT, USER)).replayed
    sound(database)


def test_a_caught_refusal_leaves_no_trace_in_the_same_transaction(database: Database) -> None:
    def work(session):
        with pytest.raises(InsufficientBalance):
            move("x", 5, TENANT, USER)(session)
        return move("y", 9)(session)

    database.run(work)
    with database.reading() as session:
        assert session.execute(text("SELECT `key` FROM ledger_transaction")).scalars().all() == ["y"]
    sound(database)


def test_wrong_sets_are_refused(database: Database) -> None:
    wrong = [
        ([Posting(SOURCE, -5), Posting(TENANT, 4)], LedgerUnbalanced),
        ([Posting(SOURCE, -5)], LedgerUnbalanced),
        ([Posting(SOURCE, -5.0), Posting(TENANT, 5.0)], InvalidInput),
        ([Posting(SOURCE, True), Posting(TENANT, -1)], InvalidInput),
        ([Posting(SOURCE, 0), Posting(TENANT, 0)], InvalidInput),
        ([Posting(SOURCE, -(2**63)), Posting(TENANT, 2**63)], InvalidInput),
    ]
    for number, (postings, error) in enumerate(wrong):
        with pytest.raises(error):
            database.run(lambda s, n=number, p=postings: service.post(s, f"w{n}", p, kind="move"))
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM ledger_transaction")).scalar_one() == 0


def test_a_reversal_undoes_once(database: Database) -> None:
    first = database.run(move("a", 500))
    undone = database.run(lambda s: service.reverse(s, first.id, "typing error", "admin:1"))
    assert held(database, TENANT) == 0 and held(database, SOURCE) == 0
    again = database.run(lambda s: service.reverse(s, first.id, "typing error", "admin:1"))
    assert again.replayed and again.id == undone.id
    with pytest.raises(Conflict):
        database.run(lambda s: service.reverse(s, undone.id, "no", "admin:1"))
    with pytest.raises(NotFound):
        database.run(lambda s: service.reverse(s, 999, "no", "admin:1"))
    sound(database)


def test_spent_money_cannot_be_reversed(database: Database) -> None:
    first = database.run(move("a", 500))
    database.run(move("b", 1, TENANT, USER))
    with pytest.raises(InsufficientBalance):
        database.run(lambda s: service.reverse(s, first.id, "late", "admin:1"))
    assert held(database, TENANT) == 499


def test_a_rolled_back_account_is_not_remembered(database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction() as session:
        move("a", 500)(session)
        raise RuntimeError
    other = tenant_card(2, "point_gift")
    database.run(move("b", 10, target=other))
    database.run(move("c", 20))
    assert held(database, other) == 10 and held(database, TENANT) == 20
    sound(database)


def test_a_race_on_one_key_posts_once(database: Database) -> None:
    answers = at_once(*[lambda: database.run(move("same", 50))] * 8)
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 7
    assert len({answer.id for answer in answers}) == 1
    assert held(database, TENANT) == 50
    sound(database)


def test_a_race_for_the_last_money_has_one_winner(database: Database) -> None:
    database.run(move("a", 100))
    answers = at_once(*[lambda n=n: database.run(move(f"take{n}", 60, TENANT, USER)) for n in range(6)])
    assert sum(isinstance(answer, InsufficientBalance) for answer in answers) == 5
    assert (held(database, TENANT), held(database, USER)) == (40, 60)
    sound(database)


def test_a_damaged_balance_raises_an_alert_once(database: Database) -> None:
    database.run(move("a", 100))
    assert database.run(verify_balances) == []
    with database.transaction() as session:
        session.execute(text("UPDATE ledger_account SET balance = 101 WHERE kind = 'point_self'"))
    for _ in range(2):
        (found,) = database.run(verify_balances)
        assert (found.balance, found.entries) == (101, 100)
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM notification WHERE audience = 'platform'")).scalar_one() == 1
        assert not queries.check_balances(session).ok
