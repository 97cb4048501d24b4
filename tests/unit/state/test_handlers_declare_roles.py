"""Every handler a socket can call says who may call it."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from reflex_base.registry import RegistrationContext

from pages.routes import ROUTES

KNOWN = {"admin", "tenant", "agent"}
for route in ROUTES:
    importlib.import_module(route.module)


def _handlers() -> list[tuple[str, object]]:
    found = RegistrationContext.get().event_handlers.items()
    return sorted((name, h) for name, h in found if ".state___" in name and not name.endswith(".setvar"))


def test_the_states_are_registered() -> None:
    names = " ".join(name for name, _ in _handlers())
    for word in ("agent_bot", "agent_dashboard", "agent_positions", "admin_dashboard", "tenant_overview", "session", "ui"):
        assert f"state___{word}" in names


@pytest.mark.parametrize(("name", "handler"), _handlers(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_handler_declares_who_may_call_it(name: str, handler: object) -> None:
    registered: Any = handler
    roles = getattr(registered.handler.fn, "_roles", None)
    assert roles, f"{name} can be called by anyone with a socket; put @needs(...) below @rx.event"
    if roles == ("by class",):
        roles = registered.states[0]._allowed
    assert set(roles) <= KNOWN or name.endswith("session.enter"), f"{name} is open to {roles}"
    assert roles, f"{name}: its state allows nobody; set _allowed"
