"""The merchant's name, logo, colour and words."""

from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session as Database

from backend.branding import rules, service
from backend.errors import IronBullError
from backend.models import TenantProfile
from backend.settings import get_settings
from state.base import needs, read, signed_in, write
from state.session import Session
from state.ui import say

MAX_TEXT = rules.MAX_LOGO * 4 // 3 + 100


class Brand(rx.State):
    """``kept`` is what is stored; ``accent`` the colour being tried, with its contrasts in ``tried``."""

    kept: dict[str, str] = {}
    accent: str = ""
    tried: dict[str, Any] = {}
    version: int = 0
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("tenant",)

    @rx.event
    @needs("tenant")
    async def load(self) -> None:
        """The page."""
        who = await signed_in(self)
        self._show(await read(lambda session: service.profile_of(session, who.tenant_id or 0)))

    @rx.event(supersedes=True)
    @needs("tenant")
    async def try_accent(self, colour: str) -> None:
        """How well a colour is seen, before it is kept."""
        self.accent = str(colour)[:9].strip().lower()
        self.tried = _tried(self.accent)

    @rx.event
    @needs("tenant")
    async def save(self, form: dict[str, Any]) -> None:
        """Keep name, colour and words."""
        who, accent, host = await signed_in(self), self.accent, str(form.get("host", ""))
        values = {name: str(form.get(name, "")) for name in ("brand", "headline", "landing_text")}
        own = service.own_hosts(get_settings())

        def keep(session: Database) -> TenantProfile:
            service.set_host(session, who, host, own)
            return service.save_profile(session, who, accent=accent, **values)

        self._show(await write(keep))
        await self._worn()
        await say(self, "brand.saved")

    @rx.event
    @needs("tenant")
    async def upload(self, picture: str) -> None:
        """A new logo, base64; "" takes it away."""
        who, data = await signed_in(self), _bytes(picture)
        row = await write(lambda session: service.set_logo(session, who, data))
        # Only the picture: what is typed in the form stays.
        self.kept = {**self.kept, "logo": service.logo_href(row)}
        await self._worn()
        await say(self, "brand.logo_saved" if data else "brand.logo_gone")

    def _show(self, row: TenantProfile) -> None:
        self.kept = {
            "brand": row.brand, "headline": row.headline, "landing_text": row.landing_text, "accent": row.accent, "host": row.host or "",
            "logo": service.logo_href(row), "page": f"/t/{row.tenant_id}",
        }  # fmt: skip
        self.accent, self.tried, self.ready = row.accent, _tried(row.accent), True
        self.version += 1

    async def _worn(self) -> None:
        """The frame around the page wears the new look at once."""
        await (await self.get_state(Session))._wear(await signed_in(self))


def _tried(colour: str) -> dict[str, Any]:
    if not colour:
        return {}
    try:
        found = rules.accent_of(colour)
    except IronBullError:
        return {"ok": False, "dark": "–", "light": "–"}
    return {"ok": found.usable, "dark": f"{found.on_dark:.1f}:1", "light": f"{found.on_light:.1f}:1"}


def _bytes(picture: Any) -> bytes:
    text = str(picture or "")
    if len(text) > MAX_TEXT:
        raise rules.BadLogo(f"The picture is larger than {rules.MAX_LOGO // 1000} kB.")
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except binascii.Error:
        raise rules.BadLogo from None
