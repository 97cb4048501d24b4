"""The stream broker on a real Redis: what must survive, seen from its own messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taskiq import AckableMessage, BrokerMessage

from backend.queue.broker import GROUP, StreamBroker
from tests.support.centre import until
from tests.support.redis import RedisServer, private_redis

__all__ = ["private_redis"]

STREAM = "test:jobs"
IDLE_MS = 600


class Ear:
    """A broker that listens; ``heard`` holds what it was given, unacknowledged until told."""

    def __init__(self, url: str, max_deliveries: int = 5) -> None:
        self.broker = StreamBroker(url, STREAM, idle_ms=IDLE_MS, max_deliveries=max_deliveries)
        self.heard: list[AckableMessage] = []
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self.broker.listen():
            self.heard.append(message)

    @property
    def words(self) -> list[bytes]:
        return [message.data for message in self.heard]

    async def ack_all(self) -> None:
        for message in self.heard:
            await message.ack()

    def die(self) -> None:
        """As a process that is killed: nothing is said to anybody."""
        self._task.cancel()

    async def end(self) -> None:
        self.broker.close_intake()
        await asyncio.wait_for(asyncio.gather(self._task, return_exceptions=True), 20)
        await self.broker.shutdown()


@asynccontextmanager
async def ear(url: str, max_deliveries: int = 5) -> AsyncIterator[Ear]:
    made = Ear(url, max_deliveries)
    try:
        yield made
    finally:
        await made.end()


def word(text: str) -> BrokerMessage:
    return BrokerMessage(task_id=text, task_name="t", message=text.encode(), labels={})


async def test_acknowledged_messages_leave_nothing_behind(private_redis: RedisServer) -> None:
    async with ear(private_redis.url) as one:
        await one.broker.kick(word("a"))
        await one.broker.kick(word("b"))
        await until(lambda: len(one.heard) == 2)
        await one.ack_all()
        with private_redis.client() as link:
            assert link.xlen(STREAM) == 0
            assert link.xpending(STREAM, GROUP)["pending"] == 0


async def test_what_was_sent_before_anybody_listened_is_heard(private_redis: RedisServer) -> None:
    sender = StreamBroker(private_redis.url, STREAM)
    await sender.kick(word("early"))
    async with ear(private_redis.url) as one:
        await until(lambda: one.words == [b"early"])
    await sender.shutdown()


async def test_a_dead_listener_s_message_goes_to_another_while_nothing_new_arrives(private_redis: RedisServer) -> None:
    first = Ear(private_redis.url)
    await first.broker.kick(word("orphan"))
    await until(lambda: len(first.heard) == 1)
    first.die()
    async with ear(private_redis.url) as second:
        await until(lambda: second.words == [b"orphan"])


async def test_long_work_is_kept_alive_and_done_once(private_redis: RedisServer) -> None:
    async with ear(private_redis.url) as one, ear(private_redis.url) as two:
        await one.broker.kick(word("long"))
        await until(lambda: len(one.heard) + len(two.heard) == 1)
        # Four times the idle time unacknowledged: neither its own listener nor the other is given it again.
        await asyncio.sleep(IDLE_MS * 4 / 1000)
        assert len(one.heard) + len(two.heard) == 1
        await one.ack_all()
        await two.ack_all()


async def test_a_message_that_kills_its_listeners_is_buried(private_redis: RedisServer) -> None:
    heard = 0
    sender = StreamBroker(private_redis.url, STREAM)
    await sender.kick(word("poison"))
    with private_redis.client() as link:
        for _ in range(3):
            victim = Ear(private_redis.url, max_deliveries=2)
            dead = f"{STREAM}:dead"
            await until(lambda v=victim, name=dead: bool(v.heard) or link.xlen(name) == 1)
            heard += len(victim.heard)
            victim.die()
        assert heard == 2
        rows = link.xrange(dead)
        assert rows[0][1][b"data"] == b"poison"
        assert link.xlen(STREAM) == 0
    await sender.shutdown()


async def test_flushed_and_restarted_redis_is_used_again(private_redis: RedisServer) -> None:
    async with ear(private_redis.url) as one:
        await one.broker.kick(word("before"))
        await until(lambda: one.words == [b"before"])
        with private_redis.client() as link:
            link.flushall()
        await one.broker.kick(word("flushed"))
        await until(lambda: one.words[-1] == b"flushed")
        private_redis.kill()
        await asyncio.sleep(0.3)
        private_redis.start()
        await one.broker.kick(word("restarted"))
        await until(lambda: one.words[-1] == b"restarted", timeout_s=20)
        # Acknowledging what the flush took is no error.
        await one.ack_all()


async def test_ending_takes_no_message_more(private_redis: RedisServer) -> None:
    idle = Ear(private_redis.url)
    await idle.broker.kick(word("one"))
    await until(lambda: len(idle.heard) == 1)
    await idle.ack_all()
    started = asyncio.get_running_loop().time()
    await idle.end()
    assert asyncio.get_running_loop().time() - started < 2
    with private_redis.client() as link:
        assert link.xinfo_groups(STREAM)[0]["consumers"] == 0
