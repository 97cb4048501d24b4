"""Random sequences of every money verb, each retried, in the hands of eight workers at once; every invariant holds.

A batch of verbs is shuffled with its repetitions and run by eight threads. Refusals (``IronBullError``) are answers;
anything else is a failure. After each batch the ledger's own invariants hold, at the end all of them.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from backend.billing import jobs
from backend.clock import utcnow
from backend.db import Database
from backend.errors import IronBullError
from backend.ledger import queries, seals
from backend.ledger.service import PostedTransaction
from backend.monitoring.service import run_invariants
from tests.support.faults import times
from tests.support.money_world import VERBS, Verb, add_trade, build

WORKERS = 8
WORLDS = 8
"""In one database; then the next, for each check of the ledger reads all worlds before."""
small = st.integers(0, 30)
money = st.integers(1, 3 * 10**10).map(lambda units: Decimal(units).scaleb(-8))


class Money(RuleBasedStateMachine):
    """The machine; ``fresh`` makes databases, ``worlds`` counts the worlds, ``seen`` what the verbs answered. Set by the test."""

    fresh: Callable[[], Database]
    worlds: Iterator[int]
    database: Database
    seen: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.keys = itertools.count(1)

    @initialize()
    def begin(self) -> None:
        number = next(self.worlds)
        if number % WORLDS == 1:
            type(self).database = type(self).fresh()
        name = f"w{number}"
        self.world = self.database.run(lambda s: build(s, name))

    @rule(
        orders=st.lists(
            st.tuples(
                st.sampled_from(VERBS), st.integers(0, 2), small, st.sampled_from([1, 2]), money, st.integers(1, 3)
            ),
            min_size=8, max_size=24,
        ),
        trades=st.lists(st.tuples(st.integers(0, 2), small, st.integers(-400, 1600), st.integers(0, 60)), max_size=6),
        seed=st.integers(0, 2**16),
    )  # fmt: skip
    def work(self, orders, trades, seed: int) -> None:
        """Trades close, then eight workers take the verbs, each handed in one to three times, in any order."""
        for tenant, number, pnl, days in trades:
            at, result = utcnow() - timedelta(days=days), Decimal(pnl) + Decimal("0.123456789")
            self.database.run(lambda s, t=tenant, n=number, r=result, a=at: add_trade(s, self.world, t, n, r, a))
        batch: list[tuple[str, str, Verb]] = []
        for verb, tenant, number, card, amount, again in orders:
            key = f"{self.world.name}:{next(self.keys)}"
            batch += [(verb.__name__, key, verb(self.world, key, tenant, number, card, amount))] * again
        random.Random(seed).shuffle(batch)
        with ThreadPoolExecutor(WORKERS) as workers:
            answers = list(workers.map(self._one, batch))
        by_key: dict[str, list[object]] = defaultdict(list)
        for (name, key, _), answer in zip(batch, answers, strict=True):
            self.seen[f"{name} {'refused' if isinstance(answer, IronBullError) else 'done'}"] += 1
            by_key[key].append(answer)
        for same in by_key.values():
            posted = [answer for answer in same if isinstance(answer, PostedTransaction)]
            assert len({one.id for one in posted}) <= 1
            assert sum(not one.replayed for one in posted) == bool(posted)
        with self.database.reading() as session:
            for check in queries.ALL_CHECKS:
                result = check(session)
                assert result.ok, result

    def _one(self, item: tuple[str, str, Verb]) -> object:
        try:
            return self.database.run(item[2])
        except IronBullError as refusal:
            return refusal

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.database.run(jobs.settle_pending)
        self.database.run(seals.seal)
        with self.database.reading() as session:
            broken = [one for one in run_invariants(session) if not one.ok]
            assert broken == []
            assert seals.verify(session).problems == []


@pytest.mark.timeout(7200)
def test_every_verb_in_any_order_by_eight_workers(fresh_database: Callable[[], Database]) -> None:
    machine = type("Machine", (Money,), {"fresh": staticmethod(fresh_database), "worlds": itertools.count(1), "seen": Counter()})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=times(4, 200), stateful_step_count=times(5, 40), deadline=None, print_blob=True,
            suppress_health_check=list(HealthCheck),
            # Threads do not repeat themselves, so a failing sequence cannot be made smaller by running it again.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )  # fmt: skip
    # The sequences are not hollow: money really moved, and refusals really happened.
    done = sum(count for name, count in machine.seen.items() if name.endswith("done"))
    assert done > times(50, 5_000), machine.seen
