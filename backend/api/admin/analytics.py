"""Figures of closed trades by API: return and curve of an account, risk, statistics by period."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlmodel import Session

from backend.api.context import admin, read
from backend.api.params import MAX_ID, IdQuery, Text, done, moment, required_tenant
from backend.dashboards.analytics import Which, analysis, risk, trade_statistics
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import ExchangeAccount

router = APIRouter(prefix="/api/analytics", tags=["analytics"])

Admin = Annotated[Principal, Depends(admin)]
TenantId = Annotated[int, Depends(required_tenant)]
Account = Annotated[int, Query(ge=1, le=MAX_ID)]
PeriodType = Literal["daily", "weekly", "monthly", "all"]


@router.get("/performance")
async def performance(
    request: Request, who: Admin, *, tenant_id: TenantId, account_id: Account, start_date: Text = None, end_date: Text = None
) -> Response:
    """``summary`` (return, drawdown, ratios, by symbol and time) and the daily ``equity_curve`` of one account of the tenant, of trades
    closed in the days given; ``summary`` is null while there is none."""
    which = Which(tenant_id, account_id, start=moment(start_date, "start_date"), end=moment(end_date, "end_date", end=True))

    def work(session: Session) -> dict[str, Any]:
        _own(session, tenant_id, account_id)
        mode, found = analysis(session, who, which)
        summary = asdict(found) if found is not None else {}
        curve = summary.pop("curve", ())
        return {"mode": mode, "summary": summary or None, "equity_curve": curve}

    return done(await read(request, work))


@router.get("/risk")
async def risk_figures(request: Request, who: Admin, tenant_id: TenantId, account_id: IdQuery = None, strategy_code: Text = None) -> Response:
    """Volatility, ratios, drawdown and value at risk of the tenant's daily results; null while no trade is closed."""
    which = Which(tenant_id, account_id, strategy_code or "")

    def work(session: Session) -> dict[str, Any] | None:
        _own(session, tenant_id, account_id)
        mode, found = risk(session, who, which)
        return {"mode": mode, **asdict(found)} if found is not None else None

    return done(await read(request, work))


@router.get("/statistics")
async def statistics(
    request: Request, who: Admin, *, tenant_id: TenantId, account_id: IdQuery = None, period_type: PeriodType = "daily", strategy_code: Text = None,
    symbol: Text = None, limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:  # fmt: skip
    """Trades by the UTC day, week or month they were closed in, the newest first; ``total`` counts all periods."""
    which = Which(tenant_id, account_id, strategy_code or "", symbol or "")

    def work(session: Session) -> tuple[str, list[dict[str, Any]]]:
        _own(session, tenant_id, account_id)
        mode, rows = trade_statistics(session, who, which, period_type)
        return mode, [{"period_type": period_type, **asdict(row)} for row in rows]

    mode, rows = await read(request, work)
    return done(rows[:limit], total=len(rows), mode=mode)


def _own(session: Session, tenant_id: int, account_id: int | None) -> None:
    """Raises ``NotFound`` for another tenant's account."""
    if account_id is not None:
        get_scoped(session, tenant_id, ExchangeAccount, account_id)
