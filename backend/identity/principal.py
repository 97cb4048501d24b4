"""Who is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["admin", "tenant", "agent"]


@dataclass(frozen=True)
class Principal:
    """A signed-in admin, tenant or agent. ``tenant_id`` is None for admins only; ``session_id`` is the row of the
    login session; ``scopes`` limits a token of a person's own programs ("" = everything the person may). ``seen_by`` is the
    user name of an admin who looks at the platform as this person, ``until_ms`` when that ends."""

    kind: Kind
    id: int
    tenant_id: int | None
    name: str
    email: str
    role: str
    session_id: int
    scopes: str = ""
    seen_by: str = ""
    until_ms: int = 0

    @property
    def read_only(self) -> bool:
        """Whether this session may look and nothing else."""
        return self.seen_by != ""
