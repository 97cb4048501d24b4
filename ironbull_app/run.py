"""``ironbull run``: the whole platform in one process, and a demo node beside it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from backend.demo import NODE_CODE
from backend.errors import ConfigurationError
from backend.settings import Settings, get_settings

RESTART_PAUSE_S = 2.0


class NodeProcess:
    """The demo node as a child process, started again when it dies.

    Its standard input is a pipe from this process: when this process ends in any way, the node reads the end of it and
    stops too.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="node", daemon=True)

    def start(self) -> None:
        """Start the node and the thread that watches it."""
        self._thread.start()

    def stop(self) -> None:
        """End the node."""
        self._stopping.set()
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(2)
            if child.poll() is None:
                child.kill()

    def _watch(self) -> None:
        settings = self._settings
        environment = {
            **os.environ,
            "IRONBULL_NODE_PORT": str(settings.node_port),
            "IRONBULL_NODE_AUTH_SECRET": settings.node_secret.get_secret_value(),
            "IRONBULL_NODE_CODE": NODE_CODE,
            "IRONBULL_NODE_HEARTBEAT_S": "5",
            "IRONBULL_NODE_ALLOW_VENUE_URL": "1",
            "IRONBULL_NODE_EXIT_WITH_STDIN": "1",
            "IRONBULL_CENTER_URL": settings.base_url,
        }
        for secret in ("SESSION_KEY", "JWT_KEY", "MASTER_KEY", "NODE_SECRET", "PAPER_TOKEN", "DATABASE_URL"):
            environment.pop(f"IRONBULL_{secret}", None)
        log_path = settings.home / "node.log"
        while not self._stopping.is_set():
            with log_path.open("ab") as log:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "node_service"], env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
                )
            self._child.wait()
            self._stopping.wait(RESTART_PAUSE_S)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run until Ctrl-C. The exit code says whether it could start."""
    try:
        settings = get_settings()
    except ConfigurationError as error:
        _say(error.message)
        return 2
    if not _free(settings.port):
        _say(f"Port {settings.port} is in use. Stop the other program or set IRONBULL_PORT.")
        return 1
    from backend.logs import configure

    configure(settings)
    settings.home = settings.home.resolve()
    os.environ["IRONBULL_HOME"] = str(settings.home)
    settings.home.mkdir(parents=True, exist_ok=True)
    if settings.market.startswith("replay:"):
        settings.market = "replay:" + str(Path(settings.market.partition(":")[2]).resolve())
    from backend.migrations import upgrade

    upgrade(settings.sqlalchemy_url)
    node = None
    if settings.demo:
        if not _free(settings.node_port):
            settings.node_port = _any_free_port()
        node = NodeProcess(settings)
        node.start()
    from ironbull_app import launcher

    _say(f"IronBull is starting on http://localhost:{settings.port}")
    try:
        launcher.serve(settings.host, settings.port, on_app=_register)
    finally:
        if node is not None:
            node.stop()
    return 0


def _register(app: Any) -> None:
    from backend.runtime import Platform, embedded_paper

    @contextlib.asynccontextmanager
    async def platform() -> AsyncIterator[None]:
        async with Platform().running(embedded_paper()):
            yield

    app.register_lifespan_task(platform)
