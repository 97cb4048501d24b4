"""Does the time of an answer tell what may not be told, and what does a bad request cost?

    python -m bench.doors

A1: every door with an id, asked by tenant and agent for a row of somebody else and for one that does not exist; the two
are equal answers and must take equal time. B1: every merchant door with a good and a bad request, by their p99.
"""

from __future__ import annotations

import asyncio
import logging
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

from bench._bench import report
from tests.integration.merchant.test_tenants_apart import call, form_of
from tests.integration.merchant.test_tenants_apart import doors as merchant_doors
from tests.support.doors import World, make_world, routes_of
from tests.support.merchant import merchant

ROUNDS = 15
B1_ROUNDS = 20
MISSING = 987_654_321


def guarded(world: World, prefix: str) -> list[tuple[str, str]]:
    """The doors below ``prefix`` that name one row by its number, of the kinds of which everybody in this world has one."""
    owned = tuple(f"{{{name}}}" for name in ("user_id", "account_id", "binding_id", "position_id", "notification_id"))
    return [(method, path) for method, path in routes_of(world.app) if path.startswith(prefix) and any(one in path for one in owned)]


def filled(path: str, value: object) -> str:
    head, _, rest = path.partition("{")
    return f"{head}{value}{rest.partition('}')[2]}"


async def a1(world: World) -> None:
    """The worst door's ratio between somebody else's row and none."""
    worst, at = 0.0, ("", 0.0, 0.0)
    for token, prefix in (("tenant_a", "/api/tenant/"), ("agent_a", "/api/agent/")):
        async with world.client(token) as client:
            for method, path in guarded(world, prefix):
                foreign_id = getattr(world.b, re.search(r"{(\w+_id)}", path)[1])
                spent: tuple[list[float], list[float]] = ([], [])
                for number in range(ROUNDS):
                    for times, one in zip(spent, (foreign_id, MISSING), strict=True):
                        body: Any = {} if method in ("POST", "PUT", "PATCH") else None
                        started = time.perf_counter()
                        await client.request(method, filled(path, one), json=body)
                        if number:
                            times.append((time.perf_counter() - started) * 1000)
                foreign, missing = (statistics.median(times) for times in spent)
                ratio = max(foreign, missing) / min(foreign, missing)
                if ratio > worst:
                    worst, at = ratio, (f"{method} {path}", foreign, missing)
    door, foreign, missing = at
    slower, faster = max(foreign, missing), min(foreign, missing)
    report(f"A1 another's row and no row take equal time, worst door {door}", slower, faster, unit="ms", aim=2.0)


async def b1(world: World) -> None:
    """p99 of bad requests against p99 of good ones over all merchant doors."""
    client = merchant(world, world.a)
    good: list[float] = []
    bad: list[float] = []
    right = form_of(world.a)
    wrong = {"email": "no address", "amount": "1e400", "type": "x" * 300, "account_id": "-1", "page": "0"}
    for number in range(B1_ROUNDS):
        for method, path in merchant_doors(world):
            for times, form in ((good, right), (bad, wrong)):
                started = time.perf_counter()
                await call(client, method, path, form)
                if number:
                    times.append((time.perf_counter() - started) * 1000)
    p99 = [statistics.quantiles(times, n=100)[98] for times in (bad, good)]
    report("B1 p99 of a bad request against a good one, all merchant doors", *p99, unit="ms", aim=3.0)


async def main() -> None:
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="ib-bench-") as folder:
        world = make_world(Path(folder))
        world.sign_in()
        await a1(world)
        await b1(world)


if __name__ == "__main__":
    asyncio.run(main())
