"""Live screens: how many one process holds, what a push costs, and whether they slow the scan.

    python -m bench.live [P17 P20]

P17  sessions per process that get 0.95 pushes a second or more, 99 in 100 within 1.2 s of the one before
P18  processor time of one push to one session, everybody on the same page
P20  a scan while 600 dashboards are open and settlements run, against an idle machine (``_live_scan``)

The reference is a stock Reflex app (a background event per session), measured in the same run. The same 0.9 kB go to headless
browsers in a process of their own; only the server's processor time is counted.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass

from bench._bench import report, skipped
from bench._live_client import Crew, Seen, Target, crew
from bench._live_scan import p20
from bench._live_servers import Process, ours, stock

RATE_HZ, GAP_S = 0.95, 1.2
SETTLE_S, LOOK_S = 2.5, 7.0
STOCK_STEPS = (300, 450, 600, 750, 900, 1200, 1500, 2000)
TIMES = (6, 8, 10)
FEWER = (5, 4, 3, 2, 1)
COMMON = 300
"""Sessions at which the cost of a push is compared: both sides hold them with ease."""


@dataclass
class Held:
    """The most sessions that were held, what a push cost with ``COMMON`` of them, and what a session weighs."""

    sessions: int = 0
    push_us: float = 0.0
    session_kb: float = 0.0


def look(server: Process, people: Crew, size: int) -> tuple[Seen, float, float]:
    """With so many sessions: what they saw, processor microseconds per push, resident kB. A bad look is taken twice."""
    people.ask("grow", size)
    for again in (False, True):
        people.ask("look", SETTLE_S)
        before = server.cpu_s()
        seen: Seen = people.ask("look", LOOK_S)
        cost_us = (server.cpu_s() - before) / max(seen.pushes, 1) * 1e6
        if good(seen, size) or again:
            break
    note = f"{size} sessions: {seen.rate_hz:.3f} Hz, gap p99 {seen.gap_p99_s:.3f} s, {cost_us:.0f} us per push"
    sys.stderr.write(f"  {note}\n")
    return seen, cost_us, server.resident_kb()


def good(seen: Seen, size: int) -> bool:
    """Whether everybody was served in time."""
    return seen.sessions == size and seen.rate_hz >= RATE_HZ and seen.gap_p99_s <= GAP_S


def climb(server: Process, people: Crew, steps: list[int]) -> Held:
    """Up the steps until one is too many."""
    held = Held()
    empty_kb = server.resident_kb()
    for size in [COMMON, *(step for step in steps if step > COMMON)]:
        try:
            seen, cost_us, resident_kb = look(server, people, size)
        except RuntimeError as error:
            sys.stderr.write(f"  {size} sessions: {error}\n")
            break
        if size == COMMON:
            held.push_us = cost_us
        if not good(seen, size):
            break
        held.sessions, held.session_kb = size, (resident_kb - empty_kb) / size
    return held


def p17() -> bool:
    """P17, P18 and what a session weighs."""
    with stock() as server:
        target = Target(server.port, b'"rows_rx_state_":[{', watch="reflex___state____state.stock___stock____board.watch")
        with crew(target) as people:
            theirs = climb(server, people, list(STOCK_STEPS))
    if not theirs.sessions:
        skipped("P17 live sessions per process", f"the machine is too busy: the stock app does not hold {COMMON}")
        return True
    with ExitStack() as stack:
        server, sids = stack.enter_context(ours())
        people = stack.enter_context(crew(Target(server.port, b'"rows":[{', sids, ("market",))))
        mine = climb(server, people, [theirs.sessions * times for times in TIMES])
    if mine.sessions <= COMMON < theirs.sessions * TIMES[0]:
        with ExitStack() as stack:
            server, sids = stack.enter_context(ours())
            people = stack.enter_context(crew(Target(server.port, b'"rows":[{', sids, ("market",))))
            mine = climb(server, people, sorted(theirs.sessions * times for times in FEWER))
    good = report("P17 live sessions per process", mine.sessions, theirs.sessions, unit="sessions", aim=6.0, higher_is_better=True)
    good &= report(f"P18 server time of one push, {COMMON} on one page", mine.push_us, theirs.push_us, unit="us", aim=0.17)
    good &= report("memory of one live session", mine.session_kb, theirs.session_kb, unit="kB", aim=None)
    return good


def main() -> int:
    works = {"P17": p17, "P20": p20}
    verdicts = [works[name]() for name in sys.argv[1:] or works]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
