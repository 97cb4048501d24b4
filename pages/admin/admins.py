"""Page /admin/admins: the platform's operators; add, rename, new password, disable."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import field, hold_button, text_input
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.lists import Pick, filters, list_page, mini
from pages.components.parts import chip, facts, link_button, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.admin_desk import ROLES, Desk
from state.lists import Lists

ROUTE = route_of("/admin/admins")
ON_LOAD = [Lists.enter("admins"), Desk.fresh]
USED.update({f"role.{role}" for role in ROLES} | {f"role.{role}.what" for role in ROLES})
STATUS = Pick("status", "user.access", (("1", "access.on"), ("0", "access.off")))


def _name(row: rx.Var) -> rx.Component:
    off = rx.cond(row["active"], rx.fragment(), chip(tx("access.off"), kind="look"))
    return rx.el.span(rx.el.b(row["username"]), rx.cond(row["me"], chip(tx("staff.me")), rx.fragment()), off, class_name="row")


def _columns() -> list[Column]:
    login = lambda r: rx.cond(r["login_ms"].to(int) > 0, rel_time(r["login_ms"].to(int)), rx.el.span(tx("staff.never"), class_name="t3"))
    return [
        Column("username", "staff.user", phone="lead", sort=True, show=_name),
        Column("nickname", "node.name", phone="sub", quiet=True),
        Column("role", "staff.role", phone="sub", quiet=True, show=lambda r: tx("role." + r["role"].to(str))),
        Column("login_ms", "staff.login", "num", phone="tail", sort=True, show=login),
        Column("created_ms", "tenant.created", "num", quiet=True, sort=True, show=lambda r: rel_time(r["created_ms"].to(int))),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    acts = d["acts"].to(list[dict])
    line = lambda a: rx.el.tr(
        rx.el.td(rel_time(a["at_ms"].to(int))), rx.el.td(rx.el.span(a["action"], class_name=rx.cond(a["ok"], "mono", "mono look"))),
        rx.el.td(rx.el.span(a["target"], class_name="mono t3")), key=a["id"],
    )  # fmt: skip
    heads = [("order.time", ""), ("audit.action", ""), ("audit.target", "")]
    new_password = text_input(name="password", type="password", auto_complete="new-password", max_length=128, class_name="inp sm", placeholder=t("staff.keep"))
    form = rx.el.form(
        rx.el.div(
            field("node.name", rx.el.input(name="nickname", default_value=d["nickname"].to(str), max_length=64, auto_complete="off", class_name="inp sm")),
            rx.cond(d["me"], rx.fragment(), field("staff.role", _role(d["role"].to(str)))),
            rx.cond(d["me"], rx.fragment(), field("staff.new_password", new_password)),
            class_name="form-row",
        ),
        rx.el.button(tx("staff.save"), type="submit", class_name="btn pri", custom_attrs={"style": {"marginTop": "12px"}}),
        on_submit=Desk.edit_admin,
        key=Lists.open_id,
    )
    switch = rx.cond(
        d["active"],
        rx.cond(d["me"], rx.fragment(), hold_button(tx("user.disable"), Desk.switch_admin(False))),
        rx.el.button(tx("user.enable"), type="button", class_name="btn", on_click=Desk.switch_admin(True)),
    )
    return drawer(
        drawer_section(
            facts(
                ("staff.role", tx("role." + d["role"].to(str))), ("staff.sessions", d["sessions"]),
                ("staff.login", rel_time(d["login_ms"].to(int))), ("tenant.created", rel_time(d["created_ms"].to(int))),
            )
        ),
        drawer_section(form, title="staff.change"),
        drawer_section(
            rx.cond(acts.length() > 0, mini(heads, rx.foreach(acts, line)), rx.el.p(tx("staff.no_acts"), class_name="t3")), title="staff.acts"
        ),
        state=Lists,
        head=rx.fragment(rx.el.h2(_name(d)), rx.el.p(d["nickname"], class_name="t2")),
        foot=[link_button("nav.audit", "/admin/audit?actor=admin"), rx.el.span(class_name="sp"), switch],
        label=t("staff.user"),
    )  # fmt: skip


def _role(now: Any) -> rx.Component:
    return rx.el.select(*[rx.el.option(t(f"role.{role}"), value=role) for role in ROLES], name="role", default_value=now, class_name="inp sm")


def _table() -> rx.Component:
    """What each role may do, and whose sign-in needs two factors."""
    line = lambda r: rx.el.tr(
        rx.el.td(rx.el.b(tx(r["word"].to(str)))), rx.el.td(tx(r["what"].to(str)), class_name="t2"),
        rx.el.td(
            rx.el.label(
                rx.el.input(type="checkbox", checked=r["factor"].to(bool), on_change=lambda on: Desk.require_factor(r["id"].to(str), on)),
                tx("staff.two_factor"), class_name="check",
            )
        ),
        key=r["id"].to(str),
    )  # fmt: skip
    heads = [("staff.role", ""), ("staff.may", ""), ("safe.factor", "")]
    return rx.el.details(
        rx.el.summary(tx("staff.roles")), mini(heads, rx.foreach(Desk.roles, line)), class_name="sec hline-b"
    )


def _new() -> rx.Component:
    form = rx.el.form(
        rx.el.div(
            field("staff.user", text_input(name="username", required=True, max_length=64, auto_complete="off", class_name="inp sm")),
            field("node.name", text_input(name="nickname", max_length=64, auto_complete="off", class_name="inp sm")),
            field("staff.new_password", text_input(name="password", type="password", required=True, auto_complete="new-password", class_name="inp sm")),
            field("staff.role", _role("auditor")),
            rx.el.button(tx("staff.add"), type="submit", class_name="btn pri"),
            rx.el.button(tx("act.cancel"), type="button", class_name="btn", on_click=Desk.make(False)),
            class_name="form-row",
        ),
        on_submit=Desk.add_admin,
    )
    return rx.cond(Desk.making, rx.el.section(form, class_name="sec hline-b"), rx.fragment())


def page() -> rx.Component:
    """The page in its frame."""
    add = rx.el.button(icon("plus", "s"), tx("staff.new"), type="button", class_name="btn sm", on_click=Desk.make(True))
    bar = filters(picks=(STATUS,), find="filter.staff", right=add)
    return list_page(ROUTE, "admins", _columns(), _new(), _table(), bar=bar, none=("staff.none", "filter.none_why", "users"), drawer=_drawer())
