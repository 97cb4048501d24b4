"""The merchant's quota: what the plan allows, what is used, calls by day."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from backend.merchant import quota
from backend.merchant.quota import Usage
from state.base import needs, read, signed_in
from state.merchant_rows import UNLIMITED
from state.words import figure

SPANS = (30, 90, 365)
NEAR = 80


class Quota(rx.State):
    """``meters`` is one line per limit; ``days`` the bars of the history."""

    plan: dict[str, str] = {}
    meters: list[dict[str, Any]] = []
    days: list[dict[str, str]] = []
    span: str = "30"
    sums: dict[str, str] = {}
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("tenant",)

    @rx.event
    @needs("tenant")
    async def load(self) -> None:
        """The page."""
        who = await signed_in(self)
        found = await read(lambda session: quota.usage(session, who.tenant_id or 0, int(self.span)))
        self.plan = {
            "name": found.plan.name if found.plan else "",
            "price": figure(found.plan.price_monthly) if found.plan else "",
            "text": found.plan.description if found.plan else "",
        }
        self.meters, self.days, self.sums = _meters(found), _days(found), _sums(found)
        self.ready = True

    @rx.event
    @needs("tenant")
    async def spread(self, days: str) -> None:
        """Over how many days the history goes."""
        self.span = days if days in map(str, SPANS) else "30"
        await self.load.fn(self)


def _meters(found: Usage) -> list[dict[str, Any]]:
    lines = [("quota.today", found.api.daily_used, found.api.daily_limit), ("quota.month", found.api.monthly_used, found.api.monthly_limit)]
    lines += [(f"quota.{name}", one.used, one.limit) for name, one in found.resources.items()]
    return [_meter(*line) for line in lines]


def _meter(key: str, used: int, limit: int) -> dict[str, Any]:
    percent = min(100, used * 100 // limit) if limit else 0
    return {
        "k": key, "used": f"{used:,}", "limit": f"{limit:,}" if limit else UNLIMITED, "percent": percent,
        "left": f"{max(0, limit - used):,}" if limit else "", "look": bool(limit) and percent >= NEAR,
    }  # fmt: skip


def _days(found: Usage) -> list[dict[str, str]]:
    top = max((calls for _, calls in found.history), default=0) or 1
    return [
        {"h": f"{max(2, calls * 100 // top)}%", "kind": "act" if calls else "", "title": f"{day} · {calls:,}"} for day, calls in found.history
    ]


def _sums(found: Usage) -> dict[str, str]:
    calls = [calls for _, calls in found.history]
    best = max(found.history, key=lambda one: one[1], default=("", 0))
    return {
        "total": f"{sum(calls):,}", "mean": f"{sum(calls) // max(1, len(calls)):,}", "top": f"{best[1]:,}",
        "top_day": best[0] if best[1] else "–", "first": found.history[0][0] if found.history else "",
        "last": found.history[-1][0] if found.history else "",
    }  # fmt: skip
