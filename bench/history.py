"""What a long history of orders costs to leaf through: the last page against the first.

    python -m bench.history [orders]

P21: the list of orders as pages and exports read it, 50 a page, of all tenants and of one. The goal speaks of ten million
orders; to fill those takes long, so half a million is the default and each line says how many there were. On a private MariaDB,
filled by the server itself.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from backend.dashboards.lists.base import Find
from backend.dashboards.lists.trading import orders
from backend.db import Database
from backend.models import metadata
from bench._bench import report
from bench.ledger import ADMIN, PAGE, in_turn, p95
from tests.support.databases import mariadb, scratch_schema

ORDERS, TENANTS, ACCOUNTS = 500_000, 20, 2_000
CHUNK = 100_000
VALUES = {
    "id": "seq", "order_id": "CONCAT('O', seq)", "client_order_id": "CONCAT('q', seq)",
    "tenant_id": f"1 + seq MOD {TENANTS}", "user_id": f"1 + seq MOD {ACCOUNTS}", "account_id": f"1 + seq MOD {ACCOUNTS}",
    "position_id": "seq DIV 2", "signal_id": "CONCAT('S', seq DIV 100)", "strategy_code": "'composite'",
    "exchange_order_id": "seq", "exchange": "'binance'", "mode": "'live'", "symbol": "'BTC/USDT'", "market_type": "'future'",
    "side": "'BUY'", "position_side": "'LONG'", "order_type": "'MARKET'",
    "trade_type": "IF(seq MOD 2, 'OPEN', 'CLOSE')", "close_reason": "''", "leverage": "5", "status": "'FILLED'",
    "reason": "'filled'", "error_code": "''", "error_message": "''", "quantity": "1", "filled_quantity": "1",
    "avg_price": "100", "total_fee": "0.05", "fee_currency": "'USDT'", "attempt": "1", "absent_looks": "0",
    "created_at": "'2026-01-01' + INTERVAL seq SECOND", "updated_at": "'2026-01-01' + INTERVAL seq SECOND",
}  # fmt: skip


def fill(database: Database, count: int) -> None:
    """Orders of many tenants, one a second."""
    names = ", ".join(f"`{name}`" for name in VALUES)
    for start in range(1, count + 1, CHUNK):
        end = min(start + CHUNK - 1, count)
        source = f"SELECT {', '.join(VALUES.values())} FROM seq_{start}_to_{end}"
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"INSERT INTO trade_order ({names}) {source}")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE TABLE trade_order").all()


def pages(database: Database, count: int) -> None:
    """First, last and middle, of everybody and of one tenant."""

    def page(**find: Any) -> list[Any]:
        with database.reading() as session:
            return list(orders(session, ADMIN, Find(limit=PAGE, **find)).rows)

    last, own = count - PAGE, count // TENANTS - PAGE
    tenant = {"tenant": "7"}
    assert page()[0]["id"] == count and page(offset=last)[-1]["id"] == 1
    assert len(page(only=tenant, offset=own)) == PAGE
    first, end, half, first_own, end_own = in_turn(
        page,
        lambda: page(offset=last),
        lambda: page(offset=count // 2),
        lambda: page(only=tenant),
        lambda: page(only=tenant, offset=own),
    )
    name = f"P21 {count:,} orders, page of {PAGE}, "
    report(name + "last / first", statistics.median(end), statistics.median(first), unit="ms", aim=1.5)
    report(name + "of one tenant, last / first", statistics.median(end_own), statistics.median(first_own), unit="ms", aim=1.5)
    report(name + "the farthest from both ends / first", statistics.median(half), statistics.median(first), unit="ms", aim=None)
    for what, times in (("first", first), ("last", end), ("of one tenant, last", end_own)):
        report(f"{name}{what}, p95", p95(times), 100, unit="ms", aim=None)


def main(count: int) -> None:
    """Fill once, then measure."""
    with mariadb(pool_mb=1024) as server, scratch_schema(server.url) as url:
        database = Database(url)
        metadata.create_all(database.engine)
        started = time.perf_counter()
        fill(database, count)
        print(f"# {count:,} orders filled in {time.perf_counter() - started:.0f} s", flush=True)
        pages(database, count)
        database.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS)
