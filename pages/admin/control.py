"""Page /admin/control: what scans, jobs that can be run at once, positions with their levels, symbols that rest."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, tx
from pages.components.lists import mini
from pages.components.live import live_signal
from pages.components.parts import chip, link_button, num, rel_time, section_head, side_tag
from pages.components.shell import shell
from pages.routes import route_of
from state.control import JOBS
from state.control import Control as C

ROUTE = route_of("/admin/control")
ON_LOAD = [C.load]
USED.update(f"ctl.j.{name}" for name in JOBS)


def _when(ms: rx.Var) -> rx.Component:
    return rx.cond(ms.to(int) > 0, rel_time(ms.to(int)), rx.el.span("–", class_name="t3"))


def _strategy(row: rx.Var) -> rx.Component:
    button = rx.el.button(
        rx.cond(row["on"], tx("ctl.stop"), tx("ctl.start")), type="button", class_name="btn sm", on_click=C.switch(row["id"], ~row["on"].to(bool))
    )
    return rx.el.tr(
        rx.el.td(rx.el.b(row["code"])), rx.el.td(row["timeframe"], class_name="t2"), rx.el.td(row["scans"], class_name="num"),
        rx.el.td(row["signals"], class_name="num"), rx.el.td(_when(row["last_ms"]), class_name="num"),
        rx.el.td(rx.cond(row["on"], tx("ctl.runs"), chip(tx("ctl.rests"), kind="look"))), rx.el.td(button, class_name="num"), key=row["id"],
    )  # fmt: skip


def _job(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(tx(row["word"])), " ", rx.el.span(row["id"], class_name="mono t3 only-l")), rx.el.td(_when(row["ok_ms"]), class_name="num"),
        rx.el.td(row["took"], class_name="num t2"), rx.el.td(rx.cond(row["bad"], rx.el.span(row["failures"], class_name="look"), row["failures"]), class_name="num"),
        rx.el.td(rx.el.button(tx("ctl.run"), type="button", class_name="btn sm", on_click=C.run_now(row["id"])), class_name="num"), key=row["id"],
    )  # fmt: skip


def _held(row: rx.Var) -> rx.Component:
    stop = rx.cond(row["rests"], row["stop"], rx.el.span(row["stop"], class_name="look"))
    return rx.el.tr(
        rx.el.td(rx.el.b(row["symbol"])), rx.el.td(side_tag(row["side"])), rx.el.td(row["user"]), rx.el.td(row["account"], class_name="t3"),
        rx.el.td(row["quantity"], class_name="num"), rx.el.td(row["entry"], class_name="num"), rx.el.td(row["mark"], class_name="num"),
        rx.el.td(stop, class_name="num"), rx.el.td(row["away"], class_name="num t2"), rx.el.td(row["target"], class_name="num"),
        rx.el.td(num(row["pnl"].to(str)), class_name="num"), key=row["id"],
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    strategies = [("pos.strategy", ""), ("scan.timeframe", ""), ("ctl.scans", "num"), ("scan.signals", "num"), ("ctl.last", "num"), ("order.status", ""), ("", "num")]
    jobs = [("job.name", ""), ("job.ok", "num"), ("job.took", "num"), ("job.failures", "num"), ("", "num")]
    held = [("col.symbol", ""), ("desk.side", ""), ("col.user", ""), ("desk.account", ""), ("desk.quantity", "num"), ("desk.entry", "num"), ("desk.mark", "num"),
            ("desk.stop", "num"), ("ctl.away", "num"), ("desk.target", "num"), ("desk.pnl", "num")]  # fmt: skip
    rests = [("col.symbol", ""), ("ctl.accounts", "num"), ("ctl.until", "num")]
    rest = lambda r: rx.el.tr(rx.el.td(rx.el.b(r["id"])), rx.el.td(r["n"], class_name="num"), rx.el.td(rel_time(r["until_ms"].to(int), "date"), class_name="num"), key=r["id"])
    none = lambda key: rx.el.p(tx(key), class_name="t3")
    return shell(
        ROUTE,
        live_signal("platform", ["scan>at_ms", "orders", "monitor_ms"], C.refresh),
        rx.el.section(
            section_head("ctl.signals", link_button("nav.signals", "/admin/signals", "sm")), mini(strategies, rx.foreach(C.strategies, _strategy), "ctl.signals"),
            class_name="sec",
        ),
        rx.el.section(section_head("ctl.sync"), mini(jobs, rx.foreach(C.jobs, _job), "ctl.sync"), rx.el.p(tx("ctl.sync_why"), class_name="t3 t12"), class_name="sec hline"),
        rx.el.section(
            section_head("ctl.watched"), rx.cond(C.held.length() > 0, mini(held, rx.foreach(C.held, _held), "ctl.watched"), none("ctl.none_watched")),
            class_name="sec hline",
        ),
        rx.el.section(
            section_head("ctl.cooldowns"), rx.cond(C.rests.length() > 0, mini(rests, rx.foreach(C.rests, rest), "ctl.cooldowns"), none("ctl.none_rests")),
            class_name="sec hline",
        ),
    )  # fmt: skip
