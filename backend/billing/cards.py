"""Point-card moves outside billing: recharges and transfers, each with its documented journal rows.

Pockets are never mixed: self goes to self, gift to gift. Every move carries the caller's idempotency key; a replay
returns the first answer and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlmodel import Session

from backend.billing import rules
from backend.errors import Conflict, NotFound
from backend.ledger import service as ledger
from backend.ledger.rules import AccountRef, Posting, platform_source, tenant_card, user_account
from backend.ledger.statements import Wire, insert_sql, stamp
from backend.models import PointCardLog
from backend.money import check_amount, exact_units
from backend.webhooks import events

INSERT_LOG = insert_sql(
    PointCardLog, "tenant_id", "user_id", "related_user_id", "transaction_id", "change_type", "source_type",
    "card_type", "amount", "before_self", "after_self", "before_gift", "after_gift", "remark", "created_at",
)  # fmt: skip

_LINE = (
    "SELECT 1 FROM user_ancestor "
    "WHERE (ancestor_id = %s AND descendant_id = %s) OR (ancestor_id = %s AND descendant_id = %s)"
)

RECHARGE, GIVEN, HANDED_OUT, TRANSFERRED_IN, DEDUCTED = 1, 2, 3, 4, 5
BY_ADMIN, BY_AGENT, BY_PROFIT, BY_USER = 1, 2, 3, 4


class NotSameLine(Conflict):
    """Points move only between a member and those above or below in the same invite line."""

    code = "not_same_line"


def recharge_tenant(
    session: Session, key: str, *, tenant_id: int, card: int, amount: Decimal, actor: str = ""
) -> ledger.PostedTransaction:
    """The platform gives a tenant points of one card type (1 self, 2 gift).

    Raises ``InvalidInput`` (amount, card), ``NotFound``, ``KeyReused``.
    """
    units = exact_units(check_amount(amount))
    kind = rules.card_kind(card)
    wire = Wire(session)
    _require_tenant(wire, tenant_id)
    done = ledger.post(
        session,
        key,
        [Posting(platform_source(), -units), Posting(tenant_card(tenant_id, kind), units)],
        kind="recharge_tenant",
        tenant_id=tenant_id,
        actor=actor,
        remark=rules.remark_tenant_recharge(card),
        watch=_tenant_pockets(tenant_id),
    )
    if not done.replayed:
        change = RECHARGE if card == rules.SELF else GIVEN
        _log(
            wire, done, tenant_id, card, _Move(None, None, change, BY_ADMIN, units, rules.remark_tenant_recharge(card))
        )
    return done


def recharge_user(
    session: Session, key: str, *, tenant_id: int, user_id: int, card: int, amount: Decimal, actor: str = ""
) -> ledger.PostedTransaction:
    """A tenant hands points of its stock to one of its users.

    Raises ``InvalidInput``, ``NotFound`` (also for a user of another tenant), ``InsufficientBalance``, ``KeyReused``.
    """
    units = exact_units(check_amount(amount))
    kind = rules.card_kind(card)
    wire = Wire(session)
    _require_user(wire, tenant_id, user_id)
    given = tenant_card(tenant_id, kind)
    done = ledger.post(
        session,
        key,
        [Posting(given, -units), Posting(user_account(tenant_id, user_id, kind), units)],
        kind="recharge_user",
        tenant_id=tenant_id,
        reference=f"user:{user_id}",
        actor=actor,
        remark=rules.remark_received(card),
        watch=[*_tenant_pockets(tenant_id), *_user_pockets(tenant_id, user_id)],
    )
    if not done.replayed:
        change = RECHARGE if card == rules.SELF else GIVEN
        out = _Move(None, user_id, HANDED_OUT, BY_AGENT, -units, rules.remark_handed_out(card, user_id))
        into = _Move(user_id, None, change, BY_AGENT, units, rules.remark_received(card))
        _log(wire, done, tenant_id, card, out, into)
    return done


def transfer_points(
    session: Session,
    key: str,
    *,
    tenant_id: int,
    from_user_id: int,
    to_user_id: int,
    card: int,
    amount: Decimal,
    actor: str = "",
) -> ledger.PostedTransaction:
    """A user passes points to a user above or below in the same invite line.

    Raises ``InvalidInput``, ``NotFound``, ``NotSameLine``, ``InsufficientBalance``, ``KeyReused``.
    """
    units = exact_units(check_amount(amount))
    kind = rules.card_kind(card)
    wire = Wire(session)
    _require_user(wire, tenant_id, from_user_id)
    _require_user(wire, tenant_id, to_user_id)
    pair = (from_user_id, to_user_id, to_user_id, from_user_id)
    if wire.first(_LINE, pair) is None:
        raise NotSameLine
    done = ledger.post(
        session,
        key,
        [
            Posting(user_account(tenant_id, from_user_id, kind), -units),
            Posting(user_account(tenant_id, to_user_id, kind), units),
        ],
        kind="transfer_points",
        tenant_id=tenant_id,
        reference=f"user:{to_user_id}",
        actor=actor,
        watch=[*_user_pockets(tenant_id, from_user_id), *_user_pockets(tenant_id, to_user_id)],
    )
    if not done.replayed:
        there, back = rules.remark_transfer_out(card, to_user_id), rules.remark_transfer_in(card, from_user_id)
        out = _Move(from_user_id, to_user_id, HANDED_OUT, BY_USER, -units, there)
        into = _Move(to_user_id, from_user_id, TRANSFERRED_IN, BY_USER, units, back)
        _log(wire, done, tenant_id, card, out, into)
        left = sum(done.balances[pocket] for pocket in _user_pockets(tenant_id, from_user_id))
        to = events.subscribers(wire, tenant_id)
        events.charged(
            wire, tenant_id, from_user_id, to, reference=f"transaction:{done.id}", before=left + units, after=left
        )
    return done


def _tenant_pockets(tenant_id: int) -> list[AccountRef]:
    return [tenant_card(tenant_id, "point_self"), tenant_card(tenant_id, "point_gift")]


def _user_pockets(tenant_id: int, user_id: int) -> list[AccountRef]:
    return [user_account(tenant_id, user_id, "point_self"), user_account(tenant_id, user_id, "point_gift")]


def _require_tenant(wire: Wire, tenant_id: int) -> None:
    if wire.first("SELECT 1 FROM tenant WHERE id = %s", (tenant_id,)) is None:
        raise NotFound(f"There is no tenant {tenant_id}.")


def _require_user(wire: Wire, tenant_id: int, user_id: int) -> None:
    if wire.first("SELECT 1 FROM `user` WHERE id = %s AND tenant_id = %s", (user_id, tenant_id)) is None:
        raise NotFound(f"There is no user {user_id}.")


@dataclass(frozen=True, slots=True)
class _Move:
    """One side of a move as the journal tells it; ``user_id`` None is the tenant's own stock."""

    user_id: int | None
    related_id: int | None
    change: int
    source: int
    amount: int
    remark: str


def _log(wire: Wire, done: ledger.PostedTransaction, tenant_id: int, card: int, *moves: _Move) -> None:
    """Journal rows; the balances before are those after minus the amount, both read under the lock."""
    rows = []
    for move in moves:
        pockets = _tenant_pockets(tenant_id) if move.user_id is None else _user_pockets(tenant_id, move.user_id)
        own, gift = (done.balances[pocket] for pocket in pockets)
        before_own = own - move.amount if card == rules.SELF else own
        before_gift = gift - move.amount if card == rules.GIFT else gift
        rows.append(
            (tenant_id, move.user_id, move.related_id, done.id, move.change, move.source, card, move.amount,
             before_own, own, before_gift, gift, move.remark, stamp())
        )  # fmt: skip
    wire.insert_many(INSERT_LOG, rows)
