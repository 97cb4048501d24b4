"""The second factor: a code of an authenticator, or a recovery code. Asked for at each sign-in once confirmed."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import NamedTuple, cast

import pyotp
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.errors import BadCredentials, Conflict, IronBullError, TooManyTries
from backend.identity import one_time
from backend.identity.principal import Kind, Principal
from backend.identity.sessions import open_session, principal_of, revoke_all
from backend.models import SecondFactor
from backend.security import audit
from backend.security.vault import get_vault

STEP_S = 30
RECOVERY_CODES = 10
MAX_TRIES = 5


class SecondFactorNeeded(IronBullError):
    """Enter the code of your authenticator, or a recovery code."""

    code = "second_factor_needed"
    status = 401


class WrongCode(BadCredentials):
    """The code is not right. Wait for the next one and try again."""

    code = "wrong_code"


class Offer(NamedTuple):
    """What is shown once: the secret as text and as the address an authenticator reads from the picture."""

    secret: str
    address: str


def of(session: Session, kind: Kind, subject_id: int, *, lock: bool = True) -> SecondFactor | None:
    """The confirmed factor of a person, locked unless it is only looked at; None when sign-in needs none."""
    row = _row(session, kind, subject_id, lock=lock)
    return row if row is not None and row.confirmed_at is not None else None


def offer(session: Session, who: Principal) -> Offer:
    """A fresh secret to scan; replaces one that was never confirmed. Raises ``Conflict`` when a factor is on."""
    row = _row(session, who.kind, who.id)
    if row is not None and row.confirmed_at is not None:
        raise Conflict("Two-factor is on already. Switch it off first.")
    secret = pyotp.random_base32()
    if row is None:
        row = SecondFactor(kind=who.kind, subject_id=who.id, secret_sealed="")
    row.secret_sealed = get_vault().seal_platform(_record(who.kind, who.id), secret)
    session.add(row)
    session.flush()
    return Offer(secret, pyotp.TOTP(secret).provisioning_uri(name=who.email, issuer_name="IronBull"))


def confirm(session: Session, who: Principal, code: str, *, ip: str = "") -> list[str]:
    """Switch the factor on with a code that proves it works; the recovery codes, shown once.

    Every other session of the person ends. Raises ``WrongCode``, ``Conflict``.
    """
    row = _row(session, who.kind, who.id)
    if row is None or row.confirmed_at is not None:
        raise Conflict("Start again: there is nothing to confirm.")
    if not _accept_code(row, code):
        raise WrongCode
    row.confirmed_at = utcnow()
    codes = _new_recovery(row)
    session.add(row)
    revoke_all(session, who.kind, who.id, keep=who.session_id)
    audit.record(session, who, "second_factor.on", f"{who.kind}:{who.id}", ip=ip)
    return codes


def renew_recovery(session: Session, who: Principal, code: str, *, ip: str = "") -> list[str]:
    """New recovery codes; the old ones end. Raises ``WrongCode``, ``Conflict``."""
    row = _required(session, who, code)
    codes = _new_recovery(row)
    session.add(row)
    audit.record(session, who, "second_factor.recovery", f"{who.kind}:{who.id}", ip=ip)
    return codes


def switch_off(session: Session, who: Principal, code: str, *, ip: str = "") -> None:
    """No second factor any more. Raises ``WrongCode``, ``Conflict``."""
    session.delete(_required(session, who, code))
    revoke_all(session, who.kind, who.id, keep=who.session_id)
    audit.record(session, who, "second_factor.off", f"{who.kind}:{who.id}", ip=ip)


def accept(session: Session, row: SecondFactor, code: str) -> bool:
    """Whether a code fits; one that did works no second time. A recovery code is used up."""
    fits = _accept_code(row, code) or _accept_recovery(row, code)
    session.add(row)
    return fits


def finish_sign_in(session: Session, secret: str, code: str, *, ip: str, user_agent: str) -> tuple[Principal, str] | None:
    """The session of a sign-in that waited for its code; None for a wrong code (counted: commit it).

    Raises ``LinkUsed`` when the wait is over, ``TooManyTries`` after five wrong codes.
    """
    waiting = one_time.open_token(session, "second", secret)
    if waiting.tries >= MAX_TRIES:
        raise TooManyTries("Too many tries. Sign in again.")
    kind = cast(Kind, waiting.kind)
    factor = of(session, kind, waiting.subject_id)
    if factor is not None and not accept(session, factor, code):
        waiting.tries += 1
        session.add(waiting)
        audit.record(session, None, f"sign_in.{kind}", f"{kind}:{waiting.subject_id}", ok=False, ip=ip, detail={"factor": "wrong"})
        return None
    one_time.use_up(session, waiting)
    row, token_id = open_session(session, kind, waiting.subject_id, purpose="cookie", ip=ip, user_agent=user_agent)
    principal = principal_of(session, row)
    if principal is None:
        raise one_time.LinkUsed
    audit.record(session, principal, f"sign_in.{kind}", ip=ip, detail={"session": row.id, "factor": "yes"})
    return principal, token_id


def _required(session: Session, who: Principal, code: str) -> SecondFactor:
    row = of(session, who.kind, who.id)
    if row is None:
        raise Conflict("Two-factor is off.")
    if not accept(session, row, code):
        raise WrongCode
    return row


def _row(session: Session, kind: Kind, subject_id: int, *, lock: bool = True) -> SecondFactor | None:
    statement = select(SecondFactor).where(SecondFactor.kind == kind, SecondFactor.subject_id == subject_id)
    return session.exec(statement.with_for_update() if lock else statement).first()


def _accept_code(row: SecondFactor, code: str) -> bool:
    digits = code.replace(" ", "")
    if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return False
    totp = pyotp.TOTP(get_vault().open_platform(_record(row.kind, row.subject_id), row.secret_sealed))
    now = int(time.time()) // STEP_S
    for step in (now, now - 1, now + 1):
        if step > row.last_step and secrets.compare_digest(totp.at(step * STEP_S), digits):
            row.last_step = step
            return True
    return False


def _accept_recovery(row: SecondFactor, code: str) -> bool:
    hashed = _recovery_hash(row, code)
    if hashed not in row.recovery:
        return False
    row.recovery = [other for other in row.recovery if other != hashed]
    return True


def _new_recovery(row: SecondFactor) -> list[str]:
    # 50 random bits each: no table of them can be made, so a plain hash is enough.
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    codes = ["-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(2)) for _ in range(RECOVERY_CODES)]
    row.recovery = [_recovery_hash(row, code) for code in codes]
    return codes


def _recovery_hash(row: SecondFactor, code: str) -> str:
    plain = "".join(code.lower().split()).replace("-", "")
    return hashlib.sha256(f"recovery:{row.kind}:{row.subject_id}:{plain}".encode()).hexdigest()


def _record(kind: str, subject_id: int) -> str:
    return f"second_factor:{kind}:{subject_id}"
