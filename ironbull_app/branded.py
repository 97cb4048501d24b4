"""Public pages in a merchant's own face: ``/t/<tenant id>`` and its sign-in page show its name, logo, colour and words.

So does every public page that is asked for under the merchant's own host name; there the addresses stay as they are.

The static page stays one file; what is marked ``data-brand`` in it is replaced when it is served, and links stay below the
merchant's address.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from html import escape

from sqlmodel import Session

from backend.branding.service import logo_href, look_of, profile_of, tenant_of_host
from backend.db import get_db
from backend.models import Tenant

ADDRESS = re.compile(r"/t/([1-9][0-9]{0,17})(/login)?")
_LINK = re.compile(r'href="(/zh)?(/login)?/?"')
_JOIN = re.compile(r'href="(/zh)?/join/?"')
_CANONICAL = re.compile(r'<(?:link\b[^>]*\brel="canonical"|meta\b[^>]*\bproperty="og:url")[^>]*>')
_FRESH_S = 15.0
_MOST = 500


@dataclass(frozen=True, slots=True)
class Face:
    """What of a page is a merchant's own; "" keeps the platform's."""

    tenant_id: int
    name: str
    headline: str
    text: str
    logo: str
    look: str


_known: dict[int, tuple[float, Face | None]] = {}
_hosts: dict[str, tuple[float, int | None]] = {}


async def face_of(tenant_id: int) -> Face | None:
    """The face of a tenant that is switched on, at most 15 s old; None for others."""
    found = _known.get(tenant_id)
    if found is None or time.monotonic() - found[0] > _FRESH_S:
        face = await asyncio.to_thread(_read, tenant_id)
        if len(_known) >= _MOST:
            _known.clear()
        found = _known[tenant_id] = (time.monotonic(), face)
    return found[1]


async def tenant_at(host: str) -> int | None:
    """The tenant whose own host name this is, at most 15 s old; numbers and single words are nobody's."""
    name = host.rsplit(":", 1)[0].lower().rstrip(".")
    if "." not in name or name[-1].isdigit() or len(name) > 253:
        return None
    found = _hosts.get(name)
    if found is None or time.monotonic() - found[0] > _FRESH_S:
        tenant_id = await get_db().aread(lambda session: tenant_of_host(session, name))
        if len(_hosts) >= _MOST:
            _hosts.clear()
        found = _hosts[name] = (time.monotonic(), tenant_id)
    return found[1]


def _read(tenant_id: int) -> Face | None:
    with get_db().reading() as session:
        return _face(session, tenant_id)


def _face(session: Session, tenant_id: int) -> Face | None:
    tenant = session.get(Tenant, tenant_id)
    if tenant is None or tenant.status != 1:
        return None
    row = profile_of(session, tenant_id)
    return Face(tenant_id, row.brand or tenant.name, row.headline, row.landing_text, logo_href(row), look_of(row))


def dressed(page: str, face: Face, *, at_home: bool = False) -> str:
    """``page`` with the merchant's face; ``at_home``: under their own host name, where plain addresses lead to them. Their words are escaped; their colour was checked when it was saved."""
    page = page.replace("IronBull", escape(face.name))
    if face.logo:
        page = _filled(page, "mark", f'<img src="{escape(face.logo)}" alt="" height="22">')
    if face.headline:
        page = _filled(page, "headline", escape(face.headline))
    if face.text:
        page = _filled(page, "text", escape(face.text).replace("\n", "<br>"))
    if at_home:
        page = _CANONICAL.sub("", page)
    else:
        page = _LINK.sub(lambda m: f'href="{m[1] or ""}/t/{face.tenant_id}{m[2] or ""}"', page)
    page = _JOIN.sub(lambda m: f'href="{m[1] or ""}/join?tenant={face.tenant_id}"', page)
    return page.replace("</head>", f"<style>{face.look}</style></head>", 1) if face.look else page


def _filled(page: str, what: str, inner: str) -> str:
    pattern = rf'(<(\w+)\b[^>]*\bdata-brand="{what}"[^>]*>).*?(</\2>)'
    return re.sub(pattern, lambda m: m[1] + inner + m[3], page, flags=re.DOTALL)
