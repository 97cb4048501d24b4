"""P7, P8 and P9: dispatch to 100 and to 1,000 signed nodes against the bare sockets.

One process serves 100 loopback ports; each reply is signed and comes after 0 or 20 ms. The reference sends bodies of
the same size over plain asyncio protocols with nothing around them: no signing, no JSON, no HTTP parsing beyond the
end of the reply. Both run alternately; medians are compared. CPU is that of the sending process, all its threads.

    python -m bench.dispatch [--nodes 100] [--rounds 30]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import time
from multiprocessing.connection import Connection
from typing import Any, cast

import uvloop

from bench._bench import report
from node_service import protocol
from node_service.client import Node, NodeClient

SECRET = "bench-secret-of-the-loopback-nodes"
PATH = "/api/execute"
_RESULTS = [
    {
        "account_id": index, "client_order_id": f"q{index:025d}", "success": True, "status": "FILLED",
        "exchange_order_id": "123456789", "filled_quantity": "0.010", "filled_price": "60000.10",
        "commission": "0.24", "commission_asset": "USDT", "trades": [], "error_code": None, "error": None,
    }
    for index in range(4)
]  # fmt: skip
REPLY = protocol.dumps({"success": True, "results": _RESULTS})


def request_body(node: int) -> dict[str, Any]:
    """A request of about 4 KB: ten orders."""
    task = {
        "tenant_id": 1, "user_id": 7, "exchange": "binance", "sealed": "k" * 180, "market_type": "future",
        "client_order_id": "q0123456789abcdefghijklmno", "trade_type": "OPEN", "side": "BUY", "quantity": "0.010",
    }  # fmt: skip
    signal = {
        "signal_id": "S1",
        "symbol": "BTC/USDT",
        "side": "BUY",
        "signal_type": "OPEN",
        "entry_price": 60000.1,
    }
    return {
        "signal": signal,
        "sandbox": False,
        "tasks": [task | {"account_id": node * 100 + i} for i in range(10)],
    }


class _NodeProtocol(asyncio.Protocol):
    """The smallest server that answers signed requests with signed replies."""

    def __init__(self, delay_s: list[float]) -> None:
        self._delay_s = delay_s
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or len(self._buffer) - end - 4 < int(self._field(b"Content-Length: ")):
            return
        nonce = self._field(b"X-IB-Nonce: ").decode() or "0" * 24
        self._buffer = b""
        if self._delay_s[0]:
            asyncio.get_running_loop().call_later(self._delay_s[0], self._answer, nonce)
        else:
            self._answer(nonce)

    def _field(self, name: bytes) -> bytes:
        at = self._buffer.find(name)
        return b"" if at < 0 else self._buffer[at + len(name) : self._buffer.find(b"\r\n", at)]

    def _answer(self, nonce: str) -> None:
        signed = protocol.reply_headers(SECRET, 200, PATH, REPLY, nonce)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(REPLY)}\r\n"
            f"{protocol.HEADER_TIMESTAMP}: {signed[protocol.HEADER_TIMESTAMP]}\r\n"
            f"{protocol.HEADER_REPLY_SIGNATURE}: {signed[protocol.HEADER_REPLY_SIGNATURE]}\r\n\r\n"
        )
        self._transport.write(head.encode() + REPLY)


def serve(pipe: Connection, nodes: int) -> None:
    """The process of all nodes: sends its ports, then takes new delays over the pipe until None."""

    async def run() -> None:
        _many_files()
        delay_s = [0.0]
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(lambda: _NodeProtocol(delay_s), "127.0.0.1", 0) for _ in range(nodes)]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        done = asyncio.Event()

        def command() -> None:
            value = pipe.recv()
            if value is None:
                done.set()
            else:
                delay_s[0] = value
                pipe.send(value)

        loop.add_reader(pipe.fileno(), command)
        await done.wait()

    uvloop.run(run())


def _many_files() -> None:
    """A thousand nodes are two thousand sockets in each process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))


class _Raw(asyncio.Protocol):
    """The floor: one open socket, one write, wait for the end of the reply."""

    def __init__(self) -> None:
        self._size = 0
        self._buffer = b""
        self.waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end >= 0 and len(self._buffer) - end - 4 >= len(REPLY) and self.waiter is not None:
            self._buffer = b""
            self.waiter.set_result(None)


async def measure(ports: list[int], pipe: Connection, rounds: int) -> dict[float, dict[str, list[tuple[float, float]]]]:
    """{delay: {"ours" | "raw": [(wall s, cpu s) per round]}}."""
    loop = asyncio.get_running_loop()
    nodes = [Node(f"n{port}", f"http://127.0.0.1:{port}", SECRET) for port in ports]
    bodies = [request_body(index) for index in range(len(ports))]
    raws = []
    for port, body in zip(ports, bodies, strict=True):
        raw = protocol.dumps(body)
        head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(raw)}\r\n\r\n".encode()
        connection = (await loop.create_connection(_Raw, "127.0.0.1", port))[1]
        raws.append((connection, head + raw))

    async def raw_round() -> None:
        waiters = []
        for connection, request in raws:
            connection.waiter = loop.create_future()
            waiters.append(connection.waiter)
            connection.transport.write(request)
        await asyncio.gather(*waiters)

    found: dict[float, dict[str, list[tuple[float, float]]]] = {}
    async with NodeClient() as client:

        async def our_round() -> None:
            replies = await client.dispatch([(node, PATH, body) for node, body in zip(nodes, bodies, strict=True)])
            assert all(reply.ok and len(reply.data["results"]) == len(_RESULTS) for reply in replies)

        for delay_s in (0.0, 0.02):
            pipe.send(delay_s)
            pipe.recv()
            times: dict[str, list[tuple[float, float]]] = {"ours": [], "raw": []}
            for index in range(rounds + 3):
                for name, work in (("raw", raw_round), ("ours", our_round)):
                    wall, cpu = time.perf_counter(), time.process_time()
                    await work()
                    if index >= 3:  # the first rounds open the connections
                        times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
            found[delay_s] = times
    return found


async def cpu_per_request(ports: list[int], rounds: int) -> float:
    """Median CPU seconds of one request of a dispatch to all of these nodes."""
    _many_files()
    nodes = [Node(f"n{port}", f"http://127.0.0.1:{port}", SECRET) for port in ports]
    requests = [(node, PATH, request_body(index)) for index, node in enumerate(nodes)]
    used = []
    async with NodeClient() as client:
        for index in range(rounds + 2):
            started = time.process_time()
            replies = await client.dispatch(requests)
            assert all(reply.ok for reply in replies)
            if index >= 2:
                used.append((time.process_time() - started) / len(ports))
    return statistics.median(used)


def main() -> None:
    """Print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    ours_end, nodes_end = multiprocessing.get_context("spawn").Pipe()
    many = 10 * options.nodes
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(nodes_end, many), daemon=True)
    server.start()
    try:
        ports = ours_end.recv()
        found = uvloop.run(measure(ports[: options.nodes], ours_end, options.rounds))
        ours_end.send(0.0)
        ours_end.recv()
        few_cpu = uvloop.run(cpu_per_request(ports[: options.nodes], options.rounds))
        many_cpu = uvloop.run(cpu_per_request(ports, 5))
    finally:
        ours_end.send(None)
        server.join(5)

    def median(delay_s: float, name: str, part: int) -> float:
        return statistics.median(row[part] for row in found[delay_s][name])

    report(
        "P7 dispatch to 100 nodes of 20 ms, wall", median(0.02, "ours", 0) * 1e3, median(0.02, "raw", 0) * 1e3,
        unit="ms", aim=1.15,
    )  # fmt: skip
    report(
        "P7b dispatch to 100 nodes of 0 ms, wall", median(0.0, "ours", 0) * 1e3, median(0.0, "raw", 0) * 1e3,
        unit="ms", aim=None,
    )  # fmt: skip
    for delay_s, name in (
        (0.02, "P8 dispatch CPU per request, 20 ms nodes"),
        (0.0, "P8b dispatch CPU per request, 0 ms nodes"),
    ):
        report(
            name, median(delay_s, "ours", 1) * 1e6 / options.nodes, median(delay_s, "raw", 1) * 1e6 / options.nodes,
            unit="us", aim=5.0,
        )  # fmt: skip
    report(f"P9 dispatch CPU per request, {many} nodes against {options.nodes}", many_cpu * 1e6, few_cpu * 1e6, unit="us", aim=1.2)


if __name__ == "__main__":
    main()
