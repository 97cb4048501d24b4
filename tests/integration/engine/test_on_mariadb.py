"""The whole flow on MariaDB: scan, signals, two executors' worth of orders, exits, settlement, all invariants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import func, select

from backend.db import Database
from backend.models import Scan, ScanPanel, Settlement
from tests.integration.engine.test_replay_equals_backtest import BOT
from tests.support import candles
from tests.support.centre import make_centre
from tests.support.intents import enter, leave
from tests.support.paper import PaperServer


@pytest.fixture
def mariadb(mariadb_url: str) -> Iterator[Database]:
    database = Database(mariadb_url)
    yield database
    database.dispose()


async def test_scan_to_settlement(mariadb: Database, tmp_path: Path) -> None:
    source = candles.write_csv(tmp_path / "market.csv", candles.random_market(6, 290, seed=3))
    with PaperServer(tmp_path, "--source", f"replay:{source}", "--warmup-bars", "260", "--max-symbols", "6") as paper:
        centre = make_centre(mariadb, paper, tmp_path, accounts=2, bot={**BOT, "min_score": 15, "long_min_score": 15})
        engine = centre.start_engine()
        try:
            for _ in range(80):
                await engine.step()
            leave(centre)
            await engine.dispatch()
            await engine.stops.cancel()
            await engine._settle_pending()
        finally:
            await centre.stop_engine()
        centre.check_oracles()
    with mariadb.reading() as session:
        scans = session.exec(select(func.count()).select_from(Scan)).one()
        panels = session.exec(select(func.count()).select_from(ScanPanel)).one()
        settled = session.exec(select(func.count()).select_from(Settlement)).one()
    assert scans >= 19 and panels == 2 * scans
    assert centre.positions() and {p.status for p in centre.positions()} == {"CLOSED"}
    assert settled == len(centre.fills()) > 0


async def test_the_same_intent_twice_is_one_order(mariadb: Database, tmp_path: Path) -> None:
    from sqlalchemy.exc import IntegrityError

    with PaperServer(tmp_path) as paper:
        centre = make_centre(mariadb, paper, tmp_path)
        enter(centre)
        with pytest.raises(IntegrityError):
            enter(centre)
        engine = centre.start_engine()
        await engine.dispatch()
        await centre.stop_engine()
        assert len([row for row in centre.exchange_orders() if row["type"] == "MARKET"]) == 1
        centre.check_oracles()
