"""The way of a signal through an account, after a real entry on the simulated exchange and after a refused one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlmodel import Session, select

from backend.clock import to_ms, utcnow
from backend.dashboards.lists.base import Find, find_of
from backend.dashboards.lists.trace import TRACE, slippage_bps, trace_detail, trace_totals, traces
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.models import Order, Scan, Signal, Strategy
from state.trade_rows import trace
from state.trade_rows import trace_detail as detail_shown
from tests.support.centre import Centre
from tests.support.intents import enter
from tests.support.paper import PaperServer

ADMIN = Principal("admin", 1, None, "a", "a", "owner", 0)
STRANGER = Principal("tenant", 99, 99, "t", "t", "", 0)
BAR_MS = 1_700_000_000_000


def signalled(centre: Centre, entry_price: Decimal) -> str:
    """The scan and the signal the newest entry came from."""

    def work(session: Session) -> str:
        order = session.exec(select(Order).where(Order.trade_type == "OPEN").order_by(Order.id.desc())).first()
        strategy = session.exec(select(Strategy)).first()
        assert order is not None
        strategy_id = strategy.id if strategy and strategy.id else 1
        session.add(Scan(strategy_id=strategy_id, timeframe="1h", bar_open_ms=BAR_MS, at=order.created_at))
        session.add(
            Signal(
                signal_id=order.signal_id, strategy_id=strategy_id, symbol=order.symbol, side="BUY", bar_open_ms=BAR_MS,
                entry_price=entry_price, score=80,
            )
        )  # fmt: skip
        return order.signal_id

    return centre.db.run(work)


async def test_an_entry_from_judging_to_its_stop(centre: Centre, paper: PaperServer) -> None:
    engine = centre.start_engine()
    enter(centre)
    signal = signalled(centre, Decimal(100))
    with centre.db.reading() as session:
        waiting = traces(session, ADMIN, Find()).rows[0]
    assert (waiting["outcome"], waiting["sent_ms"], waiting["slippage_bps"]) == ("waiting", 0, None)
    await engine.dispatch()
    with centre.db.reading() as session:
        found = traces(session, ADMIN, find_of(TRACE, {"signal": signal, "outcome": "filled"}))
        assert found.total == len(centre.account_ids)
        assert {one["account_id"] for one in found.rows} == set(centre.account_ids)
        row = trace_detail(session, ADMIN, found.rows[0]["id"])
        assert traces(session, STRANGER, Find()).total == 0
        assert traces(session, ADMIN, find_of(TRACE, {"signal": "SIGOTHER"})).total == 0
        assert trace_totals(session, ADMIN, find_of(TRACE, {"outcome": "refused"}))["filled"] == found.total
        stop = session.exec(select(Order).where(Order.order_type == "STOP_MARKET")).first()
        assert stop is not None
        with pytest.raises(NotFound):
            trace_detail(session, ADMIN, stop.id or 0)
        with pytest.raises(NotFound):
            trace_detail(session, STRANGER, row["id"])
    assert 0 < row["judged_ms"] <= row["written_ms"] <= row["sent_ms"] <= row["answered_ms"] <= to_ms(utcnow())
    assert row["stop_ms"] >= row["sent_ms"]
    assert row["filled_ms"] > 0
    assert row["slippage_bps"] == ((row["got"] - 100) * 100).quantize(Decimal("0.01"))
    shown = detail_shown(row)
    assert len(shown["steps"]) == 6
    assert [step["at_ms"] for step in shown["steps"]] == sorted(step["at_ms"] for step in shown["steps"])
    assert shown["slippage"].endswith("bps")


async def test_an_order_that_was_not_sent(centre: Centre) -> None:
    engine = centre.start_engine()
    enter(centre)
    signalled(centre, Decimal(100))

    def late(session: Session) -> None:
        for order in session.exec(select(Order)).all():
            order.expires_at = order.created_at
            session.add(order)

    centre.db.run(late)
    await engine.dispatch()
    with centre.db.reading() as session:
        row = traces(session, ADMIN, find_of(TRACE, {"outcome": "not_sent"})).rows[0]
    assert (row["status"], row["sent_ms"], row["answered_ms"], row["stop_ms"]) == ("EXPIRED", 0, 0, 0)
    assert trace(row)["said"] == "expired before it could be sent"


@pytest.mark.parametrize(
    ("side", "got", "bps"),
    [("LONG", "100.1", "10.00"), ("LONG", "99.9", "-10.00"), ("SHORT", "100.1", "-10.00"), ("SHORT", "99.95", "5.00")],
)
def test_slippage_is_positive_when_the_price_was_worse(side: str, got: str, bps: str) -> None:
    assert slippage_bps(side, Decimal(100), Decimal(got)) == Decimal(bps)
    assert slippage_bps(side, Decimal(100), None) is None
