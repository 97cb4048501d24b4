"""The landing page: what it does, what it costs, how to start, and the recorded results, which are filled in when it is served."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import USED, words
from pages.components.icons import icon, mark
from pages.public.fee_chart import fee_chart, fee_sums, fee_words
from pages.public.frame import brand, other_language, path_of
from pages.public.frame import head as frame_head

# Written by the server when the page is served.
USED.update(f"rec.{k}" for k in (
    "span", "total", "months", "of", "drawdown", "trades", "won", "curve", "by_month", "best", "worst", "closed", "symbol", "side", "roi",
    "LONG", "SHORT", "none_of_these", "basis",
))  # fmt: skip
_GATES = ("pub.g1", "pub.g2", "pub.g3", "pub.g4", "pub.g5", "pub.g6", "pub.g7", "pub.g8")
_PROMISES = (("lock", "pub.p1"), ("shield", "pub.p2"), ("check", "pub.p3"), ("key", "pub.p4"))


def head(lang: str) -> dict[str, Any]:
    """Title and description."""
    return frame_head("landing", lang, words(lang, "pub.title"))


def _bar(lang: str) -> rx.Component:
    links = [("#how", "pub.decides"), ("#record", "pub.record"), ("#fees", "pub.fees"), ("#start", "pub.steps"), ("#questions", "pub.questions")]
    return rx.el.header(
        rx.el.div(
            brand(lang),
            rx.el.nav(*[rx.el.a(words(lang, k), href=h) for h, k in links], class_name="p-nav only-l"),
            rx.el.span(class_name="sp"),
            other_language("landing", lang),
            rx.el.a(words(lang, "pub.sign_in"), href=path_of("sign_in", lang), class_name="p-in"),
            rx.el.a(words(lang, "pub.start"), href=path_of("join", lang), class_name="btn pri only-l"),
            class_name="p-wide p-bar",
        ),
        class_name="p-top",
    )


def _hero(lang: str) -> rx.Component:
    return rx.el.section(
        rx.el.h1(words(lang, "pub.hero_1"), rx.el.br(), words(lang, "pub.hero_2"), custom_attrs={"data-brand": "headline"}),
        rx.el.p(words(lang, "pub.lead"), class_name="p-lead", custom_attrs={"data-brand": "text"}),
        rx.el.div(
            rx.el.a(words(lang, "pub.start_free"), href=path_of("join", lang), class_name="btn pri lg"),
            rx.el.a(words(lang, "pub.see_decides"), href="#how", class_name="btn lg"),
            class_name="p-acts",
        ),
        class_name="p-hero",
    )


def _gates(lang: str) -> rx.Component:
    passed = [
        rx.el.li(
            rx.el.span(icon("check", "s"), class_name="g"),
            rx.el.span(rx.el.span(str(n), class_name="n"), words(lang, key)),
            class_name="gate",
        )
        for n, key in enumerate(_GATES, 1)
    ]
    stopped = rx.el.li(
        rx.el.span(icon("close", "s"), class_name="g"),
        rx.el.div(rx.el.p(rx.el.span("9", class_name="n"), words(lang, "pub.g9")), rx.el.p(words(lang, "pub.g9_why"))),
        class_name="gate stop",
    )
    last = rx.el.li(
        rx.el.span(class_name="g"),
        rx.el.span(rx.el.span("10", class_name="n"), words(lang, "pub.g10")),
        rx.el.em(words(lang, "pub.not_reached")),
        class_name="gate skip",
    )
    return rx.el.figure(
        rx.el.figcaption(rx.el.b(words(lang, "pub.panel")), rx.el.span(words(lang, "pub.panel_note"), class_name="t3 t12")),
        rx.el.ul(*passed, stopped, last, class_name="gates"),
        class_name="p-panel",
    )


def _how(lang: str) -> rx.Component:
    promises = [
        rx.el.div(icon(name), rx.el.h3(words(lang, key)), rx.el.p(words(lang, key + "_t"))) for name, key in _PROMISES
    ]
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h2(words(lang, "pub.gates_h1"), rx.el.br(), words(lang, "pub.gates_h2")),
                rx.el.p(words(lang, "pub.gates_p")),
                rx.el.p(words(lang, "pub.gates_ex"), class_name="t2"),
            ),
            _gates(lang),
            class_name="p-two",
        ),
        rx.el.div(*promises, class_name="p-four"),
        id="how",
        class_name="p-sec",
    )


def _record(lang: str) -> rx.Component:
    return rx.el.section(
        rx.el.h2(words(lang, "rec.title")),
        rx.el.p(words(lang, "rec.lead"), class_name="p-text"),
        rx.el.div(rx.el.p(words(lang, "rec.nothing"), class_name="t2"), custom_attrs={"data-record": "all"}),
        id="record",
        class_name="p-sec",
    )


def _fees(lang: str) -> rx.Component:
    profit, fee = fee_sums()
    return rx.el.section(
        rx.el.h2(words(lang, "pub.fee_h")),
        rx.el.p(words(lang, "pub.fee_p"), class_name="p-text"),
        rx.el.p(words(lang, "pub.fee_ex", profit=profit, fee=fee), class_name="t2 p-text"),
        rx.el.p(
            rx.el.span(rx.el.i(class_name="new"), words(lang, "pub.fee_new")),
            rx.el.span(rx.el.i(class_name="old"), words(lang, "pub.fee_old")),
            rx.el.span(rx.el.i(class_name="dash"), words(lang, "pub.fee_mark")),
            class_name="legend p-legend",
        ),
        fee_chart(lang),
        rx.el.details(
            rx.el.summary(words(lang, "pub.fee_steps"), rx.el.span(class_name="sp"), icon("chevron", "s")),
            rx.el.ol(*[rx.el.li(line) for line in fee_words(lang)], class_name="t2 p-words"),
            open=True,
        ),
        id="fees",
        class_name="p-sec",
    )


def _steps(lang: str) -> rx.Component:
    steps = [
        rx.el.li(
            rx.el.span(str(n), class_name="t3"),
            rx.el.h3(words(lang, f"pub.s{n}")),
            rx.el.p(words(lang, f"pub.s{n}_t"), class_name="t2"),
        )
        for n in (1, 2, 3)
    ]
    return rx.el.section(
        rx.el.h2(words(lang, "pub.steps_h")), rx.el.ol(*steps, class_name="p-three"), id="start", class_name="p-sec"
    )


def _questions(lang: str) -> rx.Component:
    items = [
        rx.el.details(
            rx.el.summary(words(lang, f"pub.q{n}"), rx.el.span(class_name="sp"), icon("chevron", "s")),
            rx.el.p(words(lang, f"pub.q{n}_t"), class_name="t2"),
            open=n < 3,
        )
        for n in range(1, 7)
    ]
    return rx.el.section(
        rx.el.h2(words(lang, "pub.q_h")), rx.el.div(*items), id="questions", class_name="p-sec p-two"
    )


def page(lang: str) -> rx.Component:
    """The landing page in one language."""
    return rx.el.div(
        _bar(lang),
        rx.el.main(
            _hero(lang),
            _how(lang),
            _record(lang),
            _fees(lang),
            _steps(lang),
            _questions(lang),
            rx.el.section(
                rx.el.h2(words(lang, "pub.end_h")),
                rx.el.p(words(lang, "pub.end_p"), class_name="t2"),
                rx.el.a(words(lang, "pub.start_free"), href=path_of("join", lang), class_name="btn pri lg"),
                class_name="p-sec p-end",
            ),
            class_name="p-wide",
        ),
        rx.el.footer(
            rx.el.div(
                rx.el.span(mark(title=""), custom_attrs={"data-brand": "mark"}, class_name="p-mark"), rx.el.b("IronBull"), rx.el.span(words(lang, "pub.risk"), class_name="t3"), class_name="p-wide row wrap"
            ),
            class_name="p-foot",
        ),
        class_name="p-page",
    )
