"""The operator's billing doors: the simulator and a tenant's own rates."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt
from sqlmodel import Session

from backend.api.context import May, admin, peer, read, run
from backend.api.params import Amount, BodyId, answer, done, required_tenant
from backend.billing.rates import NAMES, history, rates_of, read_rates, set_rates
from backend.billing.rules import RATES, Rates, plain
from backend.billing.simulate import MAX_MEMBERS, Simulation, TreeMember, simulate
from backend.identity.principal import Principal
from backend.models import BillingRates
from backend.money import exact_units, format_units, parse_amount

router = APIRouter(tags=["billing"])

Admin = Annotated[Principal, Depends(admin)]
Reader = Annotated[Principal, Depends(May("read"))]
Cashier = Annotated[Principal, Depends(May("money"))]


class SimulatedMember(BaseModel):
    """One member of the invite tree."""

    id: BodyId
    inviter_id: BodyId | None = None
    level: Annotated[StrictInt, Field(ge=0, le=7)] = 0
    market_node: StrictBool = False
    self_hold: Amount = "0"


class SimulatedProfit(BaseModel):
    """A profit, the cards of the member who made it, and the tree above."""

    model_config = ConfigDict(populate_by_name=True)

    profit: Amount
    own: Amount = Field(alias="self")
    gift: Amount = "0"
    source_id: BodyId
    root_id: BodyId | None = None
    tenant_id: BodyId | None = None
    members: list[SimulatedMember] = Field(max_length=MAX_MEMBERS)


class NewRates(BaseModel):
    """Rates such as {"billing": "0.25"}: billing, tech, network, direct, peer."""

    tenant_id: BodyId
    rates: dict[Annotated[str, Field(max_length=20)], str] = Field(max_length=10)
    reason: str = Field("", max_length=200)


@router.post("/api/billing/simulate")
async def simulated(request: Request, body: SimulatedProfit, who: Reader) -> Response:
    """Who would be paid what, by the functions that settle; nothing is written. Amounts are texts of 8 places.

    The documented rates count, or with ``tenant_id`` those of that tenant.
    """
    rates, tenant_id = RATES, body.tenant_id
    if tenant_id is not None:
        rates = await read(request, lambda session: rates_of(session, tenant_id))
    return await asyncio.to_thread(_simulate, body, rates)


@router.get("/api/billing/rates")
async def rates(request: Request, who: Admin, tenant_id: Annotated[int, Depends(required_tenant)]) -> Response:
    """A tenant's rates in force, and everything agreed before, newest first."""
    rows = await read(request, lambda session: history(session, tenant_id))
    return done(_in_force(rows), history=[row.model_dump() for row in rows])


@router.put("/api/billing/rates")
async def new_rates(request: Request, body: NewRates, who: Cashier) -> Response:
    """Agree rates with a tenant from now on; what is left out returns to the documented value."""
    values = {name: _zero_or_more(value) for name, value in body.rates.items()}

    def work(session: Session) -> list[BillingRates]:
        return [set_rates(session, who, body.tenant_id, values, body.reason, ip=peer(request))]

    return done(_in_force(await run(request, work)))


def _in_force(rows: list[BillingRates]) -> dict[str, str]:
    found = read_rates(json.dumps(rows[0].rates) if rows else None)
    return {name: plain(getattr(found, name)) for name in NAMES}


def _simulate(body: SimulatedProfit, rates: Rates) -> Response:
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
        rates=rates,
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
