"""Parts shared by the agent's pages: the position drawer and the columns of positions."""

from __future__ import annotations

from dataclasses import replace

import reflex as rx

from pages.agent.by_hand import by_hand_section
from pages.components.act import segmented
from pages.components.charts import price_chart
from pages.components.guide import zone_name
from pages.components.i18n import USED, tx, tx_of
from pages.components.icons import icon
from pages.components.live import live_cell
from pages.components.parts import chip, error_note, facts, mode_chip, nav_link, num, rel_time, side_tag, symbol
from pages.components.table import Column, drawer_section
from state.agent_positions import AgentPositions
from state.session import Session

USED.update(f"exit.{k}" for k in ("SL", "TP", "TRAILING", "TIME", "MANUAL", "LIQUIDATION", "EXTERNAL", "NAKED", "KILL", "UNCONFIRMED", "other"))
CANNOT = ("provider_off", "account_off", "no_exchange", "no_key", "no_strategy", "no_cards", "stopped", "node_off", "bad_settings")
USED.update(f"begin.cannot.{k}" for k in CANNOT)
USED.update(
    f"story.{k}"
    for k in ("signal", "intent", "sent", "filled", "stop", "stop_not", "REJECTED", "EXPIRED", "UNKNOWN")
)
USED.update({"error.market.what", "error.market.do", "error.other.what", "error.other.do"})


def pnl_cell(row: rx.Var) -> rx.Component:
    """Unrealised PnL that follows the market."""
    return live_cell(Session.topic, row["pnl_cell"], row["pnl"], fmt="signed", coloured=True, flash=False)


def roi_cell(row: rx.Var) -> rx.Component:
    """ROI that follows the market."""
    return live_cell(Session.topic, row["roi_cell"], row["roi"], fmt="pct", coloured=True, flash=False)


def mark_cell(row: rx.Var) -> rx.Component:
    """Mark price that flashes on change and shows its age when it is older than ten seconds."""
    return live_cell("market", row["mark_cell"], row["mark"], fmt="usdt", digits=row["digits"].to(int), stale_ms=10_000)


def open_columns(short: bool = False) -> list[Column]:
    """Columns of open positions; ``short`` leaves room for a drawer."""
    columns = [
        Column("base", "col.symbol", "sym", phone="lead", sort=short),
        Column("side", "col.side", "side", phone="lead"),
        Column("lev", "col.leverage", "num", phone="lead", quiet=True),
        Column("margin", "col.margin", "num", quiet=True, sort=short),
        Column("entry", "col.entry", "num", phone="sub", quiet=True),
        Column("mark", "col.mark", "num", phone="sub", show=mark_cell),
        Column("pnl", "col.unrealized", "num", phone="tail", show=pnl_cell, sort=short),
        Column("roi", "col.roi", "num", phone="end", show=roi_cell, sort=short),
        Column("stop", "col.stop", "num", quiet=True),
        Column("target", "col.target", "num", quiet=True),
        Column("score", "col.score", "num", quiet=True),
        Column("opened_ms", "col.held", "held", phone="end", quiet=True),
    ]
    if not short:
        return columns
    roomy = {"entry", "stop", "target", "score", "opened_ms", "lev"}
    return [replace(c, roomy=c.key in roomy, label="col.upnl" if c.key == "pnl" else c.label) for c in columns]


def closed_columns() -> list[Column]:
    """Columns of closed positions."""
    return [
        Column("base", "col.symbol", "sym", phone="lead"),
        Column("side", "col.side", "side", phone="lead"),
        Column("entry", "col.entry", "num", phone="sub", quiet=True),
        Column("mark", "col.exit", "num", phone="sub"),
        Column("pnl", "col.realized", "pnl", phone="tail"),
        Column("why", "col.why", phone="end", quiet=True, show=lambda row: tx(row["why"])),
        Column("closed_ms", "col.closed", "clock", phone="end", quiet=True),
    ]


def position_head(d: rx.Var) -> rx.Component:
    """Who, and the one number."""
    figure = rx.cond(
        d["open"].to(bool),
        live_cell(Session.topic, d["pnl_cell"], d["pnl"], fmt="signed", coloured=True, flash=False),
        num(d["pnl"].to(str)),
    )
    roi = rx.cond(
        d["open"].to(bool),
        rx.el.span(live_cell(Session.topic, d["roi_cell"], d["roi"], fmt="pct", coloured=True, flash=False), " ROI"),
        rx.el.span(tx(d["why"]), class_name="t2"),
    )
    return rx.fragment(
        rx.el.div(
            rx.el.h2(symbol(d["base"])), side_tag(d["side"]), chip(d["lev"]), chip(tx("pos.score", n=d["score"])),
            mode_chip(d["mode"].to(str), quiet_live=True), class_name="row wrap",
        ),
        rx.el.div(rx.el.span(figure, class_name="big"), rx.el.span("USDT", class_name="t2"), roi, class_name="row wrap baseline"),
    )  # fmt: skip


def position_sections() -> list[rx.Component]:
    """Chart, facts and story of ``AgentPositions.detail``."""
    d = AgentPositions.detail
    frames = [(name, name) for name in ("15m", "1h", "4h", "1d")]
    chart = price_chart(
        AgentPositions.candles, last=AgentPositions.last, markers=AgentPositions.markers, lines=AgentPositions.lines,
        precision=AgentPositions.precision, height="300px", replay=~d["open"].to(bool),
    )  # fmt: skip
    step = lambda s: rx.el.li(
        rel_time(s["at_ms"], "clock"),
        rx.el.span(class_name="pt"),
        rx.el.span(tx_of(s["k"], s["p"])),
        key=s["k"].to(str) + s["at_ms"].to(str),
    )
    return [
        drawer_section(
            rx.el.div(
                segmented(frames, AgentPositions.timeframe, AgentPositions.set_timeframe),
                rx.el.span(class_name="sp"),
                rx.el.span(zone_name(), class_name="t3 t12"),
                class_name="row",
            ),
            error_note(AgentPositions.chart_error),
            chart,
        ),
        drawer_section(
            facts(
                ("pos.quantity", d["quantity"]),
                ("pos.notional", d["notional"]),
                ("col.margin", d["margin"]),
                ("pos.risk", d["risk"]),
                ("pos.fee", num(d["fee"].to(str))),
                ("col.realized", num(d["realized"].to(str))),
                ("pos.held", rx.el.span(rel_time(d["opened_ms"].to(int), "held"), " / ", tx("unit.h", n=d["max_hold"]))),
                ("pos.strategy", d["strategy"]),
                ("hand.to_stop", d["to_stop"]),
                ("hand.to_target", d["to_target"]),
            )
        ),
        rx.cond(d["open"].to(bool), by_hand_section(), rx.fragment()),
        drawer_section(rx.el.ul(rx.foreach(d["story"].to(list[dict]), step), class_name="story"), title="pos.story"),
    ]


def cannot_start(obstacles: rx.Var) -> rx.Component:
    """Why the bot cannot start, each with where it is mended."""
    one = lambda o: rx.el.li(
        icon("alert"), rx.el.span(tx(o["k"].to(str)), class_name="grow"),
        rx.cond(o["link"] != "", nav_link(tx("begin.mend"), href=o["link"].to(str), class_name="btn sm"), rx.fragment()),
        class_name="row", key=o["k"],
    )  # fmt: skip
    body = rx.el.section(rx.el.h2(tx("begin.cannot"), class_name="sec-h"), rx.el.ul(rx.foreach(obstacles, one), class_name="lines"), class_name="sec hline-b")
    return rx.cond(obstacles.length() > 0, body, rx.fragment())
