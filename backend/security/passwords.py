"""Password hashes: argon2id, at most two computed at a time so that a flood of tries cannot take the machine."""

from __future__ import annotations

import threading

from passlib.context import CryptContext

from backend.errors import InvalidInput, TooManyTries

MIN_LENGTH = 8
MAX_LENGTH = 128
_MAX_WAITING = 64
# zxcvbn's scale of 0-4: 3 resists an offline attack on a stolen hash for a while.
MIN_STRENGTH = 3

_context = CryptContext(schemes=["argon2"], argon2__memory_cost=19_456, argon2__time_cost=2, argon2__parallelism=1)
_slots = threading.BoundedSemaphore(2)
_waiting = 0
_count_lock = threading.Lock()
_decoy: str | None = None


class WeakPassword(InvalidInput):
    """The password must have 8 to 128 characters and not be easy to guess."""

    code = "weak_password"


def check_new_password(password: str) -> None:
    """Raises ``WeakPassword`` unless the length is allowed."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPassword


def check_strength(password: str, *known: str) -> None:
    """Raises ``WeakPassword`` when a new password is too short, too long or easy to guess.

    ``known``: words an attacker would try first (user name, e-mail, brand).
    """
    from zxcvbn import zxcvbn  # its word lists take memory nobody needs before a password is chosen

    check_new_password(password)
    # zxcvbn's time grows with the square of the length; what it would say of more characters is known.
    if zxcvbn(password[:64], user_inputs=[word for word in known if word])["score"] < MIN_STRENGTH:
        raise WeakPassword


def hash_password(password: str) -> str:
    """The argon2id hash of a new password. Raises ``WeakPassword``."""
    check_new_password(password)
    return str(_context.hash(password))


def verify_password(password: str, hashed: str) -> bool:
    """Whether the password belongs to the hash.

    An empty ``hashed`` (no such account, or an account without a password) costs the same time and is False.
    Raises ``TooManyTries`` when too many verifications already wait.
    """
    global _waiting
    if len(password) > MAX_LENGTH:
        return False
    with _count_lock:
        if _waiting >= _MAX_WAITING:
            raise TooManyTries
        _waiting += 1
    try:
        with _slots:
            if not hashed:
                _context.verify(password, _decoy_hash())
                return False
            try:
                return bool(_context.verify(password, hashed))
            except (ValueError, TypeError):  # not a hash this program wrote
                return False
    finally:
        with _count_lock:
            _waiting -= 1


def needs_update(hashed: str) -> bool:
    """Whether the hash was made with weaker settings than today's."""
    return bool(_context.needs_update(hashed))


def _decoy_hash() -> str:
    global _decoy
    if _decoy is None:
        _decoy = str(_context.hash("a password nobody has"))
    return _decoy
