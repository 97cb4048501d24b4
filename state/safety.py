"""A person's own account: password, second factor, devices, tokens, profile. The same for admins, merchants and traders."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any, ClassVar
from zoneinfo import available_timezones

import reflex as rx
from sqlmodel import Session

from backend.errors import InvalidInput
from backend.identity import personal, second_factor
from backend.identity.principal import Principal
from backend.identity.service import change_password
from backend.security import audit
from backend.security.passwords import check_strength
from state.base import needs, read, signed_in, write
from state.session import Session as Frame
from state.ui import say

_NOT_PLACES = ("Etc/", "posix", "right", "SystemV")
_ZONES = ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(_NOT_PLACES))]


class Safety(rx.State):
    """``picture``, ``secret``, ``codes`` and ``token`` are shown once and forgotten when the page is opened again."""

    ready: bool = False
    name: str = ""
    email: str = ""
    locale: str = ""
    zone: str = ""
    colours: str = ""
    zones: list[str] = []
    factor: bool = False
    codes_left: int = 0
    picture: str = ""
    secret: str = ""
    codes: list[str] = []
    token: str = ""
    devices: list[dict[str, Any]] = []
    tokens: list[dict[str, Any]] = []
    version: int = 0
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs(may="own")
    async def load(self) -> None:
        """The page; what was shown once is gone."""
        self.picture, self.secret, self.codes, self.token = "", "", [], ""
        await self._show()

    @rx.event
    @needs(may="own")
    async def save_profile(self, form: dict[str, Any]) -> None:
        """Name, language, time zone and colours."""
        who = await signed_in(self)
        values = {name: str(form.get(name, "")) for name in ("name", "locale", "time_zone", "colours")}
        await write(lambda session: personal.save_profile(session, who, **values))
        await (await self.get_state(Frame))._wear(who)
        await self._show()
        await say(self, "safe.saved")

    @rx.event
    @needs(may="own")
    async def new_password(self, form: dict[str, Any]) -> None:
        """A new password; every other session and every token ends."""
        who = await signed_in(self)
        old, new, again = (str(form.get(name, ""))[:1000] for name in ("old", "new", "again"))
        if new != again:
            raise InvalidInput("The two passwords differ. Type the same one twice.")
        await asyncio.to_thread(check_strength, new, who.email, who.name)

        def change(session: Session) -> None:
            change_password(session, who, old, new)
            audit.record(session, who, "password.change", f"{who.kind}:{who.id}")

        await write(change)
        await self._show()
        await say(self, "safe.password_set")

    @rx.event
    @needs(may="own")
    async def begin_factor(self) -> None:
        """Show a fresh secret to scan."""
        who = await signed_in(self)
        offer = await write(lambda session: second_factor.offer(session, who))
        self.secret, self.picture, self.codes = offer.secret, _picture(offer.address), []

    @rx.event
    @needs(may="own")
    async def confirm_factor(self, form: dict[str, Any]) -> None:
        """Switch it on with a code that proves it works; show the recovery codes."""
        who, code = await signed_in(self), str(form.get("code", ""))[:20]
        codes = await write(lambda session: second_factor.confirm(session, who, code))
        self.codes, self.picture, self.secret = codes, "", ""
        await self._show()

    @rx.event
    @needs(may="own")
    async def renew_codes(self, form: dict[str, Any]) -> None:
        """New recovery codes."""
        who, code = await signed_in(self), str(form.get("code", ""))[:20]
        self.codes = await write(lambda session: second_factor.renew_recovery(session, who, code))
        await self._show()

    @rx.event
    @needs(may="own")
    async def factor_off(self, form: dict[str, Any]) -> None:
        """Switch it off; needs a code."""
        who, code = await signed_in(self), str(form.get("code", ""))[:20]
        await write(lambda session: second_factor.switch_off(session, who, code))
        self.codes = []
        await self._show()
        await say(self, "safe.factor_is_off", bad=True)

    @rx.event
    @needs(may="own")
    async def end(self, device_id: int) -> None:
        """End one session or token."""
        who = await signed_in(self)
        if isinstance(device_id, bool) or not isinstance(device_id, int):
            return
        await write(lambda session: personal.end_device(session, who, device_id))
        await self._show()
        await say(self, "safe.ended")

    @rx.event
    @needs(may="own")
    async def end_others(self) -> None:
        """End everything but this session."""
        who = await signed_in(self)
        await write(lambda session: personal.end_others(session, who))
        await self._show()
        await say(self, "safe.others_ended")

    @rx.event
    @needs(may="own")
    async def make_token(self, form: dict[str, Any]) -> None:
        """A token for a program, shown once."""
        who = await signed_in(self)
        label, scopes, days = str(form.get("label", "")), str(form.get("scopes", "")), str(form.get("days", ""))
        if not (days.isascii() and days.isdigit() and len(days) <= 3):
            raise InvalidInput("Choose 1 to 366 days.")
        self.token = await write(lambda session: personal.make_token(session, who, label, scopes, int(days)))
        await self._show()

    async def _show(self) -> None:
        who = await signed_in(self)
        found = await read(lambda session: _facts(session, who))
        profile = found["profile"]
        self.name, self.email = profile["name"], profile["email"]
        self.locale, self.zone, self.colours = profile["locale"], profile["time_zone"], profile["colours"] or personal.COLOURS[0]
        self.zones = _ZONES if who.kind == "agent" else []
        self.factor, self.codes_left = found["factor"], found["codes_left"]
        shown = [_device(device) for device in found["devices"]]
        self.devices = [row for row in shown if not row["label"]]
        self.tokens = [row for row in shown if row["label"]]
        self.version += 1
        self.ready = True


def _facts(session: Session, who: Principal) -> dict[str, Any]:
    factor = second_factor.of(session, who.kind, who.id, lock=False)
    return {
        "profile": personal.profile(session, who),
        "factor": factor is not None,
        "codes_left": len(factor.recovery) if factor else 0,
        "devices": personal.devices(session, who),
    }


def _device(device: personal.Device) -> dict[str, Any]:
    return {
        "id": device.id,
        "label": device.label,
        "scopes": "safe.writes" if "write" in device.scopes else "safe.reads",
        "browser": _browser(device.user_agent),
        "ip": device.ip,
        "at_ms": int(device.created_at.timestamp() * 1000),
        "until": f"{device.expires_at:%Y-%m-%d}",
        "current": device.current,
    }


def _browser(agent: str) -> str:
    """``Firefox · Linux`` of a browser's own words about itself."""
    names = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"))
    name = next((shown for mark, shown in names if mark in agent), agent.split("/", maxsplit=1)[0][:24] or "–")
    system = next((shown for mark, shown in systems if mark in agent), "")
    return f"{name} · {system}" if system else name


def _picture(address: str) -> str:
    import segno

    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=4, border=1, xmldecl=False)
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()
