"""D10: a centre that was paused past its lease wakes up beside its successor: it claims nothing and scans nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from backend import leases
from backend.engine import LEASE, LEASE_TTL_MS
from tests.support.centre import Centre
from tests.support.intents import enter


async def test_who_lost_the_lease_sends_nothing(centre: Centre) -> None:
    engine = centre.start_engine()
    with centre.db.transaction() as session:
        engine.token = leases.acquire(session, LEASE, engine.owner, LEASE_TTL_MS)
    assert engine.token is not None
    await engine.refresh_prices()
    # Its time ran out while it slept, and another took over.
    with centre.db.transaction() as session:
        session.connection().execute(text("UPDATE lease SET expires_at_ms = 0"))
        successor = leases.acquire(session, LEASE, "another", LEASE_TTL_MS)
    assert successor == engine.token + 1
    order = enter(centre)[0]
    with pytest.raises(leases.LeaseLost):
        await engine.dispatch()
    with pytest.raises(leases.LeaseLost):
        await engine.scan()
    row = centre.orders(trade_type="OPEN")[0]
    assert (row.id, row.status, row.attempt) == (order.id, "PENDING", 0)
    assert centre.exchange_orders() == []
