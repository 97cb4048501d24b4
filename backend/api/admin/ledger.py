"""The operator's ledger doors: trial balance, one transaction, corrections with two pairs of eyes, chain heads."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from backend.api.context import May, admin, peer, read, run
from backend.api.params import Id, IdQuery, Text, done, listed, window
from backend.billing import corrections
from backend.billing.hwm_rules import month_after, month_start
from backend.clock import utcnow
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.ledger import books, seals
from backend.models import LedgerReversal
from backend.money import from_units
from backend.portfolio.queries import Window

router = APIRouter(tags=["ledger"])

Admin = Annotated[Principal, Depends(admin)]
Cashier = Annotated[Principal, Depends(May("money"))]
Page = Annotated[Window, Depends(window)]
Month = Annotated[str | None, Query(max_length=7, description="2026-01; the running month without it")]


class Reason(BaseModel):
    """Why."""

    reason: str = Field(max_length=1_000)


@router.get("/api/ledger/trial-balance")
async def trial_balance(request: Request, who: Admin, month: Month = None, tenant_id: IdQuery = None) -> Response:
    """The trial balance of a month in UTC, by account kind; ``totals`` are by currency."""
    start = _month(month)
    lines = await read(request, lambda session: books.trial_balance(session, start, month_after(start), tenant_id))
    totals: dict[str, dict[str, int]] = {}
    data = []
    for line in lines:
        figures = {
            "opening": line.opening,
            "received": line.received,
            "given": line.given,
            "closing": line.closing,
        }
        total = totals.setdefault(line.currency, dict.fromkeys(figures, 0))
        for name, value in figures.items():
            total[name] += value
        names = {"owner_kind": line.owner_kind, "kind": line.kind, "currency": line.currency}
        data.append({**names, **{name: from_units(value) for name, value in figures.items()}})
    balanced = all(not total["closing"] and total["received"] == total["given"] for total in totals.values())
    return done(
        data,
        month=f"{start:%Y-%m}",
        balanced=balanced,
        totals={key: {name: from_units(value) for name, value in total.items()} for key, total in totals.items()},
    )


@router.get("/api/ledger/transactions/{transaction_id}")
async def transaction(request: Request, transaction_id: Id, who: Admin) -> Response:
    """One transaction with all its entries, its link in the hash chain and its correction."""
    found = await read(request, lambda session: books.posted(session, transaction_id))
    entries = [
        {
            "id": entry.id,
            "ledger_account_id": account.id,
            "owner_kind": account.owner_kind,
            "owner_id": account.owner_id,
            "kind": account.kind,
            "currency": entry.currency,
            "amount": from_units(entry.amount),
            "balance_before": from_units(entry.balance_after - entry.amount),
            "balance_after": from_units(entry.balance_after),
        }
        for entry, account in found.entries
    ]
    header = found.transaction.model_dump()
    return done({**header, "entries": entries, "seal": _plain(found.seal), "reversal": _plain(found.reversal)})


@router.post("/api/ledger/transactions/{transaction_id}/reverse")
async def reverse(request: Request, transaction_id: Id, body: Reason, who: Cashier) -> Response:
    """Ask for a transaction to be undone; another admin decides."""
    return await run(
        request,
        lambda s: _correction(corrections.request(s, transaction_id, who, body.reason, ip=peer(request))),
    )


@router.get("/api/ledger/reversals")
async def reversals(request: Request, who: Admin, page: Page, status: Text = None) -> Response:
    """Corrections, newest first."""
    found = await read(request, lambda session: corrections.reversals(session, status or None, page))
    return listed(found, page, _plain)


@router.post("/api/ledger/reversals/{reversal_id}/approve")
async def approve(request: Request, reversal_id: Id, who: Cashier) -> Response:
    """Agree to another admin's request: the opposite is posted."""
    return await run(request, lambda s: _correction(corrections.approve(s, reversal_id, who, ip=peer(request))))


@router.post("/api/ledger/reversals/{reversal_id}/refuse")
async def refuse(request: Request, reversal_id: Id, body: Reason, who: Cashier) -> Response:
    """Decline a request."""
    return await run(
        request, lambda s: _correction(corrections.refuse(s, reversal_id, who, body.reason, ip=peer(request)))
    )


@router.get("/api/ledger/seals")
async def heads(request: Request, who: Admin) -> Response:
    """The newest link of every hash chain: keep them elsewhere."""
    found = await read(request, seals.heads)
    return done([asdict(head) for head in found])


def _correction(row: LedgerReversal) -> Response:
    return done(_plain(row))


def _plain(row: Any) -> dict[str, Any] | None:
    return None if row is None else row.model_dump()


def _month(text: str | None) -> datetime:
    if not text:
        return month_start(utcnow())
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput("month must be such as 2026-01.") from None
