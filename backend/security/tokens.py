"""Bearer tokens of the HTTP doors: JWT, HS256 only, one audience and one derived key per kind.

A token names a login session by its ``jti``; the session row decides whether it still counts, so that signing out,
a changed password or a disabled account end it before it expires.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import jwt

from backend.clock import utcnow
from backend.errors import NotSignedIn

Kind = Literal["admin", "tenant", "agent"]
KINDS: tuple[Kind, ...] = ("admin", "tenant", "agent")
ISSUER = "ironbull"
LIFETIME = timedelta(hours=24)


class InvalidToken(NotSignedIn):
    """The token is not valid or has expired. Please sign in again."""

    code = "invalid_token"


@dataclass(frozen=True)
class Claims:
    """What a valid token says: who, and which session."""

    kind: Kind
    subject_id: int
    token_id: str
    expires_at_s: int


def new_token_id() -> str:
    """A fresh unguessable session name."""
    return secrets.token_urlsafe(32)


def token_hash(purpose: Literal["cookie", "bearer"], token_id: str) -> str:
    """What the session table keeps. The purpose keeps cookies and bearer tokens from being swapped."""
    return hashlib.sha256(f"{purpose}:{token_id}".encode()).hexdigest()


class TokenSigner:
    """Signs and reads tokens with keys derived from one configured secret."""

    def __init__(self, secret: str) -> None:
        self._keys = {kind: _derive(secret, f"ironbull jwt {kind} v1") for kind in KINDS}
        self._key_ids = {kind: f"{kind}-{hashlib.sha256(key).hexdigest()[:12]}" for kind, key in self._keys.items()}

    def issue(
        self,
        kind: Kind,
        subject_id: int,
        token_id: str,
        extra: dict[str, Any] | None = None,
        now: datetime | None = None,
    ) -> str:
        """A signed token, valid for 24 hours. ``extra`` adds public claims such as ``username``."""
        issued = now or utcnow()
        claims = {
            **(extra or {}),
            "iss": ISSUER,
            "aud": f"{ISSUER}:{kind}",
            "sub": str(subject_id),
            "jti": token_id,
            "iat": int(issued.timestamp()),
            "exp": int((issued + LIFETIME).timestamp()),
        }
        return jwt.encode(claims, self._keys[kind], algorithm="HS256", headers={"kid": self._key_ids[kind]})

    def read(self, token: str, kinds: tuple[Kind, ...] = KINDS) -> Claims:
        """The claims of a token of one of ``kinds``. Raises ``InvalidToken`` for everything else.

        The key is chosen from our own table by the ``kid``; no algorithm but HS256 is ever tried.
        """
        try:
            header = jwt.get_unverified_header(token)
            kind = next((kind for kind in kinds if header.get("kid") == self._key_ids[kind]), None)
            if kind is None or header.get("alg") != "HS256":
                raise InvalidToken
            claims = jwt.decode(
                token,
                self._keys[kind],
                algorithms=["HS256"],
                audience=f"{ISSUER}:{kind}",
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "jti", "aud", "iss"], "strict_aud": True},
            )
            return Claims(kind, int(claims["sub"]), str(claims["jti"]), int(claims["exp"]))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, UnicodeError, RecursionError) as error:
            raise InvalidToken from error


def _derive(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()
