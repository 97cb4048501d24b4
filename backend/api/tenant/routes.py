"""The tenant's own doors for reading; what it does for its users goes through the merchant API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from backend.api import shapes
from backend.api.context import read, tenant
from backend.api.filters import FillQuery, OrderQuery, PositionQuery, TransactionQuery
from backend.api.params import listed, window
from backend.identity.principal import Principal
from backend.portfolio import queries
from backend.portfolio.queries import Window

router = APIRouter(tags=["tenant"])

Tenant = Annotated[Principal, Depends(tenant)]
Page = Annotated[Window, Depends(window)]


@router.get("/api/tenant/orders")
async def orders(request: Request, who: Tenant, page: Page, query: Annotated[OrderQuery, Depends()]) -> Response:
    """Orders of the tenant's users, newest first."""
    find = query.find()
    found = await read(request, lambda session: queries.orders(session, who, find, page))
    return listed(found, page, shapes.order)


@router.get("/api/tenant/fills")
async def fills(request: Request, who: Tenant, page: Page, query: Annotated[FillQuery, Depends()]) -> Response:
    """Fills of the tenant's users, newest first."""
    find = query.find()
    found = await read(request, lambda session: queries.fills(session, who, find, page))
    return listed(found, page, shapes.fill)


@router.get("/api/tenant/positions")
async def positions(request: Request, who: Tenant, page: Page, query: Annotated[PositionQuery, Depends()]) -> Response:
    """Positions of the tenant's users, newest first."""
    find = query.find()
    found = await read(request, lambda session: queries.positions(session, who, find, page))
    return listed(found, page, shapes.position)


@router.get("/api/tenant/exchange-accounts")
async def exchange_accounts(request: Request, who: Tenant, page: Page) -> Response:
    """Exchange accounts of the tenant's users; keys masked."""
    found = await read(request, lambda session: queries.exchange_accounts(session, who, None, page))
    return listed(found, page, shapes.exchange_account)


@router.get("/api/tenant/transactions")
async def transactions(
    request: Request, who: Tenant, page: Page, query: Annotated[TransactionQuery, Depends()]
) -> Response:
    """Ledger entries of the tenant and its users, newest first."""
    find = query.find()
    found = await read(request, lambda session: queries.transactions(session, who, find, page))
    return listed(found, page, shapes.transaction)
