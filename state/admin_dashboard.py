"""The operator's dashboard: nodes, newest orders, what needs a person, scan and ledger health."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.dashboards import admin
from backend.db import get_db
from backend.monitoring import dashboard
from backend.notifications.phrases import in_chinese
from backend.settings import get_settings
from state.agent_common import base_of
from state.base import needs, read
from state.table import TableState
from state.words import MISSING, compact, figure, price, quantity

NEWEST = 12
TREND_DAYS = 30


class AdminDashboard(TableState, rx.State):
    """Rows are the newest orders; ``only`` is "", "open" or "problems"."""

    cards: dict[str, str] = {}
    nodes: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    scans: list[dict[str, Any]] = []
    trends: list[dict[str, Any]] = []
    trends_cached: bool = False
    ledger_ok: bool = True
    ledger: dict[str, str] = {}
    ledger_ms: int = 0
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)
    _only: ClassVar[tuple[str, ...]] = ("open", "problems")

    @rx.event
    @needs("admin")
    async def load(self) -> None:
        """Everything; the ledger is recomputed once, on opening the page."""
        await self._read_all()
        found, self.trends_cached = await dashboard.trends(get_db(), TREND_DAYS, get_settings().redis_url)
        self.trends = [_trend(name, found["dates"], found[name]) for name in ("orders", "new_users", "trade_volume", "pool_amount")]
        health = await read(admin.ledger_health)
        self.ledger_ok, self.ledger_ms = health["ok"], health["at_ms"]
        self.ledger = {"checked": f"{health['checked']:,}", "difference": health["difference"]}

    @rx.event(supersedes=True)
    @needs("admin")
    async def changed(self) -> None:
        """New orders or a scan."""
        await self._read_all()

    async def _fetch(self, who: Any) -> tuple[list[dict[str, Any]], int]:
        only = self.only
        rows = await read(lambda session: admin.orders(session, only, NEWEST))
        return [_order(row) for row in rows], len(rows)

    async def _read_all(self) -> None:
        found = await read(_everything)
        self.cards = _cards(found["totals"])
        self.nodes = [_node(node) for node in found["nodes"]]
        self.problems = found["problems"]
        self.scans = [_scan(one) for one in found["scans"]]
        await self._reload()


def _everything(session: Session) -> dict[str, Any]:
    return {
        "totals": admin.totals(session),
        "nodes": admin.nodes(session),
        "problems": admin.problems(session),
        "scans": admin.scan_health(session, get_settings()),
    }


def _cards(t: dict[str, Any]) -> dict[str, str]:
    modes = t["equity_modes"]
    return {
        "equity": compact(t["equity"]),
        "equity_exact": figure(t["equity"]),
        "mode": next(iter(modes)) if len(modes) == 1 else "",
        "accounts": f"{t['accounts']:,}",
        "tenants": str(t["tenants_active"]),
        "tenants_all": str(t["tenants"]),
        "bots": f"{t['bots_running']:,}",
        "bots_other": str(t["bots_other"]),
        "orders": f"{t['orders']:,}",
        "filled": f"{t['orders_filled']:,}",
        "pool": figure(t["pool"]),
        "pool_kept": figure(t["pool_kept"]),
        "unknown": str(t["unknown"]),
        "unknown_s": str(t["unknown_ms"] // 1000),
        "people": f"{t['people']:,}",
    }


_COUNTED = ("orders", "new_users")


def _trend(name: str, dates: list[str], values: list[Any]) -> dict[str, Any]:
    """A series as bars; the sum in short."""
    numbers = [Decimal(str(value)) for value in values]
    top = max(numbers, default=Decimal(0))
    bars = [
        {"h": f"{max(2, int(number / top * 100)) if top else 2}%", "kind": "act" if number else "", "title": f"{day}: {figure(number, 0)}"}
        for day, number in zip(dates, numbers, strict=True)
    ]
    return {"id": name, "word": f"trend.{name}", "total": f"{sum(numbers):,.0f}" if name in _COUNTED else compact(sum(numbers, Decimal(0))), "bars": bars}


def _node(node: dict[str, Any]) -> dict[str, Any]:
    state = "off" if not node["enabled"] else "on" if node["online"] else "silent" if node["beat_ms"] else "joining"
    return node | {
        "accounts": str(node["accounts"]),
        "orders": f"{node['orders']:,}",
        "latency": f"{node['latency_ms']} ms" if node["latency_ms"] is not None else MISSING,
        "inflight": str(node["inflight"]),
        "dot": {"on": "dot", "silent": "dot stale"}.get(state, "dot off"),
        "state": f"node.{state}",
    }


def _order(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "base": base_of(row["symbol"]),
        "reason_zh": in_chinese(row["reason"]),
        "leg": f"leg.{row['leg']}",
        "quantity": quantity(row["quantity"]),
        "price": price(row["price"]),
        "status_k": f"order.{row['status']}",
        "look": row["status"] in admin.PROBLEM_STATES,
    }


def _scan(one: dict[str, Any]) -> dict[str, Any]:
    share = one["took_ms"] / one["interval_ms"] * 100 if one["interval_ms"] else 0
    return {
        "id": one["id"],
        "timeframe": one["timeframe"],
        "took": f"{one['took_ms'] / 1000:.1f} s",
        "of": f"{one['interval_ms'] / 1000:.0f} s",
        "percent": min(100, round(share)),
        "kind": "look" if share > 100 else "",
    }
