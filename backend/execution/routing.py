"""Which executor an order goes to: the account's own node, or, when that cannot take it, another by policy.

Only an order that never left may change its way. One whose outcome is unknown, or that was found absent and goes once
more, keeps the executor it was given: sent through two of them it could be filled twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import func, update
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import Conflict, NotAllowed, NotFound
from backend.execution.failover import ANY, NONE, policy_of
from backend.execution.nodes import egress_of, get_node, is_online
from backend.identity.principal import Principal
from backend.models import ExchangeAccount, ExecutionNode, Notification, Order
from backend.security import audit

log = structlog.get_logger("routing")

UNREACHABLE: Final = "the node cannot be reached"
_ENTRIES: Final = ("OPEN", "ADD")


class NodeNotTaking(Conflict):
    """This node is switched off or being drained; choose another."""

    code = "node_not_taking"


class AccountBusy(Conflict):
    """An order of this account is on its way. Try again when its outcome is known."""

    code = "account_busy"


def obstacle(node: ExecutionNode | None, trade_type: str) -> str:
    """Why a node cannot take an order now, "" when it can. A node never heard from may still be asked."""
    if node is None or node.status != 1:
        return "its node is switched off"
    if node.last_heartbeat_at is not None and not is_online(node):
        return "its node is silent"
    if node.draining and trade_type in _ENTRIES:
        return "its node is being drained"
    return ""


def route(session: Session, orders: Sequence[Order]) -> list[Order]:
    """The orders that may go now, each with its executor in ``node_id``; the others get their reason and stay PENDING.

    The user is told once per order. Called inside the transaction that claims.
    """
    if all(order.node_id is None for order in orders):
        return list(orders)
    known = {node.id: node for node in session.exec(select(ExecutionNode)).all()}
    policies: dict[int, str] = {}
    load: dict[int | None, int] = {}
    ready: list[Order] = []
    for order in orders:
        why = obstacle(known.get(order.node_id), order.trade_type) if order.node_id is not None else ""
        policy = policies.get(order.tenant_id)
        if policy is None:
            policy = policies[order.tenant_id] = policy_of(session, order.tenant_id)
        if (
            not why
            and order.reason == UNREACHABLE
            and order.attempt == 0
            and policy != NONE
            and order.node_id is not None
        ):
            why = UNREACHABLE
        if not why:
            ready.append(order)
            continue
        if order.attempt > 0 or policy == NONE:
            _skip(session, order, why)
            continue
        before = order.node_id
        order.node_id = None
        if policy == ANY:
            load = load or _load(session)
            able = [
                n
                for n in known.values()
                if n.id != before and n.last_heartbeat_at is not None and not obstacle(n, order.trade_type)
            ]
            if able:
                order.node_id = min(able, key=lambda n: (load.get(n.id, 0), n.id or 0)).id
                load[order.node_id] = load.get(order.node_id, 0) + 1
        order.reason = f"rerouted: {why}"[:64]
        _tell(
            session,
            order,
            f"Order for {order.symbol} took another way",
            f"It was sent by {_name(known, order.node_id)}: {why}.",
        )
        log.warning("order rerouted", order=order.order_id, was=before, to=order.node_id, reason=why)
        ready.append(order)
    return ready


@dataclass(frozen=True)
class Assigned:
    """How many accounts changed their executor, and why others did not: account id -> reason."""

    changed: int
    busy: dict[int, str]


def assign(
    session: Session, who: Principal, account_ids: Iterable[int], node_id: int | None, *, ip: str = ""
) -> Assigned:
    """Give accounts to a node, or to the centre (None).

    An account with an order that may be on the wire stays where it is until that is known; orders that never left go
    with their account. Raises ``NotFound``, ``NodeNotTaking``, and ``AccountBusy`` when not one account could be moved.
    """
    _admin(who)
    ids = sorted(set(account_ids))
    if node_id is not None:
        node = get_node(session, node_id)
        if node.status != 1 or node.draining:
            raise NodeNotTaking
    rows = session.exec(
        select(ExchangeAccount).where(col(ExchangeAccount.id).in_(ids)).order_by(col(ExchangeAccount.id)).with_for_update()
    ).all()
    if not rows:
        raise NotFound
    busy = {number: why for number, why in in_flight(session, ids).items() if number in {row.id for row in rows}}
    moved = [row for row in rows if row.id not in busy and row.node_id != node_id]
    busy = {number: why for number, why in busy.items() if any(row.id == number and row.node_id != node_id for row in rows)}
    if busy and not moved:
        raise AccountBusy(next(iter(busy.values())))
    for row in moved:
        before = egress_of(session, row)
        row.node_id = node_id
        session.add(row)
        _tell_address(session, row, before)
    session.connection().execute(
        update(Order)
        .where(
            col(Order.account_id).in_([row.id for row in moved]), col(Order.status) == "PENDING", col(Order.attempt) == 0,
            col(Order.job_id).is_(None),
        )
        .values(node_id=node_id, updated_at=utcnow())
    )
    audit.record(
        session,
        who,
        "node.assign",
        f"node:{node_id or 'centre'}",
        detail={"accounts": [row.id for row in moved][:100], "count": len(moved), "busy": sorted(busy)[:100]},
        ip=ip,
    )
    return Assigned(len(moved), busy)


def _tell_address(session: Session, account: ExchangeAccount, before: list[str]) -> None:
    """A key limited to addresses refuses orders from another one: its owner must hear of the new one."""
    now = egress_of(session, account)
    if account.mode == "simulated" or not now or now == before:
        return
    session.add(
        Notification(
            tenant_id=account.tenant_id,
            user_id=account.user_id,
            type="risk_alert",
            title="Your orders come from another address",
            message=f"Allow {', '.join(now)} for your key at the exchange, else it refuses your orders.",
            link="/agent/start",
        )
    )


def in_flight(session: Session, account_ids: Sequence[int]) -> dict[int, str]:
    """Accounts with an order whose outcome is open, each with a sentence that names the order."""
    orders = session.exec(
        select(Order.account_id, Order.order_id, Order.symbol)
        .where(
            col(Order.account_id).in_(list(account_ids)),
            col(Order.status).in_(("SENT", "UNKNOWN", "PARTIAL")) | ((Order.status == "PENDING") & (Order.attempt > 0)),
        )
        .order_by(col(Order.id))
    ).all()
    return {
        number: f"Account {number} has an order on its way ({symbol}, {order_id}). Try again when its outcome is known."
        for number, order_id, symbol in reversed(orders)
    }


def by_executor(session: Session, account_ids: Iterable[int]) -> list[set[int]]:
    """These accounts, those of one executor together."""
    rows = session.exec(select(ExchangeAccount.node_id, ExchangeAccount.id).where(col(ExchangeAccount.id).in_(set(account_ids))))
    groups: dict[int | None, set[int]] = defaultdict(set)
    for node_id, account_id in rows:
        if account_id is not None:
            groups[node_id].add(account_id)
    return list(groups.values())


def move(session: Session, who: Principal, node_id: int, to: int | None, *, ip: str = "") -> Assigned:
    """All accounts of one node to another, or to the centre (None). Raises like ``assign``."""
    ids = session.exec(select(ExchangeAccount.id).where(ExchangeAccount.node_id == node_id)).all()
    return assign(session, who, [number for number in ids if number is not None], to, ip=ip) if ids else Assigned(0, {})


def drain(session: Session, who: Principal, node_id: int, on: bool) -> ExecutionNode:
    """A drained node opens nothing new; what it holds open is closed by it. Its accounts stay until they are moved."""
    _admin(who)
    node = get_node(session, node_id)
    node.draining = on
    session.add(node)
    audit.record(session, who, "node.drain", f"node:{node.node_code}", detail={"on": on})
    return node


def _skip(session: Session, order: Order, why: str) -> None:
    reason = f"waits: {why}"[:64]
    if order.reason == reason:
        return
    order.reason = reason
    session.add(order)
    log.warning("order waits for its node", order=order.order_id, node=order.node_id, reason=why)
    _tell(session, order, f"Order for {order.symbol} waits", f"It was not sent: {why}.")


def _tell(session: Session, order: Order, title: str, message: str) -> None:
    session.add(
        Notification(
            tenant_id=order.tenant_id,
            user_id=order.user_id,
            type="risk_alert",
            title=title[:200],
            message=message[:500],
        )
    )


def _load(session: Session) -> dict[int | None, int]:
    rows = session.exec(
        select(ExchangeAccount.node_id, func.count())
        .where(ExchangeAccount.status == 1)
        .group_by(col(ExchangeAccount.node_id))
    ).all()
    return {node: int(count) for node, count in rows}


def _name(known: dict[int | None, ExecutionNode], node_id: int | None) -> str:
    return f"node {known[node_id].node_code}" if node_id is not None else "the centre"


def _admin(who: Principal) -> None:
    if who.kind != "admin":
        raise NotAllowed
