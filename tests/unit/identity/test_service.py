import pytest
from sqlmodel import Session, select

from backend.db import Database
from backend.errors import BadCredentials, Conflict, InvalidInput, NotFound
from backend.identity import service
from backend.identity.principal import Principal
from backend.identity.service import (
    EmailTaken,
    InvalidEmail,
    InviteCodeForeign,
    InviteCodeUnknown,
    NameTaken,
    SetupDone,
    create_admin,
    create_tenant,
    create_user,
    normal_email,
)
from backend.models import Tenant, User, UserAncestor
from backend.security.passwords import verify_password
from backend.security.vault import Vault

PASSWORD = "correct horse battery"
VAULT = Vault("m" * 40)


def tenant(session: Session, name: str = "Desk") -> Tenant:
    return create_tenant(session, name, f"{name.lower()}@x.example", PASSWORD, vault=VAULT).tenant


def ancestors(session: Session, user: User) -> dict[int, int]:
    rows = session.exec(select(UserAncestor).where(UserAncestor.descendant_id == user.id)).all()
    return {row.ancestor_id: row.depth for row in rows}


def test_a_tenant_has_keys_a_data_key_and_a_root_user(database: Database) -> None:
    with database.transaction() as session:
        made = create_tenant(session, " Desk ", "Desk@X.example", PASSWORD, vault=VAULT)
    with database.reading() as session:
        row = session.get(Tenant, made.tenant.id)
        assert row is not None
        root = session.get(User, row.root_user_id)
    assert (row.name, row.email) == ("Desk", "desk@x.example")
    assert len(row.app_key) == 32 and int(row.app_key, 16) >= 0
    assert len(made.app_secret) == 64 and made.app_secret not in row.app_secret_sealed
    assert service.tenant_secret(row, VAULT) == made.app_secret
    assert root is not None and root.is_root and root.password_hash == ""
    box = VAULT.seal(row.data_key_wrapped, row.id or 0, "r", b"x")
    assert VAULT.open(row.data_key_wrapped, row.id or 0, "r", box) == b"x"


def test_users_hang_below_their_inviter(database: Database) -> None:
    with database.transaction() as session:
        desk = tenant(session)
        top = create_user(session, desk.id or 0, "top@x.example", PASSWORD)
        mid = create_user(session, desk.id or 0, "mid@x.example", PASSWORD, top.invite_code)
        low = create_user(session, desk.id or 0, "low@x.example", PASSWORD, mid.invite_code)
        root_id = desk.root_user_id
        assert ancestors(session, top) == {root_id: 1}
        assert ancestors(session, low) == {mid.id: 1, top.id: 2, root_id: 3}
        codes = {user.invite_code for user in (top, mid, low)}
    assert len(codes) == 3
    assert all(len(code) == 8 and code.isdigit() for code in codes)


def test_invite_codes_are_checked(database: Database) -> None:
    with database.transaction() as session:
        one, two = tenant(session, "One"), tenant(session, "Two")
        foreign = create_user(session, two.id or 0, "f@x.example", PASSWORD)
        with pytest.raises(InviteCodeUnknown):
            create_user(session, one.id or 0, "u@x.example", PASSWORD, "00000000")
        with pytest.raises(InviteCodeForeign):
            create_user(session, one.id or 0, "u@x.example", PASSWORD, foreign.invite_code)
        with pytest.raises(NotFound):
            create_user(session, 999, "u@x.example", PASSWORD)


def test_an_address_is_unique_within_its_tenant(database: Database) -> None:
    with database.transaction() as session:
        one, two = tenant(session, "One"), tenant(session, "Two")
        create_user(session, one.id or 0, "same@x.example", PASSWORD)
        create_user(session, two.id or 0, "same@x.example", PASSWORD)
        with pytest.raises(EmailTaken):
            create_user(session, one.id or 0, " SAME@x.example ", PASSWORD)
        with pytest.raises(EmailTaken):
            tenant(session, "One")


@pytest.mark.parametrize(
    "text",
    ["", "x", "a@b", "@x.example", "a b@x.example", "a@x.example\n", "a\x00@x.example", "<b>@x.example", "a@x..", "'--@x.c",
     "a" * 190 + "@x.example", "\u202ea@x.example", "a@-x.example"],
)  # fmt: skip
def test_bad_addresses_are_refused(text: str) -> None:
    if text == "a@x.example\n":
        assert normal_email(text) == "a@x.example"
        return
    with pytest.raises(InvalidEmail):
        normal_email(text)


@pytest.mark.parametrize("text", ["a@x.example", "root@tenant1.local", "first.last+tag@sub.x.example", "名@x.example"])
def test_good_addresses_pass(text: str) -> None:
    assert normal_email(f"  {text.upper()} ") == text


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b", "a\u202eb", "line\nbreak"])
def test_bad_names_are_refused(sqlite_database: Database, name: str) -> None:
    with sqlite_database.transaction() as session, pytest.raises(InvalidInput):
        create_tenant(session, name, "t@x.example", PASSWORD, vault=VAULT)


def test_the_first_admin_is_made_once(database: Database) -> None:
    with database.transaction() as session:
        assert service.first_admin_needed(session)
        service.set_up_first_admin(session, "boss", PASSWORD)
        assert not service.first_admin_needed(session)
        with pytest.raises(SetupDone):
            service.set_up_first_admin(session, "other", PASSWORD)
        with pytest.raises(NameTaken):
            create_admin(session, "BOSS", PASSWORD)
        with pytest.raises(InvalidInput):
            create_admin(session, "a b", PASSWORD)


def test_the_last_admin_and_a_root_user_stay_enabled(database: Database) -> None:
    with database.transaction() as session:
        first = create_admin(session, "first", PASSWORD)
        with pytest.raises(Conflict):
            service.set_status(session, "admin", first.id or 0, active=False)
        create_admin(session, "second", PASSWORD)
        service.set_status(session, "admin", first.id or 0, active=False)
        desk = tenant(session)
        with pytest.raises(Conflict):
            service.set_status(session, "agent", desk.root_user_id or 0, active=False)


def test_a_password_change_needs_the_old_one(database: Database) -> None:
    with database.transaction() as session:
        admin = create_admin(session, "boss", PASSWORD)
        who = Principal("admin", admin.id or 0, None, "boss", "boss", "owner", 1)
        with pytest.raises(BadCredentials):
            service.change_password(session, who, "wrong password", "new password 1")
        service.change_password(session, who, PASSWORD, "new password 1")
        assert verify_password("new password 1", admin.password_hash)
