"""A merchant's webhook endpoints: make, change, rotate, test, send again."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.ledger.statements import Wire
from backend.models import Tenant, WebhookDelivery, WebhookEndpoint
from backend.security import audit
from backend.security.addresses import check_url
from backend.security.vault import Vault, get_vault
from backend.settings import get_settings
from backend.webhooks.events import Subscriber, tell
from backend.webhooks.rules import DEFAULT_LOW_POINTS, SUBSCRIBABLE, EventType

MAX_ENDPOINTS = 10
ROTATION = timedelta(hours=24)
MAX_LOW_POINTS = Decimal(1_000_000)


class TooManyEndpoints(Conflict):
    """There are ten endpoints already. Remove one first."""

    code = "too_many_endpoints"


class EndpointStopped(Conflict):
    """This endpoint is switched off. Switch it on first."""

    code = "endpoint_stopped"


class NewEndpoint(NamedTuple):
    """An endpoint with its secret, which is shown here and never again."""

    endpoint: WebhookEndpoint
    secret: str


def record_of(endpoint: WebhookEndpoint) -> str:
    """The vault's record name of an endpoint's secrets."""
    return f"webhook:{endpoint.record}"


def secrets_of(endpoint: WebhookEndpoint, vault: Vault | None = None) -> list[str]:
    """The secrets that sign now, newest first: after a rotation the old one signs for a day, too."""
    vault = vault or get_vault()
    out = [vault.open_platform(record_of(endpoint), endpoint.secret_sealed)]
    if endpoint.old_secret_sealed and endpoint.old_until is not None and endpoint.old_until > utcnow():
        out.append(vault.open_platform(record_of(endpoint), endpoint.old_secret_sealed))
    return out


def create_endpoint(
    session: Session,
    who: Principal,
    url: str,
    events: Iterable[str],
    low_points: Decimal = DEFAULT_LOW_POINTS,
    *,
    ip: str = "",
    vault: Vault | None = None,
) -> NewEndpoint:
    """A new endpoint of the tenant. Raises ``BadAddress``, ``InvalidInput``, ``TooManyEndpoints``."""
    url, chosen = _url(url), _events(events)
    tenant_id = who.tenant_id or 0
    get_scoped(session, who, Tenant, tenant_id, lock=True)
    count = session.exec(
        select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.tenant_id == tenant_id)
    ).one()
    if count >= MAX_ENDPOINTS:
        raise TooManyEndpoints
    secret = _new_secret()
    row = WebhookEndpoint(
        tenant_id=tenant_id,
        url=url,
        events=chosen,
        low_points=_low_points(low_points),
        record=secrets.token_hex(16),
        secret_sealed="",
    )
    row.secret_sealed = (vault or get_vault()).seal_platform(record_of(row), secret)
    session.add(row)
    session.flush()
    _note(session, who, "create", row, ip=ip, detail={"url": url, "events": chosen})
    return NewEndpoint(row, secret)


def change_endpoint(
    session: Session,
    who: Principal,
    endpoint_id: int,
    *,
    url: str | None = None,
    events: Iterable[str] | None = None,
    low_points: Decimal | None = None,
    on: bool | None = None,
    ip: str = "",
) -> WebhookEndpoint:
    """Change what is given. Raises ``NotFound``, ``BadAddress``, ``InvalidInput``."""
    row = get_scoped(session, who, WebhookEndpoint, endpoint_id, lock=True)
    if url is not None:
        row.url = _url(url)
    if events is not None:
        row.events = _events(events)
    if low_points is not None:
        row.low_points = _low_points(low_points)
    if on is not None:
        row.status, row.stopped_why = int(on), "" if on else row.stopped_why
    session.add(row)
    session.flush()
    _note(session, who, "change", row, ip=ip, detail={"url": row.url, "events": row.events, "on": bool(row.status)})
    return row


def rotate_secret(
    session: Session, who: Principal, endpoint_id: int, *, ip: str = "", vault: Vault | None = None
) -> NewEndpoint:
    """A new secret. Both sign for a day, so the receiver can change over without losing a message."""
    row = get_scoped(session, who, WebhookEndpoint, endpoint_id, lock=True)
    secret = _new_secret()
    row.old_secret_sealed, row.old_until = row.secret_sealed, utcnow() + ROTATION
    row.secret_sealed = (vault or get_vault()).seal_platform(record_of(row), secret)
    session.add(row)
    session.flush()
    _note(session, who, "rotate", row, ip=ip, detail={})
    return NewEndpoint(row, secret)


def remove_endpoint(session: Session, who: Principal, endpoint_id: int, *, ip: str = "") -> None:
    """Remove an endpoint. What was sent stays listed; what was not is given up."""
    row = get_scoped(session, who, WebhookEndpoint, endpoint_id, lock=True)
    session.connection().execute(
        update(WebhookDelivery)
        .where(col(WebhookDelivery.endpoint_id) == endpoint_id, col(WebhookDelivery.status) == "PENDING")
        .values(status="DEAD", error="the endpoint was removed")
    )
    _note(session, who, "remove", row, ip=ip, detail={"url": row.url})
    session.delete(row)
    session.flush()


def send_test(session: Session, who: Principal, endpoint_id: int) -> None:
    """Write a ``test.ping`` for one endpoint. Raises ``NotFound``, ``EndpointStopped``."""
    row = get_scoped(session, who, WebhookEndpoint, endpoint_id)
    if row.status != 1:
        raise EndpointStopped
    session.flush()
    to = [Subscriber(endpoint_id, frozenset(row.events), row.low_points)]
    data = {"endpoint_id": endpoint_id, "note": "Sent by hand from the console."}
    reference = f"test:{secrets.token_hex(12)}"
    tell(Wire(session), row.tenant_id, EventType.TEST, reference=reference, data=data, to=to)


def replay(session: Session, who: Principal, delivery_id: int, *, ip: str = "") -> WebhookDelivery:
    """Send a message again, with its first id and body. Raises ``NotFound``, ``EndpointStopped``."""
    row = get_scoped(session, who, WebhookDelivery, delivery_id, lock=True)
    endpoint = session.get(WebhookEndpoint, row.endpoint_id)
    if endpoint is None or endpoint.status != 1:
        raise EndpointStopped
    if row.status != "PENDING":
        row.status, row.attempts = "PENDING", 0
    row.next_at = utcnow()
    session.add(row)
    session.flush()
    audit.record(session, who, "webhook.replay", f"webhook_delivery:{row.id}", ip=ip, tenant_id=row.tenant_id)
    return row


def _url(url: str) -> str:
    return check_url(url, allow_private=get_settings().webhook_allow_private)


def _events(events: Iterable[str]) -> list[str]:
    chosen = sorted(set(events))
    unknown = [name for name in chosen if name not in SUBSCRIBABLE]
    if unknown:
        raise InvalidInput(f"There is no event {unknown[0][:40]!r}. Choose from: {', '.join(SUBSCRIBABLE)}.")
    if not chosen:
        raise InvalidInput("Choose at least one event.")
    return chosen


def _low_points(value: Decimal) -> Decimal:
    if not value.is_finite() or not 0 <= value <= MAX_LOW_POINTS:
        raise InvalidInput(f"The card threshold must lie between 0 and {MAX_LOW_POINTS}.")
    return value


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def _note(
    session: Session, who: Principal, verb: str, row: WebhookEndpoint, *, ip: str, detail: dict[str, object]
) -> None:
    audit.record(session, who, f"webhook.{verb}", f"webhook:{row.id}", detail=detail, ip=ip, tenant_id=row.tenant_id)
