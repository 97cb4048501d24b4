"""Page /agent/start: the wizard from a new account to a running bot. It goes on where it was left."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.agent.start_parts import box, check_row, step_item, window
from pages.components.act import copy_button, field
from pages.components.i18n import USED, t, tx
from pages.components.icons import icon
from pages.components.parts import link_button, note, sentence, skeleton
from pages.components.shell import shell
from pages.routes import route_of
from state.onboarding import Onboarding as S

ROUTE = route_of("/agent/start")
ON_LOAD = [S.load]
STEPS = ("exchange", "futures", "key", "paste", "limits", "start")
_NAMES = "key reading futures withdrawals transfers addresses expiry clock wallet mode margin test_order"
_CODES = (
    "reading futures withdrawals transfers addresses expiry clock wallet empty margin testnet waits malformed unreached other "
    "key_invalid secret_wrong permission region account_inactive clock_skew rate_limited blocked in_liquidation close_only "
    "cooling_off multi_assets_mode position_mode insufficient_funds untold no_test"
)
USED.update(f"keyn.{name}" for name in _NAMES.split())
USED.update(f"keyc.{code}{end}" for code in _CODES.split() for end in ("", "_do"))
USED.update({"begin.refused", "begin.accepted"})


def _next(step: str, words: str = "begin.next") -> rx.Component:
    return rx.el.button(tx(words), type="button", class_name="btn pri lg", on_click=S.go(step), custom_attrs={"data-next": step})


def _venue(title: str, line: str, action: rx.Component) -> rx.Component:
    return rx.el.li(rx.el.div(rx.el.b(tx(title)), rx.el.p(tx(line), class_name="t2"), class_name="grow"), action, class_name="row ob-pick")


def _offered(venue: rx.Var[dict[str, Any]]) -> rx.Component:
    """One exchange; those that were never tried on the real market say so."""
    fresh, code = venue["new"].to(bool), venue["code"].to(str)
    return rx.el.li(
        rx.el.div(
            rx.el.b(venue["name"].to(str), " ", rx.cond(fresh, rx.el.em(tx("begin.new"), class_name="tag"), rx.fragment())),
            rx.el.p(rx.cond(fresh, tx("begin.new_line"), tx("begin.live_line")), class_name="t2"),
            class_name="grow",
        ),
        rx.el.button(tx("begin.use"), type="button", class_name="btn", on_click=S.choose_venue(code), custom_attrs={"data-venue": code}),
        key=code,
        class_name="row ob-pick",
    )


def _exchange() -> rx.Component:
    use = lambda mode: rx.el.button(tx("begin.use"), type="button", class_name="btn", on_click=S.choose(mode), custom_attrs={"data-mode": mode})
    paper = rx.el.button(tx("begin.paper_go"), type="button", class_name="btn pri", on_click=S.paper, custom_attrs={"data-mode": "paper"})
    return rx.fragment(
        rx.el.h2(tx("begin.exchange")),
        rx.el.p(tx("begin.exchange_lead"), class_name="t2"),
        rx.el.ul(
            rx.cond(S.has_paper, _venue("begin.paper", "begin.paper_line", paper), rx.fragment()),
            rx.foreach(S.venues, _offered),
            _venue("begin.testnet", "begin.testnet_line", use("testnet")),
            rx.cond(S.has_paper, _venue("begin.simkey", "begin.simkey_line", use("simulated")), rx.fragment()),
            class_name="ob-list",
        ),
    )


def _futures() -> rx.Component:
    elsewhere = rx.el.p(tx("begin.futures_other", name=S.exchange_name), class_name="t2")
    binance = rx.fragment(
        rx.el.p(tx("begin.futures_lead"), class_name="t2"),
        window("begin.w_futures", box("begin.b_wallet", True), box("begin.b_quiz", True), box("begin.b_open", True)),
        note(tx("begin.futures_note"), tx("begin.futures_why"), calm=True, icon_name="clock"),
    )
    return rx.fragment(
        rx.el.h2(tx("begin.futures")),
        rx.cond(S.exchange == "binance", binance, elsewhere),
        rx.el.div(_next("key", "begin.futures_done"), class_name="row gap-top"),
    )


def _key() -> rx.Component:
    address = lambda one: rx.el.li(rx.el.span(one, class_name="inp sm mono grow"), copy_button(one), class_name="row")
    addresses = rx.cond(
        S.addresses.length() > 0,
        rx.el.ul(rx.foreach(S.addresses, address), class_name="ob-list"),
        note(tx("begin.no_addresses"), tx("begin.no_addresses_do"), calm=True),
    )
    binance = rx.fragment(
        rx.el.p(tx("begin.key_lead"), class_name="t2"),
        window(
            "begin.w_key", box("begin.b_reading", True), box("begin.b_futures", True), box("begin.b_trusted", True),
            box("begin.b_withdraw", False), box("begin.b_transfer", False), box("begin.b_margin", False),
        ),
    )  # fmt: skip
    wallet = rx.el.p(tx("begin.key_wallet"), class_name="t2")
    elsewhere = rx.el.p(tx("begin.key_other", name=S.exchange_name), class_name="t2")
    return rx.fragment(
        rx.el.h2(tx("begin.key")),
        rx.match(S.exchange, ("binance", binance), ("hyperliquid", wallet), elsewhere),
        rx.el.h3(tx("begin.addresses"), class_name="gap-top"),
        addresses,
        rx.el.div(_next("paste", "begin.key_done"), class_name="row gap-top"),
    )


def _paste() -> rx.Component:
    secret = rx.el.input(name="api_secret", type="password", class_name="inp mono", required=True, max_length=256, auto_complete="off")
    words = rx.el.input(name="passphrase", type="password", class_name="inp mono", required=True, max_length=256, auto_complete="off")
    form = rx.el.form(
        field("begin.api_key", rx.el.input(name="api_key", class_name="inp mono", required=True, max_length=256, auto_complete="off", spell_check=False)),
        field("begin.api_secret", secret, tx("begin.secret_hint")),
        rx.cond(S.passphrase, field("begin.passphrase", words, tx("begin.passphrase_hint")), rx.fragment()),
        rx.el.div(
            rx.el.button(rx.cond(S.checking, tx("begin.checking"), tx("begin.check")), type="submit", class_name="btn pri lg", disabled=S.checking),
            rx.el.button(tx("begin.instead"), type="button", class_name="btn lg quiet", on_click=S.go("exchange")),
            class_name="row wrap gap-top",
        ),
        on_submit=S.check,
    )
    waiting = rx.el.div(*[skeleton(f"{70 - 4 * n}%") for n in range(9)], class_name="wait", aria_busy=True)
    result = rx.el.div(
        rx.cond(S.verdict != "", rx.el.h3(tx(S.verdict), role="status", custom_attrs={"data-verdict": S.verdict}), rx.fragment()),
        rx.cond(S.checking, waiting, rx.el.ul(rx.foreach(S.checks, check_row), class_name="ob-checks")),
        rx.cond(S.verdict == "begin.accepted", _next("limits"), rx.fragment()),
        class_name="gap-top",
        custom_attrs={"aria-live": "polite"},
    )
    return rx.fragment(rx.el.h2(tx("begin.paste")), rx.el.p(tx("begin.paste_lead"), class_name="t2"), form, result)


def _limits() -> rx.Component:
    number = lambda name: rx.el.input(
        name=name, value=S.limits[name], type="text", input_mode="decimal", max_length=12, class_name="inp num",
        on_change=lambda value: S.preview(name, value),
    )  # fmt: skip
    offer = lambda o: rx.el.li(
        rx.el.label(
            rx.el.input(type="checkbox", checked=o["on"].to(bool), on_change=S.pick(o["id"].to(int)).prevent_default),
            rx.el.b(o["name"]), rx.el.span(o["timeframe"], class_name="t3"), class_name="row",
        ),
        key=o["id"].to(str),
    )  # fmt: skip
    w = S.worst
    worst = rx.cond(
        w.contains("loss"),
        note(
            tx("begin.worst", loss=w["loss"], share=w["share"]),
            tx("begin.worst_how", n=S.limits["max_positions"], size=S.limits["max_position_usdt"], margin=w["margin"], stop=S.limits["stop_loss_roi"], loss=w["loss"]),
            tx("begin.worst_left", capital=w["capital"], left=w["left"]),
        ),
        note(tx("begin.worst_none")),
    )  # fmt: skip
    return rx.fragment(
        rx.el.h2(tx("begin.limits")),
        rx.el.p(tx("begin.limits_lead"), class_name="t2"),
        rx.el.ul(rx.foreach(S.offers, offer), class_name="ob-list"),
        rx.el.div(
            field("begin.l_positions", number("max_positions")),
            field("begin.l_size", number("max_position_usdt")),
            field("begin.l_stop", number("stop_loss_roi"), tx("begin.l_stop_hint")),
            field("begin.l_daily", number("daily_loss_limit")),
            class_name="ob-grid",
        ),
        worst,
        rx.el.button(tx("begin.keep"), type="button", class_name="btn pri lg gap-top", on_click=S.save_limits, custom_attrs={"data-next": "start"}),
    )


def _start() -> rx.Component:
    word = rx.el.label(
        rx.el.input(type="checkbox", checked=S.live_now, on_change=S.say_live),
        rx.el.span(tx("begin.live_word", n=S.paper_days)),
        class_name="row gap-top",
    )
    go = rx.el.button(icon("play"), tx("bot.start"), type="button", class_name="btn pri lg gap-top", on_click=S.start, custom_attrs={"data-next": "run"})
    running = rx.fragment(
        note(tx("begin.running"), tx("begin.running_line"), calm=True, icon_name="check"),
        rx.el.div(link_button("begin.see_bot", "/agent/bot", "pri lg"), link_button("begin.see_home", "/agent", "lg"), class_name="row gap-top"),
    )
    waiting = rx.fragment(
        rx.el.p(rx.cond(S.mode == "simulated", tx("begin.on_paper", n=S.paper_days), tx("begin.on_live")), class_name="t2"),
        rx.cond(S.mode == "live", word, rx.fragment()),
        go,
    )
    return rx.fragment(rx.el.h2(tx("begin.start")), rx.cond(S.desired == "running", running, waiting))


def page() -> rx.Component:
    """The page in its frame."""
    bodies = {"exchange": _exchange(), "futures": _futures(), "key": _key(), "paste": _paste(), "limits": _limits(), "start": _start()}
    body = rx.el.section(rx.match(S.step, *bodies.items(), skeleton("40%")), class_name="sec ob-main", custom_attrs={"data-step": S.step})
    steps = rx.el.ol(*[step_item(n, step, S.step, S.go(step)) for n, step in enumerate(STEPS, 1)], class_name="ob-steps")
    lead = rx.cond(S.account > 0, tx("begin.connected", hint=S.key_hint), tx("begin.lead"))
    return shell(
        ROUTE,
        sentence(lead, meta=tx("begin.resume"), icon_name="play"),
        rx.cond(S.ready, rx.el.div(rx.el.nav(steps, aria_label=t("begin.steps"), class_name="sec"), body, class_name="ob"), rx.el.div(skeleton("40%"), class_name="wait")),
    )
