"""Channels besides the app: a dead receiver delays nobody, a revived one gets everything, quiet hours hold, secrets are sealed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.models import NoticeChannel, NoticeDelivery, User
from backend.notifications import channels
from backend.notifications.sender import NoticeSender
from backend.notifications.service import notify_agent
from backend.security.addresses import BadAddress
from tests.support.doors import World, make_world

ALL = ("trade_open", "trade_close")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.sign_in()
    return made


@pytest.fixture
async def receiver() -> AsyncIterator[dict[str, Any]]:
    found: dict[str, Any] = {"got": [], "status": 200}

    async def take(request: web.Request) -> web.Response:
        found["got"].append(await request.json())
        return web.Response(status=found["status"])

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found["url"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


def agent(world: World) -> Principal:
    return Principal("agent", world.a.user_id, world.a.tenant_id, "a", "a", "", 0)


def add(world: World, url: str, types: tuple[str, ...] = ALL) -> int:
    def work(session: Session) -> int:
        row = channels.add(session, agent(world), "webhook", {"url": url}, types=types, allow_private=True)
        assert row.id is not None
        return row.id

    return world.db.run(work)


def tell(world: World, kind: str, title: str) -> None:
    world.db.run(lambda s: notify_agent(s, world.a.tenant_id, world.a.user_id, kind, title, message="m", link="/agent/positions/1") and None)


def deliveries(world: World, channel: int) -> list[NoticeDelivery]:
    with world.db.reading() as session:
        return list(session.exec(select(NoticeDelivery).where(NoticeDelivery.channel_id == channel)).all())


async def test_an_address_that_cannot_be_opened_stops_no_other(world: World, receiver: dict[str, Any]) -> None:
    sealed, alive = add(world, receiver["url"] + "/one"), add(world, receiver["url"] + "/two")

    def spoil(session: Session) -> None:
        channel = session.get(NoticeChannel, sealed)
        assert channel is not None
        channel.target_sealed = "not what was sealed"
        session.add(channel)

    world.db.run(spoil)
    sender = NoticeSender(world.db, world.settings, allow_private=True, timeout_s=5)
    try:
        tell(world, "trade_open", "Opened BTC")
        assert await sender.run() == 2
        await sender.settle()
    finally:
        await sender.close()
    assert [row.status for row in deliveries(world, alive)] == ["SENT"]
    assert [(row.status, row.error) for row in deliveries(world, sealed)] == [("PENDING", "the address cannot be opened")]


async def test_a_dead_receiver_delays_nobody_and_gets_it_later(world: World, receiver: dict[str, Any]) -> None:
    dead, alive = add(world, "http://127.0.0.1:9/none"), add(world, receiver["url"] + "/hook")
    sender = NoticeSender(world.db, world.settings, allow_private=True, timeout_s=20)
    try:
        tell(world, "trade_open", "Opened BTC")
        tell(world, "billing", "not wanted here")
        started = time.monotonic()
        assert await sender.run() == 2
        assert time.monotonic() - started < 10, "a round does not wait for receivers"
        await sender.settle()
        (sent,), (waiting,) = deliveries(world, alive), deliveries(world, dead)
        assert (sent.status, sent.attempts, sent.error) == ("SENT", 1, "")
        assert (waiting.status, waiting.attempts, waiting.error) == ("PENDING", 1, "cannot connect")
        assert waiting.next_at > utcnow()
        assert [row["notifications"][0]["title"] for row in receiver["got"]] == ["Opened BTC"]
        assert receiver["got"][0]["notifications"][0]["link"] == "/agent/positions/1"
        assert await sender.run() == 0, "nothing is sent twice"

        def due(session: Session) -> None:
            row = session.get(NoticeDelivery, waiting.id)
            channel = session.get(NoticeChannel, dead)
            assert row is not None and channel is not None
            row.next_at = utcnow()
            fresh = channels.get_vault().seal_platform(channel.record, f'{{"url": "{receiver["url"]}/later"}}')
            channel.target_sealed = fresh
            session.add_all([row, channel])

        world.db.run(due)
        assert await sender.run() == 1
        await sender.settle()
        assert deliveries(world, dead)[0].status == "SENT" and len(receiver["got"]) == 2
    finally:
        await sender.close()


async def test_a_refusing_receiver_is_given_up_in_the_end(world: World, receiver: dict[str, Any]) -> None:
    receiver["status"] = 500
    channel = add(world, receiver["url"])
    tell(world, "trade_close", "Closed")
    sender = NoticeSender(world.db, world.settings, allow_private=True)
    try:
        for _ in range(8):
            await sender.run()
            await sender.settle()
            world.db.run(lambda s: [setattr(r, "next_at", utcnow()) or s.add(r) for r in s.exec(select(NoticeDelivery)).all()] and None)
    finally:
        await sender.close()
    (row,) = deliveries(world, channel)
    assert (row.status, row.attempts, row.error) == ("DEAD", 7, "answered 500") and len(receiver["got"]) == 7


async def test_quiet_hours_and_digest_wait_and_then_come_as_one(world: World, receiver: dict[str, Any]) -> None:
    channel = add(world, receiver["url"])
    minute = utcnow().hour * 60 + utcnow().minute
    world.db.run(lambda s: channels.change(s, agent(world), channel, types=ALL, quiet_from_min=minute, quiet_to_min=(minute + 120) % 1440) and None)
    for _ in range(3):
        tell(world, "trade_open", "Opened BTC")
    sender = NoticeSender(world.db, world.settings, allow_private=True)
    try:
        assert await sender.run() == 0
        rows = deliveries(world, channel)
        assert len(rows) == 3 and all(row.next_at > utcnow() + timedelta(minutes=100) for row in rows)
        world.db.run(lambda s: [setattr(r, "next_at", utcnow()) or s.add(r) for r in s.exec(select(NoticeDelivery)).all()] and None)
        assert await sender.run() == 1
        await sender.settle()
    finally:
        await sender.close()
    (message,) = receiver["got"]
    assert "3 times" in message["text"] and len(message["notifications"]) == 3


async def test_telegram_and_mail(world: World, receiver: dict[str, Any]) -> None:
    token = "123456:" + "A" * 35

    def work(session: Session) -> None:
        channels.add(session, agent(world), "telegram", {"token": token, "chat": "-100200"}, types=ALL, allow_private=False)
        channels.add(session, agent(world), "email", {}, types=ALL, allow_private=False)

    world.db.run(work)
    tell(world, "trade_open", "Opened BTC")
    sender = NoticeSender(world.db, world.settings, allow_private=True, telegram=receiver["url"])
    try:
        assert await sender.run() == 2
        await sender.settle()
    finally:
        await sender.close()
    assert receiver["got"] == [{"chat_id": "-100200", "text": "Opened BTC\nm"}]
    mails = list((world.settings.home / "mail").glob("*.eml"))
    assert len(mails) == 1 and f"To: {world.a.email}" in mails[0].read_text()
    with world.db.reading() as session:
        rows = session.exec(select(NoticeChannel)).all()
    assert all(token not in f"{row.target_sealed}{row.hint}" for row in rows)


def test_what_is_refused(world: World) -> None:
    who = agent(world)
    for kind, target in (("fax", {}), ("telegram", {"token": "x", "chat": "1"}), ("webhook", {"url": "ftp://example.com"})):
        with pytest.raises(InvalidInput):
            world.db.run(lambda s, k=kind, t=target: channels.add(s, who, k, t, types=ALL, allow_private=False) and None)
    for private in ("http://127.0.0.1/x", "https://10.0.0.1/x", "https://[::1]/x"):
        with pytest.raises(BadAddress):
            world.db.run(lambda s, u=private: channels.add(s, who, "webhook", {"url": u}, types=ALL, allow_private=False) and None)
    channel = add(world, "http://127.0.0.1:9/x")
    other = Principal("agent", world.b.user_id, world.b.tenant_id, "b", "b", "", 0)
    for verb in (channels.remove, channels.try_out):
        with pytest.raises(NotFound):
            world.db.run(lambda s, v=verb: v(s, other, channel) and None)


async def test_doors(world: World) -> None:
    path = "/api/agent/notifications/channels"
    async with world.client("agent_a") as http:
        made = await http.post(path, json={"kind": "email", "types": ["risk_alert"]})
        assert made.status_code == 200, made.text
        number = made.json()["id"]
        assert (await http.get(path)).json()["data"][0]["hint"] == world.a.email
        changed = await http.put(f"{path}/{number}", json={"types": ["billing"], "digest_min": 60, "on": True})
        assert changed.json()["types"] == ["billing"] and changed.json()["digest_min"] == 60
        assert (await http.put(f"{path}/{number}", json={"types": ["nonsense"]})).status_code == 400
        assert (await http.post(f"{path}/{number}/test")).json()["status"] == "PENDING"
        assert len((await http.get("/api/agent/notifications/deliveries")).json()["data"]) == 1
        assert (await http.post(path, json={"kind": "webhook", "target": {"url": "http://127.0.0.1/"}, "types": []})).status_code == 400
    async with world.client("agent_b") as http:
        assert (await http.get(path)).json()["data"] == []
        assert (await http.delete(f"{path}/{number}")).status_code == 404
    async with world.client("agent_a") as http:
        assert (await http.delete(f"{path}/{number}")).status_code == 200
        assert (await http.get(path)).json()["data"] == []


async def test_other_services_go_through_apprise_in_the_readers_language(world: World, receiver: dict[str, Any]) -> None:
    home = receiver["url"].replace("http://", "json://") + "/room"
    for address in (home, "file:///etc/passwd", "ntfy://10.0.0.1/topic", "discord://", "mailto://a:b@example.com"):
        with pytest.raises(InvalidInput):
            world.db.run(lambda s, to=address: channels.add(s, agent(world), "service", {"url": to}, types=ALL, allow_private=False) and None)

    def work(session: Session) -> None:
        cloud = channels.add(session, agent(world), "service", {"url": "discord://1234567890/" + "t" * 30}, types=(), allow_private=False)
        channels.add(session, agent(world), "service", {"url": home}, types=ALL, allow_private=True)
        user = session.get(User, world.a.user_id)
        assert user is not None and cloud.hint == "Discord" and "tttt" not in cloud.target_sealed
        user.locale = "zh"
        session.add(user)

    world.db.run(work)
    tell(world, "trade_open", "Opened SOL/USDT LONG")
    sender = NoticeSender(world.db, world.settings, allow_private=True)
    try:
        assert await sender.run() == 1
        await sender.settle()
    finally:
        await sender.close()
    assert [row["title"] for row in receiver["got"]] == ["已开仓 SOL/USDT 做多"]


async def test_analytics_by_door(world: World) -> None:
    async with world.client("agent_a") as client:
        found = (await client.get("/api/agent/analytics")).json()
        assert (found["mode"], found["analysis"]["trades"]) == ("simulated", 1)
        assert found["analysis"]["curve"][0]["equity"] > 0
    async with world.client("tenant_a") as client:
        assert (await client.get("/api/agent/analytics")).status_code in (401, 403)
