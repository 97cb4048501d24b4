"""Page /admin/monitor: what answers, what runs, and whether the books are right."""

from __future__ import annotations

import reflex as rx

from pages.components.act import segmented
from pages.components.charts import small_line
from pages.components.i18n import USED, in_both, t, tx
from pages.components.icons import icon
from pages.components.lists import mini
from pages.components.live import live_signal
from pages.components.parts import empty, rel_time, section_head, skeleton, stat, stats
from pages.components.shell import shell
from pages.routes import route_of
from state.admin_monitor import MEASURES, SHOWN, SPANS, AdminMonitor

ROUTE = route_of("/admin/monitor")
ON_LOAD = [AdminMonitor.load]
USED.update({f"health.{name}" for name in ("database", "scheduler", "market", "nodes", "redis")})
USED.update(f"mon.c.{name}" for name in SHOWN)
USED.update(f"mon.m.{name}" for name in MEASURES)


def _part(one: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.span(class_name=one["dot"].to(str)),
        rx.el.b(tx(one["k"]), class_name="grow"),
        rx.el.span(in_both(one["detail"].to(str), one["zh"].to(str)), class_name=rx.cond(one["ok"], "t2", "look")),
        rx.el.span(one["latency"], class_name="num t3"),
        key=one["id"],
    )


def _measure(row: rx.Var) -> rx.Component:
    """A measurement: now, its line, the worst, its limit."""
    return rx.el.li(
        rx.el.span(class_name=row["dot"].to(str)),
        rx.el.div(
            rx.el.p(rx.el.b(tx(row["check"].to(str))), " ", in_both(row["subject"].to(str), row["subject_zh"].to(str)), class_name="cut"),
            rx.el.p(tx(row["what"].to(str)), class_name="t3 t12"),
        ),
        small_line(row["d"].to(str), t("mon.line", last=row["value"], worst=row["worst"])),
        rx.el.span(rx.cond(row["ok"], row["value"], rx.el.span(row["value"], class_name="look")), class_name="num"),
        rx.el.span(tx("mon.worst_of", worst=row["worst"], bound=row["bound"]), class_name="num t3 t12"),
        key=row["id"], custom_attrs={"data-measure": row["id"]},
    )  # fmt: skip


def _measured() -> rx.Component:
    m = AdminMonitor
    spans = segmented([(span, tx("unit.h", n=span)) for span in SPANS], m.span, m.look_back, t("mon.course"))
    rows = rx.el.ul(rx.foreach(m.measured, _measure), class_name="node-lines measures")
    none = empty("mon.unmeasured", "mon.unmeasured_why", "monitor")
    return rx.el.section(
        section_head("mon.course", spans), rx.cond(m.ready, rx.cond(m.measured.length() > 0, rows, none), skeleton(height="120px")), class_name="sec hline"
    )


def _job(job: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(job["id"])),
        rx.el.td(job["runs"], class_name="num"),
        rx.el.td(rx.cond(job["bad"], rx.el.span(job["failures"], class_name="look"), job["failures"]), class_name="num"),
        rx.el.td(job["took"], class_name="num t2"),
        rx.el.td(rel_time(job["ok_ms"].to(int)), class_name="num t2"),
        rx.el.td(rx.cond(job["bad"], rx.el.span(job["error"], class_name="look cut"), rx.fragment())),
        key=job["id"],
    )


def _lease(row: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.span(class_name=row["dot"].to(str)),
        rx.el.b(row["id"], class_name="grow"),
        rx.el.span(row["owner"], class_name="mono t2 cut"),
        rx.el.span("#", row["token"], class_name="num t3"),
        key=row["id"],
    )


def _rule(rule: rx.Var) -> rx.Component:
    sign = rx.cond(rule["ok"], rx.el.span(icon("check", "s"), class_name="g"), rx.el.span(icon("close", "s"), class_name="g"))
    words = rx.el.div(rx.el.p(in_both(rule["id"].to(str), rule["zh"].to(str))), rx.cond(rule["ok"], rx.fragment(), rx.el.p(rule["difference"])))
    return rx.el.li(sign, words, rx.el.em(tx("rule.checked", n=rule["checked"])), class_name=rx.cond(rule["ok"], "gate", "gate stop"), key=rule["id"])


def _cards() -> rx.Component:
    m = AdminMonitor
    verdict = rx.cond(m.all_ok, tx("health.ok"), rx.el.span(tx("health.degraded"), class_name="look"))
    rules = rx.cond(m.broken == 0, tx("rule.all_hold"), rx.el.span(tx("rule.broken", n=m.broken), class_name="look"))
    return stats(
        stat("health.overall", verdict, "", tx("health.parts", n=m.parts.length())),
        stat("rule.title", rules, "", rx.cond(m.checked_ms > 0, rel_time(m.checked_ms), tx("rule.checking"))),
        stat("order.SENT", m.waiting["SENT"], "", tx("health.sent_line")),
        stat("order.UNKNOWN", rx.cond(m.waiting["UNKNOWN"] == "0", rx.el.span("0"), rx.el.span(m.waiting["UNKNOWN"], class_name="look")), "", tx("health.unknown_line")),
        stat("order.PENDING", m.waiting["PENDING"], "", tx("health.pending_line")),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    m = AdminMonitor
    heads = [("job.name", ""), ("job.runs", "num"), ("job.failures", "num"), ("job.took", "num"), ("job.ok", "num"), ("job.error", "")]
    again = rx.el.button(
        rx.cond(m.checking, tx("rule.checking"), tx("rule.check")), type="button", class_name="btn sm", on_click=m.check, disabled=m.checking
    )
    wait = rx.el.div(skeleton("60%"), skeleton("80%"), skeleton("50%"), class_name="wait")
    left = rx.el.div(
        rx.el.section(section_head("health.title"), rx.cond(m.ready, rx.el.ul(rx.foreach(m.parts, _part), class_name="lines"), wait), class_name="sec"),
        _measured(),
        rx.el.section(section_head("job.title"), rx.cond(m.ready, mini(heads, rx.foreach(m.jobs, _job)), wait), class_name="sec hline"),
        rx.el.section(section_head("lease.title"), rx.cond(m.ready, rx.el.ul(rx.foreach(m.leases, _lease), class_name="lines"), wait), class_name="sec hline"),
        class_name="grow",
    )
    right = rx.el.aside(
        section_head("rule.title", again),
        rx.cond(m.rules.length() > 0, rx.el.ul(rx.foreach(m.rules, _rule), class_name="gates"), wait),
        class_name="sec vline d-side rules",
    )
    return shell(ROUTE, live_signal("platform", ["scan>at_ms", "monitor_ms"], m.refresh), _cards(), rx.el.div(left, right, class_name="d-main tall"))
