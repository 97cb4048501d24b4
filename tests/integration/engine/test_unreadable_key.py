"""A key that cannot be opened is its own account's trouble: everybody else is traded, read and settled."""

from __future__ import annotations

from sqlmodel import Session

from backend.models import ExchangeAccount
from backend.portfolio.sync import sync_balances
from tests.support.centre import Centre
from tests.support.intents import enter


async def test_the_others_go_on(centre: Centre) -> None:
    broken, whole = centre.account_ids

    def damage(session: Session) -> None:
        row = session.get_one(ExchangeAccount, broken)
        row.credentials_sealed = row.credentials_sealed[:-1] + bytes([row.credentials_sealed[-1] ^ 1])
        session.add(row)

    centre.db.run(damage)
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    entries = {row.account_id: row for row in centre.orders(trade_type="OPEN") if row.order_type == "MARKET"}
    assert entries[whole].status == "FILLED"
    assert (entries[broken].status, entries[broken].error_code) == ("REJECTED", "KEY_UNREADABLE")
    await sync_balances(centre.db, engine.wire, engine.prices)
    with centre.db.reading() as session:
        assert "cannot be opened" in session.get_one(ExchangeAccount, broken).last_sync_error
        assert session.get_one(ExchangeAccount, whole).last_sync_error == ""
