"""TCP in memory: connections between processes with latency, loss, cuts and partitions, all decided by the world.

Bytes of one connection arrive in order. A partition holds them back and delivers them when it ends, as TCP does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.faults.harness.loop import PROCESS, Process

CONNECT_S = 0.002


class Pipe(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, network: Network, process: Process, address: tuple[str, int]) -> None:
        super().__init__({"peername": address, "sockname": address})
        self.network, self.process = network, process
        self.protocol: Any = None
        self.peer: Pipe
        self._closing = False
        self._last_at = 0.0

    def write(self, data: Any) -> None:
        raw = bytes(data)
        if self._closing or not raw:
            return
        self.network.world.on_write(self, raw)

    def writelines(self, parts: Any) -> None:
        self.write(b"".join(parts))

    def deliver(self, data: bytes, delay_s: float = 0.0) -> None:
        """Bytes on their way to the other end."""
        self._later(self.peer.receive, data, delay_s=delay_s)

    def receive(self, data: bytes) -> None:
        if not self._closing:
            self.network.world.happened += 1
            self.protocol.data_received(data)

    def _later(self, callback: Callable[..., None], *args: Any, delay_s: float = 0.0) -> None:
        world = self.network.world
        now = world.loop.time()
        open_at = world.opens_at(self.process.name, self.peer.process.name)
        at = max(now, open_at) + world.latency() + delay_s
        self._last_at = at = max(at, self._last_at + 1e-6)
        world.loop.call_at(at, callback, *args, context=self.peer.process.context.copy())

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._later(self.peer.lost, None)
            self.network.world.loop.call_soon(self.protocol.connection_lost, None, context=self.process.context.copy())

    def lost(self, error: Exception | None) -> None:
        """The other end is gone."""
        if not self._closing:
            self._closing = True
            if error is None:
                self.protocol.eof_received()
            self.protocol.connection_lost(error)

    def reset(self) -> None:
        """Both ends hear of a reset: bytes that have not arrived never do."""
        error = ConnectionResetError("reset by peer")
        for end in (self, self.peer):
            self.network.world.loop.call_soon(end.lost, error, context=end.process.context.copy())

    def hang_up(self) -> None:
        """This end's process died: what it sent still arrives, then the connection is reset."""
        self._closing = True
        self._later(self.peer.lost, ConnectionResetError("reset by peer"))

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self._later(self.peer.lost, ConnectionResetError("reset by peer"))
            self.network.world.loop.call_soon(self.protocol.connection_lost, None, context=self.process.context.copy())

    def is_closing(self) -> bool:
        return self._closing

    def get_protocol(self) -> Any:
        return self.protocol

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def is_reading(self) -> bool:
        return True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False


class Network:
    """Who listens where, and every open connection."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.addressed: dict[int, tuple[str, int]] = {}
        self._listening: dict[tuple[str, int], tuple[Process, Callable[[], Any]]] = {}
        self._pipes: list[Pipe] = []

    def listen(self, process: Process, host: str, port: int, factory: Callable[[], Any]) -> None:
        """``factory`` makes the server's protocol of a connection."""
        self._listening[host, port] = (process, factory)

    async def connect(self, factory: Callable[[], Any], host: str, port: int) -> tuple[Pipe, Any]:
        """A connection of the running process; refused where nobody listens, silent across a partition."""
        client = PROCESS.get()
        assert client is not None
        self.world.step(client, f"connect {host}")
        server, make = self._listening.get((host, port), (None, None))
        wait = CONNECT_S
        if server is not None:
            wait += max(0.0, self.world.opens_at(client.name, server.name) - self.world.loop.time())
        await asyncio.sleep(wait)
        server, make = self._listening.get((host, port), (None, None))
        if server is None or make is None or server.dead:
            raise ConnectionRefusedError(f"{host}:{port}")
        near, far = Pipe(self, client, (host, port)), Pipe(self, server, (host, 50_000))
        near.peer, far.peer = far, near
        near.protocol = factory()
        far.protocol = server.context.copy().run(make)
        self._pipes = [pipe for pipe in self._pipes if not pipe.is_closing()] + [near, far]
        self.world.loop.call_soon(far.protocol.connection_made, far, context=server.context.copy())
        near.protocol.connection_made(near)
        return near, near.protocol

    def died(self, process: Process) -> None:
        """Every connection of the process is reset."""
        for pipe in self._pipes:
            if pipe.process is process and not pipe.is_closing():
                pipe.hang_up()
