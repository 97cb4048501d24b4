"""Page /tenant/quota: what the plan allows, what is used of it, calls by day."""

from __future__ import annotations

import reflex as rx

from pages.components.act import segmented
from pages.components.charts import bars
from pages.components.i18n import USED, t, tx
from pages.components.parts import bar, chip, note, section_head, skeleton, stat, stats
from pages.components.shell import shell
from pages.routes import route_of
from state.merchant_usage import Quota

ROUTE = route_of("/tenant/quota")
ON_LOAD = [Quota.load]
USED.update(f"quota.{name}" for name in ("today", "month", "users", "strategies", "exchange_accounts"))


def _meter(one: rx.Var) -> rx.Component:
    return rx.el.dl(
        rx.el.dt(tx(one["k"].to(str)), rx.cond(one["look"], chip(tx("quota.near"), kind="look"), rx.fragment())),
        rx.el.dd(one["used"], rx.el.small(" / ", one["limit"]), class_name="v"),
        rx.el.dd(
            rx.cond(
                one["left"] != "",
                rx.fragment(bar(one["percent"], rx.cond(one["look"], "look", "")), tx("quota.left", n=one["left"])),
                tx("quota.unlimited"),
            ),
            class_name="s col",
        ),
        class_name="stat",
        key=one["k"].to(str),
    )


def page() -> rx.Component:
    """The page in its frame."""
    plan = rx.cond(
        Quota.plan["name"] != "",
        stat("quota.plan", Quota.plan["name"], "", tx("quota.price", n=Quota.plan["price"])),
        stat("quota.plan", tx("quota.none"), "", tx("quota.none_why")),
    )
    full = rx.foreach(
        Quota.meters,
        lambda one: rx.cond(
            one["look"] & (one["left"] == "0"),
            rx.el.div(note(tx("quota.full", what=t(one["k"].to(str))), tx("quota.full_why")), class_name="sec", key=one["k"].to(str)),
            rx.fragment(),
        ),
    )
    spans = [(days, tx("quota.days", n=days)) for days in ("30", "90", "365")]
    history = rx.el.section(
        section_head(
            "quota.history",
            segmented(spans, Quota.span, Quota.spread, t("quota.history")),
            meta=rx.cond(
                Quota.sums["top"] != "0",
                tx("quota.sums", total=Quota.sums["total"], mean=Quota.sums["mean"], top=Quota.sums["top"], day=Quota.sums["top_day"]),
                tx("quota.nothing"),
            ),
        ),
        rx.el.div(bars(Quota.days), class_name="history", custom_attrs={"role": "img", "aria-label": t("quota.history")}),
        rx.el.div(rx.el.span(Quota.sums["first"]), rx.el.span(class_name="sp"), rx.el.span(Quota.sums["last"]), class_name="row t3 t12"),
        rx.el.p(tx("quota.counting"), class_name="t3 t12"),
        class_name="sec",
    )
    waiting = rx.el.div(skeleton("40%"), skeleton(height="120px"), class_name="wait")
    return shell(
        ROUTE,
        rx.cond(Quota.ready, rx.fragment(full, stats(plan, rx.foreach(Quota.meters, _meter)), history), waiting),
    )
