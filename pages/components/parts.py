"""Small parts: chips, tags, figures, meters, notes, empty and loading states."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.guide import explained
from pages.components.i18n import t, tx
from pages.components.icons import icon

TIME_JS = "$/public/js/time.jsx"


class _Num(rx.Component):
    library = TIME_JS
    tag = "Num"
    value: rx.Var[str]
    title: rx.Var[str]


class _RelTime(rx.Component):
    library = TIME_JS
    tag = "RelTime"
    ms: rx.Var[int]
    mode: rx.Var[str]


def num(value: rx.Var | str, title: rx.Var | str = "") -> rx.Component:
    """A written figure coloured by its own sign ("+1.20", "−0.40")."""
    return _Num.create(value=value, title=title)


def rel_time(ms: rx.Var | int, mode: str = "ago") -> rx.Component:
    """Age of an epoch-ms value; mode is ago | held | clock | hm | date. Exact UTC on hover."""
    return _RelTime.create(ms=ms, mode=mode)


def css_vars(**values: Any) -> dict[str, Any]:
    """``custom_attrs`` with an inline style; cheaper than a generated class."""
    return {"style": {key.replace("__", "--"): value for key, value in values.items()}}


def chip(*content: Any, kind: Any = "", **props: Any) -> rx.Component:
    """Badge: kind "" (hairline), "solid" (LIVE only), "act" (yours to do), "look" (look at this)."""
    css = f"chip {kind}" if isinstance(kind, str) else rx.Var.create("chip ") + kind
    return rx.el.span(*content, class_name=css, **props)


def mode_chip(mode: rx.Var | str, quiet_live: bool = False) -> rx.Component:
    """SIMULATED, PAPER, TESTNET are amber, LIVE is solid. ``quiet_live`` shows plain words for LIVE in tables."""
    live = rx.el.span(tx("mode.live_word"), class_name="t2") if quiet_live else chip(tx("mode.LIVE"), kind="solid")
    if isinstance(mode, str):
        return live if mode == "LIVE" else chip(tx(f"mode.{mode}"), kind="look")
    known = rx.cond(mode == "LIVE", live, chip(tx("mode." + mode.to(str)), kind="look"))
    return rx.cond(mode == "", rx.fragment(), known)


def panel_mode(mode: rx.Var) -> rx.Component:
    """On a panel that shows figures: a chip for anything that is not live money, nothing for LIVE."""
    return rx.cond((mode == "LIVE") | (mode == ""), rx.fragment(), chip(tx("mode." + mode.to(str)), kind="look"))


def side_tag(side: rx.Var | str) -> rx.Component:
    """Arrow and word in steel: direction is not money. Anything but LONG/SHORT is a dash."""
    up = rx.el.svg(rx.el.path(d="M4 1l3.500 6h-7z"), view_box="0 0 8 8", custom_attrs={"aria-hidden": True})
    down = rx.el.svg(rx.el.path(d="M4 7 .500 1h7z"), view_box="0 0 8 8", custom_attrs={"aria-hidden": True})
    side = rx.Var.create(side)
    return rx.match(
        side,
        ("LONG", rx.el.span(up, tx("side.LONG"), class_name="side-tag")),
        ("SHORT", rx.el.span(down, tx("side.SHORT"), class_name="side-tag")),
        rx.el.span("–", class_name="t3"),
    )


def symbol(base: rx.Var, quote: rx.Var | str = "USDT") -> rx.Component:
    """"SOL / USDT" with the quote set back."""
    return rx.el.span(base, rx.el.small(" / ", quote), class_name="sym")


def meter(passed: rx.Var, total: int = 10) -> rx.Component:
    """Ten-segment meter: how many gates a symbol passed; full turns accent."""
    cells = [rx.el.i(class_name=rx.cond(passed > n, "on", "")) for n in range(total)]
    return rx.el.span(
        *cells,
        class_name=rx.cond(passed >= total, "meter full", "meter"),
        custom_attrs={"role": "img", "aria-label": t("gates.of", n=passed, of=total)},
    )


def bar(percent: rx.Var | int | str, kind: rx.Var | str = "") -> rx.Component:
    """Thin bar filled to ``percent`` (0-100)."""
    width = percent.to(str) + "%" if isinstance(percent, rx.Var) else f"{percent}%"
    css = "bar " + kind if isinstance(kind, str) else rx.Var.create("bar ") + kind
    return rx.el.div(rx.el.i(custom_attrs={"style": {"width": width}}), class_name=css)


def score(value: rx.Var, minimum: rx.Var | int) -> rx.Component:
    """Score with its bar and a tick at the minimum."""
    low = minimum.to(str) + "%" if isinstance(minimum, rx.Var) else f"{minimum}%"
    track = rx.el.span(
        rx.el.i(custom_attrs={"style": {"width": value.to(str) + "%"}}),
        class_name="bar",
        custom_attrs={"style": {"--min": low}},
    )
    return rx.el.span(rx.el.b(value), track, class_name="score")


def section_head(title: str, *right: Any, meta: Any = None, flush: bool = False) -> rx.Component:
    """Title at 14, quiet meta, things on the right."""
    return rx.el.div(
        rx.el.h2(tx(title)),
        rx.el.span(meta, class_name="meta") if meta is not None else rx.fragment(),
        rx.el.span(class_name="sp"),
        *right,
        class_name="sec-h flush" if flush else "sec-h",
    )


def note(title: Any, *lines: Any, calm: bool = False, icon_name: str = "alert", action: Any = None) -> rx.Component:
    """Something that must be read: amber, or calm. Title says what, lines say why and what to do."""
    return rx.el.div(
        icon(icon_name),
        rx.el.div(rx.el.p(title), *[rx.el.p(line) for line in lines], class_name="grow"),
        action if action is not None else rx.fragment(),
        class_name="note calm" if calm else "note",
        role="note" if calm else "alert",
    )


def error_note(key: rx.Var, retry: Any = None) -> rx.Component:
    """Per-panel error: ``key`` is an ``error.*`` code, "" shows nothing. The rest of the page stays."""
    body = note(
        tx("error." + key + ".what"),
        tx("error." + key + ".do"),
        action=rx.el.button(tx("act.retry"), class_name="btn sm", type="button", on_click=retry) if retry else None,
    )
    return rx.cond(key != "", rx.el.div(body, class_name="sec"), rx.fragment())


def empty(title: str, line: str, icon_name: str = "inbox", action: Any = None) -> rx.Component:
    """One fact in bold, one line why, at most one button."""
    return rx.el.div(
        icon(icon_name), rx.el.b(tx(title)), rx.el.p(tx(line)), action or rx.fragment(), class_name="empty"
    )


def link_button(label: str, href: str, kind: str = "") -> rx.Component:
    """A link that looks like a button."""
    return nav_link(tx(label), href=href, class_name=f"btn {kind}")


class NavLink(rx.Component):
    """A react-router link: client navigation, no reload."""

    library = "react-router"
    tag = "Link"
    to: rx.Var[str]
    prefetch: rx.Var[str]


def nav_link(*content: Any, href: Any, **props: Any) -> rx.Component:
    """Link inside the app; its page's script is fetched when a pointer or the focus comes near."""
    return NavLink.create(*content, to=href, prefetch="intent", **props)


class _FileLink(rx.el.Div):
    """A plain anchor. ``rx.el.a`` would hand addresses of this site to the router, which knows no files."""

    tag = "a"
    href: rx.Var[str]
    download: rx.Var[bool]
    target: rx.Var[str]


def file_link(*content: Any, href: Any, **props: Any) -> rx.Component:
    """Link to a file the server sends."""
    return _FileLink.create(*content, href=href, download=True, **props)


def page_link(*content: Any, href: Any) -> rx.Component:
    """Link to a public page of this site, in a tab of its own: those are outside of the app."""
    return _FileLink.create(*content, href=href, target="_blank", class_name="btn sm")


def skeleton(width: str = "100%", height: str = "12px") -> rx.Component:
    """One bar in the shape of what comes."""
    return rx.el.span(class_name="sk", custom_attrs={"style": {"width": width, "height": height}, "aria-hidden": True})


def skeleton_rows(columns: int, rows: int = 8) -> rx.Component:
    """Table rows while loading."""
    widths = ("64px", "48px", "40px", "56px", "72px", "44px")
    return rx.fragment(
        *[
            rx.el.tr(*[rx.el.td(skeleton(widths[(r + c) % 6])) for c in range(columns)], custom_attrs={"aria-hidden": True})
            for r in range(rows)
        ]
    )


def stat(
    label: str, value: Any, unit: str = "", context: Any = None, *, title: Any = None, class_name: str = "", tag: Any = None
) -> rx.Component:
    """Stat card: label, value with unit, one line of context. ``title``: exact value on hover; ``tag``: chip."""
    props = {"title": title} if title is not None else {}
    return rx.el.dl(
        rx.el.dt(tx(label), explained(label), tag if tag is not None else rx.fragment()),
        rx.el.dd(value, rx.el.small(unit) if unit else rx.fragment(), class_name="v", **props),
        rx.el.dd(context if context is not None else rx.fragment(), class_name="s"),
        class_name=f"stat {class_name}",
    )


def stats(*cards: Any, four: bool = False) -> rx.Component:
    """Row of stat cards: up to six across, two on a phone (four small ones with ``four``)."""
    return rx.el.section(*cards, class_name="stats four" if four else "stats")


def sentence(*content: Any, meta: Any, right: Any = None, icon_name: str = "bot") -> rx.Component:
    """First thing on agent pages: state, what just happened, why; the countdown on the right."""
    return rx.el.section(
        rx.el.span(icon(icon_name), class_name="botic"),
        rx.el.div(rx.el.p(*content), rx.el.p(meta, class_name="when"), class_name="grow"),
        *([right] if not isinstance(right, list | tuple) else right),
        class_name="sentence",
        custom_attrs={"aria-live": "polite"},
    )


def facts(*pairs: tuple[str, Any]) -> rx.Component:
    """Grid of small label/value pairs."""
    return rx.el.dl(*[rx.el.div(rx.el.dt(tx(k), explained(k)), rx.el.dd(v)) for k, v in pairs], class_name="facts")


def kv(*pairs: tuple[Any, Any]) -> rx.Component:
    """Two-column list: words left, figures right."""
    cells = [cell for k, v in pairs for cell in (rx.el.dt(tx(k) if isinstance(k, str) else k), rx.el.dd(v))]
    return rx.el.dl(*cells, class_name="kv")
