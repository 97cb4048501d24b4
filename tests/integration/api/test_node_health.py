"""Minutes of nodes out of signed heartbeats; silence told once by the monitor, the return once; the address an account's orders come from."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from backend.clock import now_ms, utcnow
from backend.execution import node_health, routing
from backend.execution.nodes import create_node, egress_of
from backend.execution.wire import Wire
from backend.identity.principal import Principal
from backend.models import ExchangeAccount, ExecutionNode, NodeSample, Notification
from backend.monitoring.watch import Watch
from backend.security.vault import Vault
from backend.settings import get_settings
from backend.timetable import Timetable
from node_service.client import NodeClient
from node_service.executor import Executor
from node_service.protocol import dumps, signed_headers
from state.node_charts import node_charts
from tests.support.doors import World

ADMIN = Principal("admin", 1, None, "n", "e", "owner", 1)
PATH = "/api/nodes/h1/heartbeat"


@pytest.fixture
def secret(fresh: World) -> str:
    vault = Vault(fresh.settings.master_key.get_secret_value())
    return fresh.db.run(lambda s: create_node(s, "h1", "One", "http://10.0.0.9:9101", vault=vault)[1])


async def beat(world: World, secret: str, peer: str = "198.51.100.7", **said: object) -> None:
    body = dumps({"version": "1", "time_ms": now_ms(), "accounts": 1, "inflight": 0, **said})
    headers, _ = signed_headers(secret, "POST", PATH, body)
    async with world.client(peer=peer) as http:
        answer = await http.post(PATH, content=body, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == 200, answer.text


def told(world: World) -> list[str]:
    with world.db.reading() as session:
        return list(session.exec(select(Notification.title).where(Notification.audience == "platform")).all())


def node_of(session: Session) -> ExecutionNode:
    return session.exec(select(ExecutionNode).where(ExecutionNode.node_code == "h1")).one()


async def test_heartbeats_become_minutes_of_which_the_worst_is_shown(fresh: World, secret: str) -> None:
    await beat(fresh, secret, exchange_latency_ms=40, load_pct=30, inflight=2)
    await beat(fresh, secret, exchange_latency_ms=900, load_pct=10, inflight=0)
    await beat(fresh, secret, exchange_latency_ms=50, load_pct="many")
    with fresh.db.reading() as session:
        rows = session.exec(select(NodeSample)).all()
        number = node_of(session).id or 0
    assert sum(row.beats for row in rows) == 3
    assert (max(r.latency_ms or 0 for r in rows), max(r.load_pct or 0 for r in rows), max(r.inflight for r in rows)) == (900, 30, 2)

    def older(session: Session) -> None:
        for minutes in (50, 49, 20_000):
            session.add(NodeSample(node_id=number, minute_ms=(now_ms() // 60_000 - minutes) * 60_000, beats=1, latency_ms=10))

    fresh.db.run(older)
    with fresh.db.reading() as session:
        found = node_health.history(session, number)
    assert [len(found[hours]) > 0 for hours in node_health.SPANS_H] == [True] * 4
    latency = next(line for line in node_charts(found)[0]["lines"] if line["k"] == "node.latency")
    assert (latency["worst"], latency["d"].count("M")) == ("900 ms", 2)  # broken where it was silent
    assert fresh.db.run(lambda s: node_health.prune(s, 7)) == 1


async def test_silence_and_return_are_told_once_each(fresh: World, secret: str) -> None:
    """Everything that goes round goes round: each job of the timetable, and a monitor of its own beside it."""
    wire = Wire(Executor(node_code="centre", allow_venue_url=True), NodeClient())
    timetable = Timetable(fresh.db, fresh.settings.model_copy(update={"market_mode": "running"}), wire, lambda: None)
    beside = Watch(fresh.db, fresh.settings, ("nodes",))

    async def goes_round() -> None:
        for _ in range(3):
            for job in timetable.jobs:
                await timetable.run(job)
            await beside.look()

    def about_nodes() -> list[str]:
        return [title for title in told(fresh) if "h1" in title]

    await goes_round()
    assert about_nodes() == [], "nobody has started it yet"
    await beat(fresh, secret)
    await goes_round()
    assert about_nodes() == []

    def hush(session: Session) -> None:
        node_of(session).last_heartbeat_at = utcnow() - timedelta(seconds=200)

    fresh.db.run(hush)
    await goes_round()
    assert about_nodes() == ["Monitor: node h1"]
    with fresh.db.reading() as session:
        message = session.exec(select(Notification.message).where(Notification.title == "Monitor: node h1")).one()
    assert "Silent for: 20" in message and "It serves 0 accounts" in message and "move the accounts" in message
    await beat(fresh, secret)
    await goes_round()
    assert about_nodes() == ["Monitor: node h1", "Monitor, recovered: node h1"]
    await wire.close()


async def test_the_address_of_the_node_is_what_people_allow(fresh: World, secret: str) -> None:
    await beat(fresh, secret, peer="203.0.113.44")

    def live(session: Session) -> int:
        session.get_one(ExchangeAccount, fresh.a.account_id).mode = "live"
        return node_of(session).id or 0

    number = fresh.db.run(live)
    fresh.db.run(lambda s: routing.assign(s, ADMIN, [fresh.a.account_id, fresh.b.account_id], number))
    with fresh.db.reading() as session:
        assert egress_of(session, session.get_one(ExchangeAccount, fresh.a.account_id)) == ["203.0.113.44"]
        platform = [one for one in get_settings().egress_addresses.split(",") if one]
        assert egress_of(session, None) == platform
        notes = session.exec(select(Notification).where(Notification.title == "Your orders come from another address")).all()
    # The simulated account has no address list to mind.
    assert [(note.user_id, "203.0.113.44" in note.message) for note in notes] == [(fresh.a.user_id, True)]
