"""Signatures, replays and sealed credentials."""

from __future__ import annotations

import hashlib
import hmac
from functools import partial
from typing import Any

import pytest

from node_service import protocol
from node_service.protocol import NodeKey, ProtocolError, ReplayCache, RequestVerifier, seal

SECRET = "a-secret-of-the-test-node"
BODY = b'{"tasks":[]}'
PATH = "/api/execute"
NOW = 1_800_000_000_000


def headers(
    *, secret: str = SECRET, ts_ms: int = NOW, nonce: str = "n" * 24, body: bytes = BODY, path: str = PATH
) -> dict[str, str]:
    return {
        protocol.HEADER_TIMESTAMP: str(ts_ms),
        protocol.HEADER_NONCE: nonce,
        protocol.HEADER_SIGNATURE: protocol.sign(secret, "POST", path, body, ts_ms=ts_ms, nonce=nonce),
    }


verifier = partial(RequestVerifier, SECRET, started_ms=NOW - 3_600_000)


def refusal(check: RequestVerifier, sent: dict[str, str], body: bytes = BODY, path: str = PATH, at: int = NOW) -> str:
    with pytest.raises(ProtocolError) as caught:
        check.verify(sent, "POST", path, body, at)
    assert caught.value.status in (401, 503)
    return caught.value.code


@pytest.mark.parametrize("secret", ["short", "x" * 64, "y" * 65, "z" * 200])
def test_the_signature_is_the_documented_hmac(secret: str) -> None:
    text = f"POST\n{PATH}\n{hashlib.sha256(BODY).hexdigest()}\n{NOW}\nnonce".encode()
    expected = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    assert protocol.sign(secret, "POST", PATH, BODY, ts_ms=NOW, nonce="nonce") == expected


def test_a_signed_request_is_accepted_once() -> None:
    check = verifier()
    assert check.verify(headers(), "POST", PATH, BODY, NOW) == "n" * 24
    assert refusal(check, headers()) == "REPLAYED"
    assert refusal(check, headers(), at=NOW + 29_000) == "REPLAYED"
    assert check.verify(headers(nonce="m" * 24), "POST", PATH, BODY, NOW) == "m" * 24


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, "SIGNATURE_MISSING"),
        ({protocol.HEADER_LEGACY_TOKEN: SECRET}, "SIGNATURE_MISSING"),
        (headers(secret="another-secret"), "SIGNATURE_WRONG"),
        (headers(body=b"{}"), "SIGNATURE_WRONG"),
        (headers(path="/api/close-position"), "SIGNATURE_WRONG"),
        (headers(path=PATH + "/"), "SIGNATURE_WRONG"),
        (headers(path=PATH + "?a=1"), "SIGNATURE_WRONG"),
        (headers() | {protocol.HEADER_NONCE: "o" * 24}, "SIGNATURE_WRONG"),
        (headers() | {protocol.HEADER_TIMESTAMP: str(NOW + 1)}, "SIGNATURE_WRONG"),
        (headers() | {protocol.HEADER_SIGNATURE: "0" * 64}, "SIGNATURE_WRONG"),
        (headers() | {protocol.HEADER_SIGNATURE: "é"}, "SIGNATURE_WRONG"),
        (headers() | {protocol.HEADER_TIMESTAMP: "now"}, "TIMESTAMP_INVALID"),
        (headers() | {protocol.HEADER_TIMESTAMP: "-1"}, "TIMESTAMP_INVALID"),
        (headers() | {protocol.HEADER_TIMESTAMP: "١٨"}, "TIMESTAMP_INVALID"),
        (headers(nonce="short"), "NONCE_INVALID"),
        (headers(nonce="x" * 65), "NONCE_INVALID"),
        (headers(nonce="with space in the nonce"), "NONCE_INVALID"),
        (headers(ts_ms=NOW - 30_001), "CLOCK_SKEW"),
        (headers(ts_ms=NOW + 30_001), "CLOCK_SKEW"),
        (headers(ts_ms=NOW - 3_600_000), "CLOCK_SKEW"),
        (headers(ts_ms=NOW + 3_600_000), "CLOCK_SKEW"),
    ],
)
def test_what_is_not_ours_is_refused(sent: dict[str, str], code: str) -> None:
    assert refusal(verifier(), sent) == code


@pytest.mark.parametrize("offset_ms", [-29_000, -1000, 1000, 29_000])
def test_small_clock_differences_are_accepted(offset_ms: int) -> None:
    assert verifier().verify(headers(ts_ms=NOW + offset_ms), "POST", PATH, BODY, NOW)


def test_what_was_signed_before_the_start_is_refused() -> None:
    check = RequestVerifier(SECRET, started_ms=NOW)
    assert refusal(check, headers(ts_ms=NOW - 1)) == "BEFORE_START"


def test_refusals_are_authentic_only_for_who_holds_the_secret() -> None:
    check = verifier()
    check.verify(headers(), "POST", PATH, BODY, NOW)
    for sent, authentic in ((headers(), True), (headers(ts_ms=NOW - 60_000), True), (headers(secret="no"), False)):
        with pytest.raises(ProtocolError) as caught:
            check.verify(sent, "POST", PATH, BODY, NOW)
        assert caught.value.authentic is authentic


def test_strangers_cannot_fill_the_replay_cache() -> None:
    check = verifier(capacity=3)
    for index in range(20):
        assert refusal(check, headers(secret="no", nonce=f"{index:024d}")) == "SIGNATURE_WRONG"
    assert check.verify(headers(), "POST", PATH, BODY, NOW)


def test_a_full_replay_cache_refuses_and_never_forgets_early() -> None:
    cache = ReplayCache(window_ms=30_000, capacity=4)
    for index in range(4):
        cache.accept(f"n{index}", NOW)
    with pytest.raises(ProtocolError, match="Too many"):
        cache.accept("n4", NOW + 59_000)
    with pytest.raises(ProtocolError, match="already received"):
        cache.accept("n0", NOW + 100_000)
    for index in range(4):
        cache.accept(f"later{index}", NOW + 300_000)


def test_a_nonce_is_remembered_for_the_whole_window_at_every_turn() -> None:
    for start in range(0, 60_000, 7_000):
        cache = ReplayCache(window_ms=30_000)
        cache.accept("first", NOW)
        cache.accept("probe", NOW + start)
        with pytest.raises(ProtocolError):
            cache.accept("probe", NOW + start + 59_999)


def test_the_old_token_works_only_when_switched_on() -> None:
    token = {protocol.HEADER_LEGACY_TOKEN: SECRET}
    assert verifier(legacy_token=True).verify(token, "POST", PATH, BODY, NOW) == ""
    assert refusal(verifier(legacy_token=True), {protocol.HEADER_LEGACY_TOKEN: "no"}) == "SIGNATURE_MISSING"


def test_a_reply_is_bound_to_secret_status_path_body_and_nonce() -> None:
    answer = b'{"success":true}'
    sent = protocol.reply_headers(SECRET, 200, PATH, answer, "n" * 24)
    stamp, signature = sent[protocol.HEADER_TIMESTAMP], sent[protocol.HEADER_REPLY_SIGNATURE]
    genuine: dict[str, Any] = {
        "secret": SECRET, "status": 200, "path": PATH, "body": answer, "timestamp": stamp, "signature": signature, "nonce": "n" * 24,
    }  # fmt: skip
    assert protocol.verify_reply(**genuine) == int(stamp)
    for name, forged in (
        ("secret", "other"), ("status", 401), ("path", "/api/other"), ("body", answer + b" "), ("timestamp", str(int(stamp) + 1)),
        ("timestamp", ""), ("signature", "0" * 64), ("signature", ""), ("nonce", "m" * 24),
    ):  # fmt: skip
        with pytest.raises(ProtocolError, match="not signed by this node"):
            protocol.verify_reply(**genuine | {name: forged})


def test_a_request_signature_is_no_reply_signature() -> None:
    sent = headers()
    with pytest.raises(ProtocolError):
        protocol.verify_reply(
            SECRET, 200, PATH, BODY, timestamp=sent[protocol.HEADER_TIMESTAMP],
            signature=sent[protocol.HEADER_SIGNATURE], nonce="n" * 24,
        )  # fmt: skip


# --- sealed credentials -------------------------------------------------------------------------------------------

KEYS = {"api_key": "the-key", "api_secret": "the-secret", "passphrase": None}


def test_only_the_node_opens_what_was_sealed_for_it() -> None:
    key = NodeKey()
    box = seal(key.public_key, KEYS, account_id=5, node_code="n1")
    assert key.open(box, account_id=5, node_code="n1") == KEYS
    assert "the-secret" not in box
    assert box != seal(key.public_key, KEYS, account_id=5, node_code="n1")


@pytest.mark.parametrize(("account_id", "node_code"), [(6, "n1"), (5, "n2"), (5, "")])
def test_a_box_is_bound_to_account_and_node(account_id: int, node_code: str) -> None:
    key = NodeKey()
    box = seal(key.public_key, KEYS, account_id=5, node_code="n1")
    with pytest.raises(ProtocolError) as caught:
        key.open(box, account_id=account_id, node_code=node_code)
    assert caught.value.code == "SEALED_WRONG_RECIPIENT"


def test_another_key_and_damage_are_told_apart() -> None:
    key, other = NodeKey(), NodeKey()
    box = seal(key.public_key, KEYS, account_id=5, node_code="n1")
    cases = [
        (other, box, "SEALED_KEY_STALE"),
        (key, box[:-8] + "AAAAAAA=", "SEALED_BAD"),
        (key, box.partition(".")[0] + ".not base64", "SEALED_BAD"),
        (key, "rubbish", "SEALED_BAD"),
        (key, "", "SEALED_BAD"),
    ]
    for opener, sealed, code in cases:
        with pytest.raises(ProtocolError) as caught:
            opener.open(sealed, account_id=5, node_code="n1")
        assert caught.value.code == code


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'"x"', b"\xff", b"NaN", b"[" * 5000])
def test_anything_but_a_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        protocol.loads(raw)
    assert (caught.value.code, caught.value.status) == ("BAD_JSON", 400)
