"""The monitor at work: measurements become incidents, incidents become messages to the admins, once and not again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from backend.clock import now_ms, utcnow
from backend.db import Database
from backend.errors import Conflict, InvalidInput, NotFound
from backend.identity import rights
from backend.identity.principal import Principal
from backend.live import hub
from backend.models import Incident, Maintenance, Notification
from backend.monitoring import metrics
from backend.monitoring.checks import Checks
from backend.monitoring.probes import note
from backend.monitoring.watch_rules import CHECKS, NAMES, ONE_OF, Notice, Policy, Reading, State, step, with_unit
from backend.notifications.rules import ESCALATION
from backend.security import audit
from backend.settings import Settings

INVARIANTS_EVERY_S = 300.0
INCIDENTS_KEPT = timedelta(days=180)
LONGEST_WINDOW_MIN = 7 * 24 * 60
ALERT = "alert"
"""The notification type of the monitor; an escalation reaches every channel of the admins, whatever it asked for."""
IN_PROCESS = tuple(name for name in CHECKS if name != "services")
"""A process cannot see its own death: the platform itself leaves the services to ``ironbull monitor``."""

log = structlog.get_logger("monitor")


class Watch:
    """Looks again and again. One per process; two of them on one database tell of each incident once."""

    def __init__(self, db: Database, settings: Settings, names: Iterable[str] = CHECKS, services: dict[str, str] | None = None) -> None:
        self._db = db
        self._checks = Checks(db, settings)
        if services is not None:
            self._checks.services = services
        self._names = tuple(names)
        self._policy = Policy(
            settings.monitor_confirm, timedelta(minutes=settings.monitor_cooldown_min), timedelta(minutes=settings.monitor_escalate_min)
        )
        self._invariants_at = -INVARIANTS_EVERY_S

    async def look(self) -> list[Reading]:
        """One round: measure outside of any transaction, then write what it means in one."""
        names = list(self._names)
        if "invariants" in names and time.monotonic() - self._invariants_at < INVARIANTS_EVERY_S:
            names.remove("invariants")
        readings = await asyncio.to_thread(self._checks.look, names)
        if "invariants" in names:
            self._invariants_at = time.monotonic()
        try:
            notices = await self._db.arun(lambda session: settle(session, readings, self._policy))
        except IntegrityError:  # the other monitor opened the same incident this moment
            return readings
        for reading in readings:
            metrics.monitor_ok.labels(reading.check, reading.subject, reading.limit).set(1 if reading.ok else 0)
            if reading.limit:
                metrics.monitor_value.labels(reading.check, reading.subject, reading.limit).set(reading.value)
        hub.publish("platform", {"monitor_ms": now_ms(), **({"changed_ms": now_ms()} if notices else {})})
        return readings


def settle(session: Session, readings: Sequence[Reading], policy: Policy, now: datetime | None = None) -> int:
    """Write measurements and incidents, and the messages they are worth. Returns how many messages."""
    now = now or utcnow()
    found = {row.key: row for row in session.exec(select(Incident).where(Incident.slot == 1).order_by(col(Incident.id)).with_for_update()).all()}
    quiet = session.exec(select(Maintenance).where(col(Maintenance.starts_at) <= now, col(Maintenance.ends_at) > now)).all()
    told = 0
    note(session, readings, now)
    for reading in readings:
        row = found.get(reading.key)
        if reading.ok and row is None:
            continue
        before = _state(row) if row is not None else None
        earlier = _told_before(session, reading.key) if before is None else None
        done = step(now, reading, before, policy, muted=_muted(quiet, reading), told_before=earlier)
        if row is None:
            assert done.state is not None
            row = Incident(key=reading.key, check=reading.check, subject=reading.subject[:64], severity=reading.severity, opened_at=now)
        _write(row, reading, done.state, now)
        if done.state is None and row.seen < policy.confirm:
            session.delete(row)  # a single bad reading is no incident
            continue
        session.add(row)
        if done.notice is not None:
            session.add(_message(row, done.notice))
            log.warning("incident", what=row.key, notice=done.notice, value=row.value, detail=row.detail)
            told += 1
    session.connection().execute(delete(Incident).where(col(Incident.closed_at) < now - INCIDENTS_KEPT))
    session.flush()
    return told


def take(session: Session, who: Principal, incident_id: int) -> Incident:
    """Say that somebody looks after it: it is not told again and does not escalate. Raises ``NotFound``, ``Conflict``."""
    rights.require(who, "settings", changing=True)
    row = session.get(Incident, incident_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    if row.slot != 1:
        raise Conflict("It is over already.")
    row.acked_at, row.acked_by = utcnow(), who.id
    session.add(row)
    session.flush()
    audit.record(session, who, "monitor.take", f"incident:{incident_id}", detail={"what": row.key})
    return row


def add_window(
    session: Session, who: Principal, *, check: str, subject: str, minutes: int, reason: str, starts_at: datetime | None = None
) -> Maintenance:
    """A time in which nobody is told: from ``starts_at`` (now) for so many minutes. "" is every check, every subject.

    Raises ``InvalidInput``.
    """
    rights.require(who, "settings", changing=True)
    reason = " ".join(reason.split())[:200]
    if check and check not in CHECKS:
        raise InvalidInput(f"The check is one of {', '.join(CHECKS)}, or empty for all.")
    if not 1 <= minutes <= LONGEST_WINDOW_MIN:
        raise InvalidInput("A window is 1 minute to 7 days long.")
    if len(reason) < 3:
        raise InvalidInput("Say what is being done; the reason is kept.")
    begin = starts_at or utcnow()
    row = Maintenance(
        check=check, subject=subject.strip()[:64], reason=reason, starts_at=begin, ends_at=begin + timedelta(minutes=minutes), admin_id=who.id
    )
    session.add(row)
    session.flush()
    detail = {"check": check or "all", "subject": row.subject or "all", "minutes": minutes, "reason": reason}
    audit.record(session, who, "monitor.window", f"window:{row.id}", detail=detail)
    return row


def end_window(session: Session, who: Principal, window_id: int) -> Maintenance:
    """End a window now. Raises ``NotFound``, ``Conflict``."""
    rights.require(who, "settings", changing=True)
    row = session.get(Maintenance, window_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    now = utcnow()
    if row.ends_at <= now:
        raise Conflict("It has ended already.")
    row.ends_at, row.starts_at = now, min(row.starts_at, now)
    session.add(row)
    session.flush()
    audit.record(session, who, "monitor.window_end", f"window:{window_id}")
    return row


def fire_test(session: Session, who: Principal) -> Notification:
    """A test alert to the admins, on the way of every real one."""
    rights.require(who, "settings", changing=True)
    note = Notification(
        audience="platform", type=ALERT, title="Test alert", message="Nothing is wrong: somebody tries out whether alerts arrive.", link="/admin/monitor"
    )
    session.add(note)
    session.flush()
    audit.record(session, who, "monitor.test", f"notification:{note.id}")
    return note


def _state(row: Incident) -> State:
    return State(row.seen, row.told, row.opened_at, row.told_at, row.escalated_at is not None, row.acked_at is not None)


def _write(row: Incident, reading: Reading, state: State | None, now: datetime) -> None:
    if state is None:
        row.slot, row.closed_at = None, now
        return
    row.seen, row.told, row.told_at = state.seen, state.told, state.told_at
    row.seen_at, row.severity = now, reading.severity
    row.value, row.bound, row.detail = reading.value, reading.bound, reading.detail[:200]
    if state.escalated and row.escalated_at is None:
        row.escalated_at = now


def _told_before(session: Session, key: str) -> datetime | None:
    newest = select(Incident.told_at).where(Incident.key == key, col(Incident.told_at).is_not(None)).order_by(col(Incident.id).desc())
    return session.exec(newest.limit(1)).first()


def _muted(windows: Sequence[Maintenance], reading: Reading) -> bool:
    return any(one.check in ("", reading.check) and one.subject in ("", reading.subject) for one in windows)


def _message(row: Incident, notice: Notice) -> Notification:
    what = f"{ONE_OF.get(row.check, row.check)} {row.subject}".strip()
    limit = row.key.rpartition(":")[2]
    measured = f"{NAMES[limit]}: {with_unit(limit, row.value)}, the limit is {with_unit(limit, row.bound)}." if limit in NAMES else ""
    why = f"{measured} {row.detail}".strip() if measured else f"{row.detail or 'not as it should be'}."
    title, message = {
        "open": (f"Monitor: {what}", why),
        "again": (f"Monitor, still: {what}", why),
        "escalate": (f"Nobody has taken it: {what}", why),
        "recovered": (f"Monitor, recovered: {what}", "It is as it should be again."),
    }[notice]
    kind = ESCALATION if notice == "escalate" else ALERT
    return Notification(audience="platform", type=kind, title=title[:160], message=message[:500], link=f"/admin/incidents?open={row.id}")
