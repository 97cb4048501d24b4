"""The monitor by API: what answers now, figures per day, incidents, maintenance windows, a test alert."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictInt
from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.api.channels import NewChannel
from backend.api.channels import shape as channel_shape
from backend.api.context import May, admin, context_of, peer, read, run
from backend.api.params import Id, done, listed, window
from backend.clock import utcnow
from backend.identity.principal import Principal
from backend.models import AuditLog, Incident, Maintenance, Probe
from backend.monitoring import watch
from backend.monitoring.checks import Checks
from backend.monitoring.probes import ROUGH_S
from backend.monitoring.watch_rules import CHECKS, Reading
from backend.notifications import channels
from backend.portfolio.queries import Listing, Window

router = APIRouter(prefix="/api/monitor", tags=["monitor"])

Admin = Annotated[Principal, Depends(admin)]
Engineer = Annotated[Principal, Depends(May("settings"))]
Own = Annotated[Principal, Depends(May("own"))]
Page = Annotated[Window, Depends(window)]


class NewWindow(BaseModel):
    """A time in which nobody is told; ``check`` and ``subject`` empty mean all."""

    check: str = Field("", max_length=32)
    subject: str = Field("", max_length=64)
    minutes: StrictInt = Field(ge=1, le=watch.LONGEST_WINDOW_MIN)
    reason: str = Field(max_length=200)


@router.get("/status")
async def status(request: Request, who: Admin) -> Response:
    """``overall`` healthy or degraded, with services, nodes, database, Redis and queues as measured now."""
    context = context_of(request)
    names = [name for name in CHECKS if name != "invariants"]
    found = await asyncio.to_thread(Checks(context.db, context.settings).look, names)
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        told[one.check].append(_reading(one))
    database = told.get("database", [])
    return done(
        {
            "overall": "healthy" if all(one.ok for one in found) else "degraded",
            "services": told["services"], "nodes": told["nodes"],
            "db": {"ok": all(one["ok"] for one in database), "latency_ms": max((one["value"] for one in database), default=0)},
            "redis": told["redis"], "queues": told["queues"], "jobs": told["jobs"], "leases": told["leases"], "disk": told["disk"],
        }
    )  # fmt: skip


@router.get("/metrics")
async def figures(request: Request, who: Admin, days: Annotated[int, Query(ge=1, le=30)] = 7) -> Response:
    """Calls and failures of the audit log by UTC day, and how quickly services and database answered the monitor."""
    return done(await read(request, lambda session: _figures(session, days)))


@router.get("/incidents")
async def incidents(request: Request, who: Admin, page: Page, open: bool = False, check: str = "") -> Response:
    """Incidents, newest first."""

    def work(session: Session) -> Listing[Incident]:
        statement = select(Incident)
        if open:
            statement = statement.where(Incident.slot == 1)
        if check:
            statement = statement.where(Incident.check == check)
        total = session.exec(select(func.count()).select_from(statement.subquery())).one()
        rows = session.exec(statement.order_by(col(Incident.id).desc()).limit(page.limit).offset(page.offset)).all()
        return Listing(list(rows), int(total))

    return listed(await read(request, work), page, incident)


@router.post("/incidents/{incident_id}/take")
async def take(request: Request, incident_id: Id, who: Engineer) -> Response:
    """Somebody looks after it: it is not told again. 409 when it is over."""
    return done(await run(request, lambda session: incident(watch.take(session, who, incident_id))))


@router.get("/windows")
async def windows(request: Request, who: Admin, page: Page) -> Response:
    """Maintenance windows, newest first."""

    def work(session: Session) -> Listing[Maintenance]:
        total = session.exec(select(func.count()).select_from(Maintenance)).one()
        rows = session.exec(select(Maintenance).order_by(col(Maintenance.id).desc()).limit(page.limit).offset(page.offset)).all()
        return Listing(list(rows), int(total))

    return listed(await read(request, work), page, _window)


@router.post("/windows")
async def new_window(request: Request, body: NewWindow, who: Engineer) -> Response:
    """Tell nobody for so many minutes from now."""
    return done(
        await run(
            request,
            lambda session: _window(
                watch.add_window(session, who, check=body.check, subject=body.subject, minutes=body.minutes, reason=body.reason)
            ),
        )
    )


@router.post("/windows/{window_id}/end")
async def end_window(request: Request, window_id: Id, who: Engineer) -> Response:
    """End a window now."""
    return done(await run(request, lambda session: _window(watch.end_window(session, who, window_id))))


@router.post("/test")
async def test_fire(request: Request, who: Engineer) -> Response:
    """A test alert to the admins, on the way of every real one."""
    return done({"notification_id": await run(request, lambda session: watch.fire_test(session, who).id)})


@router.get("/channels")
async def own_channels(request: Request, who: Own) -> Response:
    """Where the admin who asks is told besides the app; addresses are hidden but for a hint."""
    return done(await read(request, lambda s: [channel_shape(row) for row in channels.channels(s, who)]))


@router.post("/channels")
async def add_channel(request: Request, body: NewChannel, who: Own) -> Response:
    """A further channel of one's own. Types: alert, risk_alert, system, billing; an escalation comes through every channel.
    ``target`` of email is {to}. Errors: ``invalid_input`` 400, ``bad_address`` 400, ``too_many_channels`` 409."""
    private = context_of(request).settings.webhook_allow_private
    more: dict[str, Any] = {"types": body.types, "allow_private": private, "ip": peer(request)}
    return done(await run(request, lambda s: channel_shape(channels.add(s, who, body.kind, body.target, **more))))


@router.delete("/channels/{own_channel_id}")
async def remove_channel(request: Request, own_channel_id: Id, who: Own) -> Response:
    """Forget a channel of one's own."""
    await run(request, lambda s: channels.remove(s, who, own_channel_id, ip=peer(request)))
    return done()


@router.post("/channels/{own_channel_id}/test")
async def try_channel(request: Request, own_channel_id: Id, who: Own) -> Response:
    """Send a test message through it."""
    return done({"delivery_id": await run(request, lambda s: channels.try_out(s, who, own_channel_id).id)})


def incident(row: Incident) -> dict[str, Any]:
    """An incident as it leaves."""
    names = (
        "id", "key", "check", "subject", "severity", "value", "bound", "detail", "seen", "told", "opened_at", "seen_at", "told_at",
        "escalated_at", "acked_at", "acked_by", "closed_at",
    )  # fmt: skip
    return {**{name: getattr(row, name) for name in names}, "open": row.slot == 1}


def _window(row: Maintenance) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "check", "subject", "reason", "starts_at", "ends_at", "admin_id", "created_at")}


def _reading(one: Reading) -> dict[str, Any]:
    return {
        "name": one.subject, "ok": one.ok, "value": one.value, "limit": one.limit, "bound": one.bound, "detail": one.detail,
        "severity": one.severity,
    }  # fmt: skip


def _figures(session: Session, days: int) -> dict[str, Any]:
    today = utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=days - 1)
    dates = [(first + timedelta(days=n)).date().isoformat() for n in range(days)]
    calls: dict[str, int] = defaultdict(int)
    errors: dict[str, int] = defaultdict(int)
    by_day = select(func.date(AuditLog.at), AuditLog.ok, func.count()).where(col(AuditLog.at) >= first)
    for day, ok, count in session.exec(by_day.group_by(func.date(AuditLog.at), col(AuditLog.ok))).all():
        calls[str(day)] += int(count)
        if not ok:
            errors[str(day)] += int(count)
    timed = col(Probe.name).like("services:%:service_ms") | col(Probe.name).like("database:%")
    of_day = select(func.date(Probe.at), func.sum(Probe.total), func.sum(Probe.count), func.max(Probe.most))
    speed = {
        str(day): (round(float(total) / float(count), 1), int(most))
        for day, total, count, most in session.exec(
            of_day.where(col(Probe.grain_s) == ROUGH_S, col(Probe.at) >= first, timed).group_by(func.date(Probe.at))
        ).all()
    }
    failed = (
        select(AuditLog.action, func.count()).where(col(AuditLog.at) >= first, col(AuditLog.ok).is_(False)).group_by(col(AuditLog.action))
        .order_by(func.count().desc()).limit(10)
    )  # fmt: skip
    total, wrong = sum(calls.values()), sum(errors.values())
    means = [mean for mean, _ in speed.values()]
    return {
        "summary": {
            "total_calls": total, "total_errors": wrong, "error_rate": round(100 * wrong / total, 2) if total else 0,
            "avg_latency_ms": round(sum(means) / len(means), 1) if means else 0,
        },
        "daily": {
            "dates": dates, "api_calls": [calls[day] for day in dates], "errors": [errors[day] for day in dates],
            "avg_latency": [speed.get(day, (0, 0))[0] for day in dates], "max_latency": [speed.get(day, (0, 0))[1] for day in dates],
        },
        "error_by_service": [{"service": name, "errors": int(count)} for name, count in session.exec(failed).all()],
    }  # fmt: skip
