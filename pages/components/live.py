"""Parts that follow the ``/live`` websocket by themselves: no Reflex event, no render on a tick."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import t

JS = "$/public/js/live.jsx"


class _LiveCell(rx.Component):
    library = JS
    tag = "LiveCell"
    topic: rx.Var[str]
    cell: rx.Var[str]
    initial: rx.Var[Any]
    fmt: rx.Var[str]
    digits: rx.Var[int]
    coloured: rx.Var[bool]
    flash: rx.Var[bool]
    stale_ms: rx.Var[int]


class _LiveDot(rx.Component):
    library = JS
    tag = "LiveDot"
    topic: rx.Var[str]
    every_ms: rx.Var[int]
    label: rx.Var[str]


class _Countdown(rx.Component):
    library = JS
    tag = "Countdown"
    topic: rx.Var[str]
    last_ms: rx.Var[int]
    interval_ms: rx.Var[int]
    last_cell: rx.Var[str]
    interval_cell: rx.Var[str]
    label: rx.Var[str]
    every: rx.Var[bool]


class _LiveSignal(rx.Component):
    library = JS
    tag = "LiveSignal"
    topic: rx.Var[str]
    cells: rx.Var[list[str]]
    quiet_ms: rx.Var[int]
    on_change: rx.EventHandler[rx.event.no_args_event_spec]


def live_cell(topic: Any, cell: Any, initial: Any = "", **props: Any) -> rx.Component:
    """Value of ``cell`` in ``topic``. fmt: text | int | usdt | signed | pct | compact; ``stale_ms`` shows its age."""
    return _LiveCell.create(topic=topic, cell=cell, initial=initial, **props)


def live_dot(topic: Any, every_ms: int = 3333, **props: Any) -> rx.Component:
    """"live · 0.4 s"; amber after three intervals, hollow when disconnected."""
    return _LiveDot.create(topic=topic, every_ms=every_ms, **props)


def countdown(topic: Any, last_ms: Any, interval_ms: Any, *, label: str = "scan.next", every: bool = False) -> rx.Component:
    """Time to the next scan; follows the cell ``scan>at_ms`` of the topic."""
    return _Countdown.create(
        topic=topic, last_ms=last_ms, interval_ms=interval_ms, last_cell="scan>at_ms",
        label=t(label), every=every,
    )  # fmt: skip


def live_signal(topic: Any, cells: list[str], on_change: Any) -> rx.Component:
    """Calls ``on_change`` (a state's load handler) shortly after one of the cells changed."""
    return _LiveSignal.create(topic=topic, cells=cells, on_change=on_change)
