"""The wire between the centre and its nodes: signatures, sealed credentials, replay defence. The only copy.

Request bodies and their strict parsing are in `messages.py`; this file is about who may speak.

A request carries `X-IB-Timestamp` (ms), `X-IB-Nonce` (16-64 characters) and `X-IB-Signature`, the hex HMAC-SHA256 over
`METHOD\\nPATH\\nsha256hex(body)\\ntimestamp\\nnonce` with the secret shared by centre and node. PATH includes a query.
The reply carries its own timestamp and `X-IB-Reply-Signature`, made the same way with `REPLY <status>` in place of the
method and the nonce of the request, so a reply can neither be forged nor be moved to another request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

PROTOCOL_VERSION: Final = 1
WINDOW_MS: Final = 30_000
MAX_BODY_BYTES: Final = 8 * 1024 * 1024

HEADER_TIMESTAMP: Final = "X-IB-Timestamp"
HEADER_NONCE: Final = "X-IB-Nonce"
HEADER_SIGNATURE: Final = "X-IB-Signature"
HEADER_REPLY_SIGNATURE: Final = "X-IB-Reply-Signature"
HEADER_LEGACY_TOKEN: Final = "X-Center-Token"  # noqa: S105 - the name of a header

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_TIMESTAMP = re.compile(r"[0-9]{1,16}")


class ProtocolError(Exception):
    """A request or reply that is refused before anything was done.

    `code` is stable and machine-readable, `status` the HTTP status, `message` a sentence that says what to do.
    """

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.authentic = False  # refused, but the sender did hold the secret: the refusal may be signed

    def body(self) -> dict[str, str]:
        """The error as the JSON object that goes over the wire."""
        detail = "Unauthorized" if self.status == 401 else self.message
        return {"detail": detail, "code": self.code, "message": self.message}


def now_ms() -> int:
    """Wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


def new_nonce() -> str:
    """A fresh request nonce of 24 characters."""
    return secrets.token_urlsafe(18)


def dumps(value: Any) -> bytes:
    """JSON bytes. Decimals are written as strings, so no number is ever rounded on the wire."""
    return orjson.dumps(value, default=str)


def loads(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; raises `ProtocolError` BAD_JSON if it is anything else."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ProtocolError("BAD_JSON", 400, "The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise ProtocolError("BAD_JSON", 400, "The body must be a JSON object.")
    return value


# --- signatures ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _hmac_states(key: bytes) -> tuple[Any, Any]:
    """HMAC-SHA256 with the key already taken in: half the cost of starting anew for each short message."""
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return hashlib.sha256(bytes(x ^ 0x36 for x in block)), hashlib.sha256(bytes(x ^ 0x5C for x in block))


def sign(secret: str | bytes, method: str, path: str, body: bytes, *, ts_ms: int, nonce: str) -> str:
    """The hex signature of one request."""
    start, finish = _hmac_states(secret.encode() if isinstance(secret, str) else secret)
    digest = hashlib.sha256(body).hexdigest()
    inner = start.copy()
    inner.update(f"{method}\n{path}\n{digest}\n{ts_ms}\n{nonce}".encode())
    outer = finish.copy()
    outer.update(inner.digest())
    signature: str = outer.hexdigest()
    return signature


def sign_reply(secret: str | bytes, status: int, path: str, body: bytes, *, ts_ms: int, nonce: str) -> str:
    """The hex signature of the reply to the request that carried `nonce`."""
    return sign(secret, f"REPLY {status}", path, body, ts_ms=ts_ms, nonce=nonce)


def signed_headers(secret: str | bytes, method: str, path: str, body: bytes) -> tuple[dict[str, str], str]:
    """Headers that sign one request now, and the nonce the reply must answer."""
    ts_ms, nonce = now_ms(), new_nonce()
    signature = sign(secret, method, path, body, ts_ms=ts_ms, nonce=nonce)
    return {HEADER_TIMESTAMP: str(ts_ms), HEADER_NONCE: nonce, HEADER_SIGNATURE: signature}, nonce


def reply_headers(secret: str | bytes, status: int, path: str, body: bytes, nonce: str) -> dict[str, str]:
    """Headers that sign one reply now."""
    ts_ms = now_ms()
    return {
        HEADER_TIMESTAMP: str(ts_ms),
        HEADER_REPLY_SIGNATURE: sign_reply(secret, status, path, body, ts_ms=ts_ms, nonce=nonce),
    }


class ReplayCache:
    """Remembers the nonces of the last one to two windows in two generations of sets.

    When full it refuses: forgetting a nonce early would let its request be sent again.
    """

    def __init__(self, window_ms: int = WINDOW_MS, capacity: int = 200_000) -> None:
        self._period_ms = 2 * window_ms
        self._capacity = capacity
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._turned_at_ms = 0

    def accept(self, nonce: str, at_ms: int) -> None:
        """Take `nonce`; raises `ProtocolError` REPLAYED or REPLAY_CACHE_FULL."""
        if at_ms - self._turned_at_ms >= self._period_ms:
            idle = at_ms - self._turned_at_ms >= 2 * self._period_ms
            self._old, self._young = (set() if idle else self._young), set()
            self._turned_at_ms = at_ms
        if nonce in self._young or nonce in self._old:
            raise ProtocolError("REPLAYED", 401, "This request was already received; sign it again to repeat it.")
        if len(self._young) + len(self._old) >= self._capacity:
            raise ProtocolError("REPLAY_CACHE_FULL", 503, "Too many requests in one minute; send again later.")
        self._young.add(nonce)


class RequestVerifier:
    """Decides whether a request comes from the holder of the secret, is fresh, and is seen for the first time."""

    def __init__(
        self,
        secret: str,
        *,
        started_ms: int | None = None,
        window_ms: int = WINDOW_MS,
        capacity: int = 200_000,
        legacy_token: bool = False,
    ) -> None:
        self._key = secret.encode()
        self._window_ms = window_ms
        self._started_ms = now_ms() if started_ms is None else started_ms
        self._replays = ReplayCache(window_ms, capacity)
        self._legacy_token = legacy_token

    def verify(self, headers: Mapping[str, str], method: str, path: str, body: bytes, at_ms: int | None = None) -> str:
        """The nonce of an acceptable request (empty for a legacy token); raises `ProtocolError` otherwise.

        Codes, all HTTP 401: SIGNATURE_MISSING, TIMESTAMP_INVALID, NONCE_INVALID, SIGNATURE_WRONG, CLOCK_SKEW,
        BEFORE_START, REPLAYED; the last three are `authentic`. The nonce is taken only after the signature proved right, so that strangers
        cannot fill the cache.
        """
        at_ms = now_ms() if at_ms is None else at_ms
        signature = headers.get(HEADER_SIGNATURE, "")
        timestamp, nonce = headers.get(HEADER_TIMESTAMP, ""), headers.get(HEADER_NONCE, "")
        if not signature:
            if self._legacy_token and self._token_matches(headers.get(HEADER_LEGACY_TOKEN, "")):
                return ""
            raise ProtocolError("SIGNATURE_MISSING", 401, "The request is not signed.")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise ProtocolError("TIMESTAMP_INVALID", 401, f"{HEADER_TIMESTAMP} must be epoch milliseconds.")
        if not _NONCE.fullmatch(nonce):
            raise ProtocolError("NONCE_INVALID", 401, f"{HEADER_NONCE} must be 16-64 characters of [A-Za-z0-9_-].")
        ts_ms = int(timestamp)
        expected = sign(self._key, method, path, body, ts_ms=ts_ms, nonce=nonce)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise ProtocolError("SIGNATURE_WRONG", 401, "The signature does not match; check the node secret.")
        try:
            self._check_fresh(ts_ms, at_ms)
            self._replays.accept(nonce, at_ms)
        except ProtocolError as error:
            error.authentic = True
            raise
        return nonce

    def begin_anew(self) -> None:
        """Refuse what was signed before now, as after a start: the process was paused, and whoever asked has given up."""
        self._started_ms = now_ms()

    def _check_fresh(self, ts_ms: int, at_ms: int) -> None:
        if abs(at_ms - ts_ms) > self._window_ms:
            raise ProtocolError(
                "CLOCK_SKEW", 401, f"The request is {(at_ms - ts_ms) / 1000:.0f} s away from this node's clock."
            )
        if ts_ms < self._started_ms:
            raise ProtocolError("BEFORE_START", 401, "The request is older than this node; sign and send it again.")

    def _token_matches(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._key)


def verify_reply(
    secret: str | bytes, status: int, path: str, body: bytes, *, timestamp: str, signature: str, nonce: str
) -> int:
    """The node's clock (ms) in a genuine reply; raises `ProtocolError` REPLY_UNVERIFIED.

    Freshness needs no window here: the reply answers a nonce that was made for this one request.
    """
    if timestamp and len(timestamp) <= 16 and timestamp.isascii() and timestamp.isdigit():
        ts_ms = int(timestamp)
        expected = sign_reply(secret, status, path, body, ts_ms=ts_ms, nonce=nonce)
        if signature and signature.isascii() and hmac.compare_digest(expected, signature):
            return ts_ms
    raise ProtocolError("REPLY_UNVERIFIED", 502, "The reply is not signed by this node; it was not believed.")


# --- sealed credentials -------------------------------------------------------------------------------------------


class NodeKey:
    """The node's key pair for sealed credentials, from a seed of 32 bytes; without one a fresh pair.

    The centre pins the public key. A task sealed for another key is refused with SEALED_KEY_STALE.
    """

    def __init__(self, seed: bytes | None = None) -> None:
        from nacl.public import PrivateKey  # the centre's in-process executor never needs it

        self._private = PrivateKey(seed) if seed is not None else PrivateKey.generate()
        self.public_key = base64.b64encode(bytes(self._private.public_key)).decode()

    def decrypt(self, box: bytes) -> bytes:
        """The content of a sealed box; raises `nacl.exceptions.CryptoError`."""
        from nacl.public import SealedBox

        return bytes(SealedBox(self._private).decrypt(box))

    @property
    def key_id(self) -> str:
        """Short name of the public key."""
        return key_id(self.public_key)

    def open(self, sealed: str, *, account_id: int, node_code: str) -> dict[str, Any]:
        """The credentials in `sealed`: {api_key, api_secret, passphrase}.

        Raises `ProtocolError` SEALED_BAD, SEALED_KEY_STALE, or SEALED_WRONG_RECIPIENT when the box was made for
        another account or node.
        """
        from nacl.exceptions import CryptoError

        key_name, _, payload = sealed.partition(".")
        if not payload:
            raise ProtocolError("SEALED_BAD", 422, "The sealed credentials are malformed.")
        if key_name != self.key_id:
            raise ProtocolError("SEALED_KEY_STALE", 409, "Sealed for another key; read the node's public key again.")
        try:
            plain = self.decrypt(base64.b64decode(payload, validate=True))
            content = orjson.loads(plain)
        except (CryptoError, binascii.Error, ValueError):
            raise ProtocolError("SEALED_BAD", 422, "The sealed credentials cannot be opened.") from None
        if not isinstance(content, dict):
            raise ProtocolError("SEALED_BAD", 422, "The sealed credentials are malformed.")
        if content.get("account_id") != account_id or content.get("node_code") != node_code:
            raise ProtocolError(
                "SEALED_WRONG_RECIPIENT", 403, "The credentials were sealed for another account or node."
            )
        return {name: content.get(name) for name in ("api_key", "api_secret", "passphrase")}


def derived_seed(secret: str) -> bytes:
    """The seed of a node that was given no key of its own: it follows from the secret shared with the centre, so both
    sides know the pair without asking. Whoever only listens knows neither."""
    return hmac.digest(secret.encode(), b"ironbull node key 1", "sha256")


@lru_cache(maxsize=4096)
def derived_public_key(secret: str) -> str:
    """The public key that belongs to `derived_seed`, base64."""
    return NodeKey(derived_seed(secret)).public_key


def open_text(key: NodeKey, sealed: str) -> str:
    """The text of `seal_text`; raises `ProtocolError` SEALED_BAD."""
    from nacl.exceptions import CryptoError

    try:
        return key.decrypt(base64.b64decode(sealed, validate=True)).decode()
    except (CryptoError, binascii.Error, ValueError):
        raise ProtocolError("SEALED_BAD", 422, "The sealed text cannot be opened.") from None


def seal_text(public_key: str, text: str) -> str:
    """Any text that only the holder of a key can read, base64. Raises `ValueError` for a malformed key."""
    from nacl.exceptions import CryptoError
    from nacl.public import PublicKey, SealedBox

    try:
        box = SealedBox(PublicKey(base64.b64decode(public_key, validate=True)))
    except (CryptoError, binascii.Error, TypeError) as error:
        raise ValueError("not a public key") from error
    return base64.b64encode(box.encrypt(text.encode())).decode()


def key_id(public_key: str) -> str:
    """Short name of a public key: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(public_key.encode()).hexdigest()[:12]


def seal(public_key: str, credentials: Mapping[str, Any], *, account_id: int, node_code: str) -> str:
    """Credentials for one account that only one node can read: `<key id>.<base64 sealed box>`.

    `public_key` is the base64 text of the node's `/health`; `credentials` holds api_key, api_secret, passphrase. The
    box gives secrecy, not the sender's identity: that is the signature around the request.
    """
    from nacl.public import PublicKey, SealedBox

    content = {
        "v": PROTOCOL_VERSION,
        "account_id": account_id,
        "node_code": node_code,
        **{name: credentials.get(name) for name in ("api_key", "api_secret", "passphrase")},
    }
    box = SealedBox(PublicKey(base64.b64decode(public_key, validate=True)))
    return f"{key_id(public_key)}.{base64.b64encode(box.encrypt(orjson.dumps(content))).decode()}"
