"""Exports that are written in the background, with progress and the file."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, tx
from pages.components.icons import icon
from pages.components.lists import chips, cut, filters, list_page
from pages.components.parts import file_link, rel_time
from pages.components.table import Column
from pages.routes import Route
from state.exports import Exports

STATES = ("queued", "running", "done", "failed")
USED.update(f"export.{name}" for name in STATES)
NAMES = (
    "orders", "fills", "positions", "history", "scans", "nodes", "tenants", "users", "cards", "rewards", "pools", "transactions",
    "accounts", "withdrawals", "periods", "audit", "notices", "offers", "keys", "plans", "deliveries", "corrections", "exports", "stops",
    "admins", "strategies", "bindings", "differences", "trace", "jobs",
)  # fmt: skip
USED.update(f"export.of.{name}" for name in NAMES)


def _progress(row: rx.Var) -> rx.Component:
    bar = rx.el.span(
        rx.el.i(custom_attrs={"style": {"width": row["percent"].to(str) + "%"}}),
        class_name="bar act export-bar",
        role="progressbar",
        custom_attrs={"aria-valuenow": row["percent"], "aria-valuemin": "0", "aria-valuemax": "100"},
    )
    return rx.match(
        row["state"].to(str),
        ("running", rx.el.span(bar, rx.el.span(row["percent"], " %", class_name="t2"), class_name="row")),
        ("failed", rx.el.span(tx("export.failed_do"), class_name="look", title=row["error"])),
        rx.el.span(tx(row["status"].to(str)), class_name="t2"),
    )


def _act(row: rx.Var) -> rx.Component:
    drop = rx.el.button(
        rx.cond(row["waits"], tx("act.cancel"), tx("export.delete")), type="button", class_name="btn quiet sm", on_click=Exports.remove(row["id"])
    )
    take = rx.cond(row["state"] == "done", file_link(icon("download", "s"), tx("export.take"), href=row["href"], class_name="btn quiet sm"), rx.fragment())
    return rx.el.span(take, drop, class_name="row")


def exports_page(route: Route) -> rx.Component:
    """The page."""
    columns = [
        Column("at_ms", "order.time", phone="end", show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("list", "export.list", phone="lead", show=lambda r: rx.el.span(rx.el.b(tx(r["list"].to(str))), " ", rx.el.span(r["format"], class_name="mono t3"))),
        Column("said", "export.filters", phone="sub", quiet=True, roomy=True, show=lambda r: cut(r["said"])),
        Column("rows", "export.rows", "num", quiet=True),
        Column("size", "export.size", "num", quiet=True),
        Column("status", "order.status", phone="sub", show=_progress),
        Column("act", "export.file", phone="tail", show=_act),
    ]
    bar = filters(lead=chips("status", [("", "order.all", None), *((name, f"export.{name}", None) for name in STATES)]), right=rx.el.span(tx("export.kept"), class_name="t3 t12"))
    return list_page(route, "exports", columns, bar=bar, none=("export.none", "export.none_why", "download"), live=("exports_ms",), export=False)
