"""Signatures, windows, networks, periods."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus, unquote, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.errors import InvalidInput
from backend.merchant import rules

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=6)
BODY = st.binary(max_size=40)
SECRET = "5e" * 32


def text_of(query: str = "", body: bytes = b"", **changes: str) -> str:
    values = {"method": "GET", "path": "/merchant/balance", "timestamp": "1790000000", "nonce": "n" * 16, **changes}
    method, path = values.pop("method"), values.pop("path")
    return rules.canonical_string(method, path, query, body, **values)


def test_a_signature_worked_out_by_hand() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    text = f"GET\n/merchant/users\nemail=a%40b.example&page=2\n{empty}\n1790000000\n0123456789abcdef"
    query = "page=2&email=a@b.example"
    assert text_of(query, path="/merchant/users", nonce="0123456789abcdef") == text
    assert rules.sign("secret", text) == hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()


def test_pairs_are_sorted_by_name_and_then_by_value() -> None:
    assert rules.canonical_query([("b", "1"), ("a-b", "x"), ("a", "2"), ("a", "10")]) == "a=10&a=2&a-b=x&b=1"
    assert rules.canonical_query([]) == ""
    assert rules.canonical_query([("q", "~-._ +/%é")]) == "q=~-._%20%2B%2F%25%C3%A9"


@given(PAIRS)
def test_client_and_server_agree_however_the_query_is_encoded(pairs: list[tuple[str, str]]) -> None:
    assume(all(name or value for name, value in pairs))
    plain = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in pairs)
    plus = urlencode(pairs, quote_via=quote_plus)
    lower = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in reversed(pairs)).replace("%C", "%c")
    assert text_of(plain) == text_of(plus) == text_of(lower)
    assert [(unquote(n), unquote(v)) for n, _, v in (one.partition("=") for one in plain.split("&") if one)] == pairs


@given(PAIRS, BODY, PAIRS, BODY)
def test_different_meanings_never_share_a_canonical_string(
    pairs: list[tuple[str, str]], body: bytes, other: list[tuple[str, str]], other_body: bytes
) -> None:
    assume(all(name or value for name, value in (*pairs, *other)))
    same = sorted(pairs) == sorted(other) and body == other_body
    assert (text_of(urlencode(pairs), body) == text_of(urlencode(other), other_body)) == same


@given(st.data())
def test_any_change_of_any_part_changes_the_signature(data: st.DataObject) -> None:
    parts = {"method": "POST", "path": "/merchant/user/recharge", "timestamp": "1790000000", "nonce": "abcdefgh12345678"}
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, len(parts[name]) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789/._-%"))
    changed = parts[name][:place] + letter + parts[name][place + 1 :]
    assume(changed.upper() != parts[name].upper() if name == "method" else changed != parts[name])
    first = rules.sign(SECRET, text_of(body=b"amount=1", **parts))
    assert rules.sign(SECRET, text_of(body=b"amount=1", **{**parts, name: changed})) != first


@pytest.mark.parametrize("query", ["a=%ff", "a=%c3", "&".join(f"a{n}=1" for n in range(101))])
def test_unreadable_queries_have_no_canonical_form(query: str) -> None:
    with pytest.raises(rules.BadPairs):
        text_of(query)


def test_a_parameter_given_twice_is_refused() -> None:
    # The canonical string sorts values, so it could not tell which one came last.
    assert text_of("a=1&a=2") == text_of("a=2&a=1")
    with pytest.raises(rules.BadPairs):
        rules.as_mapping(rules.read_pairs("a=1&a=2"))


def test_the_window_ends_after_exactly_300_seconds() -> None:
    assert rules.in_window(1_000_300, 1_000_000) and rules.in_window(1_000_000, 1_000_300)
    assert not rules.in_window(1_000_301, 1_000_000) and not rules.in_window(1_000_000, 1_000_301)


@pytest.mark.parametrize("text", ["", "x", "-1", "+1", "1.0", " 1", "１", "1e9", "1" * 13, "0x10", "1_0"])
def test_only_plain_digits_are_a_timestamp(text: str) -> None:
    assert rules.seconds_of(text) is None


def test_nonces_have_16_to_64_visible_characters() -> None:
    assert rules.is_nonce("a" * 16) and rules.is_nonce("~" * 64)
    assert not any(rules.is_nonce(text) for text in ("a" * 15, "a" * 65, "a" * 15 + " ", "a" * 15 + "é", "a" * 16 + "\n"))


def test_the_legacy_signature() -> None:
    assert rules.sign_legacy("k", "1", "s") == hashlib.md5(b"k1s").hexdigest()


def test_networks() -> None:
    assert rules.normal_networks([" 203.0.113.7 ", "10.1.2.3/8", "", "::1"]) == ["10.0.0.0/8", "203.0.113.7/32", "::1/128"]
    for bad in ("x", "1.2.3", "1.2.3.4/33", "localhost"):
        with pytest.raises(InvalidInput):
            rules.normal_networks([bad])
    allowed = ["10.0.0.0/8", "::1/128"]
    assert rules.ip_allowed("10.9.9.9", allowed) and rules.ip_allowed("::ffff:10.0.0.1", allowed)
    assert not rules.ip_allowed("11.0.0.1", allowed) and not rules.ip_allowed("", allowed)
    assert rules.ip_allowed("anything", [])


def test_periods_and_what_is_left_of_them() -> None:
    moment = datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC)
    assert rules.periods(moment) == ("2026-01", "2026-01-31")
    assert rules.seconds_left(moment, whole_month=False) == rules.seconds_left(moment, whole_month=True) == 30
    assert rules.seconds_left(datetime(2028, 2, 1, tzinfo=UTC), whole_month=True) == 29 * 86_400


@given(st.lists(TEXT, min_size=1, max_size=4), st.lists(TEXT, min_size=1, max_size=4))
def test_digests_of_different_parts_differ(first: list[str], second: list[str]) -> None:
    assert (rules.digest(*first) == rules.digest(*second)) == (first == second)
