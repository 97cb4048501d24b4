"""D3, the bank test: many writers moving money at random while readers add everything up."""

from __future__ import annotations

import random
import threading

from sqlalchemy import text
from sqlmodel import Session

from backend.db import Database
from backend.ledger import queries, service
from backend.ledger.rules import InsufficientBalance, Posting, platform_source, user_account
from tests.support.faults import times

ACCOUNTS = [user_account(1, number, "point_self") for number in range(1, times(13, 51))]
START = 1000
WHOLE = "SELECT SUM(balance), MIN(balance) FROM ledger_account WHERE kind = 'point_self'"
WRITERS, TRANSFERS = times(6, 8), times(60, 12_500)


def test_every_snapshot_sums_to_the_constant(database: Database) -> None:
    for number, account in enumerate(ACCOUNTS):
        postings = [Posting(platform_source(), -START), Posting(account, START)]
        database.run(lambda s, n=number, p=postings: service.post(s, f"start{n}", p, kind="move"))
    problems: list[str] = []
    reads: list[bool] = []
    refused = 0
    done = threading.Event()

    def write(seed: int) -> None:
        nonlocal refused
        chance = random.Random(seed)
        for number in range(TRANSFERS):
            # Legs in random order: the ledger must order the locks, not the caller.
            giver, *takers = chance.sample(ACCOUNTS, 4)
            parts = [chance.randint(1, 150) for _ in takers]
            legs = [Posting(giver, -sum(parts)), *(Posting(t, p) for t, p in zip(takers, parts, strict=True))]
            chance.shuffle(legs)
            try:
                database.run(lambda s, k=f"w{seed}:{number}", p=legs: service.post(s, k, p, kind="move"))
            except InsufficientBalance:
                refused += 1
            except Exception as error:
                problems.append(repr(error))

    def whole(session: Session, locking: str = "") -> bool:
        total, least = session.execute(text(WHOLE + locking)).one()
        return total == START * len(ACCOUNTS) and least >= 0

    def read() -> None:
        while not done.is_set():
            with database.reading() as session:
                reads.append(whole(session))
                # MariaDB notes the running transactions of a snapshot one by one. On a crowded machine, about once in
                # 100,000 reads, one that waited for another is seen without it. The locks decide whether money is lost.
                if not reads[-1] and (database.is_sqlite or not whole(session, " LOCK IN SHARE MODE")):
                    problems.append("a snapshot does not sum to the constant")
            done.wait(0.005)

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(WRITERS)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join(times(120, 3600))
    done.set()
    for thread in readers:
        thread.join(10)
    assert problems == []
    assert reads.count(False) <= 1 + len(reads) // 10_000
    assert refused > 0  # the limit was really reached
    with database.reading() as session:
        assert sum(queries.balances(session, ACCOUNTS).values()) == START * len(ACCOUNTS)
        posted = session.execute(text("SELECT count(*) FROM ledger_transaction")).scalar_one()
    assert posted == len(ACCOUNTS) + WRITERS * TRANSFERS - refused
    with database.reading() as session:
        for check in queries.ALL_CHECKS:
            assert check(session).ok


def test_the_reader_of_this_file_can_trust_the_checks(database: Database) -> None:
    """The invariants used above do fail when an entry is lost."""
    postings = [Posting(platform_source(), -5), Posting(ACCOUNTS[0], 5)]
    database.run(lambda s: service.post(s, "a", postings, kind="move"))
    with database.transaction() as session:
        session.execute(text("DELETE FROM ledger_entry WHERE amount = 5"))
    with database.reading() as session:
        assert not queries.check_zero_sum(session).ok
        assert not queries.check_balances(session).ok
