"""The signed-call tester: the merchant's own key, one endpoint, every step of the signature."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.api.merchant import tryout
from backend.api.merchant.tryout import Door, SignedRequest
from backend.identity.principal import Principal
from backend.merchant import keys
from backend.security.vault import get_vault
from backend.settings import get_settings
from state.base import check_writing, needs, read, signed_in
from state.merchant import row_id

HIDDEN = ("password", "api_key", "api_secret", "passphrase")


class Tryout(rx.State):
    """``signed`` is what was signed, ``reply`` what came back; both are empty until asked for."""

    keys: list[dict[str, str]] = []
    door: str = "balance"
    method: str = "GET"
    fields: list[dict[str, Any]] = []
    signed: dict[str, Any] = {}
    reply: dict[str, Any] = {}
    busy: bool = False
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("tenant",)

    @rx.event
    @needs("tenant")
    async def load(self) -> None:
        """The keys that can sign."""
        who = await signed_in(self)
        rows = await read(lambda session: keys.keys(session, who.tenant_id or 0))
        self.keys = [{"id": str(row.id), "name": row.label or f"{row.app_key[:8]}…"} for row in rows if row.status == keys.ACTIVE]
        self._show(tryout.door_of(self.door))
        self.ready = True

    @rx.event
    @needs("tenant")
    async def choose(self, name: str) -> None:
        """Another endpoint."""
        self._show(tryout.door_of(str(name)))

    @rx.event
    @needs("tenant")
    async def sign(self, form: dict[str, Any]) -> None:
        """Sign the call; with ``go`` send it, too."""
        check_writing()
        self.reply, self.busy = {}, True
        try:
            await self._sign(form)
        finally:
            self.busy = False

    async def _sign(self, form: dict[str, Any]) -> None:
        who, door, settings = await signed_in(self), tryout.door_of(self.door), get_settings()
        made = await read(lambda session: _signed(session, who, door, form))
        base = settings.public_url.rstrip("/") or settings.base_url
        self.signed = {
            "text": made.text, "sign": made.headers["X-Sign"], "curl": made.curl(base), "query": made.query, "body": made.body,
            "headers": [{"k": name, "v": value} for name, value in made.headers.items()],
        }  # fmt: skip
        if str(form.get("go")) != "1":
            return
        reply = await tryout.send(settings.base_url, made)
        self.reply = {
            "status": str(reply.status), "ok": reply.accepted, "body": reply.body, "ms": str(reply.took_ms),
            "headers": [{"k": name, "v": value} for name, value in reply.headers.items()],
        }  # fmt: skip

    def _show(self, door: Door) -> None:
        self.door, self.method, self.signed, self.reply = door.name, door.method, {}, {}
        self.fields = [{"name": name, "must": must, "hidden": name in HIDDEN} for name, must in door.fields]


def doors() -> list[tuple[str, str]]:
    """(name, method and path) of every endpoint, for the page's menu."""
    return [(one.name, f"{one.method} {one.path}") for one in tryout.doors()]


def _signed(session: Session, who: Principal, door: Door, form: dict[str, Any]) -> SignedRequest:
    return tryout.sign_call(session, who, row_id(form.get("key", "")), door, form, vault=get_vault())
