"""What helps a reader on the page itself: a "?" beside figures that have a definition, the tour, their own time zone."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import USED

JS = "$/public/js/guide.jsx"
TIME_JS = "$/public/js/time.jsx"

DEFINED = {
    "stat.equity": "equity", "stat.unrealized": "unrealized", "stat.risk": "risk", "stat.drawdown": "drawdown", "stat.cards": "card",
    "stat.margin": "margin", "history.win": "win", "history.factor": "factor", "history.net": "net", "ana.total": "return",
    "ana.sharpe": "sharpe", "ana.sortino": "sortino", "ana.calmar": "calmar", "ana.drawdown": "drawdown", "ana.streaks": "streak",
    "ana.fees": "fee_share", "ana.funding": "funding", "col.margin": "margin", "pos.risk": "risk", "pos.notional": "notional",
    "col.stop": "sl", "col.unrealized": "unrealized", "col.roi": "roi", "col.leverage": "leverage", "offer.leverage": "leverage", "col.mark": "mark",
    "inst.leverage": "leverage", "col.gates": "gates", "col.score": "score", "catalogue.score": "score", "col.net": "net", "period.mark": "hwm",
    "trace.slippage": "slippage", "tree.level": "level", "tree.hold": "hold", "pool.diff": "diff", "pool.peer": "peer", "pool.undist": "undist",
    "backtest.return": "return", "backtest.win": "win", "tenant.undist": "undist", "pool.tech": "tech", "tenant.tech": "tech", "node.latency": "latency", "bot.passed": "gates", "bot.analyzed": "scan", "col.mark_exit": "mark",
}  # fmt: skip
"""Label of a figure -> its word in the glossary of the help pages."""

TOUR = ("sentence", "stats", "positions", "bot", "bell", "keys")
_AT = {
    "sentence": "#main .sentence", "stats": "#main .stats", "positions": "nav:not(.pop *) a[href$='/agent/positions']",
    "bot": "nav:not(.pop *) a[href$='/agent/bot']", "bell": ".top .bell", "keys": ".top .search",
}  # fmt: skip


class _Explain(rx.Component):
    library = JS
    tag = "Explain"
    word: rx.Var[str]
    text: rx.Var[str]


class _Tour(rx.Component):
    library = JS
    tag = "Tour"
    steps: rx.Var[list[dict[str, str]]]
    on: rx.Var[bool]
    on_done: rx.EventHandler[rx.event.no_args_event_spec]


class _ZoneName(rx.Component):
    library = TIME_JS
    tag = "ZoneName"


class _Reader(rx.Component):
    library = TIME_JS
    tag = "Reader"
    zone: rx.Var[str]
    lang: rx.Var[str]
    colours: rx.Var[str]


def explained(label: str) -> rx.Component:
    """A "?" that tells what the figure below this label is; nothing where the label has no definition."""
    word = DEFINED.get(label)
    if word is None:
        return rx.fragment()
    USED.update({f"help.word.{word}", f"help.word.{word}_is", "help.about"})
    return _Explain.create(word=f"help.word.{word}", text=f"help.word.{word}_is")


def tour(on: rx.Var, on_done: Any) -> rx.Component:
    """The guided tour of the agent's dashboard: by keyboard or click, left by Esc; ``on_done`` remembers that it was seen."""
    USED.update({f"tour.{name}" for name in TOUR} | {"tour.title", "tour.skip", "tour.back", "tour.next", "tour.done", "tour.step"})
    return _Tour.create(steps=[{"at": _AT[name], "k": f"tour.{name}"} for name in TOUR], on=on, on_done=on_done)


def zone_name() -> rx.Component:
    """Name of the reader's time zone: "UTC", "UTC+8"."""
    return _ZoneName.create()


def reader(zone: rx.Var, lang: rx.Var, colours: rx.Var) -> rx.Component:
    """Times in this zone; words in this language and gains and losses in these colours until others are chosen in the browser."""
    return _Reader.create(zone=zone, lang=lang, colours=colours)
