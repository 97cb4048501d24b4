"""Endpoints and deliveries as their tenant sees them."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import WebhookDelivery, WebhookEndpoint
from backend.portfolio.queries import Listing, Window


def endpoints(session: Session, who: Principal) -> list[WebhookEndpoint]:
    """All endpoints of a tenant, newest first. Rows hold sealed secrets: pages pick the fields they show."""
    statement = scoped(select(WebhookEndpoint), who, WebhookEndpoint)
    return list(session.exec(statement.order_by(col(WebhookEndpoint.id).desc())).all())


def deliveries(
    session: Session,
    who: Principal,
    *,
    status: str = "",
    event: str = "",
    endpoint_id: int | None = None,
    find: str = "",
    window: Window | None = None,
) -> Listing[WebhookDelivery]:
    """Messages, newest first. ``find`` looks for a message id or for what it speaks of (``withdrawal:7``)."""
    window = window or Window(limit=50)
    statement = scoped(select(WebhookDelivery), who, WebhookDelivery)
    if status:
        statement = statement.where(WebhookDelivery.status == status)
    if event:
        statement = statement.where(WebhookDelivery.event == event)
    if endpoint_id is not None:
        statement = statement.where(WebhookDelivery.endpoint_id == endpoint_id)
    if find:
        statement = statement.where(
            col(WebhookDelivery.message_id).startswith(find, autoescape=True)
            | col(WebhookDelivery.reference).startswith(find, autoescape=True)
        )
    total = session.exec(select(func.count()).select_from(statement.subquery())).one()
    page = (
        statement.order_by(col(WebhookDelivery.id).desc()).limit(min(max(window.limit, 1), 500)).offset(window.offset)
    )
    return Listing(list(session.exec(page).all()), int(total))
