"""Live events between processes: two hubs and a real Redis between them, which goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from backend.live import Hub
from backend.relay import CHANNEL, Relay
from tests.support.centre import until
from tests.support.redis import RedisServer, private_redis

__all__ = ["private_redis"]


@asynccontextmanager
async def relayed(url: str, *hubs: Hub) -> AsyncIterator[list[Relay]]:
    relays = [Relay(url, hub) for hub in hubs]
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        await until(lambda: all(relay.connected for relay in relays), 60)
        yield relays
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_one_process_publishes_the_others_show(private_redis: RedisServer) -> None:
    worker, pages, late = Hub(), Hub(), Hub()
    async with relayed(private_redis.url, worker, pages):
        worker.publish("market", {"prices": {"A": Decimal("1.50")}, "n": 1})
        await until(lambda: pages.snapshot("market") == {"prices": {"A": "1.50"}, "n": 1}, 60)
        pages.publish("agent:7", {"changed_ms": 5})
        await until(lambda: worker.snapshot("agent:7") == {"changed_ms": 5}, 60)
        worker.publish("market", {"n": None, "prices": {"B": "2"}})
        await until(lambda: pages.snapshot("market") == {"prices": {"A": "1.50", "B": "2"}}, 60)
        async with relayed(private_redis.url, late):
            await until(lambda: late.snapshot("market") == pages.snapshot("market"), 60)
            await until(lambda: late.snapshot("agent:7") == {"changed_ms": 5}, 60)
        # What was received is not sent on: the channel is silent when nobody publishes.
        with private_redis.client() as link:
            inbox = link.pubsub(ignore_subscribe_messages=True)
            inbox.subscribe(CHANNEL)
            while inbox.get_message(timeout=0.5) is not None:
                pass
            worker.publish("market", {"n": 2})
            await until(lambda: pages.snapshot("market").get("n") == 2, 60)
            heard = []
            while (message := inbox.get_message(timeout=0.5)) is not None:
                heard.append(message)
            assert len(heard) == 1


async def test_redis_goes_and_comes_back(private_redis: RedisServer) -> None:
    worker, pages = Hub(), Hub()
    async with relayed(private_redis.url, worker, pages) as relays:
        private_redis.kill()
        await until(lambda: not any(relay.connected for relay in relays), 60)
        worker.publish("platform", {"queue_ms": 1})
        worker.publish("platform", {"queue_ms": 2})
        assert worker.snapshot("platform") == {"queue_ms": 2}, "this process shows it without Redis"
        private_redis.start()
        await until(lambda: pages.snapshot("platform") == {"queue_ms": 2}, 60)
