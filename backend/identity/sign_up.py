"""A visitor becomes an agent, and a forgotten password is replaced: by links sent to the address itself.

Nothing here tells a stranger whether an address is registered: the answer, the work done and the number of mails are
the same for a known and an unknown one. The account is made only when the address is confirmed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.billing.cards import recharge_user
from backend.billing.rules import GIFT
from backend.clock import utcnow
from backend.errors import InvalidInput, NotAllowed, TooManyTries
from backend.identity import one_time
from backend.identity.letters import letter
from backend.identity.mail import Letter
from backend.identity.service import InviteCodeUnknown, create_user, normal_email, reset_password
from backend.identity.sign_in import address_of
from backend.ledger.queries import balances
from backend.ledger.rules import tenant_card
from backend.merchant.quota import check_room
from backend.models import LoginTry, OneTimeToken, Tenant, User
from backend.money import from_units
from backend.security import audit
from backend.settings import Settings

WINDOW = timedelta(hours=1)
PER_ADDRESS = 20
PER_MAILBOX = 5


class SignUpClosed(NotAllowed):
    """New accounts are not open here. Ask your merchant for an invitation."""

    code = "signup_closed"


class TermsNeeded(InvalidInput):
    """Read and accept the terms to open an account."""

    code = "terms"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a visitor asks for. ``password_hash`` is made before the transaction; ``tenant_id`` 0: by code or settings."""

    email: str
    password_hash: str
    invite_code: str = ""
    tenant_id: int = 0
    lang: str = "en"
    terms: bool = False


def ask(session: Session, settings: Settings, wish: Wish, *, base: str, ip: str = "") -> Letter:
    """The mail to send to the visitor: a confirmation link, or word that the address has an account.

    Raises ``SignUpClosed``, ``TermsNeeded``, ``InvalidEmail``, ``InviteCodeUnknown``, ``QuotaExceeded``.
    """
    if not settings.signup:
        raise SignUpClosed
    if not wish.terms:
        raise TermsNeeded
    email = normal_email(wish.email)
    tenant = _tenant_of(session, settings, wish)
    assert tenant.id is not None
    check_room(session, tenant.id, "max_users")
    known = session.exec(select(User.id).where(User.tenant_id == tenant.id, User.email == email)).first()
    audit.record(session, None, "sign_up.ask", ip=ip, tenant_id=tenant.id)
    detail = {
        "email": email, "hash": wish.password_hash, "code": wish.invite_code.strip(), "tenant": tenant.id,
        "lang": "zh" if wish.lang.startswith("zh") else "en",
    }  # fmt: skip
    # A known address costs the same writes; its secret is thrown away.
    secret = one_time.make_token(session, "sign_up", detail=detail if known is None else {})
    front = f"{base}/zh" if detail["lang"] == "zh" else base
    if known is not None:
        return letter("exists", wish.lang, email, f"{front}/login")
    return letter("confirm", wish.lang, email, f"{front}/confirm?token={secret}")


def confirm(session: Session, settings: Settings, secret: str, *, ip: str = "") -> User:
    """The account of a confirmed address, with its first gift points. Raises ``LinkUsed`` and what ``create_user`` does."""
    row = one_time.open_token(session, "sign_up", secret)
    wish = row.detail
    if not wish:
        raise one_time.LinkUsed
    user = create_user(
        session, int(wish["tenant"]), wish["email"], "", wish["code"], locale=wish["lang"], password_hash=wish["hash"]
    )
    one_time.use_up(session, row)
    _welcome_gift(session, user, settings.signup_gift_points)
    audit.record(session, None, "sign_up", f"user:{user.id}", ip=ip, tenant_id=user.tenant_id)
    return user


def ask_reset(session: Session, email: str, lang: str, *, base: str, ip: str = "", tenant_id: int = 0) -> list[Letter]:
    """The mails of a forgotten password: one per account of that address, none for a stranger's.

    Raises ``InvalidEmail``; the caller answers the same in every other case.
    """
    email = normal_email(email)
    statement = select(User).join(Tenant, col(Tenant.id) == User.tenant_id)
    statement = statement.where(User.email == email, User.status == 1, Tenant.status == 1, col(User.is_root).is_(False))
    if tenant_id:
        statement = statement.where(User.tenant_id == tenant_id)
    front = f"{base}/zh" if lang.startswith("zh") else base
    letters: list[Letter] = []
    for user in session.exec(statement.order_by(col(User.id)).limit(3)).all():
        secret = one_time.make_token(session, "reset", subject_id=user.id or 0)
        letters.append(letter("reset", lang, email, f"{front}/reset?token={secret}"))
    audit.record(session, None, "password.forgot", ip=ip)
    return letters


def reset(session: Session, secret: str, new_password: str, *, ip: str = "") -> User:
    """A new password by a mailed link; every session of the person ends. Raises ``LinkUsed``, ``WeakPassword``."""
    row = one_time.open_token(session, "reset", secret)
    user = session.get(User, row.subject_id)
    if user is None or user.status != 1:
        raise one_time.LinkUsed
    assert user.id is not None
    reset_password(session, "agent", user.id, new_password)
    one_time.use_up(session, row)
    for other in session.exec(
        select(OneTimeToken).where(
            OneTimeToken.purpose == "reset", OneTimeToken.subject_id == user.id, col(OneTimeToken.used_at).is_(None)
        )
    ).all():
        one_time.use_up(session, other)
    audit.record(session, None, "password.reset", f"agent:{user.id}", ip=ip, tenant_id=user.tenant_id)
    return user


def throttle(session: Session, verb: str, email: str, ip: str) -> None:
    """Count one mail to an address and from a network, in a transaction of its own: a refused try counts too.

    Raises ``TooManyTries``.
    """
    email = normal_email(email)
    since = utcnow() - WINDOW
    mailbox = hashlib.sha256(email.encode()).hexdigest()[:40]
    for bucket, limit in ((f"{verb}:to:{mailbox}", PER_MAILBOX), (f"{verb}:from:{address_of(ip)}", PER_ADDRESS)):
        count = select(func.count()).select_from(LoginTry).where(LoginTry.bucket == bucket, col(LoginTry.at) > since)
        if session.exec(count).one() >= limit:
            raise TooManyTries("Too many tries. Wait an hour and try again.")
        session.add(LoginTry(bucket=bucket))


def _tenant_of(session: Session, settings: Settings, wish: Wish) -> Tenant:
    """By the invite code, else by the page the visitor came from, else by the settings. Raises ``InviteCodeUnknown``."""
    code = wish.invite_code.strip()
    active = select(Tenant).where(Tenant.status == 1)
    if code:
        inviter = session.exec(select(User).where(User.invite_code == code, User.status == 1)).first()
        wanted = inviter.tenant_id if inviter else 0
        if inviter is None or (wish.tenant_id and wish.tenant_id != wanted):
            raise InviteCodeUnknown
        tenant = session.exec(active.where(Tenant.id == wanted)).first()
    elif wish.tenant_id or settings.signup_tenant_id:
        tenant = session.exec(active.where(Tenant.id == (wish.tenant_id or settings.signup_tenant_id))).first()
    else:
        tenant = session.exec(active.order_by(col(Tenant.id)).limit(1)).first()
    if tenant is None:
        raise SignUpClosed
    return tenant


def _welcome_gift(session: Session, user: User, points: Decimal) -> None:
    """Points to try the platform with, as far as the merchant's gift stock goes."""
    assert user.id is not None
    stock = tenant_card(user.tenant_id, "point_gift")
    amount = min(points, from_units(balances(session, [stock])[stock]))
    if amount > 0:
        key = f"sign_up:{user.id}"
        recharge_user(session, key, tenant_id=user.tenant_id, user_id=user.id, card=GIFT, amount=amount, actor="sign_up")
