import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from passlib.hash import argon2
from sqlalchemy import func
from sqlmodel import select

from backend.db import Database
from backend.errors import BadCredentials, TooManyTries
from backend.identity import service
from backend.identity.sessions import resolve, resolve_session
from backend.identity.sign_in import ADDRESS_LIMIT, PAIR_LIMIT, SUBJECT_LIMIT, sign_in
from backend.models import Admin, AuditLog, LoginTry
from backend.security.vault import Vault

PASSWORD = "correct horse battery"
HOME, AWAY = "10.0.0.1", "203.0.113.9"


@pytest.fixture
def db(sqlite_database: Database) -> Database:
    with sqlite_database.transaction() as session:
        service.create_admin(session, "boss", PASSWORD)
        service.create_admin(session, "deputy", PASSWORD)
        for name in ("one", "two"):
            made = service.create_tenant(session, name, f"{name}@x.example", PASSWORD, vault=Vault("m" * 40))
            service.create_user(session, made.tenant.id or 0, "same@x.example", f"password of {name}")
    return sqlite_database


def enter(db: Database, name: str = "boss", password: str = PASSWORD, ip: str = HOME) -> str:
    return sign_in(db, "admin", name, password, ip=ip, user_agent="test")[1]


def fail(db: Database, name: str = "boss", ip: str = HOME) -> type[Exception]:
    with pytest.raises((BadCredentials, TooManyTries)) as caught:
        enter(db, name, "wrong password", ip)
    return caught.type


def test_a_sign_in_opens_a_session_and_leaves_a_trail(db: Database) -> None:
    sid = enter(db, " BOSS ")
    who = resolve_session(sid, db)
    assert who is not None and who.email == "boss"
    with db.reading() as session:
        admin = session.exec(select(Admin).where(Admin.username == "boss")).one()
        assert admin.last_login_at is not None
        assert session.exec(select(AuditLog.action)).all() == ["sign_in.admin"]


def test_a_bearer_sign_in_is_no_cookie(db: Database) -> None:
    _, token_id = sign_in(db, "admin", "boss", PASSWORD, ip=HOME, user_agent="", purpose="bearer")
    assert resolve(token_id, "bearer", db) is not None
    assert resolve_session(token_id, db) is None


def test_an_agents_address_may_exist_at_two_tenants(db: Database) -> None:
    first, _ = sign_in(db, "agent", "same@x.example", "password of one", ip=HOME, user_agent="")
    second, _ = sign_in(db, "agent", "same@x.example", "password of two", ip=HOME, user_agent="")
    assert first.tenant_id != second.tenant_id
    with pytest.raises(BadCredentials):
        sign_in(
            db, "agent", "same@x.example", "password of two", ip=HOME, user_agent="", tenant_id=first.tenant_id
        )


@pytest.mark.parametrize(("name", "password"), [("boss", "wrong password"), ("nobody", PASSWORD), ("", ""), ("boss", "")])
def test_wrong_credentials_all_look_the_same(db: Database, name: str, password: str) -> None:
    with pytest.raises(BadCredentials) as caught:
        enter(db, name, password)
    assert caught.value.message == BadCredentials().message


def test_kinds_do_not_mix(db: Database) -> None:
    with pytest.raises(BadCredentials):
        sign_in(db, "tenant", "boss", PASSWORD, ip=HOME, user_agent="")
    with pytest.raises(BadCredentials):
        sign_in(db, "agent", "one@x.example", PASSWORD, ip=HOME, user_agent="")


def test_a_root_user_cannot_sign_in(db: Database) -> None:
    for password in ("", PASSWORD):
        with pytest.raises(BadCredentials):
            sign_in(db, "agent", "root@tenant1.local", password, ip=HOME, user_agent="")


def test_one_address_gets_few_tries_at_one_name(db: Database) -> None:
    assert [fail(db) for _ in range(PAIR_LIMIT)] == [BadCredentials] * PAIR_LIMIT
    assert fail(db) is TooManyTries
    with pytest.raises(TooManyTries):
        enter(db)
    enter(db, "deputy")
    enter(db, ip=AWAY)


def test_parallel_tries_do_not_pass_the_limit(db: Database) -> None:
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda _: fail(db), range(24)))
    assert results.count(BadCredentials) == PAIR_LIMIT


def test_many_addresses_get_few_tries_at_one_name_but_its_owner_gets_in(db: Database) -> None:
    enter(db)  # HOME is known from here on
    results = [fail(db, ip=f"198.51.100.{number}") for number in range(SUBJECT_LIMIT + 5)]
    assert results == [BadCredentials] * SUBJECT_LIMIT + [TooManyTries] * 5
    with pytest.raises(TooManyTries):
        enter(db, ip=AWAY)
    enter(db, ip=HOME)


def test_unknown_names_are_throttled_alike(db: Database) -> None:
    results = [fail(db, "nobody", f"198.51.100.{number}") for number in range(SUBJECT_LIMIT + 1)]
    assert results == [BadCredentials] * SUBJECT_LIMIT + [TooManyTries]


def test_one_address_gets_few_tries_at_all_names(db: Database) -> None:
    results = [fail(db, f"name{number}") for number in range(ADDRESS_LIMIT + 1)]
    assert results == [BadCredentials] * ADDRESS_LIMIT + [TooManyTries]


def test_a_whole_ipv6_network_counts_as_one_address(db: Database) -> None:
    for number in range(PAIR_LIMIT):
        fail(db, ip=f"2001:db8::{number:x}")
    assert fail(db, ip="2001:db8::ffff") is TooManyTries
    assert fail(db, ip="2001:db8:0:1::1") is BadCredentials


def test_a_success_gives_the_tries_back(db: Database) -> None:
    for _ in range(3):
        for _ in range(PAIR_LIMIT - 1):
            fail(db)
        enter(db)
    with db.reading() as session:
        pairs = session.exec(select(func.count()).select_from(LoginTry).where(LoginTry.bucket.like("pair:%"))).one()
    assert pairs == 0


def test_an_unknown_name_takes_as_long_as_a_known_one(db: Database) -> None:
    def seconds(name: str, number: int) -> float:
        started = time.perf_counter()
        fail(db, name, f"198.51.100.{number}")
        return time.perf_counter() - started

    seconds("warm", 0)
    # In turn, so that a busy moment of the machine falls on both.
    pairs = [(seconds("boss", 10 + number), seconds("nobody", 30 + number)) for number in range(15)]
    assert 0.5 < statistics.median(known / unknown for known, unknown in pairs) < 2


def test_an_old_hash_is_renewed_at_sign_in(db: Database) -> None:
    weak = argon2.using(memory_cost=8_192, time_cost=1, parallelism=1).hash(PASSWORD)
    with db.transaction() as session:
        admin = session.exec(select(Admin).where(Admin.username == "boss")).one()
        admin.password_hash = weak
        session.add(admin)
    enter(db)
    with db.reading() as session:
        stored = session.exec(select(Admin.password_hash).where(Admin.username == "boss")).one()
    assert stored != weak and "m=19456" in stored
    enter(db)


def test_a_disabled_account_cannot_sign_in(db: Database) -> None:
    with db.transaction() as session:
        admin = session.exec(select(Admin).where(Admin.username == "boss")).one()
        service.set_status(session, "admin", admin.id or 0, active=False)
    with pytest.raises(BadCredentials):
        enter(db)
