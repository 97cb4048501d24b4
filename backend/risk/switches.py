"""Which stops hold now, and what they refuse. The verbs are in ``stops``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session, select

from backend.models import KillSwitch, Order

PLATFORM, TENANT, ACCOUNT = "platform", "tenant", "account"
SCOPES = (PLATFORM, TENANT, ACCOUNT)
ENTRIES, CLOSE = "entries", "close"
MODES = (ENTRIES, CLOSE)
CODE = "KILL_SWITCH"
WORDS = {PLATFORM: "the platform", TENANT: "this tenant", ACCOUNT: "this account"}


@dataclass(frozen=True, slots=True)
class Stops:
    """Every stop that holds, for quick questions."""

    modes: Mapping[tuple[str, int], str]

    def of(self, tenant_id: int, account_id: int) -> tuple[str, str] | None:
        """(scope, mode) of the widest stop on an account, ``close`` before ``entries``; None when it may trade."""
        found = [
            (scope, self.modes[scope, number])
            for scope, number in ((PLATFORM, 0), (TENANT, tenant_id), (ACCOUNT, account_id))
            if (scope, number) in self.modes
        ]
        return next((one for one in found if one[1] == CLOSE), found[0] if found else None)

    def __bool__(self) -> bool:
        return bool(self.modes)


def active(session: Session) -> Stops:
    """What holds now. One small query."""
    rows = session.exec(select(KillSwitch.scope, KillSwitch.scope_id, KillSwitch.mode).where(KillSwitch.slot == 1)).all()
    return Stops({(scope, int(number)): mode for scope, number, mode in rows})


def sentence(scope: str) -> str:
    """Why an entry is refused."""
    return f"trading is stopped for {WORDS[scope]}"


def refuse_entries(stops: Stops, orders: Iterable[Order]) -> list[tuple[Order, str]]:
    """Of orders about to be sent, the entries that may not be, each with its reason."""
    if not stops:
        return []
    refused = []
    for order in orders:
        found = stops.of(order.tenant_id, order.account_id) if order.trade_type in ("OPEN", "ADD") else None
        if found is not None:
            refused.append((order, sentence(found[0])))
    return refused
