"""Orders whose node cannot take them: wait, centre or another node by policy; never one that may be on the exchange."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.errors import NotAllowed
from backend.execution import failover, routing
from backend.execution.dispatcher import give_back
from backend.execution.nodes import create_node
from backend.execution.service import claim
from backend.identity.principal import Principal
from backend.models import AuditLog, ExchangeAccount, ExecutionNode, Notification, Order
from tests.support.centre import Centre
from tests.support.intents import enter, leave

ADMIN = Principal("admin", 1, None, "a", "a", "owner", 0)


def add_node(centre: Centre, code: str, *, silent_s: float | None = 0.0, accounts: int = 1) -> int:
    """A node heard ``silent_s`` ago (None: never) that the first accounts are given to."""

    def make(session: Session) -> int:
        node, _ = create_node(session, code, code, "http://127.0.0.1:9")
        node.last_heartbeat_at = None if silent_s is None else utcnow() - timedelta(seconds=silent_s)
        session.add(node)
        assert node.id is not None
        if accounts:
            routing.assign(session, ADMIN, centre.account_ids[:accounts], node.id)
        return node.id

    return centre.db.run(make)


def change(centre: Centre, node_id: int, **values: Any) -> None:
    def work(session: Session) -> None:
        node = session.get(ExecutionNode, node_id)
        for name, value in values.items():
            setattr(node, name, value)
        session.add(node)

    centre.db.run(work)


def policy(centre: Centre, name: str) -> None:
    centre.db.run(lambda s: failover.set_policy(s, ADMIN, centre.tenant_id, name))


def taken(centre: Centre) -> dict[int, int | None]:
    """Claim, and undo the claim: account -> executor."""

    def work(session: Session) -> dict[int, int | None]:
        rows = claim(session)
        session.flush()
        return {row.account_id: row.node_id for row in rows}

    return centre.db.run(work)


BROKEN: list[dict[str, Any]] = [
    {"status": 0}, {"draining": True}, {"last_heartbeat_at": utcnow() - timedelta(seconds=181)},
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=["off", "draining", "silent"])
async def test_without_a_policy_the_order_waits_with_its_reason_and_one_notice(centre: Centre, broken: dict[str, Any]) -> None:
    node_id = add_node(centre, "a")
    change(centre, node_id, **broken)
    enter(centre)
    assert taken(centre) == {centre.account_ids[1]: None}
    taken(centre)
    [order] = centre.orders(status="PENDING")
    assert order.node_id == node_id and order.attempt == 0
    assert order.reason.startswith("waits: its node is ")
    with centre.db.reading() as session:
        notes = session.exec(select(Notification).where(Notification.user_id == order.user_id)).all()
    assert len([n for n in notes if "waits" in n.title]) == 1
    change(centre, node_id, status=1, draining=False, last_heartbeat_at=utcnow())
    assert taken(centre) == {centre.account_ids[0]: node_id}


@pytest.mark.parametrize("broken", BROKEN, ids=["off", "draining", "silent"])
async def test_policy_centre_and_policy_any(centre: Centre, broken: dict[str, Any]) -> None:
    first, busy, idle = add_node(centre, "a"), add_node(centre, "b", accounts=0), add_node(centre, "c", accounts=0)
    add_node(centre, "never", silent_s=None, accounts=0)
    change(centre, first, **broken)
    centre.db.run(lambda s: routing.assign(s, ADMIN, [centre.account_ids[1]], busy))
    policy(centre, "centre")
    enter(centre)
    assert taken(centre) == {centre.account_ids[0]: None, centre.account_ids[1]: busy}
    policy(centre, "any")
    enter(centre, "SIGTEST2", symbol="ETH/USDT")
    assert taken(centre) == {centre.account_ids[0]: idle, centre.account_ids[1]: busy}


async def test_with_no_other_node_any_means_the_centre(centre: Centre) -> None:
    change(centre, add_node(centre, "a", accounts=2), status=0)
    policy(centre, "any")
    enter(centre)
    assert set(taken(centre).values()) == {None}


async def test_an_order_that_was_sent_once_keeps_its_executor(centre: Centre) -> None:
    node_id = add_node(centre, "a")
    policy(centre, "any")
    add_node(centre, "b", accounts=0)
    enter(centre)

    def found_absent(session: Session) -> None:
        order = session.exec(select(Order).where(Order.account_id == centre.account_ids[0])).one()
        order.attempt = 1
        session.add(order)

    centre.db.run(found_absent)
    change(centre, node_id, status=0)
    assert centre.account_ids[0] not in taken(centre)
    [order] = centre.orders(account_id=centre.account_ids[0])
    assert (order.status, order.node_id, order.attempt) == ("PENDING", node_id, 1)


async def test_an_unknown_order_is_not_claimed_at_all(centre: Centre) -> None:
    change(centre, add_node(centre, "a", accounts=2), status=0)
    policy(centre, "centre")
    enter(centre)

    def lose(session: Session) -> None:
        for order in session.exec(select(Order)).all():
            order.status, order.reason = "UNKNOWN", "the node did not answer"
            session.add(order)

    centre.db.run(lose)
    assert taken(centre) == {}


async def test_a_node_that_cannot_be_reached_is_left_by_policy_only(centre: Centre) -> None:
    node_id = add_node(centre, "a")
    enter(centre)
    assert taken(centre)[centre.account_ids[0]] == node_id
    pks = [order.id or 0 for order in centre.orders(account_id=centre.account_ids[0])]
    centre.db.run(lambda s: give_back(s, pks, routing.UNREACHABLE))
    assert taken(centre) == {centre.account_ids[0]: node_id}
    centre.db.run(lambda s: give_back(s, pks, routing.UNREACHABLE))
    policy(centre, "centre")
    assert taken(centre) == {centre.account_ids[0]: None}


async def test_what_cannot_be_reached_is_asked_once_in_a_run(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    add_node(centre, "a")
    enter(centre)
    await asyncio.wait_for(engine.dispatch(), 30)
    [waits] = centre.orders(account_id=centre.account_ids[0])
    assert (waits.status, waits.attempt, waits.reason) == ("PENDING", 0, routing.UNREACHABLE)
    done = centre.orders(account_id=centre.account_ids[1])[0]
    assert done.status == "FILLED"


async def test_a_drained_node_still_closes(centre: Centre) -> None:
    engine = centre.start_engine()
    await engine.refresh_prices()
    enter(centre)
    await engine.dispatch()
    node_id = add_node(centre, "a", accounts=2)
    centre.db.run(lambda s: routing.drain(s, ADMIN, node_id, True))
    leave(centre)
    assert set(taken(centre).values()) == {node_id}


async def test_waiting_orders_do_not_stand_in_the_way(centre: Centre) -> None:
    change(centre, add_node(centre, "a"), status=0)
    for number in range(4):
        enter(centre, f"SIGTEST{number}", symbol=("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")[number])
    got = centre.db.run(lambda s: [order.account_id for order in claim(s, limit=2)])
    assert set(got) == {centre.account_ids[1]}
    assert len(got) >= 2


async def test_assign_and_move_are_for_admins_and_written_down(centre: Centre) -> None:
    node_id, other = add_node(centre, "a"), add_node(centre, "b", accounts=0)
    tenant = Principal("tenant", centre.tenant_id, centre.tenant_id, "t", "t", "", 0)
    for verb in (
        lambda s: routing.assign(s, tenant, centre.account_ids, node_id),
        lambda s: routing.drain(s, tenant, node_id, True),
        lambda s: failover.set_policy(s, tenant, centre.tenant_id, "any"),
    ):
        with pytest.raises(NotAllowed):
            centre.db.run(verb)
    assert centre.db.run(lambda s: routing.move(s, ADMIN, node_id, other)).changed == 1
    centre.db.run(lambda s: routing.drain(s, ADMIN, other, True))
    with pytest.raises(routing.NodeNotTaking):
        centre.db.run(lambda s: routing.assign(s, ADMIN, centre.account_ids, other))
    assert centre.db.run(lambda s: routing.move(s, ADMIN, other, None)).changed == 1
    with centre.db.reading() as session:
        assert {a.node_id for a in session.exec(select(ExchangeAccount)).all()} == {None}
        actions = session.exec(select(AuditLog.action)).all()
    assert {"node.assign", "node.drain"} <= set(actions)
