"""The node's HTTP service: who may call, then one executor method per route, then a signed reply."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from . import __version__, enrol, protocol
from .executor import ROUTES, Executor
from .protocol import ProtocolError, RequestVerifier
from .slim_ccxt import load_exchange

log = logging.getLogger("node_service")

BODY_DEADLINE_S: Final = 10.0
PAUSED_S: Final = 8.0
"""So long without a turn, and the process was stopped. The centre looks longer than that before it calls an order absent."""
_TRUE: Final = ("1", "true", "yes", "on")


class SettingsError(Exception):
    """The environment does not describe a node that may run; the message says what to set."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Settings of one node; secrets are not shown by `repr`."""

    auth_secret: str
    host: str = "127.0.0.1"
    port: int = 9101
    node_code: str = ""
    center_url: str = ""
    public_url: str = ""
    heartbeat_s: float = 60.0
    allowed_ips: tuple[str, ...] = ()
    allow_venue_url: bool = False
    legacy_token: bool = False
    key_seed: bytes = b""

    def __repr__(self) -> str:
        return f"NodeSettings({self.node_code or 'unnamed'} on {self.host}:{self.port})"

    @property
    def heartbeat_enabled(self) -> bool:
        """Whether the node reports to a centre."""
        return bool(self.center_url and self.node_code)

    @classmethod
    def from_env(cls, env: dict[str, str] | None = None) -> NodeSettings:
        """Read IRONBULL_NODE_* and IRONBULL_CENTER_URL; what is not there comes from the file that IRONBULL_NODE_CONFIG
        names (written by `join`). Raises `SettingsError`."""
        read = dict(os.environ) if env is None else dict(env)
        if read.get("IRONBULL_NODE_CONFIG"):
            try:
                read = enrol.read_config(Path(read["IRONBULL_NODE_CONFIG"])) | read
            except (OSError, ValueError) as error:
                raise SettingsError(f"The node's configuration file cannot be read: {error}.") from None
        secret = read.get("IRONBULL_NODE_AUTH_SECRET", "").strip()
        if len(secret) < 16:
            raise SettingsError(
                "IRONBULL_NODE_AUTH_SECRET must be set to the secret shared with the centre (at least 16 characters); "
                "a node without one would trade for anyone who can reach it."
            )
        allowed = tuple(item.strip() for item in read.get("IRONBULL_NODE_ALLOWED_IPS", "").split(",") if item.strip())
        try:
            for item in allowed:
                ipaddress.ip_network(item, strict=False)
            seed = base64.b64decode(read.get("IRONBULL_NODE_KEY", ""), validate=True)
            port, heartbeat_s = (
                int(read.get("IRONBULL_NODE_PORT", "9101")),
                float(read.get("IRONBULL_NODE_HEARTBEAT_S", "60")),
            )
        except ValueError as error:
            raise SettingsError(f"A node setting cannot be read: {error}.") from None
        if seed and len(seed) != 32:
            raise SettingsError("IRONBULL_NODE_KEY must be 32 bytes in base64, as `join` writes it.")
        if not 0 <= port < 65536 or heartbeat_s <= 0:
            raise SettingsError("IRONBULL_NODE_PORT must be 0-65535 and IRONBULL_NODE_HEARTBEAT_S greater than zero.")
        return cls(
            auth_secret=secret,
            host=read.get("IRONBULL_NODE_HOST", "127.0.0.1"),
            port=port,
            node_code=read.get("IRONBULL_NODE_CODE", "").strip(),
            center_url=read.get("IRONBULL_CENTER_URL", "").strip().rstrip("/"),
            public_url=read.get("IRONBULL_NODE_PUBLIC_URL", "").strip().rstrip("/"),
            heartbeat_s=heartbeat_s,
            allowed_ips=allowed,
            allow_venue_url=read.get("IRONBULL_NODE_ALLOW_VENUE_URL", "").lower() in _TRUE,
            legacy_token=read.get("IRONBULL_NODE_LEGACY_TOKEN", "").lower() in _TRUE,
            key_seed=seed,
        )


class NodeApp:
    """One node: verifier, executor and routes. `application()` gives the aiohttp app that owns its lifetime."""

    def __init__(self, settings: NodeSettings) -> None:
        self.settings = settings
        self.key = protocol.NodeKey(settings.key_seed or protocol.derived_seed(settings.auth_secret))
        self._verifier = RequestVerifier(settings.auth_secret, legacy_token=settings.legacy_token)
        self._networks = [ipaddress.ip_network(item, strict=False) for item in settings.allowed_ips]
        self._executor: Executor | None = None
        self._turn_s = 0.0

    @property
    def executor(self) -> Executor:
        """The executor; exists while the app runs."""
        assert self._executor is not None, "the app is not running"
        return self._executor

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=protocol.MAX_BODY_BYTES)
        app.cleanup_ctx.append(self._lifetime)
        app.router.add_get("/health", self._health)
        for path, name in ROUTES.items():
            app.router.add_post(path, self._door(name))
        return app

    async def _lifetime(self, _app: web.Application) -> Any:
        self._executor = Executor(
            node_code=self.settings.node_code, allow_venue_url=self.settings.allow_venue_url, key=self.key
        )
        self._turn_s = time.monotonic()
        # The library is imported while nothing is asked of the node yet: the first order finds it ready.
        background: list[asyncio.Task[Any]] = [asyncio.create_task(asyncio.to_thread(load_exchange, "binanceusdm"))]
        background.append(asyncio.create_task(self._turns()))
        if self.settings.heartbeat_enabled:
            background.append(asyncio.create_task(self._heartbeats()))
        yield
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._executor.close()

    async def _turns(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._notice_pause()

    def _notice_pause(self) -> None:
        """What waited in the sockets while this process was stopped is not executed any more."""
        now = time.monotonic()
        if now - self._turn_s > PAUSED_S:
            log.warning("paused for %.0f s: requests from before are refused", now - self._turn_s)
            self._verifier.begin_anew()
        self._turn_s = now

    # --- doors ----------------------------------------------------------------------------------------------------

    def _door(self, name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            nonce = ""
            try:
                self._check_peer(request)
                body = await _read_body(request)
                self._notice_pause()
                nonce = self._verifier.verify(request.headers, "POST", request.raw_path, body)
                answer, status = await getattr(self.executor, name)(protocol.loads(body)), 200
            except ProtocolError as error:
                log.warning("%s refused: %s", request.path, error.code)
                if error.authentic:
                    nonce = request.headers.get(protocol.HEADER_NONCE, "")
                answer, status = error.body(), error.status
            except Exception as error:  # the edge of one request
                log.error("%s failed inside: %s", request.path, type(error).__name__)
                answer, status = (
                    {"detail": "Internal error", "code": "INTERNAL", "message": "The node failed."},
                    500,
                )
            return self._reply(request, status, answer, nonce)

        return handle

    def _reply(self, request: web.Request, status: int, answer: dict[str, Any], nonce: str) -> web.Response:
        raw = protocol.dumps(answer)
        headers = {"Cache-Control": "no-store"}
        # Refusals are signed only for who holds the secret: a signed refusal tells the centre "not executed", and a
        # stranger must not be able to have one made for a request that he holds back.
        if nonce:
            headers |= protocol.reply_headers(self.settings.auth_secret, status, request.raw_path, raw, nonce)
        return web.Response(body=raw, status=status, content_type="application/json", headers=headers)

    def _check_peer(self, request: web.Request) -> None:
        if not self._networks:
            return
        try:
            peer = ipaddress.ip_address(request.remote or "")
        except ValueError:
            peer = None
        if peer is None or not any(peer in network for network in self._networks):
            raise ProtocolError("ADDRESS_REFUSED", 401, "This address is not on the node's list.")

    async def _health(self, request: web.Request) -> web.Response:
        """Open to everyone, so it names no account and no centre; signed when the caller sends a nonce."""
        report = self.executor.report()
        answer = {
            "status": "ok",
            "service": "execution-node",
            "version": __version__,
            "protocol": protocol.PROTOCOL_VERSION,
            "node_code": self.settings.node_code,
            "heartbeat_enabled": self.settings.heartbeat_enabled,
            "public_key": self.key.public_key,
            "time_ms": protocol.now_ms(),
            "load": {"inflight": report["inflight"], "accounts": report["accounts"]},
            "exchange_latency_ms": report["exchange_latency_ms"],
            "last_error": report["last_error"],
        }
        if self.settings.heartbeat_enabled:
            answer["heartbeat_interval"] = self.settings.heartbeat_s
        nonce = request.headers.get(protocol.HEADER_NONCE, "")
        return self._reply(request, 200, answer, nonce if len(nonce) <= 64 else "")

    # --- heartbeat ------------------------------------------------------------------------------------------------

    async def _heartbeats(self) -> None:
        path = f"/api/nodes/{self.settings.node_code}/heartbeat"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while True:
                try:
                    await self._heartbeat(session, path)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    log.warning("heartbeat not delivered: %s", type(error).__name__)
                await asyncio.sleep(self.settings.heartbeat_s)

    async def _heartbeat(self, session: aiohttp.ClientSession, path: str) -> None:
        content = self.executor.report() | {
            "time_ms": protocol.now_ms(),
            "public_key": self.key.public_key,
            "base_url": self.settings.public_url or None,
            "load_pct": _load_pct(),
        }
        raw = protocol.dumps(content)
        headers, _ = protocol.signed_headers(self.settings.auth_secret, "POST", path, raw)
        headers["Content-Type"] = "application/json"
        async with session.post(self.settings.center_url + path, data=raw, headers=headers) as reply:
            if reply.status >= 400:
                log.warning("heartbeat refused by the centre: HTTP %d", reply.status)


def _load_pct() -> int:
    """How busy this machine is: 100 when every processor has one program waiting."""
    return min(round(os.getloadavg()[0] / (os.cpu_count() or 1) * 100), 10_000)


async def _read_body(request: web.Request) -> bytes:
    """The whole body within the deadline and size; raises `ProtocolError`."""
    if request.headers.get("Content-Encoding"):
        raise ProtocolError("ENCODING_REFUSED", 415, "Send the body uncompressed.")
    if (request.content_length or 0) > protocol.MAX_BODY_BYTES:
        raise ProtocolError("BODY_TOO_LARGE", 413, "The body is too large; split the tasks.")
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise ProtocolError("BODY_TOO_LARGE", 413, "The body is too large; split the tasks.") from None
    except TimeoutError:
        raise ProtocolError("BODY_TOO_SLOW", 408, "The body did not arrive in time.") from None


def create_runner(node: NodeApp) -> web.AppRunner:
    """The runner of a node: set it up, add a site, `cleanup()` at the end.

    A caller that hangs up must not stop an order on its way, so handlers are never cancelled.
    """
    return web.AppRunner(
        node.application(),
        access_log=None,
        handler_cancellation=False,
        shutdown_timeout=20.0,
        lingering_time=1.0,  # how long the rest of a refused body is read and thrown away
    )
