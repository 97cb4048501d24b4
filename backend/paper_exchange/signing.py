"""Who sends a request: key, HMAC signature over the raw text, and its age."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from backend.paper_exchange.errors import VenueError, refuse
from backend.paper_exchange.model import Account
from backend.paper_exchange.requests import integer

DEFAULT_WINDOW_MS = 5_000
MAX_WINDOW_MS = 60_000
AHEAD_MS = 1_000


def parse_pairs(raw: str) -> dict[str, str]:
    """Query or form text as a dict; a repeated name is refused (-1101)."""
    out: dict[str, str] = {}
    for part in raw.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = unquote_plus(name), unquote_plus(value)
        if name in out:
            raise refuse(-1101)
        out[name] = value
    return out


def _unsigned(raw: str) -> str:
    return "&".join(part for part in raw.split("&") if not part.startswith("signature="))


def known_account(by_key: Mapping[str, Account], key: str | None, address: str) -> Account:
    """The account of an API key (-2014 malformed, -2015 unknown)."""
    if not key or len(key) != 64 or not key.isalnum():
        raise refuse(-2014)
    account = by_key.get(key)
    if account is None:
        raise refuse(-2015, address)
    return account


def check_signature(account: Account, params: Mapping[str, str], query: str, body: str, now_ms: int) -> None:
    """Verifies signature and timestamp of a signed request; the signed text is query + body as received."""
    given = params.get("signature")
    if not given:
        raise refuse(-1102, "signature")
    timestamp = integer(params, "timestamp")
    if timestamp is None:
        raise refuse(-1102, "timestamp")
    window = integer(params, "recvWindow", DEFAULT_WINDOW_MS)
    assert window is not None
    if window > MAX_WINDOW_MS:
        raise refuse(-1131)
    if timestamp > now_ms + AHEAD_MS:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - timestamp > window:
        raise refuse(-1021)
    signed = (_unsigned(query) + _unsigned(body)).encode()
    expected = hmac.new(account.api_secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise refuse(-1022)
