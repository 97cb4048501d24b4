"""R13, R12: a restart with open positions finds them as they were and sends nothing; at flat prices no stop is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backend.db import Database
from tests.support.centre import Centre, make_centre
from tests.support.faults import times
from tests.support.intents import enter
from tests.support.paper import PaperServer

ACCOUNTS = 50
"""Two positions each."""
LOOKS = times(3, 60)


def _exchange(centre: Centre) -> list[Any]:
    """Everything ever sent: plain orders and stops, with their states."""
    dumps = [centre.paper.dump(number) for number in centre.paper_ids]
    return [(row["clientOrderId"], row["status"]) for dump in dumps for row in dump["orders"]] + [
        (row["clientAlgoId"], row["algoStatus"]) for dump in dumps for row in dump["algo_orders"]
    ]


def _books(centre: Centre) -> list[Any]:
    return [
        (row.id, row.status, row.quantity, row.entry_price, row.stop_loss, row.stop_status, row.stop_client_order_id)
        for row in centre.positions()
    ]


async def test_a_restart_finds_every_position_and_sends_nothing(
    sqlite_database: Database, paper: PaperServer, tmp_path: Path
) -> None:
    centre = make_centre(sqlite_database, paper, tmp_path, accounts=ACCOUNTS)
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre, "SIGONE")
    enter(centre, "SIGTWO", symbol="ETH/USDT", side="SHORT")
    await engine.dispatch()
    sent, books = _exchange(centre), _books(centre)
    assert len(books) == 2 * ACCOUNTS and {row[1] for row in books} == {"OPEN"} and {row[5] for row in books} == {"OPEN"}
    await engine.stop()
    engine = centre.start_engine()
    await engine._take_over()
    assert _books(centre) == books and _exchange(centre) == sent
    for _ in range(LOOKS):
        await engine.check_exits()
        await engine.reconciler.run()
        await engine.reconciler.positions()
        await engine.stops.restore()
        await engine.dispatch()
    assert _books(centre) == books and _exchange(centre) == sent
    await centre.stop_engine()
    centre.check_oracles()
