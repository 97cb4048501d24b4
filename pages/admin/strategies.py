"""Page /admin/strategies: the catalogue every tenant offers from; switch it, change what is inherited."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button
from pages.components.i18n import USED, in_both, t, tx
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import chip, facts, link_button
from pages.components.table import Column, drawer, drawer_section
from pages.lists.pending import entry_terms
from pages.routes import route_of
from state.admin_desk import Desk
from state.lists import Lists

ROUTE = route_of("/admin/strategies")
ON_LOAD = [Lists.enter("strategies"), Desk.fresh]
STATUS = Pick("status", "offer.state", (("1", "access.on"), ("0", "access.off")))
USED.update({"risk.1", "risk.2", "risk.3"})


def _name(row: rx.Var) -> rx.Component:
    off = rx.cond(row["active"], rx.fragment(), chip(tx("access.off"), kind="look"))
    return rx.el.span(rx.el.b(row["name"]), rx.el.span(row["code"], class_name="mono t3"), off, class_name="row")


def _symbols(row: rx.Var) -> rx.Component:
    return rx.cond(row["symbols"] == "", rx.el.span(tx("catalogue.all"), class_name="t3"), row["symbols"])


def _columns() -> list[Column]:
    return [
        Column("code", "pos.strategy", phone="lead", sort=True, show=_name),
        Column("timeframe", "scan.timeframe", phone="sub", quiet=True),
        Column("symbols", "catalogue.symbols", "num", quiet=True, roomy=True, show=_symbols),
        Column("capital", "offer.capital", "num"),
        Column("leverage", "offer.leverage", "num"),
        Column("risk", "offer.risk", phone="sub", show=lambda r: tx(r["risk"])),
        Column("min_capital", "offer.min_capital", "num", quiet=True, roomy=True),
        Column("min_confidence", "catalogue.score", "num", quiet=True, sort=True, show=lambda r: r["score"]),
        Column("cooldown", "catalogue.cooldown", "num", quiet=True, roomy=True),
        Column("offered", "catalogue.offered", "num", phone="end"),
        Column("followers", "offer.followers", "num", phone="tail"),
        Column("text", "offer.text", quiet=True, roomy=True, show=lambda r: cut(in_both(r["text"], r["text_zh"]), title="")),
    ]


def _terms(d: rx.Var) -> rx.Component:
    number = lambda name, key: rx.el.input(
        name=name, default_value=d[key].to(str), required=True, input_mode="decimal", auto_complete="off", max_length=16, class_name="inp sm"
    )
    risk = rx.el.select(
        *[rx.el.option(t(f"risk.{n}"), value=str(n)) for n in (1, 2, 3)], name="risk_mode", default_value=d["in_risk"].to(str), class_name="inp sm"
    )
    usdt = rx.el.span("USDT")
    return rx.el.form(
        rx.el.div(
            field("offer.capital", number("capital", "in_capital"), right=usdt),
            field("offer.leverage", number("leverage", "in_leverage")),
            field("offer.risk", risk),
            field("offer.min_capital", number("min_capital", "in_min_capital"), right=usdt),
            field("catalogue.score", number("min_confidence", "in_score")),
            field("catalogue.cooldown", number("cooldown_minutes", "in_cooldown")),
            class_name="form-row",
        ),
        rx.el.span(tx("catalogue.form_note"), class_name="hint"),
        rx.el.button(tx("offer.save"), type="submit", class_name="btn pri", custom_attrs={"style": {"marginTop": "12px"}}),
        on_submit=Desk.change_strategy,
        key=Lists.open_id,
    )


def _drawer() -> rx.Component:
    d = Lists.detail
    pairs = d["pairs"].to(list[dict])
    line = lambda p: rx.fragment(rx.el.dt(p["k"]), rx.el.dd(p["v"], class_name="mono"))
    settings = rx.cond(pairs.length() > 0, rx.el.dl(rx.foreach(pairs, line), class_name="kv ids"), rx.el.p(tx("catalogue.built_in"), class_name="t3"))
    switch = rx.cond(
        d["active"],
        hold_button(tx("catalogue.switch_off"), Desk.switch_strategy(False)),
        rx.el.button(tx("user.enable"), type="button", class_name="btn pri", on_click=Desk.switch_strategy(True)),
    )
    return drawer(
        drawer_section(rx.el.p(in_both(d["text"].to(str), d["text_zh"].to(str)), class_name="t2")),
        drawer_section(
            facts(
                ("catalogue.algorithm", rx.el.span(d["algorithm"], class_name="mono")), ("scan.timeframe", d["timeframe"]),
                ("catalogue.symbols", _symbols(d)), ("catalogue.offered", d["offered"]), ("offer.followers", d["followers"]),
                ("catalogue.cooldown", d["cooldown"]),
            )
        ),
        drawer_section(_terms(d), title="offer.terms"),
        drawer_section(entry_terms(d), title="pending.terms"),
        drawer_section(settings, title="catalogue.settings"),
        rx.cond(d["watched"] == "", rx.fragment(), drawer_section(rx.el.span(d["watched"], class_name="t2"), title="catalogue.symbols")),
        state=Lists,
        head=rx.el.h2(_name(d)),
        foot=[link_button("nav.bindings", "/admin/bindings?strategy=" + d["code"].to(str)), rx.el.span(class_name="sp"), switch],
        label=t("pos.strategy"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    bar = filters(picks=(STATUS,), find="filter.strategy")
    return list_page(ROUTE, "strategies", _columns(), bar=bar, none=("offer.none", "catalogue.none_why", "bot"), drawer=_drawer())
