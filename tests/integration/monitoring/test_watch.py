"""The monitor on a real database: incidents, messages through an admin's channel, windows, the daemon, its doors."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import func
from sqlmodel import col, select

from backend.clock import utcnow
from backend.dashboards import monitor
from backend.dashboards.lists.base import find_of
from backend.dashboards.lists.operator import BROADCASTS, INCIDENTS, INSTANCES, RANKING, WINDOWS
from backend.identity.principal import Principal
from backend.models import Admin, AuditLog, Incident, NoticeDelivery, Notification, Order, Probe
from backend.monitoring import daemon, probes, watch
from backend.monitoring.watch_rules import LIMITS, Policy, Reading
from backend.notifications import channels
from backend.notifications.sender import NoticeSender
from tests.support.doors import World, make_world

POLICY = Policy()
BAD = Reading("queues", "orders waiting", False, 90, "orders_waiting_s", 60, severity="critical")
GOOD = Reading("queues", "orders waiting", True, 0, "orders_waiting_s", 60)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.sign_in()
    return made


def boss(world: World) -> Principal:
    with world.db.reading() as session:
        row = session.exec(select(Admin)).one()
        return Principal("admin", row.id or 0, None, row.username, row.username, row.role, 0)


def titles(world: World) -> list[tuple[str, str]]:
    with world.db.reading() as session:
        rows = session.exec(select(Notification).where(Notification.audience == "platform").order_by(col(Notification.id))).all()
        return [(row.type, row.title) for row in rows]


def feed(world: World, *rounds: tuple[float, Reading]) -> None:
    for minutes, reading in rounds:
        with world.db.transaction() as session:
            watch.settle(session, [reading], POLICY, utcnow() + timedelta(minutes=minutes))


def test_an_incident_is_told_escalated_and_recovered_and_stands_in_the_history(world: World) -> None:
    feed(world, (0, BAD), (1, BAD), (2, BAD), (32, BAD), (33, GOOD), (34, GOOD))
    assert titles(world) == [
        ("alert", "Monitor: queue orders waiting"), ("escalation", "Nobody has taken it: queue orders waiting"),
        ("alert", "Monitor, recovered: queue orders waiting"),
    ]  # fmt: skip
    with world.db.reading() as session:
        row = session.exec(select(Incident)).one()
        assert (row.slot, row.seen, row.told, row.value, row.bound) == (None, 4, 2, 90, 60)
        assert row.closed_at is not None and row.escalated_at is not None
        assert session.exec(select(func.sum(Probe.count)).where(Probe.grain_s == probes.FINE_S)).one() == 6


def test_the_course_of_a_measurement_is_drawn_by_its_worst(world: World) -> None:
    now = utcnow().replace(minute=30, second=0, microsecond=0) - timedelta(hours=1)
    seen = [("database", "database_ms", at, value) for at, value in ((-22 * 60, 400), (0, 5), (0.2, 90), (4, 7), (25, 30))]
    seen += [("disk", "disk_free_mb", 0, 900), ("disk", "disk_free_mb", 0.1, 700), ("jobs", "job_silent_s", 0, 1)]
    with world.db.transaction() as session:
        for check, limit, minutes, value in seen:
            reading = Reading(check, "", value != 700, value, limit, LIMITS[limit])
            probes.note(session, [reading], now + timedelta(minutes=minutes))
    with world.db.reading() as session:
        fine, rough = monitor.measurements(session, LIMITS, 2), monitor.measurements(session, LIMITS, 24)
    assert [(row["check"], row["value"], row["worst"], row["bound"], row["ok"]) for row in fine] == [
        ("database", 30, 90, 500, True), ("disk", 700, 700, 500, False),
    ]  # fmt: skip
    assert [value for _, value in fine[0]["points"]] == [90, 7, 30], "a minute each"
    assert [value for _, value in rough[0]["points"]] == [400, 90, 30], "ten minutes each"
    assert rough[0]["worst"] == 400


def test_a_day_of_measurements_is_a_few_thousand_rows_and_the_day_s_figures_are_exact(world: World) -> None:
    """Every quarter minute for two hours, then every five minutes: 30 measurements, as a platform of some size has."""
    ended = utcnow()
    names = [f"queue {n}" for n in range(30)]
    times = [timedelta(seconds=15 * n) for n in range(2 * 240)] + [timedelta(hours=2, minutes=5 * n) for n in range(21 * 12)]
    values: list[tuple[datetime, int]] = []
    with world.db.transaction() as session:
        for number, ago in enumerate(reversed(times)):
            values.append((ended - ago, number % 97))
            # One check in every round, all thirty in the last minutes: what is read depends on spans, not on rounds.
            of = names if ago < timedelta(minutes=20) else names[:1]
            probes.note(session, [Reading("database", name, True, number % 97, "database_ms", 500) for name in of], ended - ago)
    with world.db.reading() as session:
        kept = session.exec(select(Probe.grain_s, func.count()).where(Probe.name == "database:queue 0:database_ms").group_by(col(Probe.grain_s))).all()
        plan = " ".join(
            str(row)
            for row in session.connection().exec_driver_sql(
                "EXPLAIN QUERY PLAN SELECT name FROM monitor_probe WHERE grain_s = 600 AND at >= '2026-01-01' ORDER BY at"
            )
        )
        course = next(row for row in monitor.measurements(session, LIMITS, 24) if row["subject"] == "queue 0")
    of_grain = dict(kept)
    assert of_grain[probes.FINE_S] <= 3 * 60 + 1 and of_grain[probes.ROUGH_S] <= 24 * 6 + 1
    assert "USING" in plan and "INDEX" in plan and "TEMP B-TREE" not in plan
    expected: dict[datetime, int] = {}
    for at, value in values:
        start = probes.start_of(at, probes.ROUGH_S)
        expected[start] = max(value, expected.get(start, 0))
    assert [value for _, value in course["points"]] == [expected[start] for start in sorted(expected)]
    assert course["value"] == values[-1][1]
    with world.db.reading() as session:
        rows = session.exec(select(Probe).where(Probe.grain_s == probes.ROUGH_S, Probe.name == "database:queue 0:database_ms")).all()
    assert sum(row.count for row in rows) == len(values) and sum(row.total for row in rows) == sum(value for _, value in values)


def test_a_single_bad_reading_leaves_nothing(world: World) -> None:
    feed(world, (0, BAD), (1, GOOD))
    with world.db.reading() as session:
        assert session.exec(select(Incident)).all() == []
    assert titles(world) == []


def test_windows_and_taking(world: World) -> None:
    who = boss(world)
    with world.db.transaction() as session:
        window = watch.add_window(session, who, check="queues", subject="", minutes=60, reason="the exchange is down")
        number = window.id or 0
    feed(world, (0, BAD), (1, BAD), (2, BAD))
    assert titles(world) == []
    with world.db.transaction() as session:
        watch.end_window(session, who, number)
    feed(world, (3, BAD))
    assert [kind for kind, _ in titles(world)] == ["alert"]
    with world.db.transaction() as session:
        row = session.exec(select(Incident)).one()
        watch.take(session, who, row.id or 0)
    feed(world, (40, BAD), (80, BAD))
    assert len(titles(world)) == 1
    with world.db.reading() as session:
        actions = [row.action for row in session.exec(select(AuditLog).where(col(AuditLog.action).like("monitor.%")).order_by(col(AuditLog.id)))]
    assert actions == ["monitor.window", "monitor.window_end", "monitor.take"]


async def test_alerts_go_through_an_admins_own_channels(world: World) -> None:
    who, bodies = boss(world), []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as receiver:
        with world.db.transaction() as session:
            channels.add(session, who, "webhook", {"url": str(receiver.make_url("/hook"))}, types=["system"], allow_private=True)
            watch.fire_test(session, who)
        sender = NoticeSender(world.db, world.settings, allow_private=True)
        await sender.run()
        await sender.settle()
        assert bodies == [], "the channel asked for other types"
        feed(world, (0, BAD), (1, BAD), (32, BAD))
        await sender.run()
        await sender.settle()
        await sender.close()
    assert [body["subject"] for body in bodies] == ["Nobody has taken it: queue orders waiting"]
    with world.db.reading() as session:
        assert [row.status for row in session.exec(select(NoticeDelivery)).all()] == ["SENT"]
        other = Principal("admin", who.id + 1, None, "other", "other", "owner", 0)
        assert channels.channels(session, other) == [] and len(channels.channels(session, who)) == 1


async def test_the_daemon_sees_what_is_wrong(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with world.db.transaction() as session:
        order = session.exec(select(Order).where(Order.order_id == world.a.order_id)).one()
        order.status, order.created_at = "PENDING", utcnow() - timedelta(minutes=10)
        session.add(order)
    stop = asyncio.Event()
    dead = world.settings.model_copy(update={"monitor_services": "web=http://127.0.0.1:1/api/health", "monitor_confirm": 1})
    assert not await daemon.rounds(world.db, dead, ["web", "queues", "database"], stop, every_s=0.01, count=2)
    with world.db.reading() as session:
        found = {(row.check, row.subject) for row in session.exec(select(Incident)).all()}
    assert found == {("services", "web"), ("queues", "orders waiting")}
    assert await daemon.rounds(world.db, world.settings, ["database", "disk"], stop, every_s=0.01, count=1)
    with pytest.raises(daemon.UnknownService):
        daemon.chosen(["weather"], world.settings)


async def test_the_doors(world: World) -> None:
    feed(world, (0, BAD), (1, BAD))
    async with world.client("admin") as client:
        now = (await client.get("/api/monitor/status")).json()["data"]
        assert now["overall"] == "degraded" and now["db"]["ok"] and now["services"][0] == {
            "name": "web", "ok": False, "value": now["services"][0]["value"], "limit": "", "bound": 0, "detail": "does not answer", "severity": "critical",
        }  # fmt: skip
        figures = (await client.get("/api/monitor/metrics", params={"days": 3})).json()["data"]
        assert set(figures) == {"summary", "daily", "error_by_service"} and len(figures["daily"]["dates"]) == 3
        assert set(figures["summary"]) == {"total_calls", "total_errors", "error_rate", "avg_latency_ms"}
        listed = (await client.get("/api/monitor/incidents", params={"open": True})).json()
        assert listed["total"] == 1 and listed["data"][0]["open"]
        number = listed["data"][0]["id"]
        assert (await client.post(f"/api/monitor/incidents/{number}/take")).json()["data"]["acked_at"]
        made = await client.post("/api/monitor/windows", json={"minutes": 5, "reason": "a new disk"})
        assert made.json()["data"]["check"] == ""
        assert (await client.get("/api/monitor/windows")).json()["total"] == 1
        assert (await client.post(f"/api/monitor/windows/{made.json()['data']['id']}/end")).status_code == 200
        assert (await client.post(f"/api/monitor/windows/{made.json()['data']['id']}/end")).status_code == 409
        assert (await client.post("/api/monitor/windows", json={"minutes": 5, "reason": "x", "check": "weather"})).status_code == 400
        assert (await client.post("/api/monitor/test")).json()["data"]["notification_id"]
        wanted = {"kind": "email", "target": {"to": "night@desk.example"}, "types": ["alert"]}
        made = (await client.post("/api/monitor/channels", json=wanted)).json()["data"]
        assert (await client.post(f"/api/monitor/channels/{made['id']}/test")).status_code == 200
        assert len((await client.get("/api/monitor/channels")).json()["data"]) == 1
        assert (await client.post("/api/monitor/channels", json={**wanted, "types": ["trade_open"]})).status_code == 400
        assert (await client.delete(f"/api/monitor/channels/{made['id']}")).status_code == 200
        text = (await client.get("/metrics")).text
        assert 'ironbull_incidents_open{severity="critical"} 1.0' in text


def test_the_lists_count_open_and_over(world: World) -> None:
    who = boss(world)
    feed(world, (0, BAD), (1, BAD))
    find = find_of(INCIDENTS, {"state": "open"})
    with world.db.reading() as session:
        assert INCIDENTS.totals is not None
        assert INCIDENTS.totals(session, who, find) == {"": 1, "open": 1, "over": 0}
        (row,) = INCIDENTS.fetch(session, who, find).rows
        assert (row["check"], row["subject"], row["value"], row["open"]) == ("queues", "orders waiting", 90, True)
        for listed in (WINDOWS, BROADCASTS, INSTANCES, RANKING):
            listed.fetch(session, who, find_of(listed, {}))
