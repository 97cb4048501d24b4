"""What is told, to whom, and how often it is tried. Pure."""

from __future__ import annotations

import hashlib
import random
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson


class EventType(StrEnum):
    """Everything a merchant can be told of."""

    TRADE_CLOSED = "trade.closed"
    POINT_CARD_LOW = "point_card.low"
    REWARD_PAID = "reward.paid"
    WITHDRAWAL_CHANGED = "withdrawal.changed"
    BINDING_STOPPED = "binding.stopped"
    TEST = "test.ping"


SUBSCRIBABLE = tuple(kind.value for kind in EventType if kind is not EventType.TEST)

# The waits of the Standard Webhooks specification: nine tries over a little more than a day.
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 43_200, 43_200))
JITTER = 0.1
MAX_PAYLOAD = 20_000
DEFAULT_LOW_POINTS = Decimal(10)


def next_wait(attempts: int, chance: random.Random, delays: tuple[timedelta, ...] = DELAYS) -> timedelta | None:
    """How long to wait after the ``attempts``-th try failed; None when it was the last. Spread by a tenth."""
    if attempts > len(delays):
        return None
    return delays[attempts - 1] * chance.uniform(1 - JITTER, 1 + JITTER)


def message_id(kind: EventType, reference: str) -> str:
    """The same event has the same id at every endpoint and every try, so a receiver can drop repeats."""
    return "msg_" + hashlib.sha256(f"{kind.value}|{reference}".encode()).hexdigest()[:32]


def payload(kind: EventType, at: str, data: dict[str, Any]) -> str:
    """The body that is signed and sent: ``{"type", "timestamp", "data"}``; amounts in ``data`` are decimal strings."""
    return orjson.dumps({"type": kind.value, "timestamp": at, "data": data}).decode()


def crossed_below(before: Decimal, after: Decimal, threshold: Decimal) -> bool:
    """Whether a balance fell below the threshold by this one step."""
    return after < threshold <= before
