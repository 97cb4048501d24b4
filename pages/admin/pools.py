"""Page /admin/pools: what was billed, where it went, what is stuck; retry."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import USED, t, tx
from pages.components.lists import chips, cut, filters, list_page
from pages.components.parts import bar as part_bar
from pages.components.parts import facts, note, num, rel_time
from pages.components.table import Column, drawer, drawer_section
from pages.routes import route_of
from state.console import Console
from state.lists import Lists

ROUTE = route_of("/admin/pools")
ON_LOAD = [Lists.enter("pools"), Console.fresh]
USED.update({"pool.pending", "pool.settled", "pool.failed"})
USED.update(f"reward.{s}" for s in ("tech_team", "direct", "level_diff", "peer", "direct_undist", "peer_undist", "network_undist", "platform_retain"))


def _columns() -> list[Column]:
    status = lambda r: rx.el.span(tx(r["status"]), class_name=rx.cond(r["look"], "look", "t2"))
    return [
        Column("id", "reward.pool", phone="lead", show=lambda r: rx.el.b("#", r["id"])),
        Column("at_ms", "order.time", phone="end", quiet=True, sort=True, show=lambda r: rel_time(r["at_ms"].to(int))),
        Column("user", "col.user", phone="sub", show=lambda r: rx.el.span(r["user"], rx.el.span(" ", r["tenant"], class_name="t3"))),
        Column("profit", "pool.profit", "num", show=lambda r: num(r["profit"].to(str))),
        Column("charge", "pool.charge", "num", quiet=True),
        Column("pool", "pool.amount", "num", phone="tail", show=lambda r: rx.el.b(r["pool"])),
        Column("tech_amount", "pool.tech", "num", quiet=True, roomy=True),
        Column("direct_distributed", "pool.direct", "num", quiet=True, roomy=True),
        Column("diff_distributed", "pool.diff", "num", quiet=True, roomy=True),
        Column("peer_distributed", "pool.peer", "num", quiet=True, roomy=True),
        Column("network_undistributed", "pool.undist", "num", quiet=True, roomy=True),
        Column("platform_amount", "pool.platform", "num", quiet=True, roomy=True),
        Column("status", "order.status", phone="sub", show=status),
        Column("error", "node.error", quiet=True, roomy=True, show=lambda r: cut(r["error"])),
    ]


def _drawer() -> rx.Component:
    d = Lists.detail
    paid = d["paid"].to(list[dict])
    line = lambda p: rx.el.li(
        rx.el.span(rx.el.b(p["user"]), rx.el.span(" ", tx(p["type"]), class_name="t3"), class_name="grow cut"),
        rx.el.span(part_bar(p["percent"].to(int)), class_name="part-bar"), rx.el.span(p["amount"], class_name="num"), key=p["id"],
    )  # fmt: skip
    wrong = rx.cond(
        d["error"] != "",
        drawer_section(note(d["error"], rx.cond(d["stuck"], tx("pool.stuck_do", n=d["tries"]), tx("pool.tries", n=d["tries"])))),
        rx.fragment(),
    )
    retry = rx.cond(
        d["open"],
        rx.el.button(tx("pool.retry"), type="button", class_name="btn pri", on_click=Console.retry_pool(Lists.open_id)),
        rx.fragment(),
    )
    return drawer(
        wrong,
        drawer_section(
            facts(
                ("pool.profit", num(d["profit"].to(str))),
                ("pool.charge", d["charge"]),
                ("pool.from_self", d["taken_self"]),
                ("pool.from_gift", d["taken_gift"]),
                ("pool.amount", d["pool"]),
                ("pool.settled_at", rel_time(d["settled_ms"].to(int))),
            )
        ),
        drawer_section(
            rx.cond(paid.length() > 0, rx.el.ul(rx.foreach(paid, line), class_name="lines"), rx.el.p(tx("pool.nothing_paid"), class_name="t3")),
            title="pool.where",
        ),
        state=Lists,
        head=rx.fragment(
            rx.el.div(rx.el.h2(tx("pool.number", id=d["id"])), rx.el.span(tx(d["status"].to(str)), class_name="t2"), class_name="row"),
            rx.el.div(rx.el.span(d["pool"], class_name="big"), rx.el.span("USDT", class_name="t2"), rx.el.span(d["user"], " ", d["tenant"], class_name="t3"), class_name="row wrap baseline"),
        ),
        foot=[rx.el.span(class_name="sp"), retry],
        label=t("nav.pools"),
    )  # fmt: skip


def page() -> rx.Component:
    """The page in its frame."""
    n = Lists.totals
    states = [("", "order.all", None), ("2", "pool.settled", n["n_2"]), ("1", "pool.pending", n["n_1"]), ("3", "pool.failed", n["n_3"])]
    stuck = rx.cond(n["stuck"].to(str) == "0", rx.fragment(), rx.el.span(tx("pool.stuck", n=n["stuck"]), class_name="look t12"))
    total = rx.el.span(tx("pool.sums", settled=n["sum_2"], open=n["sum_3"]), class_name="t3 t12 only-l")
    again = rx.cond(
        n["n_3"].to(str) == "0",
        rx.fragment(),
        rx.el.button(tx("pool.retry_all"), type="button", class_name="btn sm", on_click=Console.retry_failed_pools),
    )
    bar = filters(lead=chips("status", states), dated=True, tenant=True, find="filter.user", right=rx.fragment(stuck, total, again))
    return list_page(ROUTE, "pools", _columns(), bar=bar, none=("pool.none", "pool.none_why", "tree"), drawer=_drawer(), live=("orders",))
