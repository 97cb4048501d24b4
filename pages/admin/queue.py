"""Page /admin/queue: what waits, what runs, what was given up; the workers and who schedules."""

from __future__ import annotations

import reflex as rx

from pages.components.act import hold_button
from pages.components.i18n import USED, in_both, t, tx
from pages.components.lists import Pick, chips, cut, filters, list_page, mini
from pages.components.live import live_signal
from pages.components.parts import chip, facts, note, rel_time, section_head, stat, stats
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.admin_queue import AdminQueue
from state.lists import Lists

ROUTE = route_of("/admin/queue")
ON_LOAD = [Lists.enter("jobs"), AdminQueue.load]
KINDS = ("dispatch", "settle", "positions", "timetable", "notices", "webhooks", "export", "backtest")
STATES = ("WAITING", "RUNNING", "DEAD", "DONE", "EXPIRED")
LANES = ("urgent", "normal")
KIND = Pick("kind", "queue.kind", tuple((name, f"queue.kind.{name}") for name in KINDS))
LANE = Pick("lane", "queue.lane", tuple((name, f"queue.lane.{name}") for name in LANES))
ANY = {"overflowWrap": "anywhere"}
USED.update(f"queue.is.{name}" for name in STATES)


def _stats() -> rx.Component:
    q = AdminQueue
    dead = rx.cond(q.dead == "0", rx.el.span("0"), rx.el.span(q.dead, class_name="look"))
    lead = rx.cond(
        q.lead.contains("owner"), rx.el.span(q.lead["owner"], class_name="mono"), rx.el.span(tx("queue.nobody"), class_name="look")
    )
    mode = rx.cond(q.queued, tx("queue.shared"), tx("queue.direct"))
    return stats(
        stat("queue.is.WAITING", q.waiting, "", tx("queue.oldest", age=q.oldest)),
        stat("queue.is.RUNNING", q.running, "", mode),
        stat("queue.is.DEAD", dead, "", tx("queue.dead_line")),
        stat("queue.workers", q.workers.length(), "", tx("queue.workers_line")),
        stat("queue.leads", lead, "", rx.cond(q.lead.contains("token"), tx("queue.token", n=q.lead["token"]), tx("queue.soon"))),
    )


def _worker(one: rx.Var) -> rx.Component:
    marks = rx.el.span(
        rx.cond(one["leads"], chip(tx("queue.leads"), kind="on"), rx.fragment()),
        rx.cond(one["wakes"], rx.fragment(), chip(tx("queue.asks"), kind="look")),
        class_name="row",
    )
    return rx.el.tr(
        rx.el.td(rx.el.b(one["id"], class_name="mono")), rx.el.td(one["where"], class_name="t2"), rx.el.td(marks),
        rx.el.td(one["running"], class_name="num"), rx.el.td(one["done"], class_name="num"),
        rx.el.td(rel_time(one["since_ms"].to(int)), class_name="num t2"), rx.el.td(rel_time(one["beat_ms"].to(int)), class_name="num t2"),
        key=one["id"],
    )  # fmt: skip


def _line(one: rx.Var) -> rx.Component:
    dead = rx.cond(one["dead"] == "0", rx.el.span("0"), rx.el.span(one["dead"], class_name="look"))
    return rx.el.tr(
        rx.el.td(rx.el.b(tx(one["kind"]))), rx.el.td(tx(one["lane"]), class_name="t2"), rx.el.td(one["waiting"], class_name="num"),
        rx.el.td(one["running"], class_name="num"), rx.el.td(dead, class_name="num"), rx.el.td(one["oldest"], class_name="num t2"),
        key=one["id"],
    )  # fmt: skip


def _above() -> rx.Component:
    q = AdminQueue
    kinds = [("queue.kind", ""), ("queue.lane", ""), ("queue.is.WAITING", "num"), ("queue.is.RUNNING", "num"),
             ("queue.is.DEAD", "num"), ("queue.age", "num")]  # fmt: skip
    heads = [("queue.worker", ""), ("queue.where", ""), ("", ""), ("queue.is.RUNNING", "num"), ("queue.is.DONE", "num"),
             ("queue.since", "num"), ("queue.beat", "num")]  # fmt: skip
    look = rx.el.button(tx("queue.look"), type="button", class_name="btn sm", on_click=q.again)
    none = rx.el.p(tx("queue.calm"), class_name="t3")
    alone = rx.el.p(tx("queue.no_worker"), class_name="t3")
    return rx.el.div(
        rx.el.section(
            section_head("queue.kinds", look),
            rx.cond(q.lines.length() > 0, mini(kinds, rx.foreach(q.lines, _line), "queue.kinds"), none),
            class_name="sec grow",
        ),
        rx.el.section(
            section_head("queue.workers"),
            rx.cond(q.workers.length() > 0, mini(heads, rx.foreach(q.workers, _worker), "queue.workers"), alone),
            class_name="sec grow vline",
        ),
        class_name="d-main",
    )


def _columns() -> list[Column]:
    state = lambda r: rx.el.span(rx.el.span(class_name=r["dot"].to(str)), tx(r["state"]), class_name=rx.cond(r["look"], "row look", "row"))
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("id", "queue.job", "num", roomy=True, quiet=True),
        Column("kind", "queue.kind", phone="lead", show=lambda r: rx.el.b(tx(r["kind"]))),
        Column("lane", "queue.lane", quiet=True, phone="sub", show=lambda r: tx(r["lane"])),
        Column("state", "queue.state", phone="tail", show=state),
        Column("attempts", "queue.tries", "num", sort=True),
        Column("took", "queue.took", "num", quiet=True),
        Column("owner", "queue.worker", "mono", quiet=True, roomy=True),
        Column("error", "queue.error", phone="sub", show=lambda r: cut(in_both(r["error"], r["error_zh"]), wide=True, title=r["error"])),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    why = rx.cond(d["error"] != "", drawer_section(note(tx("queue.error"), in_both(d["error"].to(str), d["error_zh"].to(str)))), rx.fragment())
    result = rx.cond(
        d["result"] != "", drawer_section(rx.el.p(d["result"], class_name="mono t12", style=ANY), title="queue.result"), rx.fragment()
    )
    act = rx.cond(
        d["dead"],
        rx.el.span(
            hold_button(tx("queue.drop"), AdminQueue.drop(Lists.open_id)),
            rx.el.button(tx("queue.replay"), type="button", class_name="btn pri", on_click=AdminQueue.replay(Lists.open_id)),
            class_name="row",
        ),
        rx.fragment(),
    )
    return drawer(
        why,
        drawer_section(
            facts(
                ("queue.state", tx(d["state"].to(str))),
                ("queue.lane", tx(d["lane"].to(str))),
                ("queue.tries", d["attempts"]),
                ("queue.fence", d["token"]),
                ("queue.worker", d["owner"]),
                ("queue.took", d["took"]),
                ("order.time", rel_time(d["at_ms"].to(int))),
            )
        ),
        drawer_section(rx.el.p(d["payload"], class_name="mono t12", style=ANY), title="queue.payload"),
        result,
        state=Lists,
        head=rx.el.h2(tx(d["kind"].to(str)), " #", Lists.open_id),
        foot=[rx.el.span(class_name="sp"), act],
        label=t("queue.job"),
    )


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    states = [("", "order.all", n[""]), *((name, f"queue.is.{name}", n[name]) for name in STATES)]
    bar = filters(lead=chips("state", states), picks=(KIND, LANE), dated=True, find="filter.job")
    return list_page(
        ROUTE, "jobs", _columns(), _stats(), live_signal("platform", ["queue_ms"], AdminQueue.load), _above(), bar=bar,
        none=("queue.none", "queue.none_why", "layers"), drawer=_drawer(), live=("queue_ms",),
    )  # fmt: skip
