"""Admins, tenants and users: made, changed, disabled. Sessions and sign-in are next door."""

from __future__ import annotations

import re
import secrets
from typing import Any, NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.errors import BadCredentials, Conflict, InvalidInput, NotFound
from backend.identity import rights
from backend.identity.principal import Kind, Principal
from backend.identity.sessions import (
    forget_after_commit,
    forget_sessions,
    open_session,
    resolve_session,
    revoke_all,
    revoke_session,
)
from backend.identity.sign_in import sign_in
from backend.merchant.keys import add_key
from backend.merchant.quota import check_room
from backend.models import Admin, Tenant, User, UserAncestor
from backend.security.passwords import check_strength, hash_password, verify_password
from backend.security.vault import Vault, get_vault, tenant_record

__all__ = [
    "Principal",
    "change_password",
    "create_admin",
    "create_tenant",
    "create_user",
    "first_admin_needed",
    "forget_sessions",
    "normal_email",
    "open_session",
    "resolve_session",
    "revoke_all",
    "revoke_session",
    "set_status",
    "set_up_first_admin",
    "sign_in",
    "tenant_secret",
]

_EMAIL = re.compile(r"[^\s@<>\"'(),:;\\\[\]`\x00-\x1f\x7f]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,120}[a-z0-9])?\.[a-z0-9-]{2,}")
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{1,63}")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CODE_TRIES = 15


class InvalidEmail(InvalidInput):
    """This is not an e-mail address. Write it as name@example.com."""

    code = "invalid_email"


class EmailTaken(Conflict):
    """This e-mail address is already registered."""

    code = "email_taken"


class NameTaken(Conflict):
    """This name is already in use."""

    code = "name_taken"


class InviteCodeUnknown(InvalidInput):
    """There is no such invite code."""

    code = "invite_code_unknown"


class InviteCodeForeign(InvalidInput):
    """The invite code belongs to another merchant."""

    code = "invite_code_foreign"


class SetupDone(Conflict):
    """The platform already has an administrator. Sign in instead."""

    code = "setup_done"


class NewTenant(NamedTuple):
    """A tenant just made. ``app_secret`` is shown here and never again."""

    tenant: Tenant
    app_secret: str
    root_user: User


def normal_email(value: str) -> str:
    """The address trimmed and in lower case, as it is stored. Raises ``InvalidEmail``."""
    email = value.strip().lower()
    if len(email) > 190 or not _EMAIL.fullmatch(email) or _UNSEEN.search(email):
        raise InvalidEmail
    return email


def normal_name(value: str, limit: int = 100, required: bool = True) -> str:
    """A display name: trimmed, without control or direction characters. Raises ``InvalidInput``."""
    name = value.strip()
    if len(name) > limit or _UNSEEN.search(name) or (required and not name):
        raise InvalidInput(f"The name must have 1 to {limit} visible characters.")
    return name


def create_admin(session: Session, username: str, password: str, nickname: str = "", role: str = "owner") -> Admin:
    """A platform operator. Raises ``InvalidInput``, ``WeakPassword``, ``NameTaken``."""
    username = username.strip()
    check_role(role)
    if not _USERNAME.fullmatch(username):
        raise InvalidInput("The user name must have 2 to 64 letters, digits or . _ @ -")
    if session.exec(select(Admin.id).where(func.lower(Admin.username) == username.lower())).first():
        raise NameTaken
    admin = Admin(
        username=username,
        password_hash=hash_password(password),
        nickname=normal_name(nickname, 64, required=False),
        role=role,
    )
    session.add(admin)
    session.flush()
    return admin


def check_role(role: str) -> None:
    """Raises ``InvalidInput`` for a role that is not in the table."""
    if role not in rights.CHOICES:
        raise InvalidInput(f"The role is one of {', '.join(rights.CHOICES)}.")


def set_role(session: Session, admin_id: int, role: str) -> str:
    """Give an admin another role, which holds at once; the role before. Raises ``NotFound``, ``InvalidInput``, ``Conflict``
    for the last active owner."""
    check_role(role)
    admin = load_subject(session, "admin", admin_id)
    before = str(admin.role)
    if before == "owner" != role and _is_last_owner(session, admin_id):
        raise Conflict("This is the last active owner. Make another owner first.")
    admin.role = role
    session.add(admin)
    session.flush()
    forget_after_commit(session)
    return before


def first_admin_needed(session: Session) -> bool:
    """Whether nobody can administer the platform yet."""
    return session.exec(select(Admin.id).limit(1)).first() is None


def set_up_first_admin(session: Session, username: str, password: str) -> Admin:
    """The very first admin; only while there is none. Raises ``SetupDone``, ``WeakPassword``."""
    if not first_admin_needed(session):
        raise SetupDone
    check_strength(password, username)
    return create_admin(session, username, password)


def create_tenant(
    session: Session,
    name: str,
    email: str,
    password: str,
    *,
    billing_scheme: str = "per_close",
    vault: Vault | None = None,
) -> NewTenant:
    """A tenant with its keys, data key and root user (who cannot sign in).

    Raises ``InvalidEmail``, ``EmailTaken``, ``WeakPassword``, ``InvalidInput``.
    """
    vault = vault or get_vault()
    email = normal_email(email)
    if billing_scheme not in ("per_close", "hwm"):
        raise InvalidInput("The billing scheme is per_close or hwm.")
    if session.exec(select(Tenant.id).where(Tenant.email == email)).first():
        raise EmailTaken
    app_secret = secrets.token_hex(32)
    tenant = Tenant(
        name=normal_name(name),
        email=email,
        password_hash=hash_password(password),
        app_key=secrets.token_hex(16),
        app_secret_sealed="",
        billing_scheme=billing_scheme,
    )
    session.add(tenant)
    session.flush()
    assert tenant.id is not None
    tenant.app_secret_sealed = vault.seal_platform(tenant_record(tenant.id), app_secret)
    tenant.data_key_wrapped = vault.new_data_key(tenant.id)
    add_key(session, tenant.id, tenant.app_key, app_secret, vault)
    root = User(
        tenant_id=tenant.id,
        email=f"root@tenant{tenant.id}.local",
        name=tenant.name,
        is_root=True,
        invite_code=_new_invite_code(session),
    )
    session.add(root)
    session.flush()
    tenant.root_user_id = root.id
    session.add(tenant)
    session.flush()
    return NewTenant(tenant, app_secret, root)


def tenant_secret(tenant: Tenant, vault: Vault | None = None) -> str:
    """The tenant's API secret, for checking a request signature."""
    assert tenant.id is not None
    return (vault or get_vault()).open_platform(tenant_record(tenant.id), tenant.app_secret_sealed)


def create_user(
    session: Session,
    tenant_id: int,
    email: str,
    password: str,
    invite_code: str | None = None,
    *,
    name: str = "",
    locale: str = "en",
    password_hash: str | None = None,
) -> User:
    """An agent of a tenant, below the owner of ``invite_code`` or below the tenant's root user.

    Hashing takes tens of milliseconds: an edge that makes many users hashes before it opens the transaction and
    passes ``password_hash`` (``password`` is then not used).
    Raises ``NotFound`` (tenant), ``InvalidEmail``, ``EmailTaken``, ``WeakPassword``, ``InviteCodeUnknown``,
    ``InviteCodeForeign``, ``QuotaExceeded``.
    """
    tenant = session.get(Tenant, tenant_id)
    if tenant is None:
        raise NotFound
    email = normal_email(email)
    inviter_id = _inviter(session, tenant, (invite_code or "").strip())
    if session.exec(select(User.id).where(User.tenant_id == tenant_id, User.email == email)).first():
        raise EmailTaken
    check_room(session, tenant_id, "max_users")
    user = User(
        tenant_id=tenant_id,
        email=email,
        name=normal_name(name, required=False),
        password_hash=password_hash or hash_password(password),
        invite_code=_new_invite_code(session),
        inviter_id=inviter_id,
        locale=locale,
    )
    session.add(user)
    session.flush()
    if inviter_id is not None:
        _add_ancestors(session, user, inviter_id)
    return user


def change_password(session: Session, who: Principal, old_password: str, new_password: str) -> None:
    """Set a new password and end every other session of the person. Raises ``BadCredentials``, ``WeakPassword``."""
    subject = load_subject(session, who.kind, who.id)
    if not verify_password(old_password, subject.password_hash):
        raise BadCredentials("The current password is not right.")
    reset_password(session, who.kind, who.id, new_password, keep_session=who.session_id)


def reset_password(
    session: Session, kind: Kind, subject_id: int, new_password: str, keep_session: int | None = None
) -> None:
    """Set a password without asking for the old one and end the person's sessions."""
    subject = load_subject(session, kind, subject_id)
    subject.password_hash = hash_password(new_password)
    session.add(subject)
    revoke_all(session, kind, subject_id, keep=keep_session)
    session.flush()


def set_status(session: Session, kind: Kind, subject_id: int, active: bool) -> None:
    """Enable or disable an admin, a tenant (with its agents' access) or an agent. Ends their sessions when disabled.

    Raises ``NotFound``; ``Conflict`` for the last active admin and for a tenant's root user.
    """
    subject = load_subject(session, kind, subject_id)
    if not active:
        if kind == "admin" and _is_last_admin(session, subject_id):
            raise Conflict("This is the last active administrator. Enable another one first.")
        if kind == "admin" and subject.role == "owner" and _is_last_owner(session, subject_id):
            raise Conflict("This is the last active owner. Make another owner first.")
        if kind == "agent" and subject.is_root:
            raise Conflict("A tenant's root user cannot be disabled.")
        revoke_all(session, kind, subject_id)
    subject.status = 1 if active else 0
    session.add(subject)
    session.flush()
    forget_after_commit(session)


def load_subject(session: Session, kind: Kind, subject_id: int) -> Any:
    """The row behind a principal. Raises ``NotFound``."""
    model: Any = {"admin": Admin, "tenant": Tenant, "agent": User}[kind]
    subject = session.get(model, subject_id)
    if subject is None:
        raise NotFound
    return subject


def _is_last_admin(session: Session, admin_id: int) -> bool:
    others = select(Admin.id).where(Admin.status == 1, col(Admin.id) != admin_id).with_for_update()
    return session.exec(others.limit(1)).first() is None


def _is_last_owner(session: Session, admin_id: int) -> bool:
    others = select(Admin.id).where(Admin.status == 1, Admin.role == "owner", col(Admin.id) != admin_id).with_for_update()
    return session.exec(others.limit(1)).first() is None


def _inviter(session: Session, tenant: Tenant, invite_code: str) -> int | None:
    if not invite_code:
        return tenant.root_user_id
    inviter = session.exec(select(User).where(User.invite_code == invite_code)).first()
    if inviter is None:
        raise InviteCodeUnknown
    if inviter.tenant_id != tenant.id:
        raise InviteCodeForeign
    return inviter.id


def _add_ancestors(session: Session, user: User, inviter_id: int) -> None:
    assert user.id is not None
    session.add(UserAncestor(ancestor_id=inviter_id, descendant_id=user.id, depth=1))
    for above in session.exec(select(UserAncestor).where(UserAncestor.descendant_id == inviter_id)).all():
        session.add(UserAncestor(ancestor_id=above.ancestor_id, descendant_id=user.id, depth=above.depth + 1))
    session.flush()


def _new_invite_code(session: Session) -> str:
    for _ in range(_CODE_TRIES):
        code = f"{secrets.randbelow(90_000_000) + 10_000_000}"
        if session.exec(select(User.id).where(User.invite_code == code)).first() is None:
            return code
    raise Conflict("No free invite code was found. Try again.")
