"""What a profit would cost and who would receive what, by the very functions that settle. Writes and reads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.billing.rules import LEVELS, RATES, Deduction, Member, Payment, Rates, charge_for, deduct, distribute
from backend.errors import InvalidInput
from backend.money import check_amount, from_units, units_down

ZERO = Decimal(0)
MAX_MEMBERS = 20_000


class BadMembers(InvalidInput):
    """The member list is not a tree: ids must be unique, and inviters must not form a circle."""

    code = "bad_members"


@dataclass(frozen=True, slots=True)
class TreeMember:
    """One member of the tree as it is to be assumed."""

    id: int
    inviter_id: int | None = None
    level: int = 0
    market_node: bool = False
    self_hold: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Simulation:
    """The deduction, and the payments of its pool (none when no paid points are used)."""

    cards: Deduction
    payments: tuple[Payment, ...]


def simulate(
    profit: Decimal,
    own: Decimal,
    gift: Decimal,
    *,
    source_id: int,
    root_id: int | None,
    members: Sequence[TreeMember],
    rates: Rates = RATES,
) -> Simulation:
    """Bill ``profit`` of the member ``source_id`` who has ``own`` paid and ``gift`` given points.

    An inviter who is not among the members ends the line. Raises ``InvalidInput``, ``BadMembers``,
    ``DistributionImpossible`` (no root).
    """
    check_amount(profit)
    check_amount(own, allow_zero=True)
    check_amount(gift, allow_zero=True)
    source, path = _line(source_id, members)
    # As in settlement: the charge is rounded down to what the ledger can hold before anything is taken.
    charge = from_units(units_down(charge_for(profit, rates)))
    cards = deduct(charge, own, gift)
    if not cards.pool:
        return Simulation(cards, ())
    inviter = path[0] if path else None
    shares = distribute(cards.pool, root_id=root_id, source_level=source.level, inviter=inviter, path=path, rates=rates)
    return Simulation(cards, shares.payments)


def _line(source_id: int, members: Sequence[TreeMember]) -> tuple[TreeMember, list[Member]]:
    """The source and everybody above it, nearest first."""
    if len(members) > MAX_MEMBERS:
        raise BadMembers(f"At most {MAX_MEMBERS} members can be given.")
    by_id = {member.id: member for member in members}
    if len(by_id) != len(members):
        raise BadMembers
    if any(member.level not in range(len(LEVELS)) for member in members):
        raise InvalidInput(f"A level is 0 to {len(LEVELS) - 1}.")
    source = by_id.get(source_id)
    if source is None:
        raise BadMembers("source_id must be one of the members.")
    path: list[Member] = []
    seen = {source_id}
    above = by_id.get(source.inviter_id) if source.inviter_id is not None else None
    while above is not None:
        if above.id in seen:
            raise BadMembers
        seen.add(above.id)
        path.append(Member(above.id, above.level, above.market_node, above.self_hold))
        above = by_id.get(above.inviter_id) if above.inviter_id is not None else None
    return source, path
