"""Query parameters and answers that several doors share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi import Query
from fastapi.params import Path as PathParameter
from fastapi.responses import Response
from pydantic import Field, StrictInt

from backend.errors import InvalidInput
from backend.portfolio.queries import Listing, Window

MAX_ID = 2**63 - 1
Id = Annotated[int, PathParameter(ge=1, le=MAX_ID)]
IdQuery = Annotated[int | None, Query(ge=1, le=MAX_ID)]
Text = Annotated[str | None, Query(max_length=120)]
BodyId = Annotated[StrictInt, Field(ge=1, le=MAX_ID)]
Amount = Annotated[str, Field(max_length=40)] | StrictInt
"""Money or a price in a body: a text or a whole number, never a fraction in binary; what it means is checked by the door."""


class TenantRequired(InvalidInput):
    """Choose a tenant: the parameter tenant_id is required here."""

    code = "tenant_required"


def required_tenant(tenant_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None) -> int:
    """Dependency: the tenant an admin looks at. Raises ``TenantRequired``."""
    if tenant_id is None:
        raise TenantRequired
    return tenant_id


def window(
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
    page: Annotated[int | None, Query(ge=1, le=10_000_000)] = None,
    page_size: Annotated[int | None, Query(ge=1, le=500)] = None,
) -> Window:
    """Dependency: ``limit``/``offset``, or ``page``/``page_size`` (default 20)."""
    if page is None and page_size is None:
        return Window(limit, offset)
    size = page_size or 20
    return Window(size, ((page or 1) - 1) * size)


def moment(text: str | None, name: str, end: bool = False) -> datetime | None:
    """An ISO date or time, UTC unless it says otherwise. A bare date as ``end`` includes that whole day.

    Raises ``InvalidInput``: a filter that is not understood must not be ignored.
    """
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text.strip().replace(" ", "T") if len(text) <= 40 else "-")
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        aware = aware.astimezone(UTC)
        return aware + timedelta(days=1) if end and len(text.strip()) <= 10 else aware
    except (ValueError, OverflowError):
        raise InvalidInput(f"{name} must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z.") from None


def listed(found: Listing[Any], window_: Window, shape: Any, **more: Any) -> Response:
    """The list envelope: ``data`` is this page, ``total`` everything that matches."""
    data = [shape(row) for row in found.rows]
    return answer(
        {"success": True, "data": data, "total": found.total, "limit": window_.limit, "offset": window_.offset, **more}
    )


def done(data: Any = None, **more: Any) -> Response:
    """The envelope of one object."""
    return answer({"success": True, "data": data, **more})


def answer(value: Any, status: int = 200) -> Response:
    """JSON: decimals as text, times as ISO 8601 in UTC."""
    return Response(orjson.dumps(value, default=_encode), status, media_type="application/json")


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not JSON")
