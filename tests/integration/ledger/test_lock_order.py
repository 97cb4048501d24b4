"""Whatever order the legs come in, accounts are locked in id order: two who move money across each other never deadlock."""

from __future__ import annotations

import threading

from backend.db import Database
from backend.ledger import service
from backend.ledger.rules import Posting, platform_source, user_account
from tests.support.faults import times

MOVES = times(60, 2_000)


def test_opposite_moves_do_not_deadlock(mariadb_url: str) -> None:
    database = Database(mariadb_url)
    accounts = [user_account(1, number, "point_self") for number in range(1, 9)]
    for number, account in enumerate(accounts):
        start = [Posting(platform_source(), -7 * MOVES), Posting(account, 7 * MOVES)]
        database.run(lambda s, n=number, p=start: service.post(s, f"start{n}", p, kind="move"))
    failures: list[str] = []
    together = threading.Barrier(2)

    def move(name: str, order: list[int]) -> None:
        legs = [Posting(accounts[order[0]], -7), *(Posting(accounts[n], 1) for n in order[1:])]
        for number in range(MOVES):
            together.wait(60)
            try:
                # Not ``run``: it would try a deadlocked transaction again and nobody would hear of it.
                with database.transaction() as session:
                    service.post(session, f"{name}{number}", legs, kind="move")
            except Exception as error:
                failures.append(repr(error))

    there = threading.Thread(target=move, args=("a", list(range(8))))
    back = threading.Thread(target=move, args=("b", list(range(7, -1, -1))))
    there.start()
    back.start()
    there.join()
    back.join()
    database.dispose()
    assert failures == []
