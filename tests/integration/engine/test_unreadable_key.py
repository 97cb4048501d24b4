"""A key that cannot be opened is its own account's trouble: everybody else is traded, read and settled."""

from __future__ import annotations

from sqlmodel import Session, select

from backend.models import ExchangeAccount, Position
from backend.portfolio.sync import sync_balances
from tests.support.centre import Centre
from tests.support.intents import enter


def damage(centre: Centre, account_id: int) -> None:
    def work(session: Session) -> None:
        row = session.get_one(ExchangeAccount, account_id)
        row.credentials_sealed = row.credentials_sealed[:-1] + bytes([row.credentials_sealed[-1] ^ 1])
        session.add(row)

    centre.db.run(work)


async def test_the_others_go_on(centre: Centre) -> None:
    broken, whole = centre.account_ids
    damage(centre, broken)
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


async def test_the_stops_of_the_others_are_kept(centre: Centre) -> None:
    broken, whole = centre.account_ids
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    damage(centre, broken)

    def lost(session: Session, status: str) -> None:
        for row in session.exec(select(Position)).all():
            row.stop_status = status
            session.add(row)

    def stops() -> dict[int, str]:
        return {row.account_id: row.stop_status for row in centre.positions()}

    centre.db.run(lambda s: lost(s, "LOST"))
    assert await engine.stops.restore() == 1
    assert stops() == {broken: "LOST", whole: "OPEN"}
    centre.db.run(lambda s: lost(s, "CANCEL"))
    assert await engine.stops.cancel() == 1
    assert stops() == {broken: "CANCEL", whole: "NONE"}
