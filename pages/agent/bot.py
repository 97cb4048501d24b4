"""Page /agent/bot: every decision of the last scan with its reason, and the switch."""

from __future__ import annotations

import reflex as rx

from pages.agent.parts import cannot_start
from pages.components.act import confirm_dialog, filter_chips, search_field, will_happen
from pages.components.charts import bars, price_chart
from pages.components.gates import gates_list
from pages.components.i18n import USED, t, tx, tx_of
from pages.components.icons import icon
from pages.components.live import countdown, live_signal
from pages.components.parts import bar, empty, meter, nav_link, rel_time, score, sentence, side_tag, stat, stats, symbol
from pages.components.shell import shell
from pages.components.table import Column, data_table, drawer, drawer_section, table_foot
from pages.routes import route_of
from state.agent_bot import AgentBot
from state.session import Session

ROUTE = route_of("/agent/bot")
ON_LOAD = [AgentBot.load]
_REASONS = "all opened skip_list held max_opened cooldown risk score long hot ma size limit no_bar warming no_direction filtered other"
USED.update(f"reason.{name}" for name in _REASONS.split())
USED.update(f"gate.{name}" for name in ["skip_list", "held", "max_opened", "cooldown", "risk", "score", "long", "hot", "ma", "size"])
USED.update(f"gate.{name}.why" for name in ["skip_list", "held", "max_opened", "cooldown", "risk", "score", "long", "hot", "size"])
USED.update({"gate.long_na", "gate.hot_na", "gate.ma.why_LONG", "gate.ma.why_SHORT"})
USED.update(f"part.{name}" for name in ["trend", "momentum", "volume", "position", "higher"])


def _says() -> rx.Component:
    running = AgentBot.desired == "running"
    buttons = rx.cond(
        running,
        rx.fragment(
            rx.el.button(icon("pause"), tx("bot.pause"), type="button", class_name="btn", on_click=AgentBot.pause),
            rx.el.button(tx("bot.stop"), type="button", class_name="btn", on_click=AgentBot.ask_stop(True)),
        ),
        rx.el.button(icon("play"), tx("bot.start"), type="button", class_name="btn pri", on_click=AgentBot.start),
    )
    meta = rx.fragment(
        rel_time(AgentBot.last_scan_ms), " · ", nav_link(tx("bot.settings", version=AgentBot.version), href="/agent/bot/settings"),
        rx.cond(
            running & (AgentBot.started_ms > 0),
            rx.fragment(" · ", tx("bot.up"), " ", rel_time(AgentBot.started_ms, "held")),
            rx.fragment(),
        ),
    )  # fmt: skip
    return sentence(
        tx_of(AgentBot.said, AgentBot.said_p),
        meta=meta,
        right=[countdown(Session.topic, AgentBot.last_scan_ms, AgentBot.interval_ms, every=True), rx.el.div(buttons, class_name="row acts")],
    )


def _cards() -> rx.Component:
    c = AgentBot.counts
    return stats(
        stat("bot.analyzed", c["analyzed"], "", tx("bot.analyzed_line")),
        stat("bot.filtered", c["filtered"], "", tx("bot.filtered_line")),
        stat("bot.passed", c["passed"], "", tx("bot.passed_line", share=c["share"])),
        stat("bot.opened", c["opened"], "", tx("bot.opened_line", limit=c["limit"])),
        four=True,
    )


def _history() -> rx.Component:
    legend = rx.el.span(
        rx.el.span(rx.el.i(class_name="sq act"), tx("bot.opened_word")),
        rx.el.span(rx.el.i(class_name="sq"), tx("bot.passed_word")),
        class_name="legend",
    )
    pick = rx.el.select(
        rx.foreach(AgentBot.strategies, lambda s: rx.el.option(s["name"], value=s["id"])),
        value=AgentBot.strategy,
        on_change=AgentBot.pick_strategy,
        class_name="inp sm",
        aria_label=t("pos.strategy"),
    )
    return rx.el.section(
        rx.el.div(
            rx.el.span(tx("bot.history", n=AgentBot.history.length()), class_name="t2 t12"),
            rx.el.span(class_name="sp"),
            legend,
            rx.cond(AgentBot.strategies.length() > 1, rx.el.span(pick), rx.fragment()),
            class_name="sec-h",
        ),
        bars(AgentBot.history),
        class_name="sec bot-h only-l",
    )


def _columns() -> list[Column]:
    scored = lambda row: rx.cond(row["scored"], score(row["score"], AgentBot.minimum), rx.el.span("–", class_name="t3"))
    decision = lambda row: rx.el.span(tx_of(row["why"], row["why_p"]), class_name=rx.cond(row["opened"], "b", "t2"))
    return [
        Column("base", "col.symbol", "sym", phone="lead", sort=True),
        Column("side", "col.side", "side", phone="lead"),
        Column("score", "col.score", phone="tail", show=scored, sort=True),
        Column("why", "col.decision", phone="sub", show=decision),
        Column("passed", "col.gates", "num", phone="end", show=lambda row: meter(row["passed"].to(int))),
        Column("", "", "chevron"),
    ]


def _head() -> rx.Component:
    d = AgentBot.detail
    return rx.fragment(
        rx.el.div(rx.el.h2(symbol(d["base"])), side_tag(d["side"].to(str)), class_name="row"),
        rx.el.p(tx_of(d["why"], d["why_p"]), class_name="t2"),
    )


def _explained(d: rx.Var) -> rx.Component:
    """To the help article of this decision's reason."""
    return nav_link(icon("help"), tx("help.why_link"), href="/agent/help?at=" + d["why"].to(str), class_name="btn sm quiet")


def _before(one: rx.Var) -> rx.Component:
    """What an earlier scan decided about this symbol."""
    return rx.el.li(
        rel_time(one["at_ms"].to(int), "hm"),
        side_tag(one["side"].to(str)),
        rx.el.b(one["score"], class_name="num"),
        rx.el.span(tx_of(one["why"], one["why_p"]), class_name=rx.cond(one["opened"], "grow cut b", "grow cut t2")),
        class_name="d-row",
        key=one["at_ms"].to(str) + one["side"].to(str),
    )


def _drawer() -> rx.Component:
    d = AgentBot.detail
    part = lambda p: rx.el.li(
        rx.el.span(tx(p["k"]), class_name="grow"), rx.el.span(bar(p["percent"]), class_name="part-bar"),
        rx.el.b(p["value"], class_name="num part-v"),
    )  # fmt: skip
    extra = lambda e: rx.el.span(rx.el.span(e["name"], class_name="t3"), " ", e["value"])
    sections = [
        drawer_section(
            rx.el.ul(rx.foreach(d["parts"].to(list[dict]), part), class_name="parts"),
            rx.el.div(rx.foreach(d["extra"].to(list[dict]), extra), class_name="row wrap t12 extra"),
            title="col.score",
            right=rx.el.b(d["score"], class_name="t14"),
        ),
        drawer_section(
            gates_list(d["gates"].to(list[dict])), title="gates.title", right=tx("gates.passed", n=d["gates_passed"])
        ),
        drawer_section(
            rx.cond(
                d["before_n"].to(int) > 0,
                rx.el.ol(rx.foreach(d["before"].to(list[dict]), _before), class_name="before"),
                rx.el.p(tx("bot.before_none"), class_name="t3"),
            ),
            title="bot.before",
        ),
        drawer_section(price_chart(AgentBot.candles, precision=AgentBot.precision, height="180px"), title="bot.price"),
    ]
    skip = rx.el.button(
        tx("bot.skip"), type="button", class_name="btn sm", on_click=AgentBot.skip_symbol(d["symbol"].to(str))
    )
    keys = rx.el.span(rx.el.kbd("↑"), " ", rx.el.kbd("↓"), " ", tx("table.walk"), class_name="t3 t12 only-l")
    return drawer(
        *sections, state=AgentBot, head=_head(), foot=[skip, _explained(d), rx.el.span(class_name="sp"), keys], label=t("bot.why")
    )


def _stop_dialog() -> rx.Component:
    return confirm_dialog(
        will_happen(
            ("pause", tx("stop.no_entries")),
            ("shield", tx("stop.stops_stay", n=AgentBot.open_count)),
            ("clock", tx("stop.exits_run")),
        ),
        open=AgentBot.asks_stop,
        word="STOP",
        title=t("stop.title"),
        lead=t("stop.lead", scans=AgentBot.scans, n=AgentBot.open_count),
        go=t("stop.go"),
        keep=t("stop.keep"),
        note=t("stop.note"),
        on_close=AgentBot.ask_stop(False),
        on_confirm=AgentBot.stop,
    )


def page() -> rx.Component:
    """The page in its frame."""
    chips = rx.el.div(filter_chips(AgentBot.chips, AgentBot.only, AgentBot.choose), class_name="grow")
    find = rx.el.span(search_field("bot.find", AgentBot.set_search, "150px"), class_name="only-l")
    return shell(
        ROUTE,
        live_signal(Session.topic, ["scan>at_ms"], AgentBot.changed),
        _says(),
        cannot_start(AgentBot.obstacles),
        rx.el.div(
            rx.el.div(
                _cards(),
                _history(),
                rx.el.div(chips, find, class_name="sec tools row"),
                rx.el.div(data_table(_columns(), AgentBot, label="scan.last", empty=empty("scan.none", "scan.none_why", "signal")), class_name="grow"),
                table_foot(AgentBot),
                class_name="list",
            ),
            _drawer(),
            class_name="split",
        ),
        _stop_dialog(),
        fixed=True,
        on_undo=AgentBot.undo,
    )
