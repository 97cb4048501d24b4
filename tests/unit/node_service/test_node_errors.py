"""The classifier: what an exchange error means, from real ccxt and aiohttp exceptions."""

from __future__ import annotations

import aiohttp
import ccxt
import pytest

from node_service.errors import Kind, Reaction, VenueError, bad_reply, classify


def ccxt_error(kind: type[Exception], text: str, cause: BaseException | None = None) -> Exception:
    error = kind(text)
    error.__cause__ = cause
    return error


def with_code(code: int, kind: type[Exception] = ccxt.ExchangeError) -> Exception:
    return ccxt_error(kind, f'binanceusdm {{"code":{code},"msg":"Some text."}}')


@pytest.mark.parametrize(
    "kind", [ccxt.ExchangeError, ccxt.InvalidOrder, ccxt.OperationRejected, ccxt.InsufficientFunds]
)
@pytest.mark.parametrize(
    ("code", "reaction", "error_code"),
    [
        (-1003, Reaction.RETRY_AFTER, "RATE_LIMITED"),
        (-1008, Reaction.RETRY_AFTER, "VENUE_BUSY"),
        (-1015, Reaction.RETRY_AFTER, "RATE_LIMITED"),
        (-1021, Reaction.RETRY_AFTER, "CLOCK_SKEW"),
        (-1022, Reaction.STOP_BOT, "SECRET_WRONG"),
        (-1111, Reaction.FIX_INPUT, "BAD_SIZE"),
        (-1121, Reaction.FIX_INPUT, "UNKNOWN_SYMBOL"),
        (-2014, Reaction.STOP_BOT, "KEY_INVALID"),
        (-2015, Reaction.STOP_BOT, "KEY_INVALID"),
        (-2019, Reaction.FIX_INPUT, "INSUFFICIENT_FUNDS"),
        (-2021, Reaction.FIX_INPUT, "STOP_WOULD_TRIGGER"),
        (-2022, Reaction.FIX_INPUT, "POSITION_FLAT"),
        (-2023, Reaction.STOP_BOT, "IN_LIQUIDATION"),
        (-4046, Reaction.TREAT_AS_OK, "ALREADY_SET"),
        (-4059, Reaction.TREAT_AS_OK, "ALREADY_SET"),
        (-4061, Reaction.FIX_INPUT, "POSITION_MODE"),
        (-4116, Reaction.FIX_INPUT, "DUPLICATE_CLIENT_ID"),
        (-4120, Reaction.FIX_INPUT, "WRONG_ENDPOINT"),
        (-4164, Reaction.FIX_INPUT, "BELOW_MINIMUM"),
        (-4192, Reaction.STOP_BOT, "COOLING_OFF"),
        (-4401, Reaction.STOP_BOT, "CLOSE_ONLY"),
        (-4999, Reaction.FIX_INPUT, "ORDER_REFUSED"),
    ],
)
def test_the_number_decides_whatever_the_class(
    kind: type[Exception], code: int, reaction: Reaction, error_code: str
) -> None:
    found = classify(with_code(code, kind), Kind.WRITE, http_status=400)
    assert (found.reaction, found.error_code, found.venue_code) == (reaction, error_code, code)
    assert "{" not in found.sentence


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007])
def test_the_venues_own_doubt_is_ours(code: int) -> None:
    assert classify(with_code(code), Kind.WRITE).reaction is Reaction.UNKNOWN_OUTCOME
    assert classify(with_code(code), Kind.READ).reaction is Reaction.RETRY_READ


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_server_errors_leave_a_write_in_doubt(status: int) -> None:
    text = f"binanceusdm POST https://fapi.binance.com/fapi/v1/order {status} Some Reason <html>"
    kind = ccxt.RequestTimeout if status in (408, 504) else ccxt.ExchangeNotAvailable
    for known in (status, None):
        assert classify(ccxt_error(kind, text), Kind.WRITE, http_status=known).reaction is Reaction.UNKNOWN_OUTCOME
        assert classify(ccxt_error(kind, text), Kind.READ, http_status=known).reaction is Reaction.RETRY_READ


@pytest.mark.parametrize(
    ("status", "reaction"),
    [
        (403, Reaction.RETRY_AFTER),
        (418, Reaction.RETRY_AFTER),
        (429, Reaction.RETRY_AFTER),
        (451, Reaction.STOP_BOT),
    ],
)
def test_gatekeepers_mean_not_executed(status: int, reaction: Reaction) -> None:
    found = classify(ccxt_error(ccxt.DDoSProtection, f"binanceusdm {status} Reason "), Kind.WRITE, http_status=status)
    assert found.reaction is reaction
    assert (found.retry_after_s > 0) == (reaction is Reaction.RETRY_AFTER)


def test_refused_connection_and_reset_are_told_apart_by_the_cause() -> None:
    key = aiohttp.client_reqrep.ConnectionKey("h", 1, False, True, None, None, None)
    refused = aiohttp.ClientConnectorError(key, OSError(111, "refused"))
    text = "binanceusdm POST http://h:1/fapi/v1/order"
    sent = ccxt_error(ccxt.ExchangeNotAvailable, text, aiohttp.ServerDisconnectedError())
    unsent = ccxt_error(ccxt.ExchangeNotAvailable, text, refused)
    assert classify(sent, Kind.WRITE).reaction is Reaction.UNKNOWN_OUTCOME
    assert (classify(unsent, Kind.WRITE).reaction, classify(unsent, Kind.WRITE).error_code) == (
        Reaction.RETRY_AFTER, "NOT_REACHED",
    )  # fmt: skip
    assert classify(unsent, Kind.READ).reaction is Reaction.RETRY_READ


@pytest.mark.parametrize(
    "error",
    [
        ccxt_error(ccxt.RequestTimeout, "binanceusdm POST http://h/fapi/v1/order", TimeoutError()),
        TimeoutError(),
        ConnectionResetError(),
        AttributeError("'str' object has no attribute 'get'"),
        ccxt.NetworkError("x"),
        ccxt.BadResponse("x"),
        ccxt.NullResponse("x"),
        ccxt.ExchangeError("x"),
        ccxt.OperationFailed("x"),
    ],
)
def test_everything_unclear_is_unknown_for_a_write(error: Exception) -> None:
    assert classify(error, Kind.WRITE).reaction is Reaction.UNKNOWN_OUTCOME
    assert classify(error, Kind.READ).reaction is Reaction.RETRY_READ


def test_message_matches_that_hide_the_number_are_read_by_class() -> None:
    funds = ccxt.InsufficientFunds("binanceusdm Account has insufficient balance for requested action.")
    assert classify(funds, Kind.WRITE, http_status=400).error_code == "INSUFFICIENT_FUNDS"
    assert classify(ccxt.MarginModeAlreadySet("x"), Kind.WRITE).reaction is Reaction.TREAT_AS_OK
    assert classify(ccxt.OrderNotFound("x"), Kind.READ).error_code == "ORDER_NOT_FOUND"


def test_the_address_to_allow_is_shown_and_nothing_else() -> None:
    text = 'binanceusdm {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action, request ip: 203.0.113.9"}'
    found = classify(ccxt.AuthenticationError(text), Kind.WRITE, http_status=401)
    assert "203.0.113.9" in found.sentence
    assert "203.0.113.9" not in classify(with_code(-2015), Kind.WRITE).sentence


def test_no_text_of_the_exchange_reaches_the_user() -> None:
    secret = "binanceusdm GET https://fapi/fapi/v1/order?signature=canary&timestamp=1 500 oops canary"
    for kind in (ccxt.ExchangeNotAvailable, ccxt.ExchangeError, ccxt.BadRequest, ccxt.AuthenticationError):
        for request in Kind:
            assert "canary" not in str(classify(kind(secret), request))


def test_a_senseless_reply_is_data_error_or_doubt() -> None:
    assert bad_reply(Kind.WRITE, "x").reaction is Reaction.UNKNOWN_OUTCOME
    assert bad_reply(Kind.READ, "x").reaction is Reaction.RETRY_READ
    assert isinstance(bad_reply(Kind.READ, "x"), VenueError)
