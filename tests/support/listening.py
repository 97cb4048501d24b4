"""A listening socket whose end is certain."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class Listening:
    """Calls ``taken(client)`` for every connection, in a thread of its own, until ``close`` has returned.

    A thread that still waits in ``accept`` when its socket is closed may wake up on the next one that got the same number:
    connections of a later test would be served by an earlier one. So it is woken and ended first.
    """

    def __init__(self, taken: Callable[[socket.socket], None]) -> None:
        self._taken = taken
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No further connections."""
        self._closing.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._closing.is_set():
                client.close()
                return
            self._taken(client)
