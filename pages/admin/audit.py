"""Page /admin/audit: who did what to which object, with what result."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, cut, filters, list_page, mini
from pages.components.parts import facts, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/audit")
ON_LOAD = [Lists.enter("audit")]
ACTOR = Pick("actor", "audit.actor", tuple((kind, f"actor.{kind}") for kind in ("admin", "tenant", "agent", "system")))
RESULT = Pick("result", "audit.result", (("ok", "audit.ok"), ("failed", "audit.failed")))
USED.update(f"actor.{kind}" for kind in ("admin", "tenant", "agent", "system"))


def _result(row: rx.Var) -> rx.Component:
    return rx.cond(row["ok"], rx.el.span(tx("audit.ok"), class_name="t2"), rx.el.span(tx("audit.failed"), class_name="look"))


def _columns() -> list[Column]:
    who = lambda r: rx.el.span(rx.el.b(r["actor"]), rx.el.span(" ", tx(r["actor_kind"]), class_name="t3"))
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("actor", "audit.actor", phone="sub", show=who),
        Column("action", "audit.action", phone="lead", sort=True, show=lambda r: rx.el.span(r["action"], class_name="mono")),
        Column("target", "audit.target", phone="sub", quiet=True, show=lambda r: rx.el.span(r["target"], class_name="mono")),
        Column("said", "audit.detail", quiet=True, roomy=True, show=lambda r: cut(r["said"])),
        Column("ip", "audit.ip", quiet=True, roomy=True),
        Column("ok", "audit.result", phone="tail", show=_result),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    pairs = d["pairs"].to(list[dict])
    changed = d["changed"].to(list[dict])
    turn = lambda c: rx.el.tr(
        rx.el.td(c["k"]), rx.el.td(rx.el.del_(c["before"]), class_name="mono t3"), rx.el.td(rx.el.ins(c["after"]), class_name="mono"), key=c["k"].to(str)
    )
    diff = mini([("audit.field", ""), ("audit.before", ""), ("audit.after", "")], rx.foreach(changed, turn), "audit.changed")
    line = lambda p: rx.fragment(rx.el.dt(p["k"]), rx.el.dd(p["v"], class_name="mono"))
    return drawer(
        drawer_section(
            facts(
                ("audit.actor", rx.el.span(d["actor"], " ", rx.el.span(tx(d["actor_kind"].to(str)), class_name="t3"))),
                ("audit.target", rx.el.span(d["target"], class_name="mono")),
                ("order.tenant", d["tenant"]),
                ("audit.ip", d["ip"]),
            )
        ),
        rx.cond(changed.length() > 0, drawer_section(diff, title="audit.changed"), rx.fragment()),
        drawer_section(
            rx.cond(pairs.length() > 0, rx.el.dl(rx.foreach(pairs, line), class_name="kv ids"), rx.el.p(tx("audit.no_detail"), class_name="t3")),
            title="audit.detail",
        ),
        state=Lists,
        head=rx.fragment(rx.el.h2(d["action"]), rx.el.p(rel_time(d["at_ms"].to(int), "date"), " · ", _result(d), class_name="t2")),
        label=t("nav.audit"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    bar = filters(picks=(ACTOR, RESULT), dated=True, tenant=True, find="filter.audit")
    return list_page(ROUTE, "audit", _columns(), bar=bar, none=("audit.none", "audit.none_why", "history"), drawer=_drawer())
