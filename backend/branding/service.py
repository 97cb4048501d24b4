"""Reading and changing a tenant's profile. Every change is audited; the caller commits."""

from __future__ import annotations

from urllib.parse import urlsplit

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from backend.branding import rules
from backend.clock import utcnow
from backend.errors import NotAllowed
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import Tenant, TenantProfile
from backend.security import audit
from backend.settings import Settings


def profile_of(session: Session, tenant_id: int) -> TenantProfile:
    """The tenant's profile; the defaults, unsaved, where it never changed anything."""
    return session.get(TenantProfile, tenant_id) or TenantProfile(tenant_id=tenant_id)


def reveals(session: Session, tenant_id: int) -> bool:
    """Whether the merchant API answers this tenant's exchange secrets in plain."""
    return profile_of(session, tenant_id).reveal_secrets


def save_profile(
    session: Session, who: Principal, *, brand: str, accent: str, headline: str, landing_text: str
) -> TenantProfile:
    """The tenant's own name, colour and words. Raises ``InvalidInput``, ``BadAccent``."""
    row = _own(session, who)
    row.brand = rules.check_words(brand, 60, "name")
    row.accent = rules.check_accent(accent)
    row.headline = rules.check_words(headline, 120, "headline")
    row.landing_text = rules.check_words(landing_text, 2000, "text", lines=True)
    detail = {"brand": row.brand, "accent": row.accent, "headline": row.headline, "landing_text": len(row.landing_text)}
    return _kept(session, who, row, "profile.save", detail)


def set_host(session: Session, who: Principal, host: str, own: frozenset[str]) -> TenantProfile:
    """The domain the tenant's public pages answer on; "" takes it away. Raises ``BadHost``, ``HostTaken``."""
    row = _own(session, who)
    wanted = rules.check_host(host, own)
    if wanted == row.host:
        return row
    if wanted and session.exec(select(TenantProfile.tenant_id).where(TenantProfile.host == wanted)).first() is not None:
        raise rules.HostTaken
    row.host = wanted
    try:
        return _kept(session, who, row, "profile.host", {"host": wanted or ""})
    except IntegrityError:
        # Somebody took it in the same moment.
        raise rules.HostTaken from None


def own_hosts(settings: Settings) -> frozenset[str]:
    """Names the platform itself answers on: no tenant may take them."""
    named = (settings.public_url, *settings.cors_origins.split(","))
    return frozenset(found for url in named if (found := urlsplit(url.strip()).hostname))


def tenant_of_host(session: Session, host: str) -> int | None:
    """The tenant whose public pages answer on ``host``."""
    return session.exec(select(TenantProfile.tenant_id).where(TenantProfile.host == host)).first()


def set_logo(session: Session, who: Principal, data: bytes) -> TenantProfile:
    """The tenant's logo; empty bytes take it away. Raises ``BadLogo``."""
    row = _own(session, who)
    if data:
        kind, width, height = rules.read_logo(data)
        row.logo, row.logo_type = data, kind
        return _kept(session, who, row, "profile.logo", {"type": kind, "width": width, "height": height})
    row.logo, row.logo_type = None, ""
    return _kept(session, who, row, "profile.logo", {"type": "none"})


def set_reveal(session: Session, who: Principal, tenant_id: int, on: bool) -> str:
    """Let the merchant API of a tenant answer exchange secrets in plain, or no longer. Admins only.

    Returns the tenant's name. Raises ``NotAllowed``, ``NotFound``.
    """
    if who.kind != "admin":
        raise NotAllowed
    tenant = get_scoped(session, who, Tenant, tenant_id, lock=True)
    row = profile_of(session, tenant_id)
    if row.reveal_secrets != on:
        row.reveal_secrets, row.updated_at = on, utcnow()
        session.add(row)
        session.flush()
        audit.record(
            session, who, "tenant.reveal_on" if on else "tenant.reveal_off", f"tenant:{tenant_id}", tenant_id=tenant_id
        )
    return tenant.name


def look_of(row: TenantProfile) -> str:
    """CSS that gives the app the tenant's colour; "" where it has none. Only checked colours get in."""
    if not row.accent:
        return ""
    found = rules.accent_of(row.accent)

    def theme(where: str, words: str, background: str) -> str:
        soft = f"color-mix(in srgb, {found.colour} 16%, {background})"
        focus = f"0 0 0 2px {background}, 0 0 0 4px {found.colour}"
        return (
            f"{where}{{--accent:{found.colour};--accent-text:{words};--accent-ink:{found.ink};"
            f"--accent-soft:{soft};--series-1:{found.colour};--focus:{focus}}}"
        )

    return theme(":root,:root.dark", found.words_dark, rules.DARK) + theme(":root.light", found.words_light, rules.LIGHT)


def logo_href(row: TenantProfile) -> str:
    """Where the logo is served, with a mark that changes when it does; "" without one."""
    return f"/api/brand/{row.tenant_id}/logo?v={int(row.updated_at.timestamp())}" if row.logo_type else ""


def _own(session: Session, who: Principal) -> TenantProfile:
    if who.kind != "tenant" or who.tenant_id is None:
        raise NotAllowed
    # The tenant's row is the lock: the profile's own may not exist yet.
    get_scoped(session, who, Tenant, who.tenant_id, lock=True)
    return profile_of(session, who.tenant_id)


def _kept(
    session: Session, who: Principal, row: TenantProfile, action: str, detail: dict[str, object]
) -> TenantProfile:
    row.updated_at = utcnow()
    session.add(row)
    session.flush()
    audit.record(session, who, action, f"tenant:{row.tenant_id}", detail=detail)
    return row
