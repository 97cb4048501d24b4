"""Profit share periods and statements: the agent's and the tenant's doors to read, the operator's to close and bill."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StrictBool
from sqlmodel import Session

from backend.api.context import May, admin, agent, peer, read, run, tenant
from backend.api.params import BodyId, Id, IdQuery, Text, done, listed, moment, window
from backend.billing import hwm, hwm_queries, hwm_rules
from backend.billing.lists import Row
from backend.billing.statements import Statement, rows, statement, summary, to_csv, to_pdf
from backend.clock import utcnow
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import BillingPeriod, User
from backend.money import from_units, parse_amount
from backend.portfolio.queries import Window

router = APIRouter(tags=["billing"])

Cashier = Annotated[Principal, Depends(May("money"))]
Tenant = Annotated[Principal, Depends(tenant)]
Agent = Annotated[Principal, Depends(agent)]
Page = Annotated[Window, Depends(window)]

_PERIOD = (
    "id", "tenant_id", "user_id", "share_bp", "trades", "status", "invoice_no", "payment_reference", "approved_by",
    "approved_at", "invoiced_at", "paid_at", "created_at",
)  # fmt: skip
_AMOUNTS = ("starting_c", "pnl", "unrealized", "ending_c", "c_bill", "high_before", "high_after", "fee")


class PeriodQuery:
    """Filters of period lists; ``start_date`` and ``end_date`` are of the day it was closed."""

    def __init__(
        self,
        *,
        tenant_id: IdQuery = None,
        user_id: IdQuery = None,
        status: Text = None,
        start_date: Text = None,
        end_date: Text = None,
    ) -> None:
        self.find = hwm_queries.PeriodFilter(
            tenant_id=tenant_id,
            user_id=user_id,
            status=status or None,
            start=moment(start_date, "start_date"),
            end=moment(end_date, "end_date", end=True),
        )


Query = Annotated[PeriodQuery, Depends()]


class CloseBody(BaseModel):
    """Whose months to close. ``final`` also closes the running month now: the agent leaves."""

    user_id: BodyId
    final: StrictBool = False


class PaidBody(BaseModel):
    """What identifies the payment."""

    reference: str = Field("", max_length=200)


class ShareBody(BaseModel):
    """A profit share such as "0.20", of a tenant's agents or of one of them."""

    tenant_id: BodyId
    user_id: BodyId | None = None
    share: str = Field(max_length=10)


class SchemeBody(BaseModel):
    """How a tenant's agents are billed."""

    tenant_id: BodyId
    scheme: Literal["per_close", "hwm"]


def _list_door(path: str, keeper: Callable[[Request], Awaitable[Principal]]) -> None:
    """The same three doors for each kind of person; who asks decides what exists."""
    caller = Annotated[Principal, Depends(keeper)]

    async def periods(request: Request, who: caller, page: Page, query: Query) -> Response:
        """Billing periods under the high-water mark, the latest first."""
        found = await read(request, lambda session: hwm_queries.periods(session, who, query.find, page))
        return listed(found, page, period)

    async def as_json(request: Request, period_id: Id, who: caller) -> Response:
        """The statement: the computation line by line, and every trade with the running sum."""
        return done(told(await _statement(request, who, period_id)))

    async def as_csv(request: Request, period_id: Id, who: caller) -> Response:
        """The statement as CSV."""
        found = await _statement(request, who, period_id)
        text = await asyncio.to_thread(to_csv, found)
        return _file(found, text.encode(), "csv", "text/csv; charset=utf-8")

    async def as_pdf(request: Request, period_id: Id, who: caller) -> Response:
        """The statement as PDF."""
        found = await _statement(request, who, period_id)
        return _file(found, await asyncio.to_thread(to_pdf, found), "pdf", "application/pdf")

    router.get(path)(periods)
    router.get(f"{path}/{{period_id}}/statement")(as_json)
    router.get(f"{path}/{{period_id}}/statement.csv")(as_csv)
    router.get(f"{path}/{{period_id}}/statement.pdf")(as_pdf)


_list_door("/api/agent/billing/periods", agent)
_list_door("/api/tenant/billing/periods", tenant)
_list_door("/api/billing/periods", admin)


@router.post("/api/billing/periods/close")
async def close(request: Request, body: CloseBody, who: Cashier) -> Response:
    """Close every month of an agent that has ended. Again changes nothing."""

    def work(session: Session) -> list[Row]:
        user = get_scoped(session, who, User, body.user_id)
        made = hwm.close_until(session, user, utcnow(), part=body.final)
        return [(row, user.email) for row in made]

    return done([period(row) for row in await run(request, work)])


@router.post("/api/billing/periods/{period_id}/recompute")
async def recompute(request: Request, period_id: Id, who: Cashier) -> Response:
    """Close a draft again with what is known now. It gets a new id."""
    return done(await run(request, lambda s: _shown(s, hwm.recompute(s, period_id, who, ip=peer(request)))))


@router.post("/api/billing/periods/{period_id}/approve")
async def approve(request: Request, period_id: Id, who: Cashier) -> Response:
    """Fix a draft for good."""
    return done(await run(request, lambda s: _shown(s, hwm.approve(s, period_id, who, ip=peer(request)))))


@router.post("/api/billing/periods/{period_id}/invoice")
async def invoice(request: Request, period_id: Id, who: Cashier) -> Response:
    """Send the invoice of an approved period."""
    return done(await run(request, lambda s: _shown(s, hwm.invoice(s, period_id, who, ip=peer(request)))))


@router.post("/api/billing/periods/{period_id}/paid")
async def paid(request: Request, period_id: Id, body: PaidBody, who: Cashier) -> Response:
    """The invoice was paid."""

    def work(session: Session) -> dict[str, Any]:
        return _shown(session, hwm.mark_paid(session, period_id, who, body.reference, ip=peer(request)))

    return done(await run(request, work))


@router.put("/api/billing/share")
async def share(request: Request, body: ShareBody, who: Cashier) -> Response:
    """Agree a profit share. The first holds from the beginning, a change from the next month on."""
    value = _share(body.share)

    def work(session: Session) -> dict[str, Any]:
        row = hwm.set_share(session, who, body.tenant_id, value, user_id=body.user_id, ip=peer(request))
        return {
            "tenant_id": row.tenant_id,
            "user_id": row.user_id,
            "share": value,
            "effective_from": row.effective_from,
        }

    return done(await run(request, work))


@router.put("/api/billing/scheme")
async def scheme(request: Request, body: SchemeBody, who: Cashier) -> Response:
    """Choose how a tenant's agents are billed, from now on."""

    def work(session: Session) -> dict[str, Any]:
        row = hwm.set_scheme(session, who, body.tenant_id, body.scheme, ip=peer(request))
        return {"tenant_id": row.id, "scheme": row.billing_scheme}

    return done(await run(request, work))


def period(found: Row) -> dict[str, Any]:
    """A period: figures as decimals of 8 places, the share as a fraction, the loss carried forward."""
    row, email = found
    assert isinstance(row, BillingPeriod)
    return {
        **{name: getattr(row, name) for name in _PERIOD},
        **{name: from_units(getattr(row, name)) for name in _AMOUNTS},
        "start": row.start_at,
        "end": row.end_at,
        "share": Decimal(row.share_bp).scaleb(-4),
        "carry_forward": hwm.bill_of(row).carry_forward,
        "user_email": email,
    }


def told(found: Statement) -> dict[str, Any]:
    """A statement as data."""
    return {
        "period": period((found.period, found.agent)),
        "agent": found.agent,
        "platform": found.tenant_name,
        "formula": found.bill.formula(),
        "computation": [{"name": name, "value": value} for name, value in summary(found)],
        "lines": rows(found),
    }


async def _statement(request: Request, who: Principal, period_id: int) -> Statement:
    return await read(request, lambda session: statement(session, who, period_id))


def _shown(session: Session, row: BillingPeriod) -> dict[str, Any]:
    user = session.get(User, row.user_id)
    return period((row, user.email if user else ""))


def _file(found: Statement, body: bytes, ending: str, kind: str) -> Response:
    name = f"statement-{found.period.start_at:%Y-%m}-{found.period.id}.{ending}"
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _share(text: str) -> Decimal:
    value = parse_amount(text, allow_zero=True)
    if value > 1:
        raise InvalidInput(f"The profit share is a fraction such as {hwm_rules.DEFAULT_SHARE}, at most 1.")
    return value
