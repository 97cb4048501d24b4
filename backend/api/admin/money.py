"""The operator's money doors: withdrawals, profit pools, rewards, the point-card journal."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlmodel import Session

from backend.api.admin import shapes
from backend.api.admin.filters import CardLogQuery, PoolQuery, RewardQuery, WithdrawalQuery
from backend.api.context import May, admin, peer, read, run
from backend.api.params import Id, IdQuery, answer, done, listed, window
from backend.billing import lists, pools, withdrawals
from backend.identity.principal import Principal
from backend.models import User, Withdrawal
from backend.money import from_units
from backend.portfolio.queries import Window

router = APIRouter(tags=["money"])

Admin = Annotated[Principal, Depends(admin)]
Cashier = Annotated[Principal, Depends(May("money"))]
Page = Annotated[Window, Depends(window)]


class Reason(BaseModel):
    """Why; the user reads it."""

    reason: str = Field(max_length=1_000)


class Paid(BaseModel):
    """The hash of the transaction that paid it."""

    tx_hash: str = Field(max_length=256)


@router.get("/api/withdrawals")
async def withdrawal_list(
    request: Request, who: Admin, page: Page, query: Annotated[WithdrawalQuery, Depends()]
) -> Response:
    """Withdrawals, newest first; ``stats`` are of all of them (of the tenant)."""
    find = query.find()

    def work(session: Session) -> Response:
        found = lists.withdrawals(session, who, find, page)
        stats = lists.withdrawal_stats(session, who, find.tenant_id)
        money = {name: from_units(stats[name]) for name in ("total_amount", "total_fee")}
        return listed(found, page, shapes.withdrawal, stats={**stats, **money})

    return await read(request, work)


@router.post("/api/withdrawals/{withdrawal_id}/approve")
async def approve(request: Request, withdrawal_id: Id, who: Cashier) -> Response:
    """Approve a pending one; from the four-eyes amount on two different admins must."""
    return await run(request, lambda s: _shown(s, withdrawals.approve(s, withdrawal_id, who, ip=peer(request))))


@router.post("/api/withdrawals/{withdrawal_id}/reject")
async def reject(request: Request, withdrawal_id: Id, body: Reason, who: Cashier) -> Response:
    """Refuse a pending one; the whole amount returns."""
    return await run(
        request, lambda s: _shown(s, withdrawals.reject(s, withdrawal_id, who, body.reason, ip=peer(request)))
    )


@router.post("/api/withdrawals/{withdrawal_id}/complete")
async def complete(request: Request, withdrawal_id: Id, body: Paid, who: Cashier) -> Response:
    """An approved one was paid."""
    return await run(
        request, lambda s: _shown(s, withdrawals.complete(s, withdrawal_id, who, body.tx_hash, ip=peer(request)))
    )


@router.post("/api/withdrawals/{withdrawal_id}/fail")
async def fail(request: Request, withdrawal_id: Id, body: Reason, who: Cashier) -> Response:
    """An approved one could not be paid; the whole amount returns."""
    return await run(
        request, lambda s: _shown(s, withdrawals.fail(s, withdrawal_id, who, body.reason, ip=peer(request)))
    )


def _shown(session: Session, row: Withdrawal) -> Response:
    user = session.get(User, row.user_id)
    return done(shapes.withdrawal((row, user.email if user else "")))


@router.get("/api/profit-pools")
async def pool_list(request: Request, who: Admin, page: Page, query: Annotated[PoolQuery, Depends()]) -> Response:
    """Profit pools, newest first."""
    find = query.find()
    return listed(await read(request, lambda session: lists.pools(session, who, find, page)), page, shapes.pool)


@router.get("/api/profit-pools/stats")
async def pool_stats(request: Request, who: Admin, tenant_id: IdQuery = None) -> Response:
    """Count and amount by status; ``stuck`` ones are no longer tried by themselves."""
    stats = await read(request, lambda session: lists.pool_stats(session, who, tenant_id))
    return done(
        {
            name: {key: from_units(value) if key == "total_amount" else value for key, value in one.items()}
            for name, one in stats.items()
        }
    )


@router.post("/api/profit-pools/{pool_id}/retry")
async def retry(request: Request, pool_id: Id, who: Cashier) -> Response:
    """Distribute a pending or failed pool again, also a stuck one. A new failure is kept and answered with 500."""
    found, paid = await run(request, lambda session: pools.retry(session, pool_id, who, ip=peer(request)))
    data = shapes.pool(found)
    if paid:
        return done(data)
    text = f"The pool still cannot be distributed: {data['last_error']}"
    return answer({"success": False, "detail": text, "code": "distribution_failed", "data": data}, 500)


@router.get("/api/rewards")
async def reward_list(request: Request, who: Admin, page: Page, query: Annotated[RewardQuery, Depends()]) -> Response:
    """Rewards, newest first; ``stats`` are of all that match."""
    find = query.find()

    def work(session: Session) -> Response:
        found = lists.rewards(session, who, find, page)
        count, total, groups = lists.reward_stats(session, who, find)
        stats = {"total_records": count, "total_amount": from_units(total), "avg_rate": pools.mean_rate(groups)}
        return listed(found, page, shapes.reward, stats=stats)

    return await read(request, work)


@router.get("/api/pointcard-logs")
async def card_log_list(
    request: Request, who: Admin, page: Page, query: Annotated[CardLogQuery, Depends()]
) -> Response:
    """The point-card journal, newest first; ``stats`` are of all that match."""
    find = query.find()

    def work(session: Session) -> Response:
        found = lists.card_logs(session, who, find, page)
        stats = lists.card_log_stats(session, who, find)
        money = {name: from_units(stats[name]) for name in ("total_positive", "total_negative")}
        return listed(found, page, shapes.card_log, stats={**stats, **money})

    return await read(request, work)
