"""An agent's or an admin's channels: add, change, remove, try out. The caller commits."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete
from sqlmodel import Session, col, select

from backend.errors import Conflict, InvalidInput, NotAllowed, NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.identity.service import normal_email
from backend.models import NoticeChannel, NoticeDelivery, Notification, User
from backend.notifications import services
from backend.notifications.rules import ADMIN_TYPES, DAY_MIN, KINDS, TYPES
from backend.security import audit
from backend.security.addresses import check_url
from backend.security.vault import Vault, get_vault

MOST = 10
_TOKEN = re.compile(r"[0-9]{5,16}:[A-Za-z0-9_-]{20,80}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{4,40}")


class TooManyChannels(Conflict):
    """Ten channels are the most. Remove one first."""

    code = "too_many_channels"


def channels(session: Session, who: Principal) -> list[NoticeChannel]:
    """The person's own channels, oldest first."""
    return list(session.exec(_mine(select(NoticeChannel), who).order_by(col(NoticeChannel.id))).all())


def add(
    session: Session, who: Principal, kind: str, target: Mapping[str, Any], *, types: Sequence[str], allow_private: bool,
    vault: Vault | None = None, ip: str = "",
) -> NoticeChannel:  # fmt: skip
    """A new channel. ``target``: {} for email (the account's own address; {to} for admins, who have none), {url} for webhook
    and service, {token, chat} for telegram.

    Raises ``InvalidInput``, ``BadAddress``, ``TooManyChannels``.
    """
    if who.kind == "tenant":
        raise NotAllowed
    own_address = "" if who.kind == "admin" else get_scoped(session, who, User, who.id, lock=True).email
    if len(channels(session, who)) >= MOST:
        raise TooManyChannels
    address, hint = _checked(kind, target, own_address, allow_private)
    record = f"notice:{secrets.token_hex(8)}"
    row = NoticeChannel(
        tenant_id=who.tenant_id or 0, user_id=who.id, owner_kind=who.kind, kind=kind, hint=hint[:80], record=record,
        types=_types(types, who),
        target_sealed=(vault or get_vault()).seal_platform(record, json.dumps(address)),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, who, "notice.add", f"notice_channel:{row.id}", detail={"kind": kind, "hint": hint}, ip=ip)
    return row


def change(
    session: Session, who: Principal, channel_id: int, *, types: Sequence[str], quiet_from_min: int = 0, quiet_to_min: int = 0,
    digest_min: int = 0, on: bool = True,
) -> NoticeChannel:  # fmt: skip
    """What goes through a channel and when. Raises ``NotFound``, ``InvalidInput``."""
    row = _one(session, who, channel_id)
    if not (0 <= quiet_from_min < DAY_MIN and 0 <= quiet_to_min < DAY_MIN):
        raise InvalidInput("Quiet hours are minutes of the day, 0 to 1439.")
    if not 0 <= digest_min <= DAY_MIN:
        raise InvalidInput("The digest is 0 (off) to 1440 minutes.")
    row.types, row.status = _types(types, who), 1 if on else 0
    row.quiet_from_min, row.quiet_to_min, row.digest_min = quiet_from_min, quiet_to_min, digest_min
    session.add(row)
    session.flush()
    return row


def remove(session: Session, who: Principal, channel_id: int, *, ip: str = "") -> None:
    """Forget a channel and what waited for it. Raises ``NotFound``."""
    row = _one(session, who, channel_id)
    session.connection().execute(delete(NoticeDelivery).where(col(NoticeDelivery.channel_id) == row.id))
    audit.record(session, who, "notice.remove", f"notice_channel:{row.id}", detail={"kind": row.kind}, ip=ip)
    session.delete(row)
    session.flush()


def try_out(session: Session, who: Principal, channel_id: int) -> NoticeDelivery:
    """Write a test message for this channel alone; it goes the usual way. Raises ``NotFound``."""
    row = _one(session, who, channel_id)
    note = Notification(
        audience=who.kind, tenant_id=who.tenant_id, user_id=row.user_id, type="system", title="A test of this channel", fanned=True,
        message="If you can read this, messages reach you here.", link=f"/{who.kind}/notifications", is_read=True,
    )  # fmt: skip
    session.add(note)
    session.flush()
    assert note.id is not None and row.id is not None
    made = NoticeDelivery(tenant_id=row.tenant_id, user_id=row.user_id, channel_id=row.id, notification_id=note.id)
    session.add(made)
    session.flush()
    return made


def log_of(session: Session, who: Principal, limit: int = 100) -> list[NoticeDelivery]:
    """What was sent or is on its way, newest first."""
    own = [row.id for row in channels(session, who)]
    statement = select(NoticeDelivery).where(col(NoticeDelivery.channel_id).in_(own)).order_by(col(NoticeDelivery.id).desc())
    return list(session.exec(statement.limit(min(max(limit, 1), 500))).all())


def _mine(statement: Any, who: Principal) -> Any:
    """Admins see their own channels only, like everybody."""
    statement = scoped(statement, who, NoticeChannel).where(NoticeChannel.owner_kind == who.kind)
    return statement.where(NoticeChannel.user_id == who.id) if who.kind == "admin" else statement


def _one(session: Session, who: Principal, channel_id: int) -> NoticeChannel:
    row: NoticeChannel | None = session.exec(
        _mine(select(NoticeChannel), who).where(NoticeChannel.id == channel_id).with_for_update()
    ).first()
    if row is None:
        raise NotFound
    return row


def _types(types: Sequence[str], who: Principal) -> list[str]:
    known = ADMIN_TYPES if who.kind == "admin" else TYPES
    if any(name not in known for name in types):
        raise InvalidInput(f"Types are {', '.join(known)}.")
    return sorted(set(types))


def _checked(kind: str, target: Mapping[str, Any], own_address: str, allow_private: bool) -> tuple[dict[str, str], str]:
    if kind == "email":
        address = own_address or normal_email(str(target.get("to", "")))
        return {"to": address}, address
    if kind == "webhook":
        url = check_url(str(target.get("url", ""))[:500], allow_private=allow_private)
        return {"url": url}, urlsplit(url).hostname or ""
    if kind == "telegram":
        token, chat = str(target.get("token", "")).strip(), str(target.get("chat", "")).strip()
        if not _TOKEN.fullmatch(token) or not _CHAT.fullmatch(chat):
            raise InvalidInput("Telegram needs the bot's token (123456:ABC...) and a chat id or @name.")
        return {"token": token, "chat": chat}, chat
    if kind == "service":
        address, name = services.checked(str(target.get("url", "")), allow_private=allow_private)
        return {"url": address}, name
    raise InvalidInput(f"Channels are {', '.join(KINDS)}.")
