"""Page /agent/analytics: what the closed trades say about themselves."""

from __future__ import annotations

import reflex as rx

from pages.components.act import segmented
from pages.components.charts import equity_chart, equity_legend
from pages.components.i18n import USED, t, tx
from pages.components.live import live_signal
from pages.components.parts import empty, link_button, mode_chip, num, skeleton_rows, stat, stats
from pages.components.shell import shell
from pages.components.table import sideways
from pages.routes import route_of
from state.agent_analytics import LISTS, AgentAnalytics
from state.session import Session

ROUTE = route_of("/agent/analytics")
ON_LOAD = [AgentAnalytics.load]
USED.update(f"weekday.{n}" for n in range(7))
USED.update(f"ana.by.{name}" for name in LISTS)


def _cards() -> rx.Component:
    c = AgentAnalytics.cards
    return rx.fragment(
        stats(
            stat("ana.total", num(c["total"]), "", tx("ana.total_line", n=c["trades"], d=c["days"])),
            stat("ana.sharpe", c["sharpe"], "", tx("ana.sharpe_line")),
            stat("ana.sortino", c["sortino"], "", tx("ana.sortino_line")),
            stat("ana.calmar", c["calmar"], "", tx("ana.calmar_line")),
            four=True,
        ),
        stats(
            stat("ana.drawdown", num(c["drawdown"]), "", tx("ana.drawdown_line", n=c["drawdown_days"])),
            stat("ana.streaks", c["wins"], "", tx("ana.streaks_line", n=c["losses"])),
            stat("ana.fees", c["fees"], "", tx("ana.fees_line")),
            stat("ana.funding", c["funding"], "", tx("ana.funding_line")),
            four=True,
        ),
    )


def _table() -> rx.Component:
    row = lambda r: rx.el.tr(
        rx.el.td(rx.cond(r["k"] != "", tx(r["k"]), r["name"])),
        rx.el.td(r["trades"], class_name="num"),
        rx.el.td(r["win"], class_name="num"),
        rx.el.td(num(r["net"]), class_name="num"),
        key=r["name"],
    )
    heads = [("ana.group", ""), ("ana.trades", "num"), ("history.win", "num"), ("col.net", "num")]
    return rx.el.table(
        rx.el.thead(rx.el.tr(*[rx.el.th(tx(key), scope="col", class_name=css) for key, css in heads])),
        rx.el.tbody(rx.foreach(AgentAnalytics.groups, row)),
        class_name="tbl",
        aria_label=t("nav.analytics"),
    )


def page() -> rx.Component:
    """The page in its frame."""
    pick = segmented([(name, tx(f"ana.by.{name}")) for name in LISTS], AgentAnalytics.by, AgentAnalytics.choose, t("ana.group"))
    full = rx.fragment(
        _cards(),
        rx.el.section(
            rx.el.div(rx.el.h2(tx("ana.curve")), equity_legend(), class_name="sec-h"),
            equity_chart(AgentAnalytics.points, height="280px", label=t("chart.label")),
            class_name="sec hline",
        ),
        rx.el.div(pick, rx.el.span(class_name="sp"), mode_chip(AgentAnalytics.mode), class_name="sec row wrap"),
        sideways(_table(), t("nav.analytics")),
    )
    nothing = empty("ana.none", "ana.none_why", "analytics", link_button("scan.panel", "/agent/bot"))
    body = rx.cond(AgentAnalytics.ready, rx.cond(AgentAnalytics.mode != "", full, nothing), skeleton_rows(4))
    return shell(ROUTE, live_signal(Session.topic, ["changed_ms"], AgentAnalytics.load), body)
