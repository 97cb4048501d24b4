"""Price and equity charts (lightweight-charts)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from pages.components.i18n import tx

JS = "$/public/js/chart.jsx"
LIBRARY = "lightweight-charts@5.0.8"


class _LwChart(rx.NoSSRComponent):
    library = JS
    tag = "LwChart"
    lib_dependencies: list[str] = [LIBRARY]  # noqa: RUF012 - a component field
    candles: rx.Var[list[dict[str, Any]]]
    last: rx.Var[dict[str, Any]]
    markers: rx.Var[list[dict[str, Any]]]
    lines: rx.Var[list[dict[str, Any]]]
    height: rx.Var[str]
    precision: rx.Var[int]
    label: rx.Var[str]
    replay: rx.Var[bool]
    on_bar_click: rx.EventHandler[rx.event.passthrough_event_spec(int)]


class _EquityChart(rx.NoSSRComponent):
    library = JS
    tag = "EquityChart"
    lib_dependencies: list[str] = [LIBRARY]  # noqa: RUF012 - a component field
    points: rx.Var[list[dict[str, Any]]]
    height: rx.Var[str]
    label: rx.Var[str]


def price_chart(candles: Any, **props: Any) -> rx.Component:
    """Candles with volume, markers [{time, kind entry|exit, side, text}] and lines [{kind entry|stop|target|mark, price, title}].

    ``replay`` adds a button and a slider that walk through the bars of a trade.
    """
    return _LwChart.create(candles=candles, **props)


def equity_chart(points: Any, **props: Any) -> rx.Component:
    """Equity with its peak, drawdown below on the same axis. points: [{time s, equity, peak, drawdown %}]."""
    return _EquityChart.create(points=points, **props)


def equity_legend() -> rx.Component:
    """What the three lines mean."""
    return rx.el.span(
        rx.el.span(rx.el.i(), tx("chart.equity")),
        rx.el.span(rx.el.i(class_name="dash"), tx("chart.peak")),
        rx.el.span(rx.el.i(class_name="dd"), tx("chart.drawdown")),
        class_name="legend only-l",
    )


def small_line(d: Any, label: Any) -> rx.Component:
    """A line without axes from an SVG path 240 wide and 32 high; ``label`` says what it shows."""
    path = rx.el.path(d=d, custom_attrs={"vectorEffect": "non-scaling-stroke"})
    return rx.el.svg(path, view_box="0 0 240 32", custom_attrs={"preserveAspectRatio": "none", "role": "img", "aria-label": label})


def bars(values: Any) -> rx.Component:
    """Row of small bars; each item is {h: "40%", kind: "" | "act" | "bad", title}."""
    return rx.el.div(
        rx.foreach(
            values,
            lambda b: rx.el.i(
                class_name=b["kind"].to(str), title=b["title"].to(str), custom_attrs={"style": {"height": b["h"]}}
            ),
        ),
        class_name="bars",
    )
