"""A TCP link that can be cut like a cable: nothing is refused, nothing is reset, bytes just no longer arrive."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from tests.support.listening import Listening


class CutLink:
    """Between a centre and its node. ``cut_after``: the next request that holds these bytes still arrives, then all is
    silent both ways; ``restore`` lets new connections through and ends the dead ones, as hosts do in the end."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cut_after = b""
        self.cut = threading.Event()
        self.cut_at_s = 0.0
        self.swallowed = 0
        self._sockets: list[socket.socket] = []
        self._listening = Listening(self._between)
        self.port = self._listening.port

    def cut_after(self, text: bytes) -> None:
        """Arm the cut."""
        self._cut_after = text

    def restore(self) -> None:
        """The link is there again."""
        self.cut.clear()
        dead, self._sockets = self._sockets, []
        for one in dead:
            _end(one)

    def close(self) -> None:
        """No link any more."""
        self._listening.close()
        self.restore()

    def _between(self, client: socket.socket) -> None:
        self._sockets.append(client)
        if self.cut.is_set():
            return  # the handshake was the kernel's; nobody is on the far side
        try:
            server = socket.create_connection(("127.0.0.1", self._port))
        except OSError:
            _end(client)
            return
        self._sockets.append(server)
        threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
        threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, there: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.cut.is_set():
                    self.swallowed += len(data)
                    continue
                target.sendall(data)
                if there and self._cut_after and self._cut_after in data:
                    self._cut_after = b""
                    self.cut_at_s = time.monotonic()
                    self.cut.set()
        if not self.cut.is_set():
            _end(target)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
