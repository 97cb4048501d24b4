"""Page /agent/history: closed positions with what they earned, what they lost, and how many there were."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import tx
from pages.components.lists import filters, list_page
from pages.components.parts import mode_chip, num, rel_time, stat, stats
from pages.components.table import Column
from pages.lists.orders import MODE, SIDE
from pages.lists.positions import EXIT, position_drawer
from pages.routes import route_of
from state.lists import Lists

ROUTE = route_of("/agent/history")
ON_LOAD = [Lists.enter("history")]


def _columns() -> list[Column]:
    return [
        Column("closed_ms", "col.closed", phone="end", sort=True, show=lambda r: rel_time(r["closed_ms"].to(int))),
        Column("base", "col.symbol", "sym", phone="lead"),
        Column("side", "col.side", "side", phone="lead"),
        Column("lev", "col.leverage", "num", quiet=True, roomy=True),
        Column("entry", "col.entry", "num", quiet=True),
        Column("mark", "col.exit", "num"),
        Column("realized", "col.realized", "num", quiet=True, roomy=True, sort=True, show=lambda r: num(r["realized"].to(str))),
        Column("fee", "pos.fee", "num", quiet=True, roomy=True, sort=True),
        Column("net", "col.net", "num", phone="tail", show=lambda r: num(r["net"].to(str))),
        Column("why", "col.why", phone="sub", quiet=True, show=lambda r: tx(r["why"])),
        Column("score", "col.score", "num", quiet=True, roomy=True, sort=True),
        Column("strategy", "pos.strategy", quiet=True, roomy=True),
        Column("mode", "order.mode", roomy=True, show=lambda r: mode_chip(r["mode"].to(str), quiet_live=True)),
    ]


def _cards() -> rx.Component:
    n = Lists.totals
    return stats(
        stat("history.net", num(n["net"].to(str)), "USDT", tx("history.net_line", n=n["n"])),
        stat("history.win", n["win"], "", tx("history.win_line", won=n["won"], lost=n["lost"])),
        stat("history.factor", n["factor"], "", tx("history.factor_line")),
        stat("history.average", num(n["average"].to(str)), "USDT", tx("history.average_line")),
        stat("history.worst", num(n["worst"].to(str)), "USDT", tx("history.best_line", n=n["best"])),
        stat("pos.fee", n["fee"], "USDT", tx("history.fee_line")),
    )


def page() -> rx.Component:
    """The page in its frame."""
    bar = filters(picks=(SIDE, EXIT, MODE), dated=True, find="bot.find")
    return list_page(
        ROUTE, "history", _columns(), _cards(), bar=bar, none=("history.none", "history.none_why", "history"), drawer=position_drawer("agent"),
        live=("changed_ms",),
    )  # fmt: skip
