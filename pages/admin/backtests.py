"""Page /admin/backtests: walk a strategy through the market's newest candles, and what would have come of it."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field
from pages.components.charts import equity_chart, equity_legend
from pages.components.i18n import USED, in_both, t, tx
from pages.components.lists import mini
from pages.components.live import live_signal
from pages.components.parts import chip, empty, note, num, rel_time, section_head, side_tag, skeleton_rows, stat, stats
from pages.components.shell import shell
from pages.routes import route_of
from state.admin_backtests import FEWEST, FRAMES, MOST, Backtests

ROUTE = route_of("/admin/backtests")
ON_LOAD = [Backtests.load]
USED.update(f"exit.{one}" for one in ("SL", "TP", "TRAILING", "TIME", "LIQUIDATION", "other"))


def _form() -> rx.Component:
    def number(name: str, value: str, low: str, high: str) -> rx.Component:
        return rx.el.input(
            name=name, default_value=value, type="number", min=low, max=high, step="any", input_mode="decimal", required=True,
            auto_complete="off", class_name="inp num",
        )  # fmt: skip

    strategy = rx.el.select(
        rx.foreach(Backtests.strategies, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"])),
        name="strategy", class_name="inp", custom_attrs={"translate": "no"},
    )  # fmt: skip
    frame = rx.el.select(
        rx.el.option(t("backtest.own_frame"), value=""), *[rx.el.option(one, value=one) for one in FRAMES], name="timeframe", class_name="inp"
    )
    symbols = rx.el.input(
        name="symbols", placeholder=t("backtest.all_markets", n=Backtests.markets), max_length=400, auto_complete="off", class_name="inp"
    )
    small = lambda text: rx.el.span(text, class_name="t3")
    return rx.el.form(
        rx.el.div(
            field("backtest.strategy", strategy),
            field("backtest.frame", frame),
            field("backtest.bars", number("bars", "500", str(FEWEST), str(MOST)), right=small(f"{FEWEST}–{MOST}")),
            class_name="form-row",
        ),
        field("backtest.symbols", symbols, tx("backtest.symbols_hint")),
        rx.el.div(
            field("backtest.capital", number("capital", "10000", "100", "100000000"), right=small("USDT")),
            field("backtest.fee", number("fee_bps", "5", "0", "100"), right=small("0.01 %")),
            field("backtest.slippage", number("slippage_bps", "2", "0", "100"), right=small("0.01 %")),
            class_name="form-row",
        ),
        rx.el.div(
            rx.el.button(tx("backtest.go"), type="submit", class_name="btn pri"), rx.el.span(tx("backtest.line"), class_name="t3 t12"), class_name="row wrap"
        ),
        on_submit=Backtests.ask,
        class_name="col gap3",
    )  # fmt: skip


def _run(one: rx.Var) -> rx.Component:
    here = one["id"] == Backtests.open_id
    name = rx.el.button(
        rx.el.b(one["name"], class_name=rx.cond(here, "", "t2")), type="button", class_name="btn quiet sm", on_click=Backtests.choose(one["id"]),
        custom_attrs={"translate": "no", "aria-pressed": here, "style": {"padding": "0"}},
    )  # fmt: skip
    return rx.el.tr(
        rx.el.td(name, rx.el.div(one["frame"], " ", one["symbols"], class_name="t3 t12")),
        rx.el.td(rx.el.span(rx.el.span(class_name=one["dot"].to(str)), tx(one["state"].to(str)), class_name=rx.cond(one["dead"], "row look", "row"))),
        rx.el.td(num(one["return"]), class_name="num"),
        rx.el.td(one["count"], class_name="num"),
        rx.el.td(rel_time(one["at_ms"].to(int)), class_name="num t2"),
        key=one["id"],
    )


def _trade(one: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(one["symbol"], custom_attrs={"translate": "no"})),
        rx.el.td(side_tag(one["side"].to(str))),
        rx.el.td(one["in"], class_name="num t2"),
        rx.el.td(one["out"], class_name="num t2"),
        rx.el.td(one["entry"], class_name="num"),
        rx.el.td(one["exit"], class_name="num"),
        rx.el.td(tx(one["why"].to(str)), class_name="t2"),
        rx.el.td(num(one["net"]), class_name="num"),
        key=one["id"],
    )


def _result() -> rx.Component:
    c, s = Backtests.cards, Backtests.shown
    heads = [
        ("backtest.market", ""), ("col.side", ""), ("backtest.in", "num"), ("backtest.out", "num"), ("backtest.entry", "num"),
        ("backtest.exit", "num"), ("backtest.why", ""), ("col.net", "num"),
    ]  # fmt: skip
    trades = rx.cond(
        Backtests.trades.length() > 0,
        rx.el.section(
            section_head("backtest.trades", meta=tx("backtest.newest")), mini(heads, rx.foreach(Backtests.trades, _trade), "backtest.trades"), class_name="sec"
        ),
        empty("backtest.no_trade", "backtest.no_trade_why", "analytics"),
    )
    full = rx.fragment(
        stats(
            stat("backtest.return", num(c["return"]), "", rx.fragment(num(c["net"]), " USDT")),
            stat("ana.drawdown", c["drawdown"], "", tx("backtest.drawdown_line", n=c["drawdown_bars"])),
            stat("ana.sharpe", c["sharpe"], "", tx("backtest.ratios", a=c["sortino"], b=c["calmar"])),
            stat("backtest.trades", c["trades"], "", tx("backtest.sides", n=c["sides"])),
            stat("backtest.win", c["win"], "", tx("backtest.factor", n=c["factor"])),
            stat("backtest.fees", c["fees"], "USDT", tx("backtest.span", n=c["bars"], m=c["markets"])),
        ),
        rx.el.section(
            rx.el.div(rx.el.h2(tx("backtest.curve")), equity_legend(), rx.el.span(class_name="sp"), chip(tx("backtest.mark"), kind="look"), class_name="sec-h"),
            equity_chart(Backtests.points, height="280px", label=t("chart.label")),
            class_name="sec",
        ),
        trades,
    )
    failed = rx.el.div(note(tx("backtest.failed"), in_both(s["error"].to(str), s["error_zh"].to(str))), class_name="sec")
    waits = rx.el.div(note(tx("backtest.waits"), tx("backtest.waits_why"), calm=True, icon_name="clock"), class_name="sec")
    return rx.cond(c.contains("return"), full, rx.cond(s["dead"], failed, waits))


def page() -> rx.Component:
    """The page in its frame."""
    heads = [("backtest.strategy", ""), ("queue.state", ""), ("backtest.return", "num"), ("backtest.trades", "num"), ("order.time", "num")]
    runs = rx.cond(
        Backtests.runs.length() > 0, mini(heads, rx.foreach(Backtests.runs, _run), "backtest.runs"), rx.el.p(tx("backtest.none"), class_name="t3")
    )
    body = rx.fragment(
        rx.el.div(
            rx.el.section(section_head("backtest.new"), _form(), class_name="sec grow"),
            rx.el.section(section_head("backtest.runs"), runs, class_name="sec grow vline"),
            class_name="d-main",
        ),
        rx.cond(Backtests.open_id != "", _result(), rx.fragment()),
    )
    return shell(
        ROUTE, live_signal("platform", ["queue_ms"], Backtests.load), rx.cond(Backtests.ready, rx.el.div(body), rx.el.div(skeleton_rows(4)))
    )
