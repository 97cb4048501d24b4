"""Backtests where there is no queue: asked for, walked by the engine that leads, kept for reading, by page and by API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.db import Database
from backend.errors import InvalidInput, NotFound
from backend.models import Job
from backend.queue import backtests, service
from backend.queue.backtests import ask_backtest
from tests.support.centre import make_centre, until
from tests.support.paper import PaperServer
from tests.support.queue import RUNNING, calm, engines, jobs


async def test_the_leader_walks_what_was_asked_for(sqlite_url: str, tmp_path: Path) -> None:
    db = Database(sqlite_url)
    with PaperServer(tmp_path) as paper:
        centre = make_centre(db, paper, tmp_path, accounts=1, **{**RUNNING, "execution": "direct"})
        calm(centre)

        def ask(**more: Any) -> int:
            return db.run(lambda s: ask_backtest(s, "composite_score", bars=600, **more).id)

        plain, poor, free, wrong = ask(), ask(capital=Decimal(100)), ask(fee_bps=Decimal(0), slippage_bps=Decimal(0)), ask(symbols=["NO/USDT"])
        async with engines(centre, 1):
            await until(lambda: not jobs(centre, state="WAITING") and not jobs(centre, state="RUNNING"), 240)
    with db.reading() as session:
        found = {number: backtests.run_of(session, number) for number in (plain, poor, free, wrong)}
        assert [row["id"] for row in backtests.runs(session)] == [wrong, free, poor, plain]
        with pytest.raises(NotFound):
            backtests.run_of(session, 10**9)
    result = found[plain]["result"]
    assert result["bars"] == 600 and len(result["equity"]) > 200 and found[plain]["metrics"]["trades"] == len(result["trades"]) > 0
    assert result["equity"][0][1] == pytest.approx(10_000, rel=0.01) and found[poor]["result"]["equity"][0][1] == pytest.approx(100, rel=0.01)
    assert Decimal(found[plain]["metrics"]["fees_usdt"]) > 0 == Decimal(found[free]["metrics"]["fees_usdt"])
    assert (found[wrong]["state"], found[wrong]["error"], found[wrong]["result"]) == ("DEAD", "The market has no NO/USDT.", None)

    def later(session: Session) -> int:
        for job in session.exec(select(Job)).all():
            job.finished_at = utcnow() - timedelta(days=2)
            session.add(job)
        session.flush()
        return service.prune(session)

    assert db.run(later) == 0, "results are kept for reading"
    db.dispose()


@pytest.mark.parametrize(
    "wrong",
    [{"capital": Decimal(99)}, {"capital": Decimal("NaN")}, {"fee_bps": Decimal(-1)}, {"slippage_bps": Decimal(101)}, {"bars": 99}, {"timeframe": "7m"}],
)
def test_what_nobody_can_walk_is_not_written(sqlite_database: Database, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        sqlite_database.run(lambda s: ask_backtest(s, "composite_score", **wrong))
    with sqlite_database.reading() as session:
        assert session.exec(select(Job.id)).all() == []
