"""Page /tenant/strategies: what the users may subscribe to, and on which terms."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field
from pages.components.i18n import USED, in_both, t, tx
from pages.components.lists import Pick, cut, filters, list_page
from pages.components.parts import chip, facts
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.console import Console
from state.lists import Lists

ROUTE = route_of("/tenant/strategies")
ON_LOAD = [Lists.enter("offers"), Console.fresh]
STATUS = Pick("status", "offer.state", (("1", "offer.offered"), ("0", "offer.not_offered")))
USED.update({"risk.1", "risk.2", "risk.3"})


def _columns() -> list[Column]:
    name = lambda r: rx.el.span(rx.el.b(r["name"]), rx.el.span(r["code"], class_name="mono t3"), class_name="row")
    state = lambda r: rx.cond(r["offered"], rx.el.span(tx("offer.offered")), rx.el.span(tx("offer.not_offered"), class_name="t3"))
    own = lambda r: rx.cond(r["own"], chip(tx("offer.own")), rx.el.span(tx("offer.inherited"), class_name="t3"))
    return [
        Column("name", "pos.strategy", phone="lead", show=name),
        Column("timeframe", "scan.timeframe", phone="sub", quiet=True, roomy=True),
        Column("text", "offer.text", quiet=True, roomy=True, show=lambda r: cut(in_both(r["text"], r["text_zh"]), wide=True, title="")),
        Column("capital", "offer.capital", "num", phone="tail"),
        Column("leverage", "offer.leverage", "num"),
        Column("risk", "offer.risk", phone="sub", show=lambda r: tx(r["risk"])),
        Column("min_capital", "offer.min_capital", "num", quiet=True, roomy=True),
        Column("followers", "offer.followers", "num", phone="end"),
        Column("own", "offer.terms", roomy=True, show=own),
        Column("offered", "offer.state", phone="sub", show=state),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    risk = rx.el.select(
        rx.el.option(t("offer.inherit"), value=""), *[rx.el.option(t(f"risk.{n}"), value=str(n)) for n in (1, 2, 3)],
        name="risk_mode", default_value=d["in_risk"].to(str), class_name="inp sm",
    )  # fmt: skip
    number = lambda name, key: rx.el.input(
        name=name, default_value=d[key].to(str), placeholder=t("offer.inherit"), input_mode="decimal", auto_complete="off", max_length=16,
        class_name="inp sm",
    )  # fmt: skip
    form = rx.el.form(
        rx.el.div(
            field("offer.capital", number("capital", "in_capital"), right=rx.el.span("USDT")),
            field("offer.leverage", number("leverage", "in_leverage")),
            field("offer.risk", risk),
            class_name="form-row",
        ),
        rx.el.span(tx("offer.form_note"), class_name="hint"),
        rx.el.button(tx("offer.save"), type="submit", class_name="btn pri", custom_attrs={"style": {"marginTop": "12px"}}),
        on_submit=Console.change_offer,
        key=Lists.open_id,
    )
    switch = rx.cond(
        d["offered"],
        rx.el.button(tx("offer.stop"), type="button", class_name="btn", on_click=Console.offer(Lists.open_id, False)),
        rx.el.button(tx("offer.start"), type="button", class_name="btn pri", on_click=Console.offer(Lists.open_id, True)),
    )
    return drawer(
        drawer_section(rx.el.p(in_both(d["text"].to(str), d["text_zh"].to(str)), class_name="t2")),
        drawer_section(
            facts(
                ("offer.capital", d["capital"]), ("offer.leverage", d["leverage"]), ("offer.risk", tx(d["risk"].to(str))),
                ("offer.min_capital", d["min_capital"]), ("offer.followers", d["followers"]), ("scan.timeframe", d["timeframe"]),
            ),
            title="offer.now",
        ),
        rx.cond(d["offered"], drawer_section(form, title="offer.terms"), rx.fragment()),
        state=Lists,
        head=rx.fragment(rx.el.h2(d["name"]), rx.el.p(d["code"], class_name="mono t2")),
        foot=[rx.el.span(tx("offer.stop_line"), class_name="t3 t12 grow"), switch],
        label=t("pos.strategy"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    bar = filters(picks=(STATUS,), find="filter.strategy")
    return list_page(ROUTE, "offers", _columns(), bar=bar, none=("offer.none", "offer.none_why", "bot"), drawer=_drawer())
