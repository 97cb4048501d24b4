"""What the browser may know about the person behind it, and the guard of every signed-in page."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar
from urllib.parse import quote

import reflex as rx

from backend.db import AWAY, is_away
from backend.identity.principal import Principal
from backend.identity.rights import ROLES, UNPROVEN
from state.base import HOME, cookie_of, needs, principal_of

ROLE_OF_PREFIX = {"admin": ("admin",), "tenant": ("tenant",), "agent": ("agent",)}


class Session(rx.State):
    """A display copy of the principal. Authority is never read from here. ``away``: who this is could not be asked."""

    _owner: str = ""
    _cookie: str = ""
    away: bool = False
    ok_for: str = ""
    leave_to: str = ""
    kind: str = ""
    name: str = ""
    initials: str = ""
    workspace: str = ""
    look: str = ""
    logo: str = ""
    topic: str = ""
    zone: str = ""
    lang: str = ""
    colours: str = ""
    mode: str = ""
    rights: list[str] = []
    seen_by: str = ""
    until_ms: int = 0
    prove: bool = False
    stop: str = ""
    stop_why: str = ""
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs("anyone")
    async def enter(self, key: str) -> None:
        """Decide whether page ``key`` ("agent.bot", its first part is the kind) may show itself here."""
        try:
            who = await principal_of(self)
        except AWAY as error:
            self.away = is_away(error)
            raise
        self.away = False
        key = key if isinstance(key, str) else ""
        if who is None:
            self.ok_for, self.leave_to = "", self._sign_in_again()
            return
        if who.kind != key.partition(".")[0]:
            self.ok_for, self.leave_to = "", HOME[who.kind]
            return
        self.prove = who.role == UNPROVEN
        if self.prove and key != "admin.settings":
            self.ok_for, self.leave_to = "", "/admin/settings"
            return
        self.seen_by, self.until_ms = who.seen_by, who.until_ms
        self.rights = sorted(ROLES.get(who.role, frozenset())) if who.kind == "admin" else []
        if self.topic == "" or self.kind != who.kind:
            await self._wear(who)
        self.kind, self.name = who.kind, who.name
        self.initials = _initials(who.name)
        self.topic = "platform" if who.kind == "admin" else f"{who.kind}:{who.id}"
        await self._stops(who)
        self.leave_to, self.ok_for = "", key

    @rx.event(supersedes=True)
    @needs(may="own")
    async def stops_again(self) -> None:
        """A stop on trading was set or lifted."""
        who = await principal_of(self)
        if who is not None:
            await self._stops(who)

    async def _stops(self, who: Principal) -> None:
        """The banner: the widest stop that holds for this person."""
        from backend.risk.stops import holding
        from state.base import read

        rows = await read(lambda session: holding(session, who))
        self.stop = f"stop.banner.{rows[0].scope}.{rows[0].mode}" if rows else ""
        self.stop_why = rows[0].reason if rows else ""

    async def _wear(self, who: Principal) -> None:
        """Whose platform this is: name, logo and colour."""
        from backend.dashboards.queries import workspace_of
        from backend.identity.personal import profile
        from state.base import read

        shown = await read(lambda session: workspace_of(session, who))
        self.workspace, self.mode = shown["workspace"], shown["mode"]
        self.look, self.logo = shown["look"], shown["logo"]
        own = await read(lambda session: profile(session, who))
        self.zone, self.lang, self.colours = own["time_zone"], own["language"], own["colours"]

    def _sign_in_again(self) -> str:
        url = self.router.url
        path = url.path.rstrip("/") or "/"
        query = "&".join(f"{k}={quote(v)}" for k, v in dict(url.query_parameters).items())
        target = path + ("?" + query if query else "")
        return f"/login?error=signed_out&next={quote(target, safe='')}"


def _initials(name: str) -> str:
    words = [w for w in name.replace("@", " ").replace("-", " ").replace(".", " ").split() if w]
    if not words:
        return "?"
    if len(words) > 1 and words[1][0].isdigit():
        return words[1][:2]
    return "".join(w[0] for w in words[:2])


class WipeForeign(rx.Middleware):
    """Empty a tab's state before anything is sent when the person behind its socket is no longer the same.

    The snapshot for a reconnecting tab goes out before ``on_load`` runs: without this, values of the person who
    signed out would be in it.
    """

    async def preprocess(self, app: rx.App, state: Any, event: Any) -> None:
        """Runs under the state lock before every event, hydrate included."""
        here = await state.get_state(Session)
        cookie = hashlib.sha256(cookie_of(here).encode()).hexdigest()
        try:
            who = await principal_of(here)
        except AWAY as error:
            # Who this is cannot be asked now. Behind the same cookie it is the person whose values these are.
            if here._cookie != cookie:
                state._get_root_state().reset()
            if is_away(error):
                return
            raise
        owner = f"{who.kind}:{who.id}:{who.session_id}" if who else ""
        # Where somebody whose session had ended was sent is nothing to the next one in this tab.
        if here._owner != owner and (here._owner or here.leave_to):
            state._get_root_state().reset()
            here = await state.get_state(Session)
        here._owner, here._cookie = owner, cookie

    async def postprocess(self, app: rx.App, state: Any, event: Any, update: Any) -> Any:
        """Nothing to add."""
        return update
