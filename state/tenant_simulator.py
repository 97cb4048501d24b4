"""The payout simulator of a merchant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx

from backend.dashboards import payouts
from backend.errors import InvalidInput
from backend.money import parse_amount
from state.base import needs, read, signed_in
from state.words import MISSING, figure, percent

KEYS = ("tech_team", "direct", "level_diff", "peer", "direct_undist", "peer_undist", "network_undist", "platform_retain")


class Simulator(rx.State):
    """Type a profit, see the payments. Nothing is written."""

    people: list[dict[str, str]] = []
    user_id: str = ""
    profit: str = "1000"
    own: str = ""
    gift: str = ""
    ready: bool = False
    tried: bool = False
    sums: dict[str, str] = {}
    payments: list[dict[str, Any]] = []
    _allowed: ClassVar[tuple[str, ...]] = ("tenant",)

    @rx.event
    @needs("tenant")
    async def load(self) -> None:
        """The page: the people, the first one chosen."""
        who = await signed_in(self)
        self.people = await read(lambda session: payouts.sources(session, who))
        self.tried, self.sums, self.payments, self.ready = False, {}, [], True
        if self.people:
            await self._choose(int(self.people[0]["id"]))
            await self._run({"profit": self.profit, "own": self.own, "gift": self.gift})

    @rx.event
    @needs("tenant")
    async def choose(self, user_id: str) -> None:
        """Whose profit it is: their points of now stand in the form."""
        await self._choose(_number(user_id))

    @rx.event
    @needs("tenant")
    async def run(self, form: dict[str, Any]) -> None:
        """Try a profit."""
        await self._run(form)

    async def _choose(self, number: int) -> None:
        who = await signed_in(self)
        own, gift = await read(lambda session: payouts.cards_of(session, who, number))
        self.user_id, self.own, self.gift = str(number), f"{own.normalize():f}", f"{gift.normalize():f}"

    async def _run(self, form: dict[str, Any]) -> None:
        who, number = await signed_in(self), _number(self.user_id)
        profit, own, gift = (_amount(form.get(name)) for name in ("profit", "own", "gift"))
        found = await read(lambda session: payouts.try_profit(session, who, number, profit=profit, own=own, gift=gift))
        self.sums = {name: figure(found[name]) for name in ("charge", "self", "gift", "pool", "forgiven")}
        self.sums["paid"] = figure(sum((one["amount"] for one in found["payments"]), Decimal(0)))
        self.payments = [_payment(place, one) for place, one in enumerate(found["payments"])]
        self.tried = True


def _payment(place: int, one: dict[str, Any]) -> dict[str, Any]:
    levels = ""
    if one["from_level"] is not None and one["to_level"] is not None:
        levels = f"S{one['from_level']} → S{one['to_level']}"
    return {
        "id": f"{place}-{one['user_id']}",
        "user": one["user"],
        "root": one["root"],
        "type": f"reward.{one['type']}",
        "why": f"simulate.why_{one['type']}",
        "rate": percent(one["rate"]),
        "amount": figure(one["amount"], 8),
        "level": MISSING if one["level"] is None else f"S{one['level']}",
        "levels": levels,
        "hold": figure(one["hold"]),
        "node": one["node"],
    }


def _amount(value: Any) -> Decimal:
    text = str(value or "0").strip().replace(",", "")
    return parse_amount(text)


def _number(text: Any) -> int:
    word = str(text)
    if not word.isascii() or not word.isdigit() or len(word) > 18:
        raise InvalidInput("Choose a person.")
    return int(word)
