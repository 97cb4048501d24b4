"""The operator's billing doors: the simulator."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from backend.api.context import admin
from backend.api.params import MAX_ID, answer
from backend.billing.rules import plain
from backend.billing.simulate import MAX_MEMBERS, Simulation, TreeMember, simulate
from backend.identity.principal import Principal
from backend.money import exact_units, format_units, parse_amount

router = APIRouter(tags=["billing"])

Admin = Annotated[Principal, Depends(admin)]
Number = Annotated[StrictInt, Field(ge=1, le=MAX_ID)]


class SimulatedMember(BaseModel):
    """One member of the invite tree."""

    id: Number
    inviter_id: Number | None = None
    level: Annotated[StrictInt, Field(ge=0, le=7)] = 0
    market_node: StrictBool = False
    self_hold: str | StrictInt = "0"


class SimulatedProfit(BaseModel):
    """A profit, the cards of the member who made it, and the tree above."""

    model_config = ConfigDict(populate_by_name=True)

    profit: str | StrictInt
    own: str | StrictInt = Field(alias="self")
    gift: str | StrictInt = "0"
    source_id: Number
    root_id: Number | None = None
    members: list[SimulatedMember] = Field(max_length=MAX_MEMBERS)


@router.post("/api/billing/simulate")
async def simulated(body: SimulatedProfit, who: Admin) -> Response:
    """Who would be paid what, by the functions that settle; nothing is written. Amounts are texts of 8 places."""
    return await asyncio.to_thread(_simulate, body)


def _simulate(body: SimulatedProfit) -> Response:
    members = [
        TreeMember(one.id, one.inviter_id, one.level, one.market_node, _zero_or_more(one.self_hold))
        for one in body.members
    ]
    found = simulate(
        parse_amount(body.profit),
        _zero_or_more(body.own),
        _zero_or_more(body.gift),
        source_id=body.source_id,
        root_id=body.root_id,
        members=members,
    )
    return answer(_told(found))


def _told(found: Simulation) -> dict[str, object]:
    return {
        "deduct_total": _places(found.cards.nominal),
        "self_deduct": _places(found.cards.self_deduct),
        "gift_deduct": _places(found.cards.gift_deduct),
        "pool": _places(found.cards.pool),
        "payments": [
            {"type": one.reward_type, "user_id": one.user_id, "amount": _places(one.amount), "rate": plain(one.rate)}
            for one in found.payments
        ],
    }


def _zero_or_more(text: object) -> Decimal:
    return parse_amount(text, allow_zero=True)


def _places(value: Decimal) -> str:
    return format_units(exact_units(value))
