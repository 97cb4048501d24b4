"""Who stands above a user, and the levels that count when the user's profit is shared out.

Levels and self-holds are those of ``member_standing``, which the transactions that change them keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.billing.rules import DistributionImpossible, Member
from backend.ledger.statements import Wire, marks

NEAR = 64
"""So far up everybody is read. Further up only those are who can be paid, so that the depth of a line costs nothing."""

_NEAR_SQL = (
    "SELECT n.source, n.depth, u.id, u.is_market_node, COALESCE(m.level, 0), COALESCE(m.self_hold, 0) FROM "
    "(SELECT id AS source, id, 0 AS depth FROM `user` WHERE id IN ({ids}) UNION ALL SELECT descendant_id, ancestor_id, depth "
    f"FROM user_ancestor WHERE descendant_id IN ({{ids}}) AND depth <= {NEAR}) n "
    "JOIN `user` u ON u.id = n.id LEFT JOIN member_standing m ON m.user_id = n.id ORDER BY n.source, n.depth"
)
_RANKED = (
    "SELECT a.depth, u.id, u.is_market_node, m.level, m.self_hold FROM member_standing m JOIN `user` u ON u.id = m.user_id "
    "AND u.is_market_node = 1 JOIN user_ancestor a ON a.ancestor_id = m.user_id AND a.descendant_id = %s "
    f"AND a.depth > {NEAR} WHERE m.tenant_id = (SELECT s.tenant_id FROM `user` s WHERE s.id = %s) AND m.level > 0"
)
_UNRANKED = (
    "SELECT a.depth, u.id, u.is_market_node, 0, COALESCE(m.self_hold, 0) FROM user_ancestor a "
    "JOIN `user` u ON u.id = a.ancestor_id LEFT JOIN member_standing m ON m.user_id = u.id "
    f"WHERE a.descendant_id = %s AND a.depth > {NEAR} AND u.is_market_node = 1 AND COALESCE(m.level, 0) = 0 "
    "ORDER BY a.depth LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Chain:
    """A user with the ancestors above, nearest first, and the levels as they are now.

    Of ancestors further up than ``NEAR``, ``path`` holds those who can be paid.
    """

    source_level: int
    inviter: Member | None
    path: tuple[Member, ...]


def chain_above(wire: Wire, user_id: int) -> Chain:
    """Read the invite line of a user. Raises ``DistributionImpossible`` when the user does not exist."""
    found = chains_above(wire, [user_id])
    if user_id not in found:
        raise DistributionImpossible(f"User {user_id} does not exist.")
    return found[user_id]


def chains_above(wire: Wire, user_ids: Sequence[int]) -> dict[int, Chain]:
    """The same for many users at once, by user id; users who do not exist are left out."""
    ids = marks(len(user_ids))
    lines: dict[int, list[tuple[int, Member]]] = {}
    for source, *row in wire.rows(_NEAR_SQL.format(ids=ids), [*user_ids, *user_ids]):
        lines.setdefault(source, []).append(_member(*row))
    chains = {}
    for source, line in lines.items():
        (depth, own), above = line[0], [(far, one) for far, one in line if one.user_id != source]
        if depth != 0:
            continue
        if line[-1][0] == NEAR:
            above += _far_above(wire, source, own.level, above)
        path = tuple(one for _, one in above)
        chains[source] = Chain(own.level, path[0] if above and above[0][0] == 1 else None, path)
    return chains


def _far_above(wire: Wire, source: int, level: int, near: list[tuple[int, Member]]) -> list[tuple[int, Member]]:
    """Beyond ``NEAR``: the market nodes with a level, and for a source without one the nearest peer."""
    found = wire.rows(_RANKED, (source, source))
    if level == 0 and not any(one.market_node and one.level == 0 for _, one in near):
        found += wire.rows(_UNRANKED, (source,))
    return sorted((_member(*row) for row in found), key=lambda pair: pair[0])


def _member(depth: int, user_id: int, node: int, level: int, hold: Decimal | str) -> tuple[int, Member]:
    return depth, Member(user_id, level, bool(node), Decimal(hold))
