"""The dashboard's minute: shared through Redis, kept here without it, counted anew when Redis does not answer."""

from __future__ import annotations

import time
from pathlib import Path

import redis

from backend.monitoring import dashboard
from tests.support.doors import make_world
from tests.support.redis import redis_server


async def test_shared_by_redis_and_without_it(tmp_path: Path) -> None:
    one, other = make_world(_folder(tmp_path, "a")), make_world(_folder(tmp_path, "b"))
    with redis_server() as server:
        url = server.url
        first, cached = await dashboard.summary(one.db, url)
        assert not cached and first["total_tenants"] == 2
        again, cached = await dashboard.summary(other.db, url)
        assert cached and again == first, "another process reads the same copy"
        key = f"{dashboard.KEY}summary"
        assert 0 < redis.Redis.from_url(url).ttl(key) <= 60
        series, cached = await dashboard.trends(one.db, 7, url)
        assert not cached and len(series["dates"]) == 7
        assert (await dashboard.trends(other.db, 7, url))[1]
    third = make_world(_folder(tmp_path, "c"))
    started = time.monotonic()
    counted, cached = await dashboard.summary(third.db, "redis://127.0.0.1:1/0")
    assert not cached and counted["total_tenants"] == 2
    assert (await dashboard.summary(third.db, "redis://127.0.0.1:1/0"))[1], "kept in this process meanwhile"
    assert time.monotonic() - started < 20


def _folder(path: Path, name: str) -> Path:
    made = path / name
    made.mkdir()
    return made
