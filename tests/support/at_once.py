"""Several things done at the same moment, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


def at_once(*works: Callable[[], object], within_s: float = 120) -> list[object]:
    """Start all together and wait for all; what each answered, or the exception it ended with, in order."""
    gate = threading.Barrier(len(works))
    answers: list[object] = [None] * len(works)

    def run(place: int, work: Callable[[], object]) -> None:
        gate.wait(60)
        try:
            answers[place] = work()
        except Exception as error:  # handed to the test
            answers[place] = error

    threads = [threading.Thread(target=run, args=(place, work), daemon=True) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within_s)
    assert not any(thread.is_alive() for thread in threads), f"not done within {within_s} s"
    return answers


def all_at_once(*works: Callable[[], object], within_s: float = 120) -> list[object]:
    """The same where none may fail: raises what the first of them failed with."""
    answers = at_once(*works, within_s=within_s)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
