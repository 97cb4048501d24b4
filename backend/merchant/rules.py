"""Signatures, periods and names of the merchant API. Pure.

Version 2 signs ``METHOD \\n path \\n query \\n sha256hex(body) \\n timestamp \\n nonce``. The query is rebuilt from its
decoded pairs, so client and server agree whatever the order and the style of percent-encoding on the wire.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import parse_qsl, quote

from backend.errors import InvalidInput

WINDOW_S = 300
MAX_PAIRS = 100
SIGN_VERSION = "2"

RISK_LABELS = {1: "稳健", 2: "均衡", 3: "激进"}
LEVERAGES = (5, 10, 20, 50, 75, 100)
REWARD_NAMES = {"direct": "直推奖", "level_diff": "级差奖", "peer": "平级奖"}
TENANT_CHANGES = {1: "后台充值", 2: "后台赠送", 3: "分发给用户"}
USER_CHANGES = {1: "充值", 2: "赠送", 3: "转出", 4: "转入", 5: "盈利扣费"}
CARD_NAMES = {1: "自充", 2: "赠送"}

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[\x21-\x7e]{16,64}")
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


class BadPairs(InvalidInput):
    """The parameters cannot be read: bad encoding, too many, or one is given twice."""

    code = "bad_parameters"


def read_pairs(text: bytes | str) -> list[tuple[str, str]]:
    """The decoded pairs of a query string or a form, as sent. Raises ``BadPairs``."""
    try:
        plain = text.decode("ascii") if isinstance(text, bytes) else text
        return parse_qsl(plain, keep_blank_values=True, max_num_fields=MAX_PAIRS, encoding="utf-8", errors="strict")
    except ValueError as error:  # bad UTF-8 and too many fields alike
        raise BadPairs from error


def as_mapping(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Pairs by name. A repeated name is refused: its order is not signed. Raises ``BadPairs``."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadPairs("A parameter is given twice.")
    return found


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Percent-encoded pairs (only letters, digits and ``-._~`` stay as they are), sorted by name, then value."""
    encoded = sorted((quote(name, safe="-._~"), quote(value, safe="-._~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def canonical_string(method: str, path: str, query: str, body: bytes, *, timestamp: str, nonce: str) -> str:
    """What version 2 signs. ``path`` as sent on the wire, ``query`` without the question mark. Raises ``BadPairs``."""
    body_hash = hashlib.sha256(body).hexdigest()
    return "\n".join([method.upper(), path, canonical_query(read_pairs(query)), body_hash, timestamp, nonce])


def sign(secret: str, text: str) -> str:
    """Lowercase hex HMAC-SHA256."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def sign_legacy(app_key: str, timestamp: str, secret: str) -> str:
    """The old signature: MD5 over key, time and secret. It covers neither path nor body."""
    return hashlib.md5(f"{app_key}{timestamp}{secret}".encode(), usedforsecurity=False).hexdigest()


def same(given: str, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def seconds_of(timestamp: str) -> int | None:
    """A timestamp header as whole seconds; None when it is not one."""
    return int(timestamp) if _TIMESTAMP.fullmatch(timestamp) else None


def in_window(now_s: int, seconds: int) -> bool:
    """Whether a timestamp is at most 300 seconds away, in either direction."""
    return abs(now_s - seconds) <= WINDOW_S


def is_nonce(text: str) -> bool:
    """16 to 64 visible ASCII characters."""
    return _NONCE.fullmatch(text) is not None


def is_idempotency_key(text: str) -> bool:
    """1 to 255 printable ASCII characters."""
    return _KEY.fullmatch(text) is not None


def digest(*parts: object) -> str:
    """SHA-256 of parts, each with its length so that no two lists of parts collide."""
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def normal_networks(values: Iterable[str]) -> list[str]:
    """Addresses and networks as they are stored, sorted. Raises ``InvalidInput`` naming the bad one."""
    found = set()
    for value in values:
        text = value.strip()
        if not text:
            continue
        try:
            found.add(str(ipaddress.ip_network(text, strict=False)))
        except ValueError:
            raise InvalidInput(f"{text[:60]} is neither an address nor a network such as 203.0.113.0/24.") from None
    if len(found) > 50:
        raise InvalidInput("At most 50 addresses or networks can be listed.")
    return sorted(found)


def ip_allowed(address: str, networks: Sequence[str]) -> bool:
    """Whether the address lies in one of the networks; an empty list allows all."""
    if not networks:
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return any(mapped in ipaddress.ip_network(network) for network in networks)


# Quota ----------------------------------------------------------------------------------------------------


def periods(now: datetime) -> tuple[str, str]:
    """(month, day) of a moment in UTC, as usage is counted."""
    day = now.astimezone(UTC).date().isoformat()
    return day[:7], day


def seconds_left(now: datetime, whole_month: bool) -> int:
    """Seconds until the UTC day or month ends, at least 1."""
    start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = start + timedelta(days=1)
    if whole_month:
        end = (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return max(1, int((end - now).total_seconds()))


# How values are shown -------------------------------------------------------------------------------------


def money(value: Decimal, places: int = 2) -> str:
    """A decimal string with that many places."""
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"


def shown(moment: datetime | None) -> str | None:
    """``YYYY-MM-DD HH:MM:SS`` in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else None


def masked(hint: str) -> str:
    """A key of which only the last four characters are known."""
    return f"****{hint[-4:]}" if hint else ""
