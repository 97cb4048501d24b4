"""Language and colours are the person's own, whatever kind of person."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session

from backend.db import Database
from backend.errors import InvalidInput
from backend.identity import personal
from backend.identity.principal import Kind, Principal
from backend.identity.service import create_admin, create_tenant, create_user
from backend.models import metadata

PASSWORD = "correct horse battery"


@pytest.fixture
def people(tmp_path: Path) -> tuple[Database, dict[str, Principal]]:
    db = Database(f"sqlite:///{tmp_path / 'people.db'}")
    metadata.create_all(db.engine)

    def make(session: Session) -> dict[Kind, int]:
        tenant = create_tenant(session, "Desk", "desk@one.example", PASSWORD).tenant
        user = create_user(session, tenant.id or 0, "trader@one.example", PASSWORD)
        return {"admin": create_admin(session, "boss", PASSWORD, "Boss").id or 0, "tenant": tenant.id or 0, "agent": user.id or 0}

    ids = db.run(make)
    return db, {
        kind: Principal(kind, number, None if kind == "admin" else ids["tenant"], "Name", f"{kind}@one.example", "owner", 1)
        for kind, number in ids.items()
    }


@pytest.mark.parametrize("kind", ["admin", "tenant", "agent"])
def test_language_and_colours_are_kept_for_everybody(people: tuple[Database, dict[str, Principal]], kind: str) -> None:
    db, principals = people
    who = principals[kind]
    before = db.run(lambda session: personal.profile(session, who))
    assert (before["language"], before["colours"]) == ("", ""), "nothing is chosen for anybody"
    db.run(lambda session: personal.save_profile(session, who, name="New Name", locale="zh", time_zone="UTC", colours="cn"))
    after = db.run(lambda session: personal.profile(session, who))
    assert (after["language"], after["colours"]) == ("zh", "cn")
    for other in principals.values():
        if other is not who:
            assert db.run(lambda session, other=other: personal.profile(session, other))["colours"] == ""


def test_operators_and_merchants_may_leave_the_language_to_the_browser(people: tuple[Database, dict[str, Principal]]) -> None:
    db, principals = people
    for kind in ("admin", "tenant"):
        for locale in ("zh", ""):
            db.run(lambda session, kind=kind, locale=locale: personal.save_profile(session, principals[kind], name="N", locale=locale))
            assert db.run(lambda session, kind=kind: personal.profile(session, principals[kind]))["language"] == locale
    with pytest.raises(InvalidInput):
        db.run(lambda session: personal.save_profile(session, principals["agent"], name="N", locale="", time_zone="UTC"))


@pytest.mark.parametrize("kind", ["admin", "tenant", "agent"])
@pytest.mark.parametrize("wrong", [{"locale": "fr"}, {"locale": "EN"}, {"colours": "pink"}])
def test_only_what_is_on_the_lists(people: tuple[Database, dict[str, Principal]], kind: str, wrong: dict[str, str]) -> None:
    db, principals = people
    values = {"name": "N", "locale": "en", "time_zone": "UTC", "colours": "std", **wrong}
    with pytest.raises(InvalidInput):
        db.run(lambda session: personal.save_profile(session, principals[kind], **values))
    assert db.run(lambda session: personal.profile(session, principals[kind]))["colours"] == ""
