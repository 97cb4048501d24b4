"""Page /admin/desk: open, close and take back for one account, each with a reason that is kept."""

from __future__ import annotations

import reflex as rx

from pages.components.act import confirm_dialog, field, hold_button, will_happen
from pages.components.i18n import USED, t, tx
from pages.components.lists import mini
from pages.components.live import live_signal
from pages.components.parts import empty, mode_chip, note, num, rel_time, section_head, side_tag
from pages.components.shell import shell
from pages.routes import route_of
from state.trade_desk import TradeDesk as D

ROUTE = route_of("/admin/desk")
ON_LOAD = [D.load]
USED.update({"side.LONG", "side.SHORT"})


def _form() -> rx.Component:
    box = lambda name, **more: rx.el.input(name=name, auto_complete="off", class_name="inp sm", **more)
    sides = rx.el.select(rx.el.option(t("side.LONG"), value="LONG"), rx.el.option(t("side.SHORT"), value="SHORT"), name="side", class_name="inp sm")
    symbols = rx.el.select(rx.foreach(D.symbols, lambda one: rx.el.option(one, value=one, key=one)), name="symbol", class_name="inp sm")
    form = rx.el.form(
        rx.el.div(
            field("col.symbol", symbols), field("desk.side", sides), field("desk.amount", box("amount", required=True, input_mode="decimal")),
            field("inst.leverage", box("leverage", default_value="3", required=True, input_mode="numeric")),
            field("desk.stop", box("stop", required=True, input_mode="decimal")), field("desk.target", box("target", input_mode="decimal")),
            field("desk.reason", box("reason", required=True, min_length=3, max_length=200)), class_name="form-row wrap",
        ),
        rx.el.button(tx("desk.ask"), type="submit", class_name="btn pri gap-top"),
        on_submit=D.propose,
    )  # fmt: skip
    return rx.el.section(section_head("desk.open"), form, class_name="sec hline-b")


def _ask() -> rx.Component:
    w = D.wish
    lines = will_happen(
        ("orders", tx("desk.will_open", side=w["side"], symbol=w["symbol"], amount=w["amount"], leverage=w["leverage"])),
        ("shield", tx("desk.will_stop", stop=w["stop"])),
        ("eye", tx("desk.will_audit", reason=w["reason"])),
    )
    return confirm_dialog(
        lines, open=D.asking, title=t("desk.sure"), lead=t("desk.lead"), go=t("desk.go"), keep=t("act.cancel"), word=w["symbol"], on_confirm=D.go, on_close=D.dismiss
    )


def _held(row: rx.Var) -> rx.Component:
    close = hold_button(tx("desk.close"), D.close(row["id"]), disabled=D.reason.length() < 3)
    return rx.el.tr(
        rx.el.td(rx.el.b(row["symbol"])), rx.el.td(side_tag(row["side"])), rx.el.td(row["quantity"], class_name="num"),
        rx.el.td(row["entry"], class_name="num"), rx.el.td(row["mark"], class_name="num"), rx.el.td(row["stop"], class_name="num"),
        rx.el.td(num(row["pnl"].to(str)), class_name="num"), rx.el.td(row["by"], class_name="t3"), rx.el.td(close, class_name="num"), key=row["id"],
    )  # fmt: skip


def _order(row: rx.Var) -> rx.Component:
    back = rx.el.button(tx("desk.take_back"), type="button", class_name="btn sm", on_click=D.take_back(row["id"]), disabled=D.reason.length() < 3)
    return rx.el.tr(
        rx.el.td(rel_time(row["at_ms"].to(int))), rx.el.td(rx.el.b(row["symbol"])), rx.el.td(side_tag(row["side"])), rx.el.td(tx(row["trade"])),
        rx.el.td(row["amount"], class_name="num"), rx.el.td(tx(row["status"])), rx.el.td(row["by"], class_name="t3"),
        rx.el.td(rx.cond(row["waits"], back, rx.fragment()), class_name="num"), key=row["id"],
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    choose = rx.el.select(
        rx.el.option(t("desk.choose"), value=""), rx.foreach(D.accounts, lambda one: rx.el.option(one["name"], value=one["id"], key=one["id"])),
        value=D.account, on_change=D.choose, class_name="inp", aria_label=t("desk.account"),
    )  # fmt: skip
    top = rx.el.section(
        note(tx("desk.warn"), tx("desk.warn_why")),
        rx.el.div(field("desk.account", choose), rx.el.span(mode_chip(D.mode), " ", D.about, class_name="row t2"), class_name="form-row gap-top"),
        class_name="sec hline-b",
    )
    why = rx.el.input(
        value=D.reason, on_change=D.why.debounce(150), max_length=200, placeholder=t("desk.reason_first"), aria_label=t("desk.reason_first"),
        auto_complete="off", class_name="inp sm",
    )  # fmt: skip
    held = [("col.symbol", ""), ("desk.side", ""), ("desk.quantity", "num"), ("desk.entry", "num"), ("desk.mark", "num"), ("desk.stop", "num"),
            ("desk.pnl", "num"), ("pos.strategy", ""), ("", "num")]  # fmt: skip
    orders = [("order.time", ""), ("col.symbol", ""), ("desk.side", ""), ("desk.kind", ""), ("desk.quantity", "num"), ("order.status", ""),
              ("pos.strategy", ""), ("", "num")]  # fmt: skip
    none = lambda key: rx.el.p(tx(key), class_name="t3")
    body = rx.fragment(
        _form(),
        rx.el.section(
            section_head("nav.positions", why),
            rx.cond(D.held.length() > 0, mini(held, rx.foreach(D.held, _held), "nav.positions"), none("desk.nothing_held")), class_name="sec",
        ),
        rx.el.section(
            section_head("nav.orders"), rx.cond(D.orders.length() > 0, mini(orders, rx.foreach(D.orders, _order), "nav.orders"), none("desk.no_order")),
            class_name="sec hline",
        ),
    )  # fmt: skip
    return shell(ROUTE, live_signal("platform", ["orders", "changed_ms"], D.refresh), top, rx.cond(D.account != "", body, empty("desk.none", "desk.none_why", "sliders")), _ask())
