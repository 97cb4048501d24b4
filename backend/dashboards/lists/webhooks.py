"""What was sent to a merchant's webhook endpoints, as a list."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.lists.base import ANY_ID, Find, ListOf, Row, between, matching, paged, where
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import WebhookDelivery, WebhookEndpoint
from backend.portfolio.queries import Listing
from backend.webhooks.rules import EventType

STATES = ("PENDING", "DELIVERED", "DEAD")


def deliveries(session: Session, who: Principal, find: Find) -> Listing[Row]:
    """Messages, newest first. The search finds a message id or what it speaks of (``withdrawal:7``)."""
    statement = scoped(select(WebhookDelivery), who, WebhookDelivery)
    statement = where(statement, find, status=WebhookDelivery.status, event=WebhookDelivery.event, endpoint=WebhookDelivery.endpoint_id)
    statement = between(statement, find, col(WebhookDelivery.created_at))
    statement = matching(statement, find, col(WebhookDelivery.message_id), col(WebhookDelivery.reference))
    sorts = {"at_ms": col(WebhookDelivery.created_at), "tried_ms": col(WebhookDelivery.tried_at), "attempts": col(WebhookDelivery.attempts)}
    rows, total = paged(session, statement, find, sorts, col(WebhookDelivery.id))
    urls = {row.id: row.url for row in session.exec(scoped(select(WebhookEndpoint), who, WebhookEndpoint)).all()}
    return Listing([_delivery(row, urls.get(row.endpoint_id, "")) for row in rows], total)


def delivery_totals(session: Session, who: Principal, find: Find) -> Row:
    """{"": all, PENDING, DELIVERED, DEAD}: how many there are of each."""
    statement = scoped(select(WebhookDelivery.status, func.count()), who, WebhookDelivery)
    found = {str(state): int(n) for state, n in session.exec(statement.group_by(col(WebhookDelivery.status))).all()}
    return {"": sum(found.values()), **{state: found.get(state, 0) for state in STATES}}


def delivery_detail(session: Session, who: Principal, delivery_id: int) -> Row:
    """One message with its body. Raises ``NotFound``."""
    row = get_scoped(session, who, WebhookDelivery, delivery_id)
    endpoint = session.get(WebhookEndpoint, row.endpoint_id)
    return _delivery(row, endpoint.url if endpoint else "") | {
        "payload": row.payload,
        "can_replay": endpoint is not None and endpoint.status == 1,
    }


def _delivery(row: WebhookDelivery, url: str) -> Row:
    return {
        "id": row.id, "at_ms": to_ms(row.created_at), "event": row.event, "reference": row.reference, "message_id": row.message_id,
        "endpoint": row.endpoint_id, "url": url, "status": row.status, "attempts": row.attempts, "http_status": row.http_status,
        "error": row.error, "took_ms": row.took_ms, "tried_ms": to_ms(row.tried_at) if row.tried_at else None,
        "next_ms": to_ms(row.next_at) if row.status == "PENDING" else None,
        "done_ms": to_ms(row.delivered_at) if row.delivered_at else None,
    }  # fmt: skip


DELIVERIES = ListOf(
    deliveries, ("tenant",),
    ("at_ms", "event", "reference", "message_id", "url", "status", "attempts", "http_status", "error", "tried_ms", "next_ms", "done_ms"),
    sorts=("at_ms", "tried_ms", "attempts"),
    filters={"status": STATES, "event": tuple(kind.value for kind in EventType), "endpoint": ANY_ID}, dated=True,
    detail=delivery_detail, totals=delivery_totals,
)  # fmt: skip
