"""The exchange's own SQLite file: every change is committed before the reply that tells of it.

WAL with ``synchronous=NORMAL``: a commit survives the death of the process at any line (a power cut may lose
the last ones). Without a path the same schema lives in memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import orjson

from backend.paper_exchange.book import FIRST_ID, Book, Changes
from backend.paper_exchange.model import (
    Account,
    Algo,
    Income,
    Order,
    Position,
    Setting,
    Trade,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS market_block(block INTEGER PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS account(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, api_key TEXT NOT NULL UNIQUE,
  api_secret TEXT NOT NULL, wallet TEXT NOT NULL, dual INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  update_ms INTEGER NOT NULL, settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS position(account_id INTEGER, symbol TEXT, side TEXT, data TEXT NOT NULL,
  PRIMARY KEY(account_id, symbol, side)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS plain_order(id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
  client_id TEXT NOT NULL, status TEXT NOT NULL, created_ms INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS plain_order_client ON plain_order(account_id, client_id);
CREATE INDEX IF NOT EXISTS plain_order_symbol ON plain_order(account_id, symbol, id);
CREATE INDEX IF NOT EXISTS plain_order_open ON plain_order(id) WHERE status IN ('NEW', 'PARTIALLY_FILLED');
CREATE TABLE IF NOT EXISTS algo_order(id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
  client_id TEXT NOT NULL, status TEXT NOT NULL, created_ms INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS algo_order_client ON algo_order(account_id, client_id);
CREATE INDEX IF NOT EXISTS algo_order_symbol ON algo_order(account_id, symbol, id);
CREATE INDEX IF NOT EXISTS algo_order_open ON algo_order(id) WHERE status IN ('NEW', 'TRIGGERED');
CREATE TABLE IF NOT EXISTS trade(id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
  order_id INTEGER NOT NULL, time_ms INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS trade_order ON trade(order_id);
CREATE INDEX IF NOT EXISTS trade_symbol ON trade(account_id, symbol, id);
CREATE TABLE IF NOT EXISTS income(id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
  kind TEXT NOT NULL, time_ms INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS income_account ON income(account_id, id);
"""

Record = TypeVar("Record", Order, Algo, Trade, Income, Position)
_FIELDS = {cls: tuple(f.name for f in fields(cls)) for cls in (Order, Algo, Trade, Income, Position)}
_DECIMALS = {cls: {f.name for f in fields(cls) if f.type == "Decimal"} for cls in _FIELDS}


def _dump(record: Order | Algo | Trade | Income | Position) -> str:
    names = _FIELDS[type(record)]
    return orjson.dumps({name: getattr(record, name) for name in names}, default=str).decode()


def _load(cls: type[Record], text: str) -> Record:
    data = orjson.loads(text)
    for name in _DECIMALS[cls]:
        data[name] = Decimal(data[name])
    if "waiting" in data:
        data["waiting"] = [Decimal(part) for part in data["waiting"]]
    return cls(**data)


class Store:
    """All reads and writes of the exchange's database."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self.db = sqlite3.connect(str(path) if path else ":memory:", isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.execute("PRAGMA busy_timeout=5000")
        self.db.executescript(_SCHEMA)

    def close(self) -> None:
        """Closes the file."""
        self.db.close()

    # --- writing ----------------------------------------------------------------------------------
    def commit(self, changes: Changes, clock: str | None = None, blocks: dict[int, bytes] | None = None) -> None:
        """Writes a set of changes, the market clock and new market states in one transaction."""
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        try:
            self._write(changes)
            if clock is not None:
                self._set_meta("clock", clock)
            if blocks:
                db.executemany("INSERT OR REPLACE INTO market_block VALUES(?,?)", blocks.items())
                db.execute("DELETE FROM market_block WHERE block < ?", (max(blocks) - 40,))
            db.execute("COMMIT")
        except sqlite3.Error:
            db.execute("ROLLBACK")
            raise

    def _write(self, changes: Changes) -> None:
        db = self.db
        if changes.accounts:
            db.executemany(
                "INSERT INTO account VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET wallet=excluded.wallet,"
                " dual=excluded.dual, update_ms=excluded.update_ms, settings=excluded.settings",
                [
                    (a.account_id, a.name, a.api_key, a.api_secret, str(a.wallet), int(a.dual), a.created_ms,
                     a.update_ms, orjson.dumps({s: (x.leverage, x.isolated) for s, x in a.settings.items()}).decode())
                    for a in changes.accounts.values()
                ],
            )  # fmt: skip
        if changes.positions:
            db.executemany(
                "INSERT OR REPLACE INTO position VALUES(?,?,?,?)",
                [(p.account_id, p.symbol, p.side, _dump(p)) for p in changes.positions.values()],
            )
        if changes.orders:
            db.executemany(
                "INSERT OR REPLACE INTO plain_order VALUES(?,?,?,?,?,?,?)",
                [
                    (o.order_id, o.account_id, o.symbol, o.client_id, o.status, o.created_ms, _dump(o))
                    for o in changes.orders.values()
                ],
            )
        if changes.algos:
            db.executemany(
                "INSERT OR REPLACE INTO algo_order VALUES(?,?,?,?,?,?,?)",
                [
                    (a.algo_id, a.account_id, a.symbol, a.client_id, a.status, a.created_ms, _dump(a))
                    for a in changes.algos.values()
                ],
            )
        if changes.trades:
            db.executemany(
                "INSERT INTO trade VALUES(?,?,?,?,?,?)",
                [(t.trade_id, t.account_id, t.symbol, t.order_id, t.time_ms, _dump(t)) for t in changes.trades],
            )
        if changes.incomes:
            db.executemany(
                "INSERT INTO income VALUES(?,?,?,?,?,?)",
                [(i.tran_id, i.account_id, i.symbol, i.kind, i.time_ms, _dump(i)) for i in changes.incomes],
            )

    # --- market -----------------------------------------------------------------------------------
    def meta(self, key: str) -> str | None:
        """A value of the meta table."""
        row = self.db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return row[0] if row else None

    def _set_meta(self, key: str, value: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta VALUES(?,?)", (key, value))

    def set_meta(self, key: str, value: str) -> None:
        """Writes a value of the meta table at once."""
        self._set_meta(key, value)

    def blocks(self) -> dict[int, bytes]:
        """Kept market states by block number."""
        return dict(self.db.execute("SELECT block, state FROM market_block"))

    # --- loading ----------------------------------------------------------------------------------
    def load_into(self, book: Book) -> None:
        """Fills an empty book with all accounts, positions and open orders."""
        accounts: dict[int, Account] = {}
        for row in self.db.execute("SELECT * FROM account ORDER BY id"):
            number, name, key, secret, wallet, dual, created, updated, settings = row
            account = Account(number, name, key, secret, Decimal(wallet), bool(dual), created, updated)
            account.settings = {s: Setting(*pair) for s, pair in orjson.loads(settings).items()}
            accounts[number] = account
        for (text,) in self.db.execute("SELECT data FROM position"):
            position = _load(Position, text)
            if position.amount:
                accounts[position.account_id].positions[position.symbol, position.side] = position
        for (text,) in self.db.execute(
            "SELECT data FROM plain_order WHERE status IN ('NEW', 'PARTIALLY_FILLED') ORDER BY id"
        ):
            order = _load(Order, text)
            accounts[order.account_id].orders[order.order_id] = order
        for (text,) in self.db.execute("SELECT data FROM algo_order WHERE status IN ('NEW', 'TRIGGERED') ORDER BY id"):
            algo = _load(Algo, text)
            if algo.is_open:
                accounts[algo.account_id].algos[algo.algo_id] = algo
            else:
                book.triggered[algo.algo_id] = algo
        for account in accounts.values():
            book.adopt(account)
        book.next_order_id = 1 + max(
            FIRST_ID - 1,
            self._last("SELECT MAX(id) FROM plain_order"),
            self._last("SELECT MAX(id) FROM algo_order"),
        )
        book.next_trade_id = 1 + max(FIRST_ID - 1, self._last("SELECT MAX(id) FROM trade"))
        book.next_tran_id = 1 + max(FIRST_ID - 1, self._last("SELECT MAX(id) FROM income"))

    def _last(self, query: str) -> int:
        return self.db.execute(query).fetchone()[0] or 0

    # --- history ----------------------------------------------------------------------------------
    def client_id_used(self, account_id: int, client_id: str) -> bool:
        """Whether the account ever sent this client id, plain or conditional."""
        return any(
            self.db.execute(
                f"SELECT 1 FROM {table} WHERE account_id=? AND client_id=? LIMIT 1", (account_id, client_id)
            ).fetchone()
            for table in ("plain_order", "algo_order")
        )

    def order(self, account_id: int, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
        """One plain order by id, or the newest with a client id."""
        text = self._one("plain_order", account_id, symbol, order_id, client_id)
        return _load(Order, text) if text else None

    def algo(self, account_id: int, algo_id: int | None, client_id: str | None) -> Algo | None:
        """One conditional order by id, or the newest with a client id."""
        text = self._one("algo_order", account_id, None, algo_id, client_id)
        return _load(Algo, text) if text else None

    def _one(
        self, table: str, account_id: int, symbol: str | None, number: int | None, client_id: str | None
    ) -> str | None:
        where, args = (
            ("id=? AND account_id=?", [number, account_id])
            if number is not None
            else ("client_id=? AND account_id=?", [client_id, account_id])
        )
        if symbol is not None:
            where, args = where + " AND symbol=?", [*args, symbol]
        row = self.db.execute(f"SELECT data FROM {table} WHERE {where} ORDER BY id DESC LIMIT 1", args).fetchone()
        return row[0] if row else None

    def orders(self, account_id: int, symbol: str | None, **window: int | None) -> list[Order]:
        """Plain orders of an account, oldest first; see ``_window``."""
        return [
            _load(Order, text) for text in self._window("plain_order", account_id, symbol, "created_ms", None, **window)
        ]

    def algos(self, account_id: int, symbol: str | None, **window: int | None) -> list[Algo]:
        """Conditional orders of an account, oldest first."""
        return [
            _load(Algo, text) for text in self._window("algo_order", account_id, symbol, "created_ms", None, **window)
        ]

    def trades(self, account_id: int, symbol: str | None, **window: int | None) -> list[Trade]:
        """Trades of an account, oldest first."""
        return [_load(Trade, text) for text in self._window("trade", account_id, symbol, "time_ms", None, **window)]

    def incomes(
        self, account_id: int, symbol: str | None, kind: str | None = None, **window: int | None
    ) -> list[Income]:
        """Bookings of an account, oldest first."""
        rows = self._window("income", account_id, symbol, "time_ms", kind, **window)
        return [_load(Income, text) for text in rows]

    def _window(
        self,
        table: str,
        account_id: int,
        symbol: str | None,
        time_column: str,
        kind: str | None = None,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        from_id: int | None = None,
        order_id: int | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Iterable[str]:
        """Rows of one account: from an id or a start on the first ``limit``, otherwise the last ``limit``."""
        where, args = ["account_id=?"], [account_id]
        conditions: Sequence[tuple[str, Any]] = (
            ("symbol=?", symbol),
            (f"{time_column}>=?", start_ms),
            (f"{time_column}<=?", end_ms),
            ("id>=?", from_id),
            ("order_id=?", order_id),
            ("kind=?", kind),
        )
        for condition, value in conditions:
            if value is not None:
                where.append(condition)
                args.append(value)
        forward = start_ms is not None or from_id is not None
        query = (
            f"SELECT data FROM {table} WHERE {' AND '.join(where)} ORDER BY id {'ASC' if forward else 'DESC'}"
            f" LIMIT {-1 if limit is None else limit} OFFSET {offset or 0}"
        )
        rows = [row[0] for row in self.db.execute(query, args)]
        return rows if forward else rows[::-1]
