"""What an admin's role may do. Every door and every page handler that changes something names the right it needs."""

from __future__ import annotations

from types import MappingProxyType

from backend.errors import NotAllowed
from backend.identity.principal import Principal

OWN = "own"
"""What everybody may: the own password, the own notifications, the own exports."""
READ = "read"
RIGHTS = (READ, "people", "money", "trading", "settings", "admins")
UNPROVEN = "unproven"
"""The role of an admin whose second factor is required and not set up yet."""
ROLES: MappingProxyType[str, frozenset[str]] = MappingProxyType(
    {
        "owner": frozenset(RIGHTS),
        "operator": frozenset((READ, "people", "trading")),
        "finance": frozenset((READ, "money")),
        "engineer": frozenset((READ, "settings")),
        "support": frozenset((READ, "people")),
        "auditor": frozenset((READ,)),
        UNPROVEN: frozenset(),
    }
)
CHOICES = tuple(role for role in ROLES if role != UNPROVEN)


class RoleMayNot(NotAllowed):
    """Your role may not do this. Ask an owner of the platform."""

    code = "role_may_not"


class FactorRequired(NotAllowed):
    """Your role needs two-factor sign-in. Set it up under Security first."""

    code = "second_factor_required"


class ReadOnly(NotAllowed):
    """You are looking at another person's account: nothing can be changed. End it first."""

    code = "read_only"


def may(role: str, right: str) -> bool:
    """Whether an admin with this role has this right."""
    return right == OWN or right in ROLES.get(role, frozenset())


def require(who: Principal, right: str, *, changing: bool) -> None:
    """Refuse what this person may not. Only admins have roles; a read-only session changes nothing whoever it is of.

    Raises ``ReadOnly``, ``FactorRequired``, ``RoleMayNot``.
    """
    if changing and who.read_only:
        raise ReadOnly
    if who.kind != "admin" or may(who.role, right):
        return
    raise FactorRequired if who.role == UNPROVEN else RoleMayNot
