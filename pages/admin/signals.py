"""Page /admin/signals: every scan with what it decided; the drawer says why by reason."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, t, tx
from pages.components.lists import Pick, filters, list_page, mini
from pages.components.parts import bar as part_bar
from pages.components.parts import facts, nav_link, rel_time, side_tag
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/admin/signals")
ON_LOAD = [Lists.enter("scans")]
MADE = Pick("made", "scan.which", (("orders", "scan.with_orders"),))
_REASONS = "opened skip_list held max_opened cooldown risk score long hot ma size no_bar warming no_direction filtered other"
USED.update(f"reason.{name}" for name in _REASONS.split())


def _columns() -> list[Column]:
    orders = lambda r: rx.el.span(r["orders"], class_name=rx.cond(r["made"], "b", "t3"))
    return [
        Column("at_ms", "order.time", phone="end", sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("strategy", "pos.strategy", phone="lead", show=lambda r: rx.el.b(r["strategy"])),
        Column("timeframe", "scan.timeframe", phone="sub", quiet=True),
        Column("bar_ms", "scan.bar", quiet=True, show=lambda r: rel_time(r["bar_ms"].to(int), "date")),
        Column("symbols", "bot.analyzed", "num", sort=True),
        Column("signals", "scan.signals", "num", phone="sub", sort=True),
        Column("orders", "scan.orders", "num", phone="tail", sort=True, show=orders),
        Column("took", "scan.took", "num", phone="end", quiet=True),
        Column("", "", "chevron"),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    reason = lambda r: rx.el.li(
        rx.el.span(tx(r["k"]), class_name="grow"), rx.el.span(part_bar(r["percent"].to(int), r["kind"].to(str)), class_name="part-bar"),
        rx.el.b(r["n"], class_name="num part-v"), key=r["k"],
    )  # fmt: skip
    line = lambda s: rx.el.tr(
        rx.el.td(nav_link(rx.el.b(s["base"]), href="/admin/trace?signal=" + s["id"].to(str))), rx.el.td(side_tag(s["side"].to(str))), rx.el.td(s["score"], class_name="num"),
        rx.el.td(s["entry"], class_name="num"), rx.el.td(s["stop"], class_name="num t2"), rx.el.td(s["target"], class_name="num t2"), key=s["id"],
    )  # fmt: skip
    reasons, written = d["reasons"].to(list[dict]), d["written"].to(list[dict])
    heads = [("col.symbol", ""), ("col.side", ""), ("col.score", "num"), ("col.entry", "num"), ("col.stop", "num"), ("col.target", "num")]
    return drawer(
        drawer_section(
            facts(
                ("bot.analyzed", d["symbols"]), ("scan.signals", d["signals"]), ("scan.orders", d["orders"]), ("scan.took", d["took"]),
                ("scan.followers", d["followers"]), ("bot.opened", d["opened"]), ("scan.timeframe", d["timeframe"]),
                ("scan.bar", rel_time(d["bar_ms"].to(int), "clock")),
            )
        ),
        drawer_section(
            rx.cond(reasons.length() > 0, rx.el.ul(rx.foreach(reasons, reason), class_name="parts"), rx.el.p(tx("scan.pruned"), class_name="t3")),
            title="scan.reasons",
        ),
        drawer_section(
            rx.cond(written.length() > 0, mini(heads, rx.foreach(written, line)), rx.el.p(tx("scan.no_signal"), class_name="t3")),
            title="scan.written",
        ),
        state=Lists,
        head=rx.fragment(rx.el.h2(d["strategy"]), rx.el.p(rel_time(d["at_ms"].to(int)), class_name="t2")),
        label=t("nav.signals"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    bar = filters(picks=(MADE,), dated=True, find="filter.strategy")
    return list_page(ROUTE, "scans", _columns(), bar=bar, none=("scan.none", "scan.none_why", "signal"), drawer=_drawer(), live=("scan>at_ms",))
