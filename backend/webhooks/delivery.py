"""Sends what ``events`` wrote. A message may arrive more than once (with the same id), never not at all.

Nothing is sent inside a transaction. Each endpoint has its own few places, so a slow one delays only itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import aiohttp
import structlog
from sqlmodel import Session, col, select
from standardwebhooks.webhooks import Webhook

from backend.clock import utcnow
from backend.db import Database
from backend.models import Notification, WebhookDelivery, WebhookEndpoint
from backend.security.addresses import BadAddress, PrivateAddress, PublicResolver, check_url
from backend.security.vault import Vault, VaultError, get_vault
from backend.version import VERSION
from backend.webhooks.rules import DELAYS, next_wait
from backend.webhooks.service import secrets_of

log = structlog.get_logger("webhooks")

PLACES = 32
PLACES_PER_ENDPOINT = 4
TIMEOUT_S = 15.0
READ_LIMIT = 4_096
GONE = 410


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way."""

    delivery_id: int
    endpoint_id: int
    message_id: str
    body: str
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. ``status`` 0: no answer."""

    status: int
    error: str
    took_ms: int

    @property
    def ok(self) -> bool:
        """Any 2xx."""
        return 200 <= self.status < 300


class Deliverer:
    """The sender. ``run`` is one round; it returns without waiting for slow endpoints. ``close`` ends the rest."""

    def __init__(
        self,
        db: Database,
        *,
        allow_private: bool,
        vault: Vault | None = None,
        delays: tuple[timedelta, ...] = DELAYS,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._db = db
        self._allow_private = allow_private
        self._vault = vault
        self._delays = delays
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._chance = random.Random()
        self._http: aiohttp.ClientSession | None = None
        self._busy: dict[int, tuple[int, asyncio.Task[None]]] = {}

    async def run(self) -> int:
        """Start what is due and has a place. Returns how many were started."""
        parcels = await self._db.aread(self._due)
        for parcel in parcels:
            task = asyncio.create_task(self._deliver(parcel))
            self._busy[parcel.delivery_id] = (parcel.endpoint_id, task)
            task.add_done_callback(partial(self._freed, parcel.delivery_id))
        return len(parcels)

    def _freed(self, delivery_id: int, _: asyncio.Task[None]) -> None:
        self._busy.pop(delivery_id, None)

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return bool(self._busy)

    async def settle(self) -> None:
        """Wait for everything that is on its way."""
        await asyncio.gather(*[task for _, task in self._busy.values()], return_exceptions=True)

    async def close(self) -> None:
        """Give up what is on its way (it is still due) and close connections."""
        for _, task in self._busy.values():
            task.cancel()
        await self.settle()
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _due(self, session: Session) -> list[Parcel]:
        taken = Counter(endpoint for endpoint, _ in self._busy.values())
        room = PLACES - len(self._busy)
        if room <= 0:
            return []
        full = [endpoint for endpoint, count in taken.items() if count >= PLACES_PER_ENDPOINT]
        statement = (
            select(WebhookDelivery, WebhookEndpoint)
            .join(WebhookEndpoint, col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint_id))
            .where(
                WebhookDelivery.status == "PENDING",
                col(WebhookDelivery.next_at) <= utcnow(),
                WebhookEndpoint.status == 1,
                col(WebhookDelivery.id).not_in(list(self._busy)),
                col(WebhookDelivery.endpoint_id).not_in(full),
            )
            .order_by(col(WebhookDelivery.next_at), col(WebhookDelivery.id))
            .limit(PLACES * PLACES_PER_ENDPOINT)
        )
        parcels: list[Parcel] = []
        for row, endpoint in session.exec(statement).all():
            if len(parcels) == room:
                break
            if taken[row.endpoint_id] >= PLACES_PER_ENDPOINT:
                continue
            taken[row.endpoint_id] += 1
            assert row.id is not None
            keys: tuple[str, ...] = ()
            with contextlib.suppress(VaultError):  # said as the outcome of this message, and of no other
                keys = tuple(secrets_of(endpoint, self._vault or get_vault()))
            parcels.append(Parcel(row.id, row.endpoint_id, row.message_id, row.payload, endpoint.url, keys))
        return parcels

    async def _deliver(self, parcel: Parcel) -> None:
        outcome = await self._send(parcel)
        try:
            await self._db.arun(lambda session: self._write(session, parcel, outcome))
        except Exception:  # the edge of one delivery: it stays due and is sent again, the receiver knows it by its id
            log.exception("outcome of a webhook not written", delivery=parcel.delivery_id)

    async def _send(self, parcel: Parcel) -> Outcome:
        if not parcel.secrets:
            return Outcome(0, "the secret cannot be opened", 0)
        now = utcnow()
        signatures = [Webhook(secret).sign(parcel.message_id, now, parcel.body) for secret in parcel.secrets]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"IronBull-Webhooks/{VERSION}",
            "webhook-id": parcel.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        started = time.perf_counter()
        status, error = 0, ""
        try:
            # A host that is a number never meets the resolver.
            check_url(parcel.url, allow_private=self._allow_private)
            async with self._client().post(
                parcel.url, data=parcel.body.encode(), headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
                await answer.content.read(READ_LIMIT)
                if not 200 <= status < 300:
                    error = "a redirect is not followed" if 300 <= status < 400 else f"answered {status}"
        except BadAddress:
            error = "the address is not public"
        except TimeoutError:
            error = "no answer in time"
        except aiohttp.ClientConnectorError as failure:
            refused = isinstance(failure.os_error, PrivateAddress) or isinstance(failure.__cause__, PrivateAddress)
            error = "the address is not public" if refused else "cannot connect"
        except PrivateAddress:
            error = "the address is not public"
        except (aiohttp.ClientError, OSError, ValueError):
            error = "the connection failed" if not status else "the answer was cut short"
            status = 0
        return Outcome(status, error, int((time.perf_counter() - started) * 1000))

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            # No cookies and no proxies of the environment: each request goes where it says, with nothing else in it.
            resolver = None if self._allow_private else PublicResolver()
            connector = aiohttp.TCPConnector(resolver=resolver, limit=PLACES, use_dns_cache=False, ttl_dns_cache=None)
            self._http = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._http

    def _write(self, session: Session, parcel: Parcel, outcome: Outcome) -> None:
        row = session.get(WebhookDelivery, parcel.delivery_id, with_for_update=True)
        if row is None or row.status != "PENDING":
            return
        now = utcnow()
        row.attempts += 1
        row.http_status, row.error, row.took_ms, row.tried_at = outcome.status, outcome.error, outcome.took_ms, now
        wait = next_wait(row.attempts, self._chance, self._delays)
        if outcome.ok:
            row.status, row.delivered_at = "DELIVERED", now
        elif outcome.status == GONE:
            row.status = "DEAD"
            self._switch_off(session, row)
        elif wait is None:
            row.status = "DEAD"
            _tell_tenant(session, row, "A webhook was given up", f"{row.event} was tried {row.attempts} times.")
        else:
            row.next_at = now + wait
        session.add(row)

    def _switch_off(self, session: Session, row: WebhookDelivery) -> None:
        endpoint = session.get(WebhookEndpoint, row.endpoint_id, with_for_update=True)
        if endpoint is None or endpoint.status != 1:
            return
        endpoint.status, endpoint.stopped_why = 0, "It answered 410 Gone."
        session.add(endpoint)
        _tell_tenant(session, row, "A webhook endpoint was switched off", "It answered 410 Gone.")


def _tell_tenant(session: Session, row: WebhookDelivery, title: str, message: str) -> None:
    session.add(
        Notification(
            audience="tenant",
            tenant_id=row.tenant_id,
            type="system",
            title=title,
            message=message,
            link="/tenant/webhooks",
        )
    )
