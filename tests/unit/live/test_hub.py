import asyncio
import json
import threading
import time
from decimal import Decimal
from typing import Any

import pytest

from backend.identity.principal import Principal
from backend.live import Hub, Watcher, may_watch


async def drain(watcher: Watcher) -> list[dict[str, Any]]:
    return [json.loads(message) for message in await asyncio.wait_for(watcher.read(), 20)]


def watching(hub: Hub, *topics: str) -> Watcher:
    watcher = Watcher(asyncio.get_running_loop())
    for topic in topics:
        hub.watch(watcher, topic)
    return watcher


async def test_a_watcher_gets_the_snapshot_then_changes() -> None:
    hub = Hub()
    hub.publish("market", {"prices": {"A": "1", "B": "2"}})
    hub.publish("market", {"prices": {"B": "3"}, "n": Decimal("1.50")})
    watcher = watching(hub, "market")
    (first,) = await drain(watcher)
    assert (first["t"], first["d"]) == ("market", {"prices": {"A": "1", "B": "3"}, "n": "1.50"})
    assert abs(first["ts"] - time.time() * 1000) < 60_000
    hub.publish("market", {"prices": {"A": "9"}})
    (second,) = await drain(watcher)
    assert second["d"] == {"prices": {"A": "9"}}


async def test_a_slow_reader_finds_everything_merged() -> None:
    hub = Hub()
    watcher = watching(hub, "market")
    await drain(watcher)
    for number in range(1_000):
        hub.publish("market", {"last": number, "by": {f"k{number % 3}": number}})
    (only,) = await drain(watcher)
    assert only["d"] == {"last": 999, "by": {"k0": 999, "k1": 997, "k2": 998}}
    assert watcher.skipped == 999


async def test_none_removes_a_key_for_everyone() -> None:
    hub = Hub()
    watcher = watching(hub, "market")
    await drain(watcher)
    hub.publish("market", {"a": 1, "b": {"c": 1, "d": 2}})
    hub.publish("market", {"a": None, "b": {"c": None}})
    (seen,) = await drain(watcher)
    assert seen["d"] == {"a": None, "b": {"c": None, "d": 2}}
    assert hub.snapshot("market") == {"b": {"d": 2}}


async def test_what_was_published_is_not_changed_later() -> None:
    hub = Hub()
    payload = {"by": {"a": 1}}
    hub.publish("market", payload)
    hub.publish("market", {"by": {"b": 2}})
    assert payload == {"by": {"a": 1}}
    assert hub.snapshot("market") == {"by": {"a": 1, "b": 2}}


async def test_topics_do_not_mix() -> None:
    hub = Hub()
    watcher = watching(hub, "agent:1")
    await drain(watcher)
    hub.publish("agent:2", {"secret": 1})
    hub.publish("agent:1", {"mine": 1})
    assert [message["t"] for message in await drain(watcher)] == ["agent:1"]
    hub.unwatch(watcher)
    assert hub.watching("agent:1") == 0


async def test_any_thread_may_publish() -> None:
    hub = Hub()
    watcher = watching(hub, "market")
    await drain(watcher)

    def work(name: str) -> None:
        for number in range(300):
            hub.publish("market", {name: number})

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    seen: dict[str, Any] = {}
    while len(seen) < 4 or any(value != 299 for value in seen.values()):
        for message in await drain(watcher):
            seen.update(message["d"])
    for thread in threads:
        thread.join()
    assert hub.snapshot("market") == seen


async def test_many_readers_leave_room_for_other_work() -> None:
    hub = Hub()
    readers = [watching(hub, "market") for _ in range(500)]
    for reader in readers:
        await drain(reader)
    seen: list[int] = []

    async def read(reader: Watcher) -> None:
        await reader.read()
        seen.append(1)

    reading = [asyncio.create_task(read(reader)) for reader in readers]
    await asyncio.sleep(0)
    hub.publish("market", {"a": 1})
    turns = []
    while len(seen) < len(readers):
        turns.append(len(seen))
        await asyncio.sleep(0)
    await asyncio.gather(*reading)
    assert len({turn for turn in turns if turn}) >= 5, "the loop was held until all had read"


def test_publishing_does_not_wait_for_a_reader_whose_loop_has_ended() -> None:
    hub = Hub()

    async def leave() -> Watcher:
        return watching(hub, "market")

    asyncio.run(leave())
    hub.publish("market", {"a": 1})
    assert hub.snapshot("market") == {"a": 1}


def test_listeners_hear_everything_that_is_to_be_relayed() -> None:
    hub = Hub()
    heard: list[tuple[str, dict[str, Any]]] = []

    def listener(topic: str, payload: dict[str, Any]) -> None:
        heard.append((topic, payload))

    hub.add_listener(listener)
    hub.publish("market", {"a": 1})
    hub.publish("market", {"b": 1}, relay=False)
    hub.remove_listener(listener)
    hub.publish("market", {"c": 1})
    assert heard == [("market", {"a": 1})]
    assert hub.age_s("market") is not None and hub.age_s("platform") is None


ADMIN = Principal("admin", 1, None, "", "", "owner", 1)
TENANT = Principal("tenant", 1, 1, "", "", "tenant", 2)
AGENT = Principal("agent", 1, 1, "", "", "agent", 3)


@pytest.mark.parametrize(
    ("topic", "admin", "tenant", "agent"),
    [
        ("market", True, True, True),
        ("platform", True, False, False),
        ("tenant:1", True, True, False),
        ("tenant:2", True, False, False),
        ("agent:1", True, True, True),
        ("agent:11", True, True, False),
        ("agent:2", True, False, False),
        ("agent:999", True, False, False),
        ("tenant:01", False, False, False),
        ("tenant:-1", False, False, False),
        ("tenant:", False, False, False),
        ("tenant:1:2", False, False, False),
        ("tenant:１", False, False, False),
        ("market:1", False, False, False),
        ("", False, False, False),
        ("*", False, False, False),
        ("agent:1 ", False, False, False),
    ],
)
def test_topics_are_open_to_whom_they_belong(topic: str, admin: bool, tenant: bool, agent: bool) -> None:
    tenants = {1: 1, 11: 1, 2: 2}
    assert may_watch(ADMIN, topic, tenants.get) is admin
    assert may_watch(TENANT, topic, tenants.get) is tenant
    assert may_watch(AGENT, topic, tenants.get) is agent
