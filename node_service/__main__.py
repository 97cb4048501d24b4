"""`python -m node_service`: run this folder as an execution node.

Settings come from the environment; see README.md in this folder. Exits with 2 and one sentence when they are not fit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from aiohttp import web

from . import __version__, doctor, enrol
from .app import NodeApp, NodeSettings, SettingsError, create_runner

log = logging.getLogger("node_service")

SKEW_WARNING_MS: Final = 5_000


async def serve(settings: NodeSettings) -> None:
    """Run until SIGTERM or SIGINT, then let running orders end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if os.environ.get("IRONBULL_NODE_EXIT_WITH_STDIN", "").lower() in ("1", "true", "yes"):
        # Whoever started this node holds the other end of its standard input: when they end, however, so does the node.
        threading.Thread(target=_until_closed, args=(loop, stop), name="stdin", daemon=True).start()
    runner = create_runner(NodeApp(settings))
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    await site.start()
    port = runner.addresses[0][1]
    log.info("node %s %s listens on %s:%d", settings.node_code or "(unnamed)", __version__, settings.host, port)
    await stop.wait()
    log.info("stopping: no new orders, running ones are finished")
    await runner.cleanup()


def _until_closed(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop may have ended by itself
        loop.call_soon_threadsafe(stop.set)


def main(arguments: list[str] | None = None) -> int:
    """Serve, `join` or `doctor`. The process's exit code."""
    asked = _arguments().parse_args(arguments)
    if asked.command == "join":
        return _join(asked)
    if asked.config is not None:
        os.environ["IRONBULL_NODE_CONFIG"] = str(asked.config)
    if asked.command == "doctor":
        return _doctor(asked.exchange_url)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    try:
        settings = NodeSettings.from_env()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        sys.stderr.write(f"The node cannot listen on {settings.host}:{settings.port}: {error.strerror}.\n")
        return 1
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="node_service", description="An execution node.")
    parser.add_argument("--config", type=Path, help="file written by join")
    commands = parser.add_subparsers(dest="command")
    joining = commands.add_parser("join", help="register at a centre with a one-time token")
    joining.add_argument("url", help="address of the centre")
    joining.add_argument("token")
    joining.add_argument("--public-url", required=True, help="where the centre reaches this node")
    joining.add_argument("--config", type=Path, default=Path("node.env"), help="file to write, readable by you alone")
    joining.add_argument("--port", type=int, default=9101)
    asking = commands.add_parser("doctor", help="look at settings, permissions, clock, port, centre and exchange")
    asking.add_argument("--exchange-url", default=doctor.EXCHANGE, help="an open address of the exchange")
    return parser


def _doctor(exchange: str) -> int:
    found = doctor.examine(dict(os.environ), exchange=exchange)
    for finding in found:
        sys.stdout.write(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.name}: {finding.text}\n")
    return 0 if all(finding.ok for finding in found) else 1


def _join(asked: argparse.Namespace) -> int:
    try:
        done = enrol.join(asked.url, asked.token, asked.config, public_url=asked.public_url, port=asked.port)
    except (enrol.JoinFailed, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    skew_ms = done["clock_skew_ms"]
    sys.stdout.write(f"Joined as {done['node_code']}; the settings are in {asked.config}. Clock: {skew_ms:+d} ms to the centre.\n")
    if abs(skew_ms) > SKEW_WARNING_MS:
        sys.stdout.write("The clock is off by too much: switch time synchronisation on, or requests will be refused.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
