"""Page /admin/incidents: what was or is not as it should be; who has taken it; a test alert."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, in_both, t, tx
from pages.components.icons import icon
from pages.components.lists import Pick, chips, filters, list_page
from pages.components.parts import chip, facts, link_button, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.lists import Lists
from state.operator import WATCHED, Operator

ROUTE = route_of("/admin/incidents")
ON_LOAD = [Lists.enter("incidents"), Operator.load]
CHECK = Pick("check", "mon.check", tuple((name, f"mon.c.{name}") for name in WATCHED))
SEVERITY = Pick("severity", "mon.severity", (("critical", "mon.s.critical"), ("warning", "mon.s.warning")))
USED.update({"mon.open", "mon.over"})


def _state(row: rx.Var) -> rx.Component:
    taken = rx.cond(row["taken_by"] != "", rx.el.span(row["taken_by"], class_name="t3"), rx.fragment())
    return rx.cond(row["open"], rx.el.span(chip(tx(row["state"]), kind="look"), " ", taken), rx.el.span(tx(row["state"]), class_name="t3"))


def _columns() -> list[Column]:
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("word", "mon.check", phone="lead", show=lambda r: rx.el.span(rx.el.b(tx(r["word"])), " ", in_both(r["subject"], r["subject_zh"]))),
        Column("severity", "mon.severity", phone="sub", show=lambda r: rx.cond(r["bad"], rx.el.span(tx(r["severity"]), class_name="look"), tx(r["severity"]))),
        Column("measure", "mon.measure", phone="sub", show=lambda r: rx.el.span(in_both(r["measure"], r["measure_zh"]), class_name="cut wide")),
        Column("seen", "mon.seen", "num", quiet=True, roomy=True),
        Column("told", "mon.told", "num", quiet=True, sort=True),
        Column("ended_ms", "mon.ended", "num", quiet=True, show=lambda r: rx.cond(r["ended_ms"].to(int) > 0, rel_time(r["ended_ms"].to(int)), rx.el.span("–", class_name="t3"))),
        Column("state", "order.status", phone="tail", show=_state),
    ]  # fmt: skip


def _drawer() -> rx.Component:
    d = Lists.detail
    when = lambda ms: rx.cond(ms.to(int) > 0, rel_time(ms.to(int), "date"), rx.el.span("–", class_name="t3"))
    take = rx.el.button(tx("mon.take"), type="button", class_name="btn pri", on_click=Operator.take)
    return drawer(
        drawer_section(
            facts(
                ("mon.measure", in_both(d["measure"], d["measure_zh"])), ("mon.seen", d["seen"]), ("mon.told", d["told"]),
                ("mon.told_at", when(d["told_ms"])), ("mon.ended", when(d["ended_ms"])),
                ("mon.escalated", rx.cond(d["escalated"], tx("mon.yes"), tx("mon.no"))), ("mon.taken_by", d["taken_by"]),
            ),
            rx.cond(d["detail"] != "", rx.el.p(in_both(d["detail"], d["detail_zh"]), class_name="t2"), rx.fragment()),
        ),
        state=Lists,
        head=rx.fragment(rx.el.h2(tx(d["word"].to(str)), " ", in_both(d["subject"], d["subject_zh"])), rx.el.p(rel_time(d["at_ms"].to(int), "date"), " · ", tx(d["severity"].to(str)), class_name="t2")),
        foot=[link_button("nav.monitor", "/admin/monitor"), rx.el.span(class_name="sp"), rx.cond(d["open"].to(bool) & (d["taken_by"] == ""), take, rx.fragment())],
        label=t("nav.incidents"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    states = [("", "order.all", n[""]), ("open", "mon.open", n["open"]), ("over", "mon.over", n["over"])]
    right = rx.el.span(
        rx.el.button(icon("bell", "s"), tx("mon.try"), type="button", class_name="btn sm", on_click=Operator.try_alert),
        link_button("nav.windows", "/admin/windows", "sm"), class_name="row",
    )  # fmt: skip
    bar = filters(lead=chips("state", states), picks=(CHECK, SEVERITY), dated=True, find="filter.incident", right=right)
    return list_page(ROUTE, "incidents", _columns(), bar=bar, none=("mon.none", "mon.none_why", "check"), drawer=_drawer(), live=("monitor_ms",))
