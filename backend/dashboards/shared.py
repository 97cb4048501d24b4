"""What every page's frame asks for: the workspace's name and mode, the bell."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from backend.branding.service import logo_href, look_of, profile_of
from backend.clock import to_ms
from backend.identity.principal import Principal
from backend.identity.scope import scoped
from backend.models import ExchangeAccount, Tenant
from backend.notifications.service import mark_all_read, notifications, unread_count
from backend.portfolio.queries import Window

MODES = ("LIVE", "TESTNET", "PAPER", "SIMULATED")


def workspace_of(session: Session, who: Principal) -> dict[str, str]:
    """{workspace, mode, look, logo}: whose money and whose face this is. A workspace with any live account is LIVE."""
    if who.kind == "admin":
        return {"workspace": "Platform", "mode": "", "look": "", "logo": ""}
    tenant = session.get(Tenant, who.tenant_id)
    statement = scoped(select(ExchangeAccount.mode).distinct(), who, ExchangeAccount)
    found = {str(mode).upper() for mode in session.exec(statement.where(col(ExchangeAccount.status) == 1)).all()}
    mode = next((name for name in MODES if name in found), "")
    profile = profile_of(session, who.tenant_id or 0)
    return {
        "workspace": profile.brand or (tenant.name if tenant else ""),
        "mode": mode,
        "look": look_of(profile),
        "logo": logo_href(profile),
    }


def unread_notices(session: Session, who: Principal) -> int:
    """How many notifications are unread."""
    return unread_count(session, who)


def newest_notices(session: Session, who: Principal, limit: int) -> list[dict[str, Any]]:
    """Rows {id, type, title, body, link, at_ms, unread}, newest first."""
    return [
        {
            "id": str(row.id), "type": row.type, "title": row.title, "body": row.message, "link": row.link,
            "at_ms": to_ms(row.created_at), "unread": not row.is_read,
        }
        for row in notifications(session, who, window=Window(limit=limit)).rows
    ]  # fmt: skip


def mark_notices_read(session: Session, who: Principal) -> int:
    """Mark all as read."""
    return mark_all_read(session, who)
