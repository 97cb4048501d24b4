"""What a merchant does with its API keys: make, restrict, revoke. The list itself is in ``Lists``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.merchant import keys
from state.base import needs, signed_in, write
from state.lists import Lists
from state.ui import say

MAX_DIGITS = 18


class Merchant(rx.State):
    """``made`` is a key just made with its secret: shown until the page is left."""

    making: bool = False
    made: dict[str, str] = {}
    _allowed: ClassVar[tuple[str, ...]] = ("tenant",)

    @rx.event
    @needs("tenant")
    async def fresh(self) -> None:
        """The page was opened: what was to be shown once is gone."""
        self.making, self.made = False, {}

    @rx.event
    @needs("tenant")
    async def make(self, on: bool) -> None:
        """Open or close the form of a new key; closing forgets the secret."""
        self.making, self.made = on is True, {}

    @rx.event
    @needs("tenant")
    async def issue(self, form: dict[str, Any]) -> None:
        """A further key; its secret is shown now and never again."""
        label = str(form.get("label", ""))
        made = await act(self, lambda session, who: keys.issue_key(session, who, who.tenant_id or 0, label))
        self.made = {"app_key": made.key.app_key, "app_secret": made.app_secret, "name": made.key.label or made.key.app_key[:8]}

    @rx.event
    @needs("tenant")
    async def configure(self, form: dict[str, Any]) -> None:
        """The name of the open key and the addresses it may be used from, one per line."""
        networks = str(form.get("ips", "")).replace(",", "\n").splitlines()
        key_id, label = await open_row(self), str(form.get("label", ""))
        await act(self, lambda session, who: keys.configure_key(session, who, key_id, ips=networks, label=label))
        await say(self, "key.saved")

    @rx.event
    @needs("tenant")
    async def legacy(self, on: bool, writes: bool) -> None:
        """Let the open key accept the MD5 signature: for reading, and for writing too."""
        key_id, on, writes = await open_row(self), on is True, writes is True
        await act(self, lambda session, who: keys.configure_key(session, who, key_id, legacy=on, legacy_writes=writes))
        await say(self, "key.legacy_on" if on else "key.legacy_off", bad=on)

    @rx.event
    @needs("tenant")
    async def revoke(self) -> None:
        """End the open key at once."""
        key_id = await open_row(self)
        row = await act(self, lambda session, who: keys.revoke_key(session, who, key_id))
        await say(self, "key.revoked_now", name=row.label or row.app_key[:8])


async def open_row(state: rx.State) -> int:
    """The id of the list's open row. Raises ``InvalidInput``."""
    return row_id((await state.get_state(Lists)).open_id)


def row_id(text: Any) -> int:
    """An id from the browser. Raises ``InvalidInput``."""
    word = str(text)
    if not word.isascii() or not word.isdigit() or len(word) > MAX_DIGITS:
        raise InvalidInput("Open the row again.")
    return int(word)


async def act(state: rx.State, work: Callable[[Session, Principal], Any]) -> Any:
    """``work(session, who)`` as one transaction; then the list and its open row are read again."""
    who = await signed_in(state)
    done = await write(lambda session: work(session, who))
    lists = await state.get_state(Lists)
    await lists._reload()
    await lists._follow()
    return done
