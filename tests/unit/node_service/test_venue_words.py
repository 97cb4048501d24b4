"""Refusals of the venues sorted by what to do, and replies that must not be believed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from node_service.dialects import DIALECTS
from node_service.errors import Kind, VenueError, classify
from node_service.figures import Market
from node_service.venues import VENUES, venue_client_id


class ExchangeError(Exception):
    """Named as the exchange library names an answer it has no class for."""


def told(code: str, body: str, kind: Kind = Kind.WRITE) -> tuple[str, str]:
    venue = VENUES[code]
    found = classify(ExchangeError(body), kind, http_status=200, codes=venue.errors, unsure=venue.unsure)
    return str(found.reaction), found.error_code


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        ("okx", '{"code":"1","data":[{"sCode":"51008","sMsg":"Insufficient"}]}', ("FIX_INPUT", "INSUFFICIENT_FUNDS")),
        ("okx", '{"code":"50004","msg":"API endpoint request timeout"}', ("UNKNOWN_OUTCOME", "VENUE_UNSURE")),
        ("okx", '{"code":"1","data":[{"sCode":"51999","sMsg":"new"}]}', ("FIX_INPUT", "ORDER_REFUSED")),
        ("gate", '{"label":"REDUCE_EXCEEDED","message":"x"}', ("FIX_INPUT", "POSITION_FLAT")),
        ("gate", '{"label":"SERVER_ERROR","message":"x"}', ("UNKNOWN_OUTCOME", "VENUE_UNSURE")),
        ("bybit", '{"retCode":110043,"retMsg":"not modified"}', ("TREAT_AS_OK", "ALREADY_SET")),
        ("bybit", '{"retCode":10016,"retMsg":"internal"}', ("UNKNOWN_OUTCOME", "VENUE_UNSURE")),
        ("bitget", '{"code":"40786","msg":"Duplicate clientOid"}', ("FIX_INPUT", "DUPLICATE_CLIENT_ID")),
        ("bitget", '{"code":"40009","msg":"sign signature error"}', ("STOP_BOT", "SECRET_WRONG")),
        ("hyperliquid", '{"error":"Insufficient margin to place order."}', ("FIX_INPUT", "INSUFFICIENT_FUNDS")),
    ],
)
def test_a_refusal_has_its_meaning(code: str, body: str, expected: tuple[str, str]) -> None:
    assert told(code, body) == expected


@pytest.mark.parametrize("code", ["okx", "gate", "bybit", "bitget", "hyperliquid"])
def test_a_broken_answer_without_code_leaves_a_write_unknown(code: str) -> None:
    assert told(code, "<html>bad gateway</html>")[0] == "UNKNOWN_OUTCOME"


@pytest.mark.parametrize("code", DIALECTS)
@pytest.mark.parametrize("reply", [{}, {"data": None}, {"result": {}}, {"assetPositions": None}, "", None])
def test_an_empty_answer_is_never_a_flat_account(code: str, reply: Any) -> None:
    with pytest.raises(VenueError) as caught:
        DIALECTS[code].positions_in(reply, lambda _: None)
    assert caught.value.error_code == "BAD_REPLY"


def test_ids_have_the_venues_form_and_keep_it() -> None:
    ours = "q" + "1" * 25
    forms = {code: venue_client_id(venue, ours) for code, venue in VENUES.items()}
    assert forms["gate"] == f"t-{ours}"
    assert len(forms["hyperliquid"]) == 34 and forms["hyperliquid"].startswith("0x")
    assert {forms[code] for code in ("binance", "okx", "bybit", "bitget")} == {ours}
    assert all(venue_client_id(VENUES[code], form) == form for code, form in forms.items())


@pytest.mark.parametrize("code", DIALECTS)
def test_the_difference_table_says_what_the_words_do(code: str) -> None:
    words, one = DIALECTS[code], Decimal(1)
    market = Market("BTC/USDT", "BTC/USDT:USDT", "BTC", one, one, one, None, one, one)
    venue = words.venue
    if venue.hedge_mode:
        assert len(words.leverage(market, 10, True)) == 1 + venue.leverage_per_side
    assert len(words.leverage(market, 10, False)) == 1
    assert (words.isolate(market) is None) == (venue.isolated_by in ("order", "leverage"))
    assert (words.price(market) is None) != venue.market_needs_price
    assert (words.permissions() is None) != venue.key_report
    if not venue.stop_is_order:
        assert venue.stop_client_id == all("q1" in call.params.values() for call in words.find_stop(market, "q1"))
    else:
        assert [c.endpoint for c in words.find_stop(market, "q1")] == [c.endpoint for c in words.find(market, "q1", "")]
