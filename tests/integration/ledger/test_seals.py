"""The hash chain: it grows with the ledger, and whatever is changed, removed or slipped in is found."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend.clock import utcnow
from backend.db import Database
from backend.ledger import seals, service
from backend.ledger.rules import Posting, platform_source, tenant_card
from backend.models import LedgerSeal, LedgerTransaction

HOME = Path(__file__).resolve().parents[3]


def move(database: Database, key: str, tenant: int = 1, amount: int = 5) -> int:
    postings = [Posting(platform_source(), -amount), Posting(tenant_card(tenant, "point_self"), amount)]
    return database.run(lambda s: service.post(s, key, postings, kind="move", tenant_id=tenant, remark="点卡")).id


def verdict(database: Database) -> seals.Verdict:
    with database.reading() as session:
        return seals.verify(session)


@pytest.fixture
def sealed(database: Database) -> Database:
    """Nine transactions of three tenants, all linked."""
    for number in range(9):
        move(database, f"m{number}", 1 + number % 3)
    assert database.run(lambda s: seals.seal(s, 4)) == 4
    assert database.run(seals.seal) == 5 and database.run(seals.seal) == 0
    return database


def test_each_tenant_has_its_own_chain(sealed: Database) -> None:
    found = verdict(sealed)
    assert (found.ok, found.transactions, found.entries, found.unsealed) == (True, 9, 18, 0)
    assert [(head.chain, head.number) for head in found.heads] == [(1, 3), (2, 3), (3, 3)]
    move(sealed, "more", 2)
    assert verdict(sealed).unsealed == 1 and verdict(sealed).ok
    sealed.run(seals.seal)
    after = verdict(sealed)
    assert after.ok and [head.number for head in after.heads] == [3, 4, 3]
    assert after.heads[0] == found.heads[0] and after.heads[1].hash != found.heads[1].hash
    with sealed.reading() as session:
        links = session.exec(select(LedgerSeal).where(LedgerSeal.chain == 2).order_by(LedgerSeal.number)).all()
        assert [link.previous for link in links] == [seals.START, *(link.hash for link in links[:-1])]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("UPDATE ledger_entry SET amount = amount + 1 WHERE transaction_id = {n}", "transaction {n} or its entries"),
        ("UPDATE ledger_entry SET balance_after = 0 WHERE transaction_id = {n}", "transaction {n} or its entries"),
        ("DELETE FROM ledger_entry WHERE transaction_id = {n} AND amount > 0", "transaction {n} or its entries"),
        ("UPDATE ledger_transaction SET remark = 'x' WHERE id = {n}", "transaction {n} or its entries"),
        ("UPDATE ledger_transaction SET created_at = '2020-01-01 00:00:00.000000' WHERE id = {n}", "transaction {n} or its"),
        ("DELETE FROM ledger_transaction WHERE id = {n}", "transaction {n} of chain 2 was removed"),
        ("DELETE FROM ledger_seal WHERE transaction_id = {n}", "does not follow from the one before"),
        ("UPDATE ledger_seal SET hash = previous WHERE transaction_id = {n}", "does not follow from the one before"),
        ("UPDATE ledger_seal SET previous = hash WHERE transaction_id = {n}", "transaction {n} or its entries"),
    ],
)  # fmt: skip
def test_every_kind_of_harm_is_found(sealed: Database, harm: str, told: str) -> None:
    with sealed.reading() as session:
        second = (
            session.exec(select(LedgerSeal).where(LedgerSeal.chain == 2, LedgerSeal.number == 2)).one().transaction_id
        )
    sealed.run(lambda s: s.execute(text(harm.format(n=second))))
    found = verdict(sealed)
    assert not found.ok and any(told.format(n=second) in problem for problem in found.problems), found.problems


def test_an_old_transaction_outside_every_chain_is_found(sealed: Database) -> None:
    def slip_in(session) -> None:
        old = utcnow() - timedelta(hours=1)
        session.add(LedgerTransaction(key="slipped", kind="move", tenant_id=1, created_at=old))

    sealed.run(slip_in)
    assert "is in no chain" in verdict(sealed).problems[0]


def test_what_was_old_is_not_looked_at_again_and_nothing_is_left_out(database: Database) -> None:
    for number in range(6):
        move(database, f"m{number}")
    database.run(lambda s: s.execute(text("UPDATE ledger_transaction SET created_at = '2020-01-01 00:00:00.000000'")))
    assert [database.run(lambda s: seals.seal(s, 2)) for _ in range(4)] == [2, 2, 2, 0]
    move(database, "new")
    assert database.run(lambda s: seals.seal(s, 2)) == 1
    assert verdict(database).ok and verdict(database).heads[0].number == 7


def test_the_command_says_what_is_wrong(sqlite_database: Database, sqlite_url: str, tmp_path: Path) -> None:
    number = move(sqlite_database, "a")
    sqlite_database.run(seals.seal)

    def run() -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "IRONBULL_DATABASE_URL": sqlite_url, "IRONBULL_HOME": str(tmp_path)}
        command = [sys.executable, "-m", "ironbull_app.cli", "ledger", "verify"]
        return subprocess.run(command, cwd=HOME, env=env, capture_output=True, text=True, timeout=60, check=False)

    good = run()
    assert good.returncode == 0 and "tenant 1: link 1 " in good.stdout, good.stdout + good.stderr
    sqlite_database.run(
        lambda s: s.execute(
            text("UPDATE ledger_entry SET amount = 6 WHERE transaction_id = :n AND amount = 5"), {"n": number}
        )
    )
    bad = run()
    assert bad.returncode == 1 and f"WRONG  transaction {number} or its entries were changed" in bad.stdout
    assert "WRONG  ledger sums to zero" in bad.stdout


def test_a_long_chain_is_verified(sqlite_database: Database) -> None:
    """Several batches of transactions, so that the chain is carried from one to the next."""

    def fill(session) -> None:
        session.execute(
            text(
                "INSERT INTO ledger_transaction (`key`, kind, tenant_id, reference, actor, remark, fingerprint, created_at) "
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
                "SELECT 'k' || i, 'move', i % 7 + 1, '', '', '', '', '2020-01-01 00:00:00.000000' FROM n"
            )
        )
        session.execute(
            text(
                "INSERT INTO ledger_entry (transaction_id, account_id, currency, amount, balance_after) "
                "SELECT t.id, a.i, 'USDT', a.i, 0 FROM ledger_transaction t "
                "JOIN (SELECT 1 AS i UNION SELECT 2 UNION SELECT -3 UNION SELECT 4 UNION SELECT -4) a"
            )
        )

    sqlite_database.run(fill)
    assert sqlite_database.run(seals.seal) == 5_000
    found = verdict(sqlite_database)
    assert found.ok and found.entries == 25_000
