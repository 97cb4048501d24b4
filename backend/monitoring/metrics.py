"""Prometheus metrics of this process. Names start with ``ironbull_``; labels never hold ids of people or objects."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

registry = CollectorRegistry()

requests_total = Counter(
    "ironbull_http_requests", "HTTP requests by route and status", ["method", "route", "status"], registry=registry
)
request_seconds = Histogram(
    "ironbull_http_request_seconds",
    "Time to answer, by route",
    ["method", "route"],
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
live_connections = Gauge("ironbull_live_connections", "Open /live websockets in this process", registry=registry)
invariant_ok = Gauge("ironbull_invariant_ok", "1 when the invariant held at its last run", ["name"], registry=registry)
invariant_checked = Gauge("ironbull_invariant_checked", "Objects the invariant looked at", ["name"], registry=registry)
orders_by_status = Gauge("ironbull_orders", "Orders by status", ["status"], registry=registry)
open_positions = Gauge("ironbull_open_positions", "Open positions", registry=registry)
bots_running = Gauge("ironbull_bots_running", "Bots observed running", registry=registry)
nodes_online = Gauge("ironbull_nodes_online", "Enabled nodes with a fresh heartbeat", registry=registry)
monitor_ok = Gauge("ironbull_monitor_ok", "1 when the check found nothing wrong", ["check", "subject", "limit"], registry=registry)
monitor_value = Gauge(
    "ironbull_monitor_value", "What the check measured, in the unit its limit is named with", ["check", "subject", "limit"], registry=registry
)
incidents_open = Gauge("ironbull_incidents_open", "Open incidents by severity", ["severity"], registry=registry)
queue_jobs = Gauge("ironbull_queue_jobs", "Jobs of the queue by kind and state", ["kind", "state"], registry=registry)
bots_by_state = Gauge("ironbull_bots", "Bots by observed state", ["state"], registry=registry)
sessions_open = Gauge("ironbull_sessions_open", "Sign-ins that still count, by kind of person", ["kind"], registry=registry)
job_age_seconds = Gauge("ironbull_job_age_seconds", "Seconds since the job last succeeded", ["job"], registry=registry)
job_failures = Gauge(
    "ironbull_job_failures", "Failed runs of the job since its record began", ["job"], registry=registry
)

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered HTTP request. ``route`` is the route's pattern, not the path asked for."""
    method = method if method in _METHODS else "other"
    requests_total.labels(method, route, str(status)).inc()
    request_seconds.labels(method, route).observe(seconds)


def render() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(registry)
