"""Who is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["admin", "tenant", "agent"]


@dataclass(frozen=True)
class Principal:
    """A signed-in admin, tenant or agent. ``tenant_id`` is None for admins only; ``session_id`` is the row of the
    login session; ``scopes`` limits a token of a person's own programs ("" = everything the person may)."""

    kind: Kind
    id: int
    tenant_id: int | None
    name: str
    email: str
    role: str
    session_id: int
    scopes: str = ""
