"""100 nodes x 10 accounts: signal to POST (P19), 1,000 bots in one process, recovery after kill -9 (Q3), a cold start (P22).

At the end the dispatch alone (P7-P9, `bench.dispatch`) and ten workers of which one is killed every five seconds (`bench.workers`).

The nodes are loopback servers that sign their answers; the centre is the platform's own dispatcher and reconciler on a
SQLite database. Times are those of one machine on which the nodes run, too.

    python -m bench.fleet [--nodes 100] [--accounts 10] [--open 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal as signals
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import orjson
import uvloop
from sqlmodel import col, func, select

from backend.clock import utcnow
from backend.db import Database
from backend.execution.dispatcher import Dispatcher
from backend.execution.reconcile import Reconciler
from backend.execution.service import adopt_orphans
from backend.execution.wire import Wire
from backend.migrations import upgrade
from backend.models import Order
from bench._bench import report
from bench._fleet import Fleet, fleet, people, positions, signal
from bench.dispatch import PATH, SECRET, request_body
from node_service.client import Node, NodeClient
from node_service.executor import Executor

ROUNDS = 2


def resident_mb() -> float:
    """Memory of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def parts(db: Database) -> tuple[Dispatcher, Reconciler, Wire]:
    """The centre's own parts."""
    wire = Wire(Executor(node_code="centre"), NodeClient())
    dispatcher = Dispatcher(db, wire, lambda applied: None)
    return dispatcher, Reconciler(db, wire, dispatcher), wire


async def dispatch_all(dispatcher: Dispatcher) -> int:
    """Send until nothing is left to send."""
    total = 0
    while sent := await dispatcher.run():
        total += sent
    return total


async def to_all(nodes: Fleet) -> tuple[float, float]:
    """Seconds until the last node has its request: with the platform's client, and with one httpx client for all; warm, medians."""
    requests = [(Node(f"n{port}", f"http://127.0.0.1:{port}", SECRET), PATH, request_body(index)) for index, port in enumerate(nodes.ports)]
    times: dict[str, list[float]] = {"ours": [], "httpx": []}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with NodeClient() as client, httpx.AsyncClient(limits=limits, timeout=60) as other:
        for number in range(6):
            for name, found in times.items():
                nodes.say("seen")
                started = time.perf_counter()
                if name == "ours":
                    await client.dispatch(requests)
                else:
                    bodies = [(node.base_url + path, orjson.dumps(body)) for node, path, body in requests]
                    await asyncio.gather(*(other.post(url, content=body) for url, body in bodies), return_exceptions=True)
                last = max(nodes.say("seen")) - started
                if number:  # the first round opens the connections
                    found.append(last)
    return statistics.median(times["ours"]), statistics.median(times["httpx"])


async def signal_to_post(db: Database, nodes: Fleet, count: int) -> None:
    """From the end of the transaction that wrote a signal's orders to each node's having its request."""
    ours, design = await to_all(nodes)
    report(f"P19 requests to {len(nodes.ports)} nodes until the last has its own, against httpx", ours * 1e3, design * 1e3, unit="ms", aim=0.15)
    memory = resident_mb()
    dispatcher, _, wire = parts(db)
    waits: list[float] = []
    cpu: list[float] = []
    first = 0.0
    for number in range(ROUNDS):
        nodes.say("seen")
        used = time.process_time()
        written = signal(db, f"S{number}")
        sent = await dispatch_all(dispatcher)
        cpu.append(time.process_time() - used)
        found = [at - written for at in nodes.say("seen")]
        assert sent == count, (sent, count)
        if number == 0:
            first = max(found)  # credentials are sealed for their nodes for the first time
        else:
            waits += found
    await wire.close()
    waits.sort()

    def at(share: float) -> float:
        return waits[min(len(waits) - 1, int(share * len(waits)))] * 1e3

    report(f"signal to POST, {count} accounts, p50", at(0.5), 0, unit="ms", aim=None)
    report(f"signal to POST, {count} accounts, p99", at(0.99), 0, unit="ms", aim=None)
    report("P19b signal to POST, last node, claims and all, against httpx's requests alone", waits[-1] * 1e3, design * 1e3, unit="ms", aim=None)
    report("signal to POST, the first after a start, last node", first * 1e3, 0, unit="ms", aim=None)
    report("CPU per bot and signal: written, sent, applied", statistics.median(cpu) / count * 1e3, 0, unit="ms", aim=None)
    report("memory per bot", (resident_mb() - memory) / count * 1e3, 0, unit="KB", aim=None)
    report("memory of the process with all bots", resident_mb(), 0, unit="MB", aim=None)


def resolved(folder: Path, nodes: Fleet, count: int) -> None:
    """Q3: a centre is killed with every order on its way; a new one starts and asks for all of them."""
    nodes.say("delay", 60.0)
    nodes.say("seen")
    child = subprocess.Popen([sys.executable, "-m", "bench.fleet", "--send", str(folder)])
    deadline = time.monotonic() + 60
    seen = 0
    while seen < len(nodes.ports) and time.monotonic() < deadline:
        time.sleep(0.05)
        seen += len(nodes.say("seen"))
    child.send_signal(signals.SIGKILL)
    killed = time.perf_counter()
    child.wait()
    nodes.say("delay", 0.0)
    done = subprocess.run(
        [sys.executable, "-m", "bench.fleet", "--heal", str(folder)], capture_output=True, text=True, check=True, timeout=120
    )
    took = time.perf_counter() - killed
    left, unknown = map(int, done.stdout.split()[-2:])
    assert left == 0, done.stdout
    report(f"Q3 kill -9 with {unknown} orders on their way, until all are resolved", took, 10.0, unit="s", aim=1.0)


async def heal(db: Database) -> None:
    """What a start does first, and the loop after it, until nothing is in doubt."""
    _, reconciler, wire = parts(db)
    adopted = await db.arun(lambda s: adopt_orphans(s, utcnow()))
    left = adopted
    deadline = time.monotonic() + 100
    while left and time.monotonic() < deadline:
        await reconciler.run()
        left = await db.aread(lambda s: int(s.exec(select(func.count()).select_from(Order).where(col(Order.status) == "UNKNOWN")).one()))
    await wire.close()
    sys.stdout.write(f"{left} {adopted}\n")


async def cold_start(db: Database, nodes: Fleet, accounts: int, opened: int) -> None:
    """P22: positions of every account compared with the exchange before the first scan, against an empty start."""
    _, reconciler, wire = parts(db)
    started = time.perf_counter()
    await reconciler.run()
    await reconciler.positions(everyone=True)
    empty = time.perf_counter() - started
    positions(db, opened // accounts)
    nodes.say("held", opened // accounts)
    started = time.perf_counter()
    await reconciler.run()
    await reconciler.positions(everyone=True)
    took = time.perf_counter() - started
    await wire.close()
    report(f"P22 take-over with {opened:,} open positions", took, 5.0, unit="s", aim=1.0)
    report("P22b the same against a take-over with none", took, empty, unit="s", aim=3.0)


def main() -> None:
    """Print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--send", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--heal", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send or options.heal:
        db = Database(f"sqlite:///{(options.send or options.heal) / 'fleet.db'}")
        if options.heal:
            uvloop.run(heal(db))
            return
        signal(db, "KILLED", 600.0)
        asyncio.run(_send_everything(db))
        return
    with tempfile.TemporaryDirectory() as place, fleet(options.nodes) as nodes:
        os.environ.setdefault("IRONBULL_MASTER_KEY", "bench-master-key-" + "m" * 24)
        url = f"sqlite:///{place}/fleet.db"
        upgrade(url)
        db = Database(url)
        people(db, nodes.ports, options.accounts)
        count = options.nodes * options.accounts
        uvloop.run(signal_to_post(db, nodes, count))
        resolved(Path(place), nodes, count)
        uvloop.run(cold_start(db, nodes, count, options.open))
    for name in ("dispatch", "workers"):
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True)


async def _send_everything(db: Database) -> None:
    """All claims at once: nothing waits for an answer before the next is sent."""
    await asyncio.gather(*(parts(db)[0].run() for _ in range(4)))


if __name__ == "__main__":
    main()
