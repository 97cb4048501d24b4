"""Kinds of work and how their tries are spaced."""

from backend.queue.rules import KINDS, LONGEST_BACKOFF_S, backoff_s, max_attempts


def test_pauses_double_up_to_five_minutes() -> None:
    for kind in KINDS:
        pauses = [backoff_s(kind, attempt) for attempt in range(1, 12)]
        assert pauses == sorted(pauses)
        assert pauses[1] == 2 * pauses[0] and pauses[-1] == LONGEST_BACKOFF_S


def test_unknown_work_is_tried_once() -> None:
    assert max_attempts("dance") == 1
    assert all(1 < kind.max_attempts <= 5 and kind.together > 0 for kind in KINDS.values())


def test_orders_go_before_everything_else() -> None:
    ranks = {name: kind.rank for name, kind in KINDS.items()}
    assert ranks["dispatch"] < ranks["settle"] < ranks["export"]
