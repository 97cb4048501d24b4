"""The platform operator's lists. Totals are of everything that matches, whatever the page size."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from backend.api import shapes
from backend.api.context import admin, context_of, read
from backend.api.filters import AccountQuery, FillQuery, OrderQuery, PositionQuery, TransactionQuery
from backend.api.params import IdQuery, done, listed, required_tenant, window
from backend.identity.principal import Principal
from backend.monitoring import dashboard
from backend.portfolio import queries
from backend.portfolio.queries import Window

router = APIRouter(tags=["admin"])

Admin = Annotated[Principal, Depends(admin)]
TenantId = Annotated[int, Depends(required_tenant)]
Page = Annotated[Window, Depends(window)]


@router.get("/api/dashboard/summary")
async def summary(request: Request, who: Admin) -> Response:
    """Counts of the platform, at most a minute old (``cached``)."""
    context = context_of(request)
    data, cached = await dashboard.summary(context.db, context.settings.redis_url)
    return done(data, cached=cached)


@router.get("/api/dashboard/trends")
async def trends(request: Request, who: Admin, days: Annotated[int, Query(ge=7, le=90)] = 30) -> Response:
    """Orders, new users, traded volume and pool amount by day (UTC)."""
    context = context_of(request)
    data, cached = await dashboard.trends(context.db, days, context.settings.redis_url)
    return done(data, cached=cached)


@router.get("/api/orders")
async def orders(
    request: Request, who: Admin, tenant_id: TenantId, page: Page, query: Annotated[OrderQuery, Depends()]
) -> Response:
    """Orders of one tenant, newest first."""
    find = query.find(tenant_id)
    found = await read(request, lambda session: queries.orders(session, who, find, page))
    return listed(found, page, shapes.order)


@router.get("/api/fills")
async def fills(
    request: Request, who: Admin, tenant_id: TenantId, page: Page, query: Annotated[FillQuery, Depends()]
) -> Response:
    """Fills of one tenant, newest first."""
    find = query.find(tenant_id)
    found = await read(request, lambda session: queries.fills(session, who, find, page))
    return listed(found, page, shapes.fill)


@router.get("/api/positions")
async def positions(
    request: Request, who: Admin, tenant_id: TenantId, page: Page, query: Annotated[PositionQuery, Depends()]
) -> Response:
    """Positions of one tenant, newest first."""
    find = query.find(tenant_id)
    found = await read(request, lambda session: queries.positions(session, who, find, page))
    return listed(found, page, shapes.position)


@router.get("/api/accounts")
async def accounts(
    request: Request, who: Admin, tenant_id: TenantId, page: Page, query: Annotated[AccountQuery, Depends()]
) -> Response:
    """Ledger balances of one tenant."""
    found = await read(
        request,
        lambda session: queries.ledger_accounts(
            session,
            who,
            tenant_id=tenant_id,
            account_id=query.account_id,
            currency=query.currency or None,
            window=page,
        ),
    )
    return listed(found, page, shapes.ledger_account)


@router.get("/api/transactions")
async def transactions(
    request: Request, who: Admin, tenant_id: TenantId, page: Page, query: Annotated[TransactionQuery, Depends()]
) -> Response:
    """Ledger entries of one tenant, newest first."""
    find = query.find(tenant_id)
    found = await read(request, lambda session: queries.transactions(session, who, find, page))
    return listed(found, page, shapes.transaction)


@router.get("/api/exchange-accounts")
async def exchange_accounts(request: Request, who: Admin, page: Page, tenant_id: IdQuery = None) -> Response:
    """Exchange accounts with cached balances and masked keys."""
    found = await read(request, lambda session: queries.exchange_accounts(session, who, tenant_id, page))
    return listed(found, page, shapes.exchange_account)
