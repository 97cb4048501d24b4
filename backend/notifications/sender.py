"""Carries notifications to people's channels. A message may arrive twice, never not at all while its receiver lives.

The notification itself, written with its event, is the outbox: the first step notes for each which channels want it, the
second sends what is due. Both run beside trading; a dead receiver delays only its own channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import aiohttp
import structlog
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.db import Database
from backend.identity.mail import Letter, deliver
from backend.models import Admin, NoticeChannel, NoticeDelivery, Notification, User
from backend.notifications import services
from backend.notifications.phrases import said
from backend.notifications.rules import DELAYS, ESCALATION, composed, send_at
from backend.security.addresses import BadAddress, PublicResolver, check_url
from backend.security.vault import Vault, VaultError, get_vault
from backend.settings import Settings

log = structlog.get_logger("notices")

AT_ONCE = 50
PLACES = 16
TELEGRAM = "https://api.telegram.org"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes to one channel in one message."""

    channel_id: int
    kind: str
    target: dict[str, str]
    delivery_ids: tuple[int, ...]
    lines: tuple[tuple[str, str], ...]
    links: tuple[str, ...]
    types: tuple[str, ...]


class NoticeSender:
    """``run`` is one round and returns without waiting for receivers; ``settle`` waits; ``close`` ends the rest."""

    def __init__(
        self, db: Database, settings: Settings, *, allow_private: bool, vault: Vault | None = None, timeout_s: float = 15.0,
        telegram: str = TELEGRAM,
    ) -> None:  # fmt: skip
        self._db = db
        self._settings = settings
        self._allow_private = allow_private
        self._vault = vault
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._telegram = telegram
        self._http: aiohttp.ClientSession | None = None
        self._busy: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> int:
        """Spread new notifications, then start what is due. Returns how many messages were started."""
        await self._db.arun(spread)
        parcels = await self._db.aread(self._due)
        for parcel in parcels:
            task = asyncio.create_task(self._deliver(parcel))
            self._busy[parcel.channel_id] = task
            task.add_done_callback(partial(self._freed, parcel.channel_id))
        return len(parcels)

    def _freed(self, channel_id: int, _: asyncio.Task[None]) -> None:
        self._busy.pop(channel_id, None)

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return bool(self._busy)

    async def settle(self) -> None:
        """Wait for everything that is on its way."""
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def close(self) -> None:
        """Give up what is on its way (it is still due) and close connections."""
        for task in list(self._busy.values()):
            task.cancel()
        await self.settle()
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _due(self, session: Session) -> list[Parcel]:
        statement = (
            select(NoticeDelivery, Notification, NoticeChannel)
            .join(Notification, col(Notification.id) == col(NoticeDelivery.notification_id))
            .join(NoticeChannel, col(NoticeChannel.id) == col(NoticeDelivery.channel_id))
            .where(
                NoticeDelivery.status == "PENDING",
                col(NoticeDelivery.next_at) <= utcnow(),
                NoticeChannel.status == 1,
                col(NoticeDelivery.channel_id).not_in(list(self._busy)),
            )
            .order_by(col(NoticeDelivery.next_at), col(NoticeDelivery.id))
            .limit(AT_ONCE * PLACES)
        )
        found: dict[int, list[tuple[NoticeDelivery, Notification, NoticeChannel]]] = defaultdict(list)
        for row, note, channel in session.exec(statement).all():
            if len(found[row.channel_id]) < AT_ONCE:
                found[row.channel_id].append((row, note, channel))
        room = PLACES - len(self._busy)
        return [self._parcel(session, rows) for rows in list(found.values())[: max(0, room)]]

    def _parcel(self, session: Session, rows: list[tuple[NoticeDelivery, Notification, NoticeChannel]]) -> Parcel:
        channel = rows[0][2]
        locale = _locale(session, channel)
        target: dict[str, str] = {}
        with contextlib.suppress(VaultError):  # said as the outcome of this channel's messages, and of no other's
            target = json.loads((self._vault or get_vault()).open_platform(channel.record, channel.target_sealed))
        return Parcel(
            rows[0][0].channel_id,
            channel.kind,
            target,
            tuple(row.id or 0 for row, _, _ in rows),
            tuple((said(note.title, locale), said(note.message, locale)) for _, note, _ in rows),
            tuple(note.link for _, note, _ in rows),
            tuple(note.type for _, note, _ in rows),
        )

    async def _deliver(self, parcel: Parcel) -> None:
        error = await self._send(parcel)
        try:
            await self._db.arun(lambda session: _write(session, parcel, error))
        except Exception:  # the edge of one delivery: it stays due and is sent again
            log.exception("outcome of a notification not written", channel=parcel.channel_id)

    async def _send(self, parcel: Parcel) -> str:
        """"" when it arrived, else why not, without any secret."""
        if not parcel.target:
            return "the address cannot be opened"
        subject, text = composed(parcel.lines)
        if parcel.kind == "email":
            letter = Letter(parcel.target["to"], f"IronBull: {subject}"[:200], text or subject)
            return "" if await asyncio.to_thread(deliver, self._settings, letter) else "the mail server did not take it"
        if parcel.kind == "telegram":
            url = f"{self._telegram}/bot{parcel.target['token']}/sendMessage"
            return await self._post(url, {"chat_id": parcel.target["chat"], "text": f"{subject}\n{text}"[:4000]})
        if parcel.kind == "service":
            send = partial(services.send, parcel.target["url"], subject, text, allow_private=self._allow_private)
            return await asyncio.to_thread(send)
        rows = [
            {"type": kind, "title": title, "message": message, "link": link}
            for kind, (title, message), link in zip(parcel.types, parcel.lines, parcel.links, strict=True)
        ]
        return await self._post(parcel.target["url"], {"subject": subject, "text": text, "notifications": rows})

    async def _post(self, url: str, body: dict[str, object]) -> str:
        try:
            check_url(url, allow_private=self._allow_private)
            async with self._client().post(url, json=body, allow_redirects=False) as answer:
                return "" if 200 <= answer.status < 300 else f"answered {answer.status}"
        except BadAddress:
            return "the address is not public"
        except TimeoutError:
            return "no answer in time"
        except (aiohttp.ClientError, OSError, ValueError):
            return "cannot connect"

    def _client(self) -> aiohttp.ClientSession:
        if self._http is None:
            resolver = None if self._allow_private else PublicResolver()
            connector = aiohttp.TCPConnector(resolver=resolver, limit=PLACES, use_dns_cache=False, ttl_dns_cache=None)
            self._http = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._http


def spread(session: Session, limit: int = 500) -> int:
    """Note for each new notification which channels want it. Returns how many deliveries were written."""
    notes = session.exec(
        select(Notification)
        .where(col(Notification.fanned).is_(False))
        .order_by(col(Notification.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not notes:
        return 0
    users = {note.user_id for note in notes if note.audience == "agent" and note.user_id is not None}
    wanting: dict[int, list[NoticeChannel]] = defaultdict(list)
    agents = select(NoticeChannel).where(col(NoticeChannel.user_id).in_(users), NoticeChannel.owner_kind == "agent", NoticeChannel.status == 1)
    for channel in session.exec(agents).all():
        wanting[channel.user_id].append(channel)
    admins = _of_admins(session) if any(note.audience == "platform" for note in notes) else []
    now, written = utcnow(), 0
    for note in notes:
        note.fanned = True
        session.add(note)
        if note.audience == "platform":
            found = admins
        elif note.audience == "agent" and note.user_id is not None:
            found = wanting[note.user_id]
        else:
            continue
        for channel in found:
            if (note.type in channel.types or note.type == ESCALATION) and note.created_at >= channel.created_at:
                session.add(_delivery(note, channel, now))
                written += 1
    return written


def _locale(session: Session, channel: NoticeChannel) -> str:
    """The language its reader chose."""
    if channel.owner_kind == "agent":
        user = session.get(User, channel.user_id)
        return user.locale if user is not None else "en"
    admin = session.get(Admin, channel.user_id)
    return str(admin.settings.get("language") or "en") if admin is not None else "en"


def _of_admins(session: Session) -> list[NoticeChannel]:
    statement = select(NoticeChannel).join(Admin, col(Admin.id) == NoticeChannel.user_id)
    return list(session.exec(statement.where(NoticeChannel.owner_kind == "admin", NoticeChannel.status == 1, Admin.status == 1)).all())


def _delivery(note: Notification, channel: NoticeChannel, now: datetime) -> NoticeDelivery:
    assert note.id is not None and channel.id is not None
    return NoticeDelivery(
        tenant_id=channel.tenant_id, user_id=channel.user_id, channel_id=channel.id, notification_id=note.id,
        next_at=now if note.type == ESCALATION else send_at(now, channel.quiet_from_min, channel.quiet_to_min, channel.digest_min),
    )  # fmt: skip


def _write(session: Session, parcel: Parcel, error: str) -> None:
    now = utcnow()
    rows = session.exec(
        select(NoticeDelivery)
        .where(col(NoticeDelivery.id).in_(parcel.delivery_ids), NoticeDelivery.status == "PENDING")
        .order_by(col(NoticeDelivery.id))
        .with_for_update()
    ).all()
    for row in rows:
        row.attempts += 1
        row.error = error[:160]
        if not error:
            row.status, row.sent_at = "SENT", now
        elif row.attempts > len(DELAYS):
            row.status = "DEAD"
        else:
            row.next_at = now + DELAYS[row.attempts - 1]
        session.add(row)
