"""One order's life, from signal to settlement, with everything going wrong: nothing lost, nothing doubled, every invariant true.

``make faults SEED=n`` replays one run byte for byte; ``IRONBULL_FAULTS=full`` runs 2,000 seeds and a crash at every step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.harness.plan import Plan, draw
from tests.faults.harness.run import Report, Template, make_template, run
from tests.support.faults import FULL, SEED, times

RUNS = times(30, 2_000)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    made = make_template(tmp_path_factory.mktemp("harness"))
    yield made
    made.close()


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
    offset = SEED % 25
    for step in range(1, steps + 1) if FULL else range(1 + offset, steps + 1, steps // 8):
        report = run(template, Plan(0, crashes={step}))
        assert report.crashes == 1
        _sound(report)


@pytest.mark.timeout(7200)
def test_whatever_goes_wrong(template: Template) -> None:
    started, crashes, steps, fills = time.monotonic(), 0, 0, 0
    first = (SEED - 1) * RUNS + 1
    for seed in range(first, first + RUNS):
        report = run(template, draw(seed))
        _sound(report)
        crashes, steps, fills = crashes + report.crashes, steps + report.steps, fills + report.fills
    print(f"{RUNS} runs, {steps} steps, {crashes} crashes, {fills} fills in {time.monotonic() - started:.0f} s")
    assert crashes > RUNS // 10 and fills > RUNS


@pytest.mark.parametrize("seed", [3, 6, 29])
def test_a_seed_is_the_same_run_every_time(template: Template, seed: int) -> None:
    assert run(template, draw(seed)).digest == run(template, draw(seed)).digest
