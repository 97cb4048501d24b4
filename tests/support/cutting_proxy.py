"""A TCP proxy before a MySQL server that cuts a connection at the worst moment: after COMMIT was sent, before its OK."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.support.listening import Listening

COMMIT = b"\x03COMMIT"


class CuttingProxy:
    """``armed``: the next COMMIT loses its answer. ``deliver``: the server still gets it; else it never arrives."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.armed = threading.Event()
        self.deliver = True
        self.cuts = 0
        self._listening = Listening(self._between)
        self.port = self._listening.port

    def close(self) -> None:
        """No further connections."""
        self._listening.close()

    def _between(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port))
        except OSError:
            _end(client)
            return
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._there, args=(client, server), daemon=True).start()
        threading.Thread(target=self._back, args=(client, server), daemon=True).start()

    def _there(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if data[4:] == COMMIT and self.armed.is_set():
                    self.armed.clear()
                    self.cuts += 1
                    _end(client)
                    if self.deliver:
                        server.sendall(data)
                        server.settimeout(5)
                        server.recv(65536)
                    break
                server.sendall(data)
        _end(client)
        _end(server)

    @staticmethod
    def _back(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
        _end(client)
        _end(server)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
