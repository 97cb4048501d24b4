"""What users hold and what their teams hold, kept by the transactions that change it.

Self-hold is the sum of ``futures_balance`` over a user's enabled exchange accounts; team performance is the sum of the
self-holds of all descendants. Both, and the member level they give, stand in ``member_standing``, so that a settlement
reads a few rows whatever the size of the tree. Who changes accounts calls ``update`` in the same transaction;
``correct`` compares everything with the plain sums and mends what differs.

Locking law: the rows of the users and of all above them are locked in the order of user ids before anything is read
that is written back. Sums are made in ``Decimal``: SQLite has no exact ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from sqlmodel import Session

from backend.billing.rules import ZERO, level_for
from backend.ledger.statements import Row, Wire, insert_sql, marks
from backend.models import MemberStanding

NOTHING = (ZERO, ZERO)
"""The holds of somebody without accounts and team."""
_CHUNK = 500
_INSERT = insert_sql(MemberStanding, "user_id", "tenant_id", "self_hold", "team_hold", "level")
_REPLACE = _INSERT.replace("INSERT", "REPLACE", 1)
_TEAMS = "FROM user_ancestor a JOIN exchange_account e ON e.user_id = a.descendant_id AND e.status = 1"
_EVERYTHING = (
    "SELECT 'stored', user_id, self_hold, team_hold, level FROM member_standing UNION ALL "
    "SELECT 'hold', user_id, futures_balance, 0, 0 FROM exchange_account WHERE status = 1 UNION ALL "
    f"SELECT 'team', a.ancestor_id, {{}}, 0, 0 {_TEAMS}{{}}"
)


@dataclass(slots=True)
class _Standing:
    user_id: int
    tenant_id: int
    self_hold: Decimal
    team_hold: Decimal

    def row(self) -> Row:
        """As it is stored."""
        level = level_for(self.self_hold, self.team_hold)
        return self.user_id, self.tenant_id, f"{self.self_hold:f}", f"{self.team_hold:f}", level


def update(session: Session, user_ids: Iterable[int]) -> None:
    """Bring the standing of users whose accounts changed, and of all above them, up to date."""
    session.flush()
    wire = Wire(session)
    asked = sorted(set(user_ids))
    for start in range(0, len(asked), _CHUNK):
        _update(wire, asked[start : start + _CHUNK])


def _update(wire: Wire, asked: list[int]) -> None:
    known = {row[0]: Decimal(row[1]) for row in _rows(wire, "SELECT user_id, self_hold FROM member_standing WHERE user_id", asked)}
    now = self_holds(wire, asked)
    moved = [one for one in asked if now.get(one, ZERO) != known.get(one, ZERO)]
    if not moved:
        return
    above: dict[int, list[int]] = {}
    for ancestor_id, descendant_id in _rows(
        wire, "SELECT ancestor_id, descendant_id FROM user_ancestor WHERE descendant_id", moved
    ):
        above.setdefault(descendant_id, []).append(ancestor_id)
    held = _lock(wire, {*moved, *(one for line in above.values() for one in line)})
    # Read again behind the lock: who held it before may have changed another account of the same user.
    now = self_holds(wire, moved)
    with localcontext(prec=60):
        for one in moved:
            change = now.get(one, ZERO) - held[one].self_hold if one in held else ZERO
            if change:
                held[one].self_hold += change
                for ancestor in above.get(one, ()):
                    if ancestor in held:
                        held[ancestor].team_hold += change
    _store(wire, held.values())


def holds(session: Session, user_ids: Sequence[int]) -> dict[int, tuple[Decimal, Decimal]]:
    """(self-hold, team performance) in USDT by user id, as they are kept; users who hold nothing may be left out."""
    session.flush()
    rows = _rows(Wire(session), "SELECT user_id, self_hold, team_hold FROM member_standing WHERE user_id", user_ids)
    return {row[0]: (Decimal(row[1]), Decimal(row[2])) for row in rows}


def correct(session: Session) -> list[int]:
    """Recompute every standing from the accounts and mend those that differ. Returns whose they were."""
    session.flush()
    wire = Wire(session)
    right: list[_Standing] = []
    found = differing(wire)
    for start in range(0, len(found), _CHUNK):
        held = _lock(wire, found[start : start + _CHUNK])
        holds, teams = self_holds(wire, list(held)), team_performance(wire, list(held))
        right += [_Standing(one, held[one].tenant_id, holds.get(one, ZERO), teams.get(one, ZERO)) for one in held]
    _store(wire, right)
    return [one.user_id for one in right]


def differing(wire: Wire) -> list[int]:
    """Users whose standing is not what the accounts and the tree say, in the order of their ids. One statement, so that
    everything is of the same moment."""
    stored: dict[int, tuple[Decimal, Decimal, int]] = {}
    holds: list[Row] = []
    teams: list[Row] = []
    for kind, user_id, amount, team, level in wire.rows(_EVERYTHING.format(*_team_columns(wire)), ()):
        if kind == "stored":
            stored[user_id] = (Decimal(amount), Decimal(team), level)
        else:
            (holds if kind == "hold" else teams).append((user_id, amount))
    self_hold, team_hold = _summed(holds), _summed(teams)
    wrong = []
    for one in sorted({*stored, *self_hold, *team_hold}):
        hold, team = self_hold.get(one, ZERO), team_hold.get(one, ZERO)
        if stored.get(one, (ZERO, ZERO, 0)) != (hold, team, level_for(hold, team)):
            wrong.append(one)
    there = {row[0] for row in _rows(wire, "SELECT id FROM `user` WHERE id", wrong)}
    return [one for one in wrong if one in there]


def self_holds(wire: Wire, user_ids: Sequence[int]) -> dict[int, Decimal]:
    """Self-hold in USDT by user id, from the accounts; users without an enabled account are left out."""
    return _summed(_rows(wire, "SELECT user_id, futures_balance FROM exchange_account WHERE status = 1 AND user_id", user_ids))


def team_performance(wire: Wire, user_ids: Sequence[int]) -> dict[int, Decimal]:
    """Team performance in USDT by user id, from the accounts; users without a team are left out."""
    amount, group = _team_columns(wire)
    return _summed(_rows(wire, f"SELECT a.ancestor_id, {amount} {_TEAMS} WHERE a.ancestor_id", user_ids, group))


def _team_columns(wire: Wire) -> tuple[str, str]:
    """What is read of a team, and how it is grouped: MySQL adds exactly."""
    return ("e.futures_balance", "") if wire.sqlite else ("SUM(e.futures_balance)", " GROUP BY a.ancestor_id")


def _summed(rows: Iterable[Row]) -> dict[int, Decimal]:
    totals: dict[int, Decimal] = {}
    with localcontext(prec=60):
        for user_id, amount in rows:
            totals[user_id] = totals.get(user_id, ZERO) + Decimal(amount)
    return totals


def _lock(wire: Wire, user_ids: Iterable[int]) -> dict[int, _Standing]:
    """The rows of these users, locked in the order of their ids; missing ones are made. Unknown users are left out."""
    wanted = sorted(set(user_ids))
    there = {row[0] for row in _rows(wire, "SELECT user_id FROM member_standing WHERE user_id", wanted)}
    missing = [one for one in wanted if one not in there]
    made = [(*row, "0", "0", 0) for row in _rows(wire, "SELECT id, tenant_id FROM `user` WHERE id", missing)]
    # Two may make the same row: the second one waits for the first and leaves it as it is.
    insert = _INSERT.replace("INSERT", "INSERT OR IGNORE" if wire.sqlite else "INSERT IGNORE", 1)
    for start in range(0, len(made), _CHUNK):
        wire.insert_many(insert, made[start : start + _CHUNK])
    found = _rows(
        wire, "SELECT user_id, tenant_id, self_hold, team_hold FROM member_standing WHERE user_id", wanted,
        " ORDER BY user_id FOR UPDATE",
    )  # fmt: skip
    return {row[0]: _Standing(row[0], row[1], Decimal(row[2]), Decimal(row[3])) for row in found}


def _store(wire: Wire, held: Iterable[_Standing]) -> None:
    rows = [one.row() for one in held]
    for start in range(0, len(rows), _CHUNK):
        wire.insert_many(_REPLACE, rows[start : start + _CHUNK])


def _rows(wire: Wire, sql: str, ids: Sequence[int], end: str = "") -> list[tuple[int, ...]]:
    """``<sql> IN (ids) <end>``, some ids at a time."""
    found = []
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        found += wire.rows(f"{sql} IN ({marks(len(part))}){end}", part)
    return found
