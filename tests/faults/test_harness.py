"""One order's life, from signal to settlement, with everything going wrong: nothing lost, nothing doubled, every invariant true.

``make faults SEED=n`` replays one run byte for byte; ``IRONBULL_FAULTS=full`` runs 2,000 seeds and a crash at every step.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.faults.harness.plan import Plan, draw
from tests.faults.harness.run import Report, Template, make_template, run
from tests.support.faults import FULL, SEED, times

# What a dead process had begun is thrown away unfinished, as with kill -9; Python remarks on it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")
RUNS = times(14, 2_000)
EVENTS = times(1_000, 1_000_000)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    made = make_template(tmp_path_factory.mktemp("harness"))
    yield made
    made.close()
    gc.collect()  # what dead processes had begun is thrown away here, not in the middle of some other test


def _sound(report: Report) -> None:
    assert report.ok, f"make faults SEED={report.plan.seed}: {report.sentence()}"


def test_without_trouble_an_order_lives_its_whole_life(template: Template) -> None:
    report = run(template, Plan(0))
    _sound(report)
    assert report.states["OPEN FILLED"] >= 2 and report.states["CLOSE FILLED"] >= 2 and report.fills >= 4
    again = run(template, Plan(0))
    assert (again.trace, again.digest) == (report.trace, report.digest)


@pytest.mark.timeout(7200)
def test_crash_at_every_step(template: Template) -> None:
    """Before and after every commit, before a send, after it, before a reply, after it: centre and node."""
    steps = run(template, Plan(0)).steps
    assert steps > 100
    stride = 1 if FULL else steps // 4
    for step in range(1 + SEED % stride, steps + 1, stride):
        report = run(template, Plan(0, crashes={step}))
        assert report.crashes == 1
        _sound(report)


@pytest.mark.timeout(7200)
def test_the_answer_to_any_commit_is_lost(template: Template) -> None:
    """D5 along the life of an order: it is committed, and who committed it hears of an error."""
    mine = [parts for line in run(template, Plan(0)).trace if (parts := line.split())[1] == "centre"]
    commits = [int(parts[2]) for parts in mine if parts[-1] == "committed"]
    # Those after which the process goes on to the wire are the claims; `make test` takes those.
    claims = [int(one[2]) for one, after in pairwise(mine) if one[-1] == "committed" and after[3] in ("connect", "sends")]
    assert len(commits) > 30 and claims
    for step in commits if FULL else claims:
        report = run(template, Plan(0, unanswered={step}))
        assert any(line.endswith("commit not answered") for line in report.trace)
        _sound(report)


@pytest.mark.parametrize("seed", [29, 118, 208, 361, 1079, 1146, 1809])
def test_what_once_went_wrong(template: Template, seed: int) -> None:
    """A node that died with a request in hand; one that died twice; markets that never fill the rest of an order;
    a clock an hour ahead that is set back; a centre paused while its request waited for the exchange's leave."""
    _sound(run(template, draw(seed)))


@pytest.mark.timeout(7200)
def test_whatever_goes_wrong(template: Template) -> None:
    """S1: at least so many runs, and on until so many events: sends, deliveries, commits, ticks, losses, crashes."""
    started, seen = time.monotonic(), Counter[str]()
    seed = (SEED - 1) * RUNS
    while seen["runs"] < RUNS or seen["events"] < EVENTS:
        seed += 1
        report = run(template, draw(seed))
        _sound(report)
        seen.update(runs=1, events=report.events, steps=report.steps, crashes=report.crashes, fills=report.fills)
    print(f"{dict(seen)} in {time.monotonic() - started:.0f} s")
    assert seen["crashes"] > RUNS // 10 and seen["fills"] > RUNS


@pytest.mark.parametrize("seed", [6])
def test_a_seed_is_the_same_run_every_time(template: Template, seed: int) -> None:
    assert run(template, draw(seed)).digest == run(template, draw(seed)).digest


@pytest.mark.parametrize(("who", "ms"), [("node", 1_000), ("node", -31_000), ("node", 3_600_000), ("centre", 3_600_000)])
def test_a_wrong_clock(template: Template, who: str, ms: int) -> None:
    """R19, R20: within the window all works; outside a node takes nothing, and the centre's clock may step back an hour."""
    report = run(template, Plan(0, skew_ms={who: ms}))
    _sound(report)
    opened = report.states["OPEN FILLED"]
    assert opened >= 2 if abs(ms) <= 1_000 or who == "centre" else opened == 1 + report.states["OPEN FILLED"] // 2


def test_a_flapping_node(template: Template) -> None:
    """R15: its link comes and goes every half second."""
    times_s = [half / 2 for half in range(2, 26, 2)]
    report = run(template, Plan(0, partitions=[("centre", "node", start, start + 0.5) for start in times_s]))
    _sound(report)
    assert report.states["OPEN FILLED"] >= 2


def test_a_database_that_cannot_be_written(template: Template) -> None:
    """D6: nothing new is opened meanwhile; what the exchange's stop closed is booked afterwards."""
    report = run(template, Plan(1, read_only=(2.5, 13.0)))
    _sound(report)
    assert report.fills >= 4 and report.entries_s
    assert not [at for at in report.entries_s if 2.6 <= at < 13.0]
