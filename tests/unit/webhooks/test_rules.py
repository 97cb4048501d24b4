import itertools
import random
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from backend.webhooks.rules import DELAYS, EventType, crossed_below, message_id, next_wait, payload

AMOUNTS = st.decimals(min_value=0, max_value=1000, places=2)


def test_nine_tries_over_more_than_a_day() -> None:
    waits = [next_wait(attempts, random.Random(1)) for attempts in range(1, 10)]
    assert waits[-1] is None
    assert all(wait is not None for wait in waits[:-1])
    assert sum(DELAYS, timedelta()) > timedelta(hours=24)


@given(st.integers(1, len(DELAYS)), st.integers())
def test_a_wait_stays_within_a_tenth(attempts: int, seed: int) -> None:
    wait = next_wait(attempts, random.Random(seed))
    assert wait is not None
    assert DELAYS[attempts - 1] * 0.9 <= wait <= DELAYS[attempts - 1] * 1.1


def test_the_same_event_has_the_same_id() -> None:
    one = message_id(EventType.TRADE_CLOSED, "position:1")
    assert one == message_id(EventType.TRADE_CLOSED, "position:1")
    assert one != message_id(EventType.TRADE_CLOSED, "position:2")
    assert one != message_id(EventType.REWARD_PAID, "position:1")
    assert one.startswith("msg_")
    assert "." not in one


def test_the_body() -> None:
    text = payload(EventType.TEST, "2026-01-31T00:00:00.000Z", {"n": 1})
    assert text == '{"type":"test.ping","timestamp":"2026-01-31T00:00:00.000Z","data":{"n":1}}'


@given(st.lists(AMOUNTS, min_size=2, max_size=20), AMOUNTS)
def test_a_falling_card_is_told_once(balances: list[Decimal], threshold: Decimal) -> None:
    falling = sorted(balances, reverse=True)
    crossings = sum(crossed_below(a, b, threshold) for a, b in itertools.pairwise(falling))
    assert crossings == int(falling[0] >= threshold > falling[-1])
