"""Users: list, and a drawer with accounts, bot, cards, team and rewards; recharge and sign-in switch."""

from __future__ import annotations

import reflex as rx

from pages.components.act import field, hold_button
from pages.components.i18n import USED, in_both, t, tx
from pages.components.icons import icon
from pages.components.lists import Pick, cut, filters, list_page, mini
from pages.components.parts import chip, facts, mode_chip, num, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.lists.look import look_form
from pages.routes import Route
from state.console import Console
from state.lists import Lists

LEVEL = Pick("level", "tree.level", tuple((str(n), f"level.S{n}") for n in range(8)))
BOT = Pick("bot", "nav.bot", (("running", "botstate.running"), ("stopped", "botstate.stopped")))
STATUS = Pick("status", "user.access", (("1", "access.on"), ("0", "access.off")))
USED.update(f"botstate.{s}" for s in ("running", "starting", "restarting", "stopped", "error", "none", "paused"))
USED.update(f"reward.{s}" for s in ("tech_team", "direct", "level_diff", "peer", "direct_undist", "peer_undist", "network_undist", "platform_retain"))


def name_cell(row: rx.Var) -> rx.Component:
    """Name with what is special about the person."""
    return rx.el.span(
        rx.el.b(row["name"]),
        rx.cond(row["market_node"], chip(tx("tree.market_node")), rx.fragment()),
        rx.cond(row["active"], rx.fragment(), chip(tx("access.off"), kind="look")),
        class_name="row",
    )


def _columns(admin: bool) -> list[Column]:
    tenant = [Column("tenant", "order.tenant", phone="sub", quiet=True)] if admin else []
    bot = lambda r: rx.el.span(tx(r["bot"]), class_name=rx.cond(r["running"], "", "t3"))
    return [
        Column("name", "tree.person", phone="lead", sort=True, show=name_cell),
        *tenant,
        Column("email", "user.email", phone="sub", quiet=True, roomy=True, show=lambda r: cut(r["email"])),
        Column("level", "tree.level", phone="end", sort=True),
        Column("inviter", "user.inviter", quiet=True, roomy=True, show=lambda r: cut(r["inviter"])),
        Column("team", "user.team", "num", quiet=True),
        Column("hold", "tree.hold", "num"),
        Column("cards", "stat.cards", "num", phone="tail"),
        Column("rewards", "tree.rewards", "num", quiet=True),
        Column("bot", "nav.bot", phone="end", show=bot),
        Column("joined_ms", "tree.joined", "num", quiet=True, roomy=True, sort=True, show=lambda r: rel_time(r["joined_ms"].to(int))),
    ]


def recharge_form(on_submit: rx.EventHandler, title: str, note: str) -> rx.Component:
    """Amount and card type; the form's key makes sending it twice harmless."""
    kinds = rx.el.select(
        rx.el.option(t("card.self"), value="1"), rx.el.option(t("card.gift"), value="2"), name="card", class_name="inp sm"
    )
    amount = rx.el.input(name="amount", input_mode="decimal", auto_complete="off", required=True, max_length=20, class_name="inp sm", placeholder="100.00")
    return drawer_section(
        rx.el.form(
            rx.el.div(
                field("card.amount", amount, right=rx.el.span("USDT")),
                field("card.type", kinds),
                rx.el.button(tx("card.recharge"), type="submit", class_name="btn"),
                class_name="form-row",
            ),
            rx.el.span(tx(note), class_name="hint"),
            on_submit=on_submit,
            reset_on_submit=True,
            key=Console.form_key,
        ),
        title=title,
    )  # fmt: skip


def _account(a: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(a["exchange"]), rx.el.td(a["key"], class_name="mono"), rx.el.td(mode_chip(a["mode"].to(str), quiet_live=True)),
        rx.el.td(a["balance"], class_name="num"),
        rx.el.td(rx.cond(a["error"] != "", rx.el.span(a["error"], class_name="look cut"), rel_time(a["synced_ms"].to(int))), class_name="num t2"),
        key=a["id"],
    )  # fmt: skip


def _member(m: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(m["name"])), rx.el.td(m["level"], class_name="t2"), rx.el.td(m["hold"], class_name="num"),
        rx.el.td(rel_time(m["joined_ms"].to(int)), class_name="num t2"), key=m["id"],
    )  # fmt: skip


def _reward(r: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.span(tx(r["type"]), class_name="grow"), num(r["amount"].to(str)), rel_time(r["at_ms"].to(int)), key=r["id"]
    )  # fmt: skip


def _follows(b: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(b["code"]), rx.cond(b["active"], rx.fragment(), rx.el.span(" ", tx("bind.off"), class_name="t3"))),
        rx.el.td(b["trades"], class_name="num"), rx.el.td(num(b["profit"].to(str)), class_name="num"), key=b["id"],
    )  # fmt: skip


def _move(m: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.div(rx.el.p(tx(m["change"].to(str)), " ", rx.el.span(tx(m["card"].to(str)), class_name="t3")), rx.el.p(m["remark"], class_name="t3 t12"), class_name="grow"),
        num(m["amount"].to(str)), rel_time(m["at_ms"].to(int)), key=m["id"],
    )  # fmt: skip


def _facts(d: rx.Var) -> rx.Component:
    return facts(
        ("tree.level", d["level"]),
        ("tree.hold", d["hold"]),
        ("tree.team", d["team_hold"]),
        ("user.team", d["team"]),
        ("card.self", d["self"]),
        ("card.gift", d["gift"]),
        ("user.reward_free", d["reward"]),
        ("user.waiting", d["waiting"]),
        ("tree.rewards", d["rewards"]),
        ("tree.code", rx.el.span(d["code"], class_name="mono")),
        ("user.inviter", d["inviter"]),
        ("tree.joined", rel_time(d["joined_ms"].to(int))),
        ("user.scans", d["bot_scans"]),
    )


def _drawer(admin: bool) -> rx.Component:
    d = Lists.detail
    where = rx.el.p(d["email"], rx.el.span(" ", d["tenant"], class_name="t3"), class_name="t2")
    accounts, direct, newest, bindings, moves = (d[name].to(list[dict]) for name in ("accounts", "direct", "newest", "bindings", "moves"))
    switch = rx.cond(
        d["active"],
        hold_button(tx("user.disable"), Console.switch_user(Lists.open_id, False)),
        rx.el.button(tx("user.enable"), type="button", class_name="btn", on_click=Console.switch_user(Lists.open_id, True)),
    )
    node = rx.el.button(
        rx.cond(d["market_node"], tx("user.not_node"), tx("user.make_node")), type="button", class_name="btn",
        on_click=Console.market_node(Lists.open_id, ~d["market_node"].to(bool)),
    )  # fmt: skip
    none = lambda key: rx.el.p(tx(key), class_name="t3")
    return drawer(
        drawer_section(_facts(d)),
        recharge_form(Console.recharge_user, "card.recharge", "card.user_note"),
        drawer_section(
            rx.el.p(rx.el.b(tx(d["bot"].to(str))), " ", rx.el.span(in_both(d["bot_reason"].to(str), d["bot_reason_zh"].to(str)), class_name="t2")), title="nav.bot"
        ),
        drawer_section(
            rx.cond(
                accounts.length() > 0,
                mini([("acc.exchange", ""), ("acc.key", ""), ("order.mode", ""), ("acc.balance", "num"), ("acc.synced", "num")], rx.foreach(accounts, _account)),
                none("acc.none"),
            ),
            title="acc.title",
        ),
        drawer_section(
            rx.cond(
                bindings.length() > 0,
                mini([("pos.strategy", ""), ("bind.trades", "num"), ("bind.profit", "num")], rx.foreach(bindings, _follows)),
                none("bind.none"),
            ),
            title="nav.strategies",
        ),
        drawer_section(
            rx.cond(moves.length() > 0, rx.el.ul(rx.foreach(moves, _move), class_name="lines"), none("user.no_moves")),
            title="user.moves",
        ),
        drawer_section(
            rx.cond(
                direct.length() > 0,
                mini([("tree.person", ""), ("tree.level", ""), ("tree.hold", "num"), ("tree.joined", "num")], rx.foreach(direct, _member)),
                none("user.no_team"),
            ),
            title="user.direct",
        ),
        drawer_section(
            rx.cond(newest.length() > 0, rx.el.ul(rx.foreach(newest, _reward), class_name="lines"), none("user.no_reward")),
            title="user.newest_rewards",
        ),
        *([look_form("agent", Lists.open_id)] if admin else []),
        state=Lists,
        head=rx.fragment(rx.el.div(rx.el.h2(d["name"]), rx.cond(d["active"], rx.fragment(), chip(tx("access.off"), kind="look")), class_name="row"), where),
        foot=[node, rx.el.span(class_name="sp"), switch],
        label=t("tree.person"),
    )  # fmt: skip


def users_page(route: Route) -> rx.Component:
    """The page."""
    admin = route.kind == "admin"
    total = rx.el.span(icon("users", "s"), tx("user.count", n=Lists.total), class_name="row t3 t12")
    bar = filters(picks=(LEVEL, BOT, STATUS), dated=True, tenant=admin, find="filter.user", right=total)
    return list_page(route, "users", _columns(admin), bar=bar, none=("user.none", "user.none_why", "users"), drawer=_drawer(admin))
