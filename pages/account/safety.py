"""The settings of a person's own account: one page for admins, merchants and traders."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.act import copy_button, field, hold_button
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.parts import chip, nav_link, note, rel_time, section_head, sentence, skeleton
from pages.components.shell import shell
from pages.routes import Route
from state.safety import Safety as S

USED.update({"safe.reads", "safe.writes"})


def _input(name: str, **props: Any) -> rx.Component:
    return rx.el.input(name=name, class_name="inp", **props)


def _send(key: str, kind: str = "pri") -> rx.Component:
    return rx.el.button(tx(key), type="submit", class_name=f"btn {kind} gap-top")


def _profile(kind: str) -> rx.Component:
    agent = kind == "agent"
    more = [
        field(
            "safe.language" if agent else "menu.language",
            rx.el.select(
                *([] if agent else [rx.el.option(t("menu.system"), value="")]), rx.el.option("English", value="en"), rx.el.option("中文", value="zh"),
                name="locale", default_value=S.locale, class_name="inp",
            ),
            tx("safe.language_hint") if agent else tx("safe.colours_hint"),
        ),
        field(
            "safe.colours",
            rx.el.select(
                rx.el.option(t("safe.colours.std"), value="std"), rx.el.option(t("safe.colours.cn"), value="cn"),
                rx.el.option(t("safe.colours.cb"), value="colourblind"), name="colours", default_value=S.colours, class_name="inp",
            ),
            tx("safe.colours_hint"),
        ),
        *([field("safe.zone", rx.el.select(rx.foreach(S.zones, lambda z: rx.el.option(z, value=z)), name="time_zone", default_value=S.zone, class_name="inp"))] if agent else []),
    ]
    form = rx.el.form(
        field("safe.email", rx.el.input(value=S.email, read_only=True, class_name="inp")),
        field("safe.name", _input("name", default_value=S.name, max_length=64, auto_complete="name", read_only=kind == "tenant")),
        *more,
        _send("safe.save"),
        on_submit=S.save_profile,
        key=S.version,
    )
    reach = nav_link(icon("bell", "s"), tx("reach.settings"), href=f"/{kind}/notifications/settings", class_name="btn sm")
    # A merchant hears by webhooks.
    return rx.el.section(section_head("safe.profile", *([] if kind == "tenant" else [reach])), form, class_name="sec")


def _password() -> rx.Component:
    secret = lambda name, complete: _input(name, type="password", required=True, max_length=256, auto_complete=complete)
    form = rx.el.form(
        field("safe.old", secret("old", "current-password")),
        field("safe.new", secret("new", "new-password"), tx("safe.new_hint")),
        field("safe.again", secret("again", "new-password")),
        _send("safe.set_password"),
        on_submit=S.new_password,
        reset_on_submit=True,
    )
    return rx.el.section(section_head("safe.password"), rx.el.p(tx("safe.password_ends"), class_name="t2"), form, class_name="sec")


def _code_form(action: Any, key: str, kind: str = "pri") -> rx.Component:
    box = _input("code", required=True, max_length=20, auto_complete="one-time-code", input_mode="text")
    return rx.el.form(field("safe.code", box), _send(key, kind), on_submit=action, reset_on_submit=True)


def _factor() -> rx.Component:
    codes = rx.cond(
        S.codes.length() > 0,
        rx.el.div(
            note(tx("safe.codes"), tx("safe.codes_why")),
            rx.el.ul(rx.foreach(S.codes, lambda code: rx.el.li(code, class_name="mono")), class_name="codes gap-top", custom_attrs={"data-codes": ""}),
            copy_button(S.codes.join("\n")),
        ),
        rx.fragment(),
    )
    on = rx.fragment(
        rx.el.p(chip(icon("check", "s"), tx("safe.on"), kind="act"), " ", tx("safe.codes_left", n=S.codes_left), class_name="t2"),
        codes,
        _code_form(S.renew_codes, "safe.renew", ""),
        _code_form(S.factor_off, "safe.factor_off", ""),
    )
    scan = rx.fragment(
        rx.el.p(tx("safe.scan"), class_name="t2"),
        rx.el.img(src=S.picture, alt=t("safe.qr"), class_name="qr gap-top"),
        rx.el.p(tx("safe.by_hand"), " ", rx.el.b(S.secret, class_name="mono", custom_attrs={"data-secret": ""}), class_name="t2 gap-top"),
        _code_form(S.confirm_factor, "safe.confirm"),
    )
    off = rx.fragment(
        rx.el.p(tx("safe.factor_why"), class_name="t2"),
        rx.el.button(icon("shield"), tx("safe.factor_on"), type="button", class_name="btn pri gap-top", on_click=S.begin_factor, custom_attrs={"data-factor": ""}),
    )
    return rx.el.section(section_head("safe.factor"), rx.cond(S.factor, on, rx.cond(S.picture != "", scan, off)), class_name="sec")


def _devices() -> rx.Component:
    row = lambda d: rx.el.li(
        rx.el.div(rx.el.b(d["browser"]), rx.el.p(d["ip"], " · ", rel_time(d["at_ms"].to(int)), class_name="t3 t12"), class_name="grow"),
        rx.cond(
            d["current"].to(bool), chip(tx("safe.here"), kind="act"),
            rx.el.button(tx("safe.end"), type="button", class_name="btn sm", on_click=S.end(d["id"].to(int))),
        ),
        class_name="row", key=d["id"].to(str), custom_attrs={"data-device": ""},
    )  # fmt: skip
    return rx.el.section(
        section_head("safe.devices"),
        rx.el.ul(rx.foreach(S.devices, row), class_name="ob-list"),
        rx.cond(S.devices.length() + S.tokens.length() > 1, hold_button(tx("safe.end_others"), S.end_others), rx.fragment()),
        class_name="sec",
    )


def _tokens() -> rx.Component:
    row = lambda d: rx.el.li(
        rx.el.div(rx.el.b(d["label"]), rx.el.p(tx(d["scopes"].to(str)), " · ", tx("safe.until", day=d["until"]), class_name="t3 t12"), class_name="grow"),
        rx.el.button(tx("safe.revoke"), type="button", class_name="btn sm", on_click=S.end(d["id"].to(int))),
        class_name="row", key=d["id"].to(str), custom_attrs={"data-token": ""},
    )  # fmt: skip
    fresh = rx.cond(
        S.token != "",
        note(tx("safe.token_once"), rx.el.span(S.token, class_name="mono", custom_attrs={"data-fresh": ""}), action=copy_button(S.token)),
        rx.fragment(),
    )
    scopes = rx.el.select(
        rx.el.option(tx("safe.reads"), value="read"), rx.el.option(tx("safe.writes"), value="read write"), name="scopes", class_name="inp"
    )
    form = rx.el.form(
        field("safe.token_name", _input("label", required=True, max_length=60, auto_complete="off")),
        field("safe.scopes", scopes),
        field("safe.days", _input("days", type="number", default_value="90", min="1", max="366", required=True)),
        _send("safe.make"),
        on_submit=S.make_token,
        reset_on_submit=True,
    )
    return rx.el.section(
        section_head("safe.tokens"), rx.el.p(tx("safe.tokens_why"), class_name="t2"), fresh,
        rx.el.ul(rx.foreach(S.tokens, row), class_name="ob-list"), form, class_name="sec",
    )  # fmt: skip


def safety_page(route: Route) -> rx.Component:
    """The page in the frame of its kind."""
    body = rx.el.div(
        rx.el.div(_profile(route.kind), _password()),
        rx.el.div(_factor(), _devices(), _tokens()),
        class_name="safe",
    )
    return shell(
        route,
        sentence(rx.cond(S.factor, tx("safe.lead_on"), tx("safe.lead_off")), meta=S.email, icon_name="shield"),
        rx.cond(S.ready, body, rx.el.div(skeleton("40%"), skeleton(height="120px"), class_name="wait")),
    )
