"""Limits before every entry: a form of one's own, and what holds with whose it is."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import field
from pages.components.charts import bars
from pages.components.i18n import USED, t, tx
from pages.components.parts import note, section_head, skeleton
from pages.components.shell import shell
from pages.routes import Route
from state.limits import NAMES, Limits

UNITS = {"losses_in_a_row": "", "daily_trades": "", "weekly_trades": "", "max_positions": "", "max_leverage": "×", "equity_stop_pct": "%"}
SPANS = {"loss_pause_minutes": "unit.minutes", "trade_pause_s": "unit.seconds"}
USED.update(f"limit.name.{name}" for name in NAMES)
USED.update(f"limit.why.{name}" for name in NAMES)
USED.update(f"limits.of.{source}" for source in ("platform", "tenant", "agent"))


def _box(name: str) -> rx.Component:
    symbols = name.startswith("symbols")
    box = rx.el.input(
        name=name, default_value=Limits.own[name], max_length=4000 if symbols else 24, auto_complete="off",
        input_mode="text" if symbols else "decimal", placeholder=t("limits.off"), class_name="inp sm" if symbols else "inp sm num",
    )  # fmt: skip
    return field(f"limit.name.{name}", box, right=rx.el.span(tx(SPANS[name]) if name in SPANS else "" if symbols else UNITS.get(name, "USDT")))


def _form() -> rx.Component:
    return rx.el.form(
        rx.el.div(*[_box(name) for name in NAMES if not name.startswith("symbols")], class_name="limits"),
        *[_box(name) for name in NAMES if name.startswith("symbols")],
        rx.el.span(tx("limits.hint"), class_name="hint"),
        rx.el.button(tx("limits.save"), type="submit", class_name="btn pri gap-top"),
        on_submit=Limits.save,
        key=Limits.version,
    )


def _held(none: Any) -> rx.Component:
    row = lambda one: rx.fragment(
        rx.el.dt(tx(one["name"].to(str))), rx.el.dd(one["value"], " ", rx.el.span(tx(one["source"].to(str)), class_name="t3"), class_name="cut wide")
    )
    return rx.cond(Limits.rows.length() > 0, rx.el.dl(rx.foreach(Limits.rows, row), class_name="kv"), rx.el.p(tx(none), class_name="t3"))


def _refused() -> rx.Component:
    """What limits refused lately, by day and by limit."""
    row = lambda one: rx.fragment(rx.el.dt(tx(one["name"].to(str))), rx.el.dd(one["n"], class_name="num"))
    some = rx.fragment(bars(Limits.refused_days), rx.el.dl(rx.foreach(Limits.refused, row), class_name="kv gap-top"))
    return rx.el.div(
        section_head("limits.refused", meta=tx("limits.refused_n", n=Limits.refused_total)),
        rx.cond(Limits.refused.length() > 0, some, rx.el.p(tx("limits.refused_none"), class_name="t3")),
        class_name="gap-top",
    )


def limits_page(route: Route) -> rx.Component:
    """The page."""
    choose: Any = rx.fragment()
    none: Any = "limits.nothing"
    if route.kind == "admin":
        none = rx.cond(Limits.tenant == "", "limits.everywhere", "limits.nothing")
        USED.update({"limits.everywhere", "limits.nothing"})
        choose = rx.el.select(
            rx.el.option(t("limits.platform"), value=""),
            rx.foreach(Limits.tenants, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"])),
            value=Limits.tenant, on_change=Limits.choose, class_name="inp sm pick", aria_label=t("filter.tenant"),
        )  # fmt: skip
    lead = rx.el.div(rx.el.div(choose, class_name="picks") if route.kind == "admin" else rx.fragment(), note(tx("limits.lead"), tx("limits.lead_why"), calm=True), class_name="sec col gap3")
    body = rx.el.div(
        rx.el.section(section_head("limits.own"), _form(), class_name="sec"),
        rx.el.section(section_head("limits.held"), _held(none), _refused() if route.kind == "admin" else rx.fragment(), class_name="sec"),
        class_name="two-up",
    )
    return shell(route, lead, rx.cond(Limits.ready, body, rx.el.div(skeleton("40%"), skeleton(height="120px"), class_name="wait")))
