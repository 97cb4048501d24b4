"""What operators do with operators, the strategy catalogue and subscriptions. The row is the open one of ``Lists``."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from backend.dashboards import service
from backend.errors import InvalidInput
from backend.identity import rights
from backend.identity.sessions import factor_roles
from backend.money import parse_amount
from state.base import needs, read
from state.merchant import act, open_row
from state.ui import say

ROLES = rights.CHOICES


class Desk(rx.State):
    """``making``: the form of a new operator is open. ``roles``: what each role may do and whether it needs two factors."""

    making: bool = False
    roles: list[dict[str, Any]] = []
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant")

    @rx.event
    @needs("admin")
    async def fresh(self) -> None:
        """The page was opened."""
        self.making = False
        await self._roles()

    @rx.event
    @needs("admin", may="admins")
    async def require_factor(self, role: str, on: bool) -> None:
        """Ask the second factor of a role's admins, or no longer."""
        wanted = {row["id"] for row in self.roles if row["factor"]} - {str(role)} | ({str(role)} if on is True else set())
        await act(self, lambda session, who: service.require_factor(session, who, wanted))
        await self._roles()
        await say(self, "staff.factor_on" if on is True else "staff.factor_off", role=str(role))

    async def _roles(self) -> None:
        needed = await read(factor_roles)
        self.roles = [
            {"id": role, "word": f"role.{role}", "what": f"role.{role}.what", "factor": role in needed} for role in rights.CHOICES
        ]

    @rx.event
    @needs("admin")
    async def make(self, on: bool) -> None:
        """Open or close the form of a new operator."""
        self.making = on is True

    @rx.event
    @needs("admin", may="admins")
    async def add_admin(self, form: dict[str, Any]) -> None:
        """A further operator."""
        name, nickname, password, role = (str(form.get(key, "")) for key in ("username", "nickname", "password", "role"))
        made = await act(self, lambda session, who: service.add_admin(session, who, name, nickname, password, role=role))
        self.making = False
        await say(self, "staff.added", name=made)

    @rx.event
    @needs("admin", may="admins")
    async def edit_admin(self, form: dict[str, Any]) -> None:
        """How the open operator is called and, if given, a new password."""
        admin_id = await open_row(self)
        nickname, password, role = (str(form.get(key, "")) for key in ("nickname", "password", "role"))
        name = await act(
            self, lambda session, who: service.edit_admin(session, who, admin_id, nickname=nickname, password=password, role=role)
        )
        await say(self, "tenant.saved", name=name)

    @rx.event
    @needs("admin", may="admins")
    async def switch_admin(self, on: bool) -> None:
        """Enable or disable the open operator."""
        admin_id = await open_row(self)
        name = await act(self, lambda session, who: service.switch_admin(session, who, admin_id, on is True))
        await say(self, "access.opened" if on is True else "access.closed", name=name)

    @rx.event
    @needs("admin", may="settings")
    async def switch_strategy(self, on: bool) -> None:
        """Scan with the open strategy or not."""
        strategy_id = await open_row(self)
        code = await act(self, lambda session, who: service.switch_strategy(session, who, strategy_id, on is True))
        await say(self, "catalogue.on" if on is True else "catalogue.off", name=code)

    @rx.event
    @needs("admin", may="settings")
    async def change_strategy(self, form: dict[str, Any]) -> None:
        """The catalogue's own values of the open strategy."""
        strategy_id = await open_row(self)
        capital, least = (parse_amount(str(form.get(key, "")).strip().replace(",", ""), allow_zero=True) for key in ("capital", "min_capital"))
        leverage, risk, score, cooldown = (_whole(form.get(key)) for key in ("leverage", "risk_mode", "min_confidence", "cooldown_minutes"))
        code = await act(
            self,
            lambda session, who: service.change_strategy(
                session, who, strategy_id, capital=capital, leverage=leverage, risk_mode=risk, min_capital=least, min_confidence=score,
                cooldown_minutes=cooldown,
            ),
        )  # fmt: skip
        await say(self, "offer.changed", name=code)

    @rx.event
    @needs("admin", "tenant", may="trading")
    async def switch_binding(self, on: bool) -> None:
        """Stop the open subscription or let it run again."""
        binding_id = await open_row(self)
        code = await act(self, lambda session, who: service.switch_binding(session, who, binding_id, on is True))
        await say(self, "binding.started" if on is True else "binding.stopped", name=code)


def _whole(value: Any) -> int:
    text = str(value or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise InvalidInput("Leverage, risk mode, score and cooldown are whole numbers.")
    return int(text)
