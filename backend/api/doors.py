"""The doors of the platform itself, in one list."""

from __future__ import annotations

from fastapi import APIRouter

from backend.api import auth, brand, exports, joining, limits, looking, pending, periods, session, stops, system
from backend.api.admin import (
    analytics,
    batch,
    billing,
    desk,
    history,
    ledger,
    money,
    monitor,
    offers,
    people,
    queue,
    quota,
    reads,
    signal_monitor,
    sync,
    trading,
)
from backend.api.agent import by_hand as agent_by_hand
from backend.api.agent import notices as agent_notices
from backend.api.agent import routes as agent_routes
from backend.api.merchant.routes import merchant_routers
from backend.api.nodes.routes import nodes_router
from backend.api.tenant import keys as tenant_keys
from backend.api.tenant import routes as tenant_routes
from backend.api.tenant import webhooks as tenant_webhooks


def core_routers() -> list[APIRouter]:
    """Every router of this package that serves this process."""
    return [
        session.router,
        joining.router,
        looking.router,
        auth.router,
        system.router,
        reads.router,
        desk.router,
        money.router,
        billing.router,
        periods.router,
        ledger.router,
        quota.router,
        monitor.router,
        people.router,
        offers.router,
        history.router,
        trading.router,
        queue.router,
        analytics.router,
        batch.router,
        signal_monitor.router,
        sync.router,
        nodes_router(),
        *merchant_routers(),
        agent_routes.router,
        agent_by_hand.router,
        agent_notices.router,
        tenant_routes.router,
        tenant_keys.router,
        tenant_webhooks.router,
        exports.router,
        stops.router,
        pending.router,
        limits.router,
        brand.router,
    ]
