"""Who stands above a user, what they hold, and the level that gives them: reads for distribution and levels.

Self-hold is the sum of ``futures_balance`` over a user's enabled exchange accounts; team performance is the sum of
the self-holds of all descendants. Balances are summed in Python where the engine has no exact decimals (SQLite).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.billing.rules import RATES, ZERO, DistributionImpossible, Member, level_for
from backend.ledger.statements import Wire, marks

_LINE = (
    "(SELECT %s AS id, 0 AS depth UNION ALL SELECT ancestor_id, depth FROM user_ancestor WHERE descendant_id = %s) n "
    "JOIN `user` u ON u.id = n.id"
)
_CHAIN_SQLITE = (
    f"SELECT n.depth, u.id, u.is_market_node, e.futures_balance FROM {_LINE} "
    "LEFT JOIN exchange_account e ON e.user_id = u.id AND e.status = 1 ORDER BY n.depth"
)
# MySQL adds exactly, so holds and the teams that matter come with the chain in one round trip.
_CHAIN_MYSQL = (
    "SELECT c.depth, c.id, c.is_market_node, c.hold, CASE WHEN c.hold >= %s AND (c.depth = 0 OR c.is_market_node) THEN "
    "(SELECT SUM(e.futures_balance) FROM user_ancestor a JOIN exchange_account e ON e.user_id = a.descendant_id "
    "AND e.status = 1 WHERE a.ancestor_id = c.id) END FROM (SELECT n.depth, u.id, u.is_market_node, "
    "(SELECT SUM(e.futures_balance) FROM exchange_account e WHERE e.user_id = u.id AND e.status = 1) AS hold "
    f"FROM {_LINE}) c ORDER BY c.depth"
)
_LINES = (
    "SELECT n.source, n.depth, u.id, u.is_market_node FROM (SELECT id AS source, id, 0 AS depth FROM `user` "
    "WHERE id IN ({ids}) UNION ALL SELECT descendant_id, ancestor_id, depth FROM user_ancestor "
    "WHERE descendant_id IN ({ids})) n JOIN `user` u ON u.id = n.id ORDER BY n.source, n.depth"
)
_TEAMS = (
    "SELECT a.ancestor_id, {balance} FROM user_ancestor a "
    "JOIN exchange_account e ON e.user_id = a.descendant_id AND e.status = 1 WHERE a.ancestor_id IN ({ids}){group}"
)


@dataclass(frozen=True, slots=True)
class Chain:
    """A user with the ancestors above, nearest first, and the levels as they are now."""

    source_level: int
    inviter: Member | None
    path: tuple[Member, ...]


def chain_above(wire: Wire, user_id: int) -> Chain:
    """Read the invite line of a user. Raises ``DistributionImpossible`` when the user does not exist.

    Team performance is summed only for those whose level can matter: the source and market nodes, with enough
    self-hold. So the size of a team that earns nothing costs nothing.
    """
    depths, nodes, holds, teams = _read_sqlite(wire, user_id) if wire.sqlite else _read_mysql(wire, user_id)
    if user_id not in depths:
        raise DistributionImpossible(f"User {user_id} does not exist.")
    path = tuple(
        Member(one, level_for(holds.get(one, ZERO), teams.get(one, ZERO)), one in nodes, holds.get(one, ZERO))
        for one in sorted(depths, key=lambda key: depths[key])
        if one != user_id
    )
    inviter = path[0] if path and depths[path[0].user_id] == 1 else None
    source_level = level_for(holds.get(user_id, ZERO), teams.get(user_id, ZERO))
    return Chain(source_level, inviter, path)


def chains_above(wire: Wire, user_ids: Sequence[int]) -> dict[int, Chain]:
    """The same for many users at once, by user id; users who do not exist are left out. Three queries."""
    ids = marks(len(user_ids))
    lines: dict[int, list[tuple[int, int]]] = {}
    nodes: set[int] = set()
    for source, depth, member_id, is_node in wire.rows(_LINES.format(ids=ids), [*user_ids, *user_ids]):
        lines.setdefault(source, []).append((depth, member_id))
        if is_node:
            nodes.add(member_id)
    holds = self_holds(wire, sorted({member for line in lines.values() for _, member in line}))
    ranked = [one for one, hold in holds.items() if hold >= RATES.self_hold_min and (one in nodes or one in lines)]
    teams = team_performance(wire, ranked)

    def level(one: int) -> int:
        return level_for(holds.get(one, ZERO), teams.get(one, ZERO))

    chains = {}
    for source, line in lines.items():
        if line[0][0] != 0:
            continue
        above = [(depth, one) for depth, one in line if one != source]
        path = tuple(Member(one, level(one), one in nodes, holds.get(one, ZERO)) for _, one in above)
        chains[source] = Chain(level(source), path[0] if above and above[0][0] == 1 else None, path)
    return chains


_Line = tuple[dict[int, int], set[int], dict[int, Decimal], dict[int, Decimal]]


def _read_mysql(wire: Wire, user_id: int) -> _Line:
    rows = wire.rows(_CHAIN_MYSQL, (RATES.self_hold_min, user_id, user_id))
    depths = {row[1]: row[0] for row in rows}
    nodes = {row[1] for row in rows if row[2]}
    holds = {row[1]: row[3] for row in rows if row[3] is not None}
    return depths, nodes, holds, {row[1]: row[4] for row in rows if row[4] is not None}


def _read_sqlite(wire: Wire, user_id: int) -> _Line:
    depths: dict[int, int] = {}
    nodes: set[int] = set()
    holds: dict[int, Decimal] = {}
    for depth, member_id, is_node, balance in wire.rows(_CHAIN_SQLITE, (user_id, user_id)):
        depths[member_id] = depth
        if is_node:
            nodes.add(member_id)
        if balance is not None:
            holds[member_id] = holds.get(member_id, ZERO) + Decimal(balance)
    ranked = [one for one in depths if (one in nodes or one == user_id) and holds.get(one, ZERO) >= RATES.self_hold_min]
    return depths, nodes, holds, team_performance(wire, ranked)


def team_performance(wire: Wire, user_ids: Sequence[int]) -> dict[int, Decimal]:
    """Team performance in USDT by user id; users without a team are left out."""
    totals: dict[int, Decimal] = {}
    if not user_ids:
        return totals
    balance, group = ("e.futures_balance", "") if wire.sqlite else ("SUM(e.futures_balance)", " GROUP BY a.ancestor_id")
    sql = _TEAMS.format(balance=balance, ids=marks(len(user_ids)), group=group)
    for ancestor_id, amount in wire.rows(sql, user_ids):
        totals[ancestor_id] = totals.get(ancestor_id, ZERO) + Decimal(amount)
    return totals


def self_holds(wire: Wire, user_ids: Sequence[int]) -> dict[int, Decimal]:
    """Self-hold in USDT by user id; users without an enabled account are left out."""
    holds: dict[int, Decimal] = {}
    if not user_ids:
        return holds
    sql = f"SELECT user_id, futures_balance FROM exchange_account WHERE status = 1 AND user_id IN ({marks(len(user_ids))})"
    for user_id, amount in wire.rows(sql, user_ids):
        holds[user_id] = holds.get(user_id, ZERO) + Decimal(amount)
    return holds
