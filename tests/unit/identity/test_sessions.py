from datetime import timedelta

import pytest
from sqlmodel import select

from backend.clock import utcnow
from backend.db import Database
from backend.identity import service, sessions
from backend.identity.sessions import open_session, resolve, resolve_session, still_valid
from backend.models import LoginSession
from backend.security.vault import Vault

PASSWORD = "correct horse battery"


@pytest.fixture
def people(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        admin = service.create_admin(session, "boss", PASSWORD)
        service.create_admin(session, "deputy", PASSWORD)
        made = service.create_tenant(session, "Desk", "d@x.example", PASSWORD, vault=Vault("m" * 40))
        user = service.create_user(session, made.tenant.id or 0, "u@x.example", PASSWORD)
        return {"admin": admin.id or 0, "tenant": made.tenant.id or 0, "agent": user.id or 0}


def opened(db: Database, kind: str, subject_id: int, purpose: str = "cookie") -> tuple[int, str]:
    with db.transaction() as session:
        row, sid = open_session(session, kind, subject_id, purpose=purpose, ip="10.0.0.1", user_agent="x")
        return row.id or 0, sid


@pytest.mark.parametrize("kind", ["admin", "tenant", "agent"])
def test_a_session_names_its_person(database: Database, people: dict[str, int], kind: str) -> None:
    number, sid = opened(database, kind, people[kind])
    who = resolve_session(sid, database)
    assert who is not None
    assert (who.kind, who.id, who.session_id) == (kind, people[kind], number)
    assert who.tenant_id == (None if kind == "admin" else people["tenant"])
    assert resolve(sid, "bearer", database) is None


@pytest.mark.parametrize("sid", ["", "x", "x" * 300, "\x00", "ключ"])
def test_unknown_cookies_are_nobody(database: Database, sid: str) -> None:
    assert resolve_session(sid, database) is None


def test_the_cookie_itself_is_not_stored(database: Database, people: dict[str, int]) -> None:
    _, sid = opened(database, "admin", people["admin"])
    with database.reading() as session:
        row = session.exec(select(LoginSession)).one()
    assert sid not in str(row.model_dump())


def test_revoking_counts_at_once_although_the_answer_was_remembered(database: Database, people: dict[str, int]) -> None:
    number, sid = opened(database, "admin", people["admin"])
    assert resolve_session(sid, database) is not None
    with database.transaction() as session:
        sessions.revoke_session(session, number)
    assert resolve_session(sid, database) is None


def test_a_rolled_back_revocation_does_not_count(database: Database, people: dict[str, int]) -> None:
    number, sid = opened(database, "admin", people["admin"])
    with pytest.raises(RuntimeError), database.transaction() as session:
        sessions.revoke_session(session, number)
        raise RuntimeError
    assert resolve_session(sid, database) is not None


@pytest.mark.parametrize(("kind", "victim"), [("admin", "admin"), ("tenant", "tenant"), ("agent", "agent"), ("tenant", "agent")])
def test_disabling_ends_access(database: Database, people: dict[str, int], kind: str, victim: str) -> None:
    """The last case: disabling a tenant also ends what its agents may do."""
    number, sid = opened(database, victim, people[victim])
    assert resolve_session(sid, database) is not None
    with database.transaction() as session:
        service.set_status(session, kind, people[kind], active=False)
    assert resolve_session(sid, database) is None
    with database.reading() as session:
        assert still_valid(session, [number, 999]) == set()


def test_a_password_change_ends_the_other_sessions(database: Database, people: dict[str, int]) -> None:
    _, other = opened(database, "agent", people["agent"])
    _, token = opened(database, "agent", people["agent"], "bearer")
    _, own = opened(database, "agent", people["agent"])
    who = resolve_session(own, database)
    assert who is not None
    assert resolve_session(other, database) and resolve(token, "bearer", database)
    with database.transaction() as session:
        service.change_password(session, who, PASSWORD, "another password")
    assert resolve_session(own, database) is not None
    assert resolve_session(other, database) is None
    assert resolve(token, "bearer", database) is None


def test_sessions_expire(database: Database, people: dict[str, int]) -> None:
    number, sid = opened(database, "tenant", people["tenant"])
    with database.transaction() as session:
        row = session.get(LoginSession, number)
        assert row is not None
        row.expires_at = utcnow() - timedelta(seconds=1)
        session.add(row)
    assert resolve_session(sid, database) is None


def test_many_sessions_are_checked_in_one_go(database: Database, people: dict[str, int]) -> None:
    numbers = [opened(database, "agent", people["agent"])[0] for _ in range(5)]
    with database.transaction() as session:
        sessions.revoke_session(session, numbers[2])
    with database.reading() as session:
        assert still_valid(session, [*numbers, *range(10_000, 11_200)]) == set(numbers) - {numbers[2]}


def test_the_check_of_many_judges_as_the_check_of_one(database: Database, people: dict[str, int]) -> None:
    """Every kind, an admin who looks at a trader's account, and what ends with that admin's own session."""
    ids = {kind: opened(database, kind, people[kind]) for kind in ("admin", "tenant", "agent")}
    parent, _ = opened(database, "admin", people["admin"])
    looking = opened(database, "agent", people["agent"])
    with database.transaction() as session:
        row = session.get(LoginSession, looking[0])
        assert row is not None
        row.parent_id = parent
        session.add(row)
    everyone = [*ids.values(), looking]

    def agreed() -> set[int]:
        sessions.forget_sessions()
        one_by_one = {number for number, sid in everyone if resolve_session(sid, database) is not None}
        with database.reading() as session:
            assert still_valid(session, [number for number, _ in everyone]) == one_by_one
        return one_by_one

    assert agreed() == {number for number, _ in everyone}
    with database.transaction() as session:
        sessions.revoke_session(session, parent)
    assert agreed() == {number for number, _ in everyone} - {looking[0]}
    with database.transaction() as session:
        service.set_status(session, "tenant", people["tenant"], active=False)
    assert agreed() == {ids["admin"][0]}


def test_what_is_remembered_is_known_without_the_database(database: Database, people: dict[str, int]) -> None:
    number, sid = opened(database, "agent", people["agent"])
    sessions.forget_sessions()
    assert sessions.remembered(sid) == (False, None)
    who = resolve_session(sid, database)
    assert sessions.remembered(sid) == (True, who)
    with database.transaction() as session:
        sessions.revoke_session(session, number)
    assert sessions.remembered(sid) == (False, None), "a change ends what is remembered"
    assert sessions.remembered("") == (True, None)
