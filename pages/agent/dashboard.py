"""Page /agent: what the bot does now, the money, the last scan, open positions."""

from __future__ import annotations

import reflex as rx

from pages.agent.parts import open_columns
from pages.components.act import segmented
from pages.components.charts import equity_chart, equity_legend
from pages.components.guide import tour
from pages.components.i18n import USED, t, tx, tx_of
from pages.components.icons import icon
from pages.components.live import countdown, live_cell, live_signal
from pages.components.parts import (
    empty,
    link_button,
    nav_link,
    num,
    panel_mode,
    rel_time,
    section_head,
    sentence,
    side_tag,
    stat,
    stats,
)
from pages.components.shell import shell
from pages.components.table import data_table
from pages.routes import route_of
from state.agent_dashboard import SPANS, AgentDashboard
from state.guide import Guide
from state.session import Session

ROUTE = route_of("/agent")
ON_LOAD = [AgentDashboard.load, Guide.load]
USED.update(f"bot.said.{k}" for k in ("stopped", "paused", "waiting", "none", "opened_LONG", "opened_SHORT"))


def _hero() -> rx.Component:
    """On a phone the equity comes first, as one big number."""
    c = AgentDashboard.cards
    return rx.el.div(
        rx.el.div(tx("stat.equity"), ", USDT", class_name="t3 t12"),
        rx.el.div(
            rx.el.b(c["equity"], class_name="hero-v"),
            rx.el.span(class_name="sp"),
            num(c["today"]),
            rx.el.span(tx("stat.today_word"), class_name="t3"),
            class_name="row baseline",
        ),
        class_name="only-s hero-s",
    )


def _says() -> rx.Component:
    button = rx.cond(
        AgentDashboard.running,
        rx.el.button(icon("pause"), tx("bot.pause"), type="button", class_name="btn only-l", on_click=AgentDashboard.pause),
        rx.el.button(icon("play"), tx("bot.start"), type="button", class_name="btn pri only-l", on_click=AgentDashboard.resume),
    )
    meta = rx.fragment(
        rel_time(AgentDashboard.last_scan_ms),
        " · ",
        tx("bot.meta", version=AgentDashboard.version, open=AgentDashboard.cards["open"], of=AgentDashboard.cards["max_positions"]),
    )
    return sentence(
        tx_of(AgentDashboard.said, AgentDashboard.said_p),
        " ",
        nav_link(tx("bot.why_others"), href="/agent/bot"),
        meta=meta,
        right=[countdown(Session.topic, AgentDashboard.last_scan_ms, AgentDashboard.interval_ms), button],
    )


def _cards() -> rx.Component:
    c = AgentDashboard.cards
    return stats(
        stat("stat.equity", c["equity"], "USDT", tx("stat.equity_line", balance=c["balance"]), class_name="only-l"),
        stat("stat.today", num(c["today"]), "USDT", tx("stat.today_line", realized=c["realized"]), class_name="only-l"),
        stat(
            "stat.unrealized",
            live_cell(Session.topic, "unrealized", c["unrealized"], fmt="signed", coloured=True, flash=False),
            "USDT",
            tx("stat.unrealized_line", n=c["open"], up=c["up"], down=c["down"]),
        ),
        stat(
            "stat.risk",
            c["risk"],
            "USDT",
            rx.cond(
                c["unprotected"] == "0",
                tx("stat.risk_line", share=c["risk_pct"]),
                rx.el.span(tx("stat.risk_none", n=c["unprotected"]), class_name="look"),
            ),
        ),
        stat("stat.drawdown", c["drawdown"], "", tx("stat.drawdown_line", limit=c["dd_limit"], peak=c["peak"])),
        stat("stat.cards", c["cards"], "USDT", tx("stat.cards_line")),
    )


def _equity() -> rx.Component:
    spans = [(name, tx("chart.all") if name == "All" else name) for name in SPANS]
    return rx.el.section(
        rx.el.div(
            rx.el.h2(tx("chart.equity")),
            panel_mode(Session.mode),
            equity_legend(),
            rx.el.span(class_name="sp"),
            segmented(spans, AgentDashboard.span, AgentDashboard.set_span, label=t("chart.span")),
            class_name="sec-h",
        ),
        rx.cond(
            AgentDashboard.ready & (AgentDashboard.points.length() < 2),
            empty("chart.none", "chart.none_why", "analytics", link_button("nav.start", "/agent/start")),
            equity_chart(AgentDashboard.points, height="336px", label=t("chart.label")),
        ),
        class_name="sec grow",
    )


def _decision(row: rx.Var) -> rx.Component:
    return rx.el.li(
        nav_link(
            rx.el.b(row["base"], class_name="sym"),
            side_tag(row["side"].to(str)),
            rx.el.b(row["score"], class_name="num"),
            rx.el.span(tx_of(row["why"], row["why_p"]), class_name=rx.cond(row["opened"], "grow cut b", "grow cut t2")),
            icon("chevron", "s"),
            href="/agent/bot",
            class_name="d-row",
        ),
        key=row["id"],
    )


def _closed(row: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.b(row["base"], class_name="sym"),
        side_tag(row["side"].to(str)),
        rx.el.span(tx(row["why"]), class_name="grow cut t2"),
        rel_time(row["closed_ms"], "hm"),
        rx.el.span(num(row["pnl"]), class_name="num d-pnl"),
        class_name="d-row",
        key=row["id"],
    )


def _aside() -> rx.Component:
    scan = AgentDashboard.scan
    return rx.el.aside(
        section_head(
            "scan.last",
            nav_link(tx("scan.panel"), href="/agent/bot", class_name="t12"),
            meta=rx.cond(scan.length() > 0, tx("scan.meta", n=scan["analyzed"], opened=scan["opened"]), rx.fragment()),
        ),
        rx.cond(
            AgentDashboard.ready & (AgentDashboard.decisions.length() == 0),
            empty("scan.none", "scan.none_why", "signal"),
            rx.el.ul(rx.foreach(AgentDashboard.decisions, _decision), class_name="lines"),
        ),
        section_head(
            "closed.title", num(AgentDashboard.closed_sum), meta=tx("closed.meta", n=AgentDashboard.closed_n)
        ),
        rx.cond(
            AgentDashboard.ready & (AgentDashboard.closed.length() == 0),
            rx.el.p(tx("closed.none"), class_name="t3"),
            rx.el.ul(rx.foreach(AgentDashboard.closed, _closed), class_name="lines"),
        ),
        class_name="sec vline d-side only-l",
    )


def _positions() -> rx.Component:
    return rx.el.section(
        section_head(
            "nav.positions",
            panel_mode(Session.mode),
            nav_link(tx("pos.all"), href="/agent/positions"),
            meta=tx("pos.meta", n=AgentDashboard.cards["open"], margin=AgentDashboard.cards["margin"]),
            flush=True,
        ),
        data_table(
            open_columns(), AgentDashboard, tight=True, openable=False, label="nav.positions",
            empty=empty("pos.none", "pos.none_why", "layers", link_button("scan.panel", "/agent/bot")),
        ),
        class_name="hline",
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    return shell(
        ROUTE,
        live_signal(Session.topic, ["changed_ms", "scan>at_ms"], AgentDashboard.changed),
        rx.el.div(
            _hero(),
            _says(),
            _cards(),
            rx.el.div(_equity(), _aside(), class_name="d-main"),
            _positions(),
            class_name="dash",
        ),
        tour(Guide.tour, Guide.done),
        on_undo=AgentDashboard.undo,
    )


