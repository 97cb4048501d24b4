"""The table of roles: what each may do, what a read-only session may, and a second factor that is required."""

from __future__ import annotations

from typing import Any

import pytest

from backend.identity import rights
from backend.identity.principal import Principal


def admin(role: str) -> Principal:
    return Principal("admin", 1, None, "a", "a", role, 1)


TABLE = {
    "owner": {"read", "people", "money", "trading", "settings", "admins"},
    "operator": {"read", "people", "trading"},
    "finance": {"read", "money"},
    "engineer": {"read", "settings"},
    "support": {"read", "people"},
    "auditor": {"read"},
    "unproven": set(),
    "made up": set(),
}


@pytest.mark.parametrize("role", TABLE)
def test_each_role_has_its_rights_and_no_other(role: str) -> None:
    for right in rights.RIGHTS:
        if right in TABLE[role]:
            rights.require(admin(role), right, changing=True)
        else:
            with pytest.raises(rights.FactorRequired if role == "unproven" else rights.RoleMayNot):
                rights.require(admin(role), right, changing=False)
    rights.require(admin(role), rights.OWN, changing=True)


@pytest.mark.parametrize("kind", ["tenant", "agent"])
def test_roles_are_for_admins_and_reading_changes_nothing(kind: Any) -> None:
    rights.require(Principal(kind, 1, 1, "x", "x", kind, 1), "money", changing=True)
    seen = Principal(kind, 1, 1, "x", "x", kind, 1, seen_by="boss")
    rights.require(seen, "read", changing=False)
    with pytest.raises(rights.ReadOnly):
        rights.require(seen, rights.OWN, changing=True)
