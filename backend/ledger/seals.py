"""The hash chain over the ledger: each transaction carries the hash of the one before, per tenant.

Links are made in a job, a few seconds after the commit, so that no settlement waits for another one's hash (see
``docs/decisions``). The hash covers the transaction, all its entries, and the hash before. ``verify`` finds a changed,
removed or slipped-in row; that the newest links are missing shows only against heads kept elsewhere, which is why
they are printed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from backend.clock import utcnow
from backend.ledger.statements import Wire, insert_sql, stamp
from backend.models import LedgerSeal, PlatformState

START = "0" * 64
"""The hash before the first link of a chain."""
SEALED_WITHIN = timedelta(minutes=10)
_CHUNK = 5_000
_ROWS = 1_000
_WATERMARK = "sealed_through"
_INSERT = insert_sql(LedgerSeal, "transaction_id", "chain", "number", "previous", "hash", "sealed_at")
_FIELD, _LINE = "\x1f", "\x1e"
_HEADER = (
    "t.id, t.`key`, t.kind, t.tenant_id, t.reference, t.actor, t.remark, t.fingerprint, CAST(t.created_at AS CHAR)"
)
_UNSEALED = (
    f"SELECT {_HEADER} FROM ledger_transaction t LEFT JOIN ledger_seal s ON s.transaction_id = t.id "
    "WHERE t.id > %s AND s.transaction_id IS NULL ORDER BY t.id LIMIT %s"
)
_FIELDS = ("s.previous", "t.id", "t.`key`", "t.kind", "COALESCE(t.tenant_id, 'None')", "t.reference", "t.actor", "t.remark",
           "t.fingerprint", "CAST(t.created_at AS CHAR)")  # fmt: skip
_SEALED = (
    "SELECT t.id, CAST(t.created_at AS CHAR), s.hash, {head} FROM ledger_transaction t "
    "LEFT JOIN ledger_seal s ON s.transaction_id = t.id WHERE t.id > %s ORDER BY t.id LIMIT %s"
)
_SEALED_MYSQL = _SEALED.format(head=f"CONCAT_WS('{_FIELD}', {', '.join(_FIELDS)})")
_SEALED_SQLITE = _SEALED.format(head=f" || '{_FIELD}' || ".join(_FIELDS))
# The engine joins the entries of a transaction to the text that is hashed: one row arrives instead of one per entry.
_JOINED = f"CONCAT_WS('{_FIELD}', e.account_id, e.amount, e.balance_after, e.currency)"
_ENTRIES_MYSQL = (
    f"SELECT e.transaction_id, COUNT(*), GROUP_CONCAT({_JOINED} ORDER BY e.id SEPARATOR '{_LINE}') "
    "FROM ledger_entry e WHERE e.transaction_id BETWEEN %s AND %s GROUP BY e.transaction_id"
)
_ENTRIES_SQLITE = (
    f"SELECT transaction_id, COUNT(*), GROUP_CONCAT(account_id || '{_FIELD}' || amount || '{_FIELD}' || balance_after "
    f"|| '{_FIELD}' || currency, '{_LINE}') FROM (SELECT * FROM ledger_entry WHERE transaction_id BETWEEN %s AND %s "
    "ORDER BY transaction_id, id) GROUP BY transaction_id"
)
# The default of some servers cuts joined text at 1 kB.
_WHOLE_TEXT = "SET SESSION group_concat_max_len = 16777216"
_HEAD = "SELECT number, hash FROM ledger_seal WHERE chain = %s ORDER BY number DESC LIMIT 1"
_BROKEN_LINKS = (
    "SELECT s.chain, s.number FROM ledger_seal s LEFT JOIN ledger_seal p ON p.chain = s.chain "
    "AND p.number = s.number - 1 WHERE (s.number > 1 AND (p.hash IS NULL OR p.hash <> s.previous)) "
    "OR (s.number = 1 AND s.previous <> %s) OR s.number < 1 ORDER BY s.chain, s.number LIMIT 10"
)
_ORPHANS = (
    "SELECT s.transaction_id, s.chain FROM ledger_seal s LEFT JOIN ledger_transaction t ON t.id = s.transaction_id "
    "WHERE t.id IS NULL LIMIT 10"
)
_HEADS = (
    "SELECT s.chain, s.number, s.hash FROM ledger_seal s JOIN (SELECT chain, MAX(number) AS number FROM ledger_seal "
    "GROUP BY chain) m ON m.chain = s.chain AND m.number = s.number ORDER BY s.chain"
)

Header = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link of one chain; ``chain`` is the tenant's id, 0 for the platform itself."""

    chain: int
    number: int
    hash: str


@dataclass(slots=True)
class Verdict:
    """What ``verify`` looked at and what it found wrong; no ``problems`` means that nothing was changed."""

    transactions: int = 0
    entries: int = 0
    unsealed: int = 0
    heads: list[Head] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every link holds."""
        return not self.problems


def seal(session: Session, limit: int = 5_000) -> int:
    """Link committed transactions that are not linked yet, in id order. Returns how many.

    Ids are given before commit, so a smaller one may appear later: it is then linked where the chain is. One caller
    at a time (the job's lease); a second one would fail on the unique number and change nothing.
    """
    session.flush()
    wire = Wire(session)
    state = session.get(PlatformState, _WATERMARK)
    low = int(state.value.get("transaction_id", 0)) if state is not None else 0
    found = wire.rows(_UNSEALED, (low, limit))
    heads: dict[int, tuple[int, str]] = {}
    links = []
    now = stamp()
    for header, _, lines in _with_entries(wire, found):
        chain = header[3] or 0
        if chain not in heads:
            first = wire.first(_HEAD, (chain,))
            heads[chain] = (first[0], first[1]) if first is not None else (0, START)
        number, previous = heads[chain]
        made = link(previous, header, lines)
        links.append((header[0], chain, number + 1, previous, made, now))
        heads[chain] = (number + 1, made)
    for start in range(0, len(links), _ROWS):
        wire.insert_many(_INSERT, links[start : start + _ROWS])
    _move_watermark(session, wire, low, [header[0] for header in found] if len(found) == limit else [])
    return len(links)


def _move_watermark(session: Session, wire: Wire, low: int, full: list[int]) -> None:
    """Pass what is old enough that no smaller id can still be uncommitted; everything below is linked."""
    old = stamp(utcnow() - SEALED_WITHIN)
    row = wire.first("SELECT MAX(id) FROM ledger_transaction WHERE id > %s AND created_at < %s", (low, old))
    high = row[0] if row is not None and row[0] is not None else low
    if full:
        # There are more than one call links: not further than this call came.
        high = min(high, full[-1])
    if high > low:
        session.merge(PlatformState(name=_WATERMARK, value={"transaction_id": high}, updated_at=utcnow()))
        session.flush()


def verify(session: Session) -> Verdict:
    """Compute every link again. Reads only; may run beside settlements."""
    verdict = Verdict()
    wire = Wire(session)
    settled = stamp(utcnow() - SEALED_WITHIN)
    # The database joins the next part while this one is hashed; the session is in one thread at a time.
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_part_after, wire, 0)
        while part := coming.result():
            coming = ahead.submit(_part_after, wire, part[-1][0][0])
            for row, count, lines in part:
                _check(verdict, row, count, lines, settled)
    verdict.problems += [
        f"link {number} of chain {chain} does not follow from the one before"
        for chain, number in wire.rows(_BROKEN_LINKS, (START,))
    ]
    verdict.problems += [
        f"transaction {number} of chain {chain} was removed" for number, chain in wire.rows(_ORPHANS, ())
    ]
    verdict.heads = heads(session)
    return verdict


def _part_after(wire: Wire, last: int) -> list[tuple[Header, int, str]]:
    rows = wire.rows(_SEALED_SQLITE if wire.sqlite else _SEALED_MYSQL, (last, _CHUNK))
    return list(_with_entries(wire, rows))


def heads(session: Session) -> list[Head]:
    """The newest link of every chain: keep them elsewhere to prove later that nothing was cut off."""
    return [Head(*row) for row in Wire(session).rows(_HEADS, ())]


def link(previous: str, header: Header, lines: str) -> str:
    """The hash of one transaction after the hash before it; ``lines`` are its entries as text."""
    return _hash(_FIELD.join((previous, *map(str, header[:9]))), lines)


def _hash(head: str, lines: str) -> str:
    return hashlib.sha256((f"{head}{_LINE}{lines}" if lines else head).encode()).hexdigest()


def _check(verdict: Verdict, row: Header, count: int, lines: str, settled: str) -> None:
    number, at, stored, head = row
    verdict.transactions += 1
    verdict.entries += count
    if stored is None:
        verdict.unsealed += 1
        if at < settled:
            _note(verdict, f"transaction {number} is in no chain although it is older than ten minutes")
    elif _hash(head, lines) != stored:
        _note(verdict, f"transaction {number} or its entries were changed")


def _note(verdict: Verdict, text: str) -> None:
    if len(verdict.problems) < 20:
        verdict.problems.append(text)


def _with_entries(wire: Wire, headers: list[Header]) -> Iterator[tuple[Header, int, str]]:
    """Each transaction with the number and the text of its entries. ``headers`` are in id order."""
    sql = _ENTRIES_SQLITE if wire.sqlite else _ENTRIES_MYSQL
    if headers and not wire.sqlite:
        wire.run(_WHOLE_TEXT, ())
    for start in range(0, len(headers), _CHUNK):
        part = headers[start : start + _CHUNK]
        found = {row[0]: row for row in wire.rows(sql, (part[0][0], part[-1][0]))}
        for header in part:
            _, count, lines = found.get(header[0], (0, 0, ""))
            yield header, count, lines
