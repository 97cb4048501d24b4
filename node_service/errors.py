"""What an exchange's error means and what to do about it. One classifier for every venue.

Decided from the numeric code, the HTTP status, the exception class, the cause of the exception and the kind of
request, never from the class alone: on a venue address other than the real one ccxt's classes differ, and "refused
before sending" and "cut off after sending" arrive as the same class. No exception text leaves this file: ccxt's texts
contain the signed request.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

Answer = TypeVar("Answer")


class Reaction(StrEnum):
    """What the caller must do next."""

    RETRY_READ = "RETRY_READ"  # ask again; nothing was changed
    RETRY_AFTER = "RETRY_AFTER"  # proven not executed; may be sent again later
    UNKNOWN_OUTCOME = "UNKNOWN_OUTCOME"  # may have been executed; look it up by client id, never send again
    FIX_INPUT = "FIX_INPUT"  # refused; the same request will be refused again
    STOP_BOT = "STOP_BOT"  # refused; nothing will work until a person acts
    TREAT_AS_OK = "TREAT_AS_OK"  # already in the wanted state


class Kind(StrEnum):
    """What a request does, as far as errors are concerned."""

    READ = "read"
    WRITE = "write"


class VenueError(Exception):
    """A classified failure of one exchange request.

    `error_code` is stable, `sentence` may be shown to the user, `venue_code` is the exchange's number if it gave one,
    `retry_after_s` how long the exchange asked us to wait.
    """

    def __init__(
        self,
        reaction: Reaction,
        error_code: str,
        sentence: str,
        *,
        venue_code: int | None = None,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(sentence)
        self.reaction = reaction
        self.error_code = error_code
        self.sentence = sentence
        self.venue_code = venue_code
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class _Row:
    reaction: Reaction
    error_code: str
    sentence: str


_R = Reaction
_KEY_HELP = (
    "The exchange refused the key. Check: our IP {ip}is in its list; Enable Futures is on; the key is not deleted or "
    "expired; it was created after Futures was opened; the account is not Portfolio Margin; a live key is used on the "
    "live market and a test key on the test market."
)

# Definite answers of Binance USD-M. A code that is not here but was answered with -1xxx..-5xxx is still a refusal.
_BY_CODE: Final[dict[int, _Row]] = {
    -1002: _Row(_R.STOP_BOT, "KEY_INVALID", "The exchange does not accept this key."),
    -1003: _Row(_R.RETRY_AFTER, "RATE_LIMITED", "The exchange asked us to slow down; trying again later."),
    -1008: _Row(_R.RETRY_AFTER, "VENUE_BUSY", "The exchange is overloaded; trying again later."),
    -1013: _Row(_R.FIX_INPUT, "BAD_SIZE", "This order size is not allowed for the symbol."),
    -1015: _Row(_R.RETRY_AFTER, "RATE_LIMITED", "Too many orders in a short time; trying again later."),
    -1021: _Row(_R.RETRY_AFTER, "CLOCK_SKEW", "The server clock is being corrected."),
    -1022: _Row(_R.STOP_BOT, "SECRET_WRONG", "The secret does not match the key. Paste both again."),
    -1111: _Row(_R.FIX_INPUT, "BAD_SIZE", "This order size is not allowed for the symbol."),
    -1121: _Row(_R.FIX_INPUT, "UNKNOWN_SYMBOL", "The symbol is delisted or is not a futures pair."),
    -2010: _Row(_R.FIX_INPUT, "ORDER_REFUSED", "The exchange refused the order."),
    -2011: _Row(_R.FIX_INPUT, "ORDER_NOT_FOUND", "The exchange knows no such order."),
    -2013: _Row(_R.FIX_INPUT, "ORDER_NOT_FOUND", "The exchange knows no such order."),
    -2014: _Row(_R.STOP_BOT, "KEY_INVALID", "The key is malformed. Look for spaces or a missing part."),
    -2015: _Row(_R.STOP_BOT, "KEY_INVALID", _KEY_HELP),
    -2018: _Row(_R.FIX_INPUT, "INSUFFICIENT_FUNDS", "Not enough balance for this trade."),
    -2019: _Row(_R.FIX_INPUT, "INSUFFICIENT_FUNDS", "Not enough margin for this trade."),
    -2021: _Row(_R.FIX_INPUT, "STOP_WOULD_TRIGGER", "The price is already beyond the stop."),
    -2022: _Row(_R.FIX_INPUT, "POSITION_FLAT", "There is no position of that size left to close."),
    -2023: _Row(_R.STOP_BOT, "IN_LIQUIDATION", "The account is being liquidated."),
    -2024: _Row(_R.FIX_INPUT, "POSITION_FLAT", "There is no position of that size left to close."),
    -2025: _Row(_R.FIX_INPUT, "TOO_MANY_ORDERS", "Too many open orders. Cancel old ones first."),
    -2027: _Row(_R.FIX_INPUT, "POSITION_LIMIT", "The position limit at this leverage is reached."),
    -2028: _Row(_R.FIX_INPUT, "POSITION_LIMIT", "The leverage is too small for the margin of this account."),
    -4003: _Row(_R.FIX_INPUT, "BAD_SIZE", "The quantity is zero or negative after rounding."),
    -4005: _Row(_R.FIX_INPUT, "BAD_SIZE", "The quantity is above the maximum for this symbol."),
    -4028: _Row(_R.FIX_INPUT, "BAD_LEVERAGE", "This leverage is not available for the symbol."),
    -4046: _Row(_R.TREAT_AS_OK, "ALREADY_SET", "The margin mode is already set."),
    -4047: _Row(_R.FIX_INPUT, "MARGIN_MODE_LOCKED", "Open orders keep the margin mode from being changed."),
    -4048: _Row(_R.FIX_INPUT, "MARGIN_MODE_LOCKED", "An open position keeps the margin mode from being changed."),
    -4059: _Row(_R.TREAT_AS_OK, "ALREADY_SET", "The position mode is already set."),
    -4061: _Row(
        _R.FIX_INPUT,
        "POSITION_MODE",
        "The account changed between one-way and hedge mode; it was read again.",
    ),
    -4067: _Row(_R.FIX_INPUT, "POSITION_MODE", "Close open orders before the position mode can be changed."),
    -4068: _Row(_R.FIX_INPUT, "POSITION_MODE", "Close positions before the position mode can be changed."),
    -4109: _Row(_R.STOP_BOT, "ACCOUNT_INACTIVE", "Open or activate your Futures account."),
    -4116: _Row(_R.FIX_INPUT, "DUPLICATE_CLIENT_ID", "An order with this id is already open."),
    -4120: _Row(_R.FIX_INPUT, "WRONG_ENDPOINT", "Conditional orders must go to the algo endpoint."),
    -4130: _Row(_R.FIX_INPUT, "STOP_EXISTS", "A stop that closes this position is already in place."),
    -4131: _Row(_R.FIX_INPUT, "BOOK_TOO_THIN", "The order book is too thin for this market order."),
    -4140: _Row(_R.FIX_INPUT, "SYMBOL_CLOSED", "The symbol is not trading now."),
    -4141: _Row(_R.FIX_INPUT, "SYMBOL_CLOSED", "The symbol is closed."),
    -4164: _Row(_R.FIX_INPUT, "BELOW_MINIMUM", "The order is below the exchange's minimum value."),
    -4168: _Row(_R.STOP_BOT, "MULTI_ASSETS_MODE", "Turn off Multi-Assets mode; it does not allow isolated margin."),
    -4192: _Row(_R.STOP_BOT, "COOLING_OFF", "You enabled a trading cool-off on the exchange."),
    -4400: _Row(_R.STOP_BOT, "CLOSE_ONLY", "The exchange limited this account to closing for now."),
    -4401: _Row(_R.STOP_BOT, "CLOSE_ONLY", "This account may only close positions."),
    -4402: _Row(_R.STOP_BOT, "REGION", "This is not available in your region."),
    -4403: _Row(_R.FIX_INPUT, "BAD_LEVERAGE", "This leverage is not available in your region."),
    -4509: _Row(_R.FIX_INPUT, "POSITION_FLAT", "There is no open position for this stop."),
    -5021: _Row(_R.FIX_INPUT, "NOT_FILLABLE", "The order could not be filled at once."),
    -5022: _Row(_R.FIX_INPUT, "NOT_FILLABLE", "The order would have traded at once."),
}

# The venue itself does not know what happened.
_OUTCOME_OPEN: Final = frozenset({-1000, -1001, -1004, -1006, -1007, -1016, -1020})

_NOT_PROCESSED: Final[dict[int, _Row]] = {
    403: _Row(_R.RETRY_AFTER, "BLOCKED", "The exchange's firewall refused the request; pausing."),
    418: _Row(_R.RETRY_AFTER, "RATE_LIMITED", "Our address is temporarily blocked by the exchange."),
    429: _Row(_R.RETRY_AFTER, "RATE_LIMITED", "The exchange asked us to slow down; trying again later."),
    451: _Row(_R.STOP_BOT, "REGION", "The service is not available from the server's region."),
}

# Names of ccxt classes for venues whose codes are not in the table.
_BY_CLASS: Final[dict[str, _Row]] = {
    "InsufficientFunds": _BY_CODE[-2019],
    "PermissionDenied": _Row(_R.STOP_BOT, "PERMISSION", "The exchange does not permit this for the key or account."),
    "AccountSuspended": _BY_CODE[-4109],
    "AccountNotEnabled": _BY_CODE[-4109],
    "AuthenticationError": _Row(_R.STOP_BOT, "KEY_INVALID", _KEY_HELP),
    "BadSymbol": _BY_CODE[-1121],
    "MarginModeAlreadySet": _BY_CODE[-4046],
    "NoChange": _BY_CODE[-4059],
    "OrderNotFound": _BY_CODE[-2013],
    "OrderImmediatelyFillable": _BY_CODE[-2021],
    "OrderNotFillable": _BY_CODE[-5021],
    "DuplicateOrderId": _BY_CODE[-4116],
    "RateLimitExceeded": _BY_CODE[-1003],
    "DDoSProtection": _BY_CODE[-1003],
    "RestrictedLocation": _NOT_PROCESSED[451],
    "InvalidOrder": _BY_CODE[-2010],
    "BadRequest": _Row(_R.FIX_INPUT, "BAD_REQUEST", "The exchange refused the request."),
    "ArgumentsRequired": _Row(_R.FIX_INPUT, "BAD_REQUEST", "The exchange refused the request."),
    "OperationRejected": _BY_CODE[-2010],
    "InvalidNonce": _BY_CODE[-1021],
    "NotSupported": _Row(_R.FIX_INPUT, "NOT_SUPPORTED", "The exchange does not offer this."),
}

# Our own codes, for venues whose codes are told apart in the difference table.
_BY_NAME: Final[dict[str, _Row]] = {
    row.error_code: row for row in reversed([*_BY_CLASS.values(), *_NOT_PROCESSED.values(), *_BY_CODE.values()])
}
_NO_CODES: Final[Mapping[str, str]] = {}

_NEVER_SENT: Final = frozenset(
    {"ClientConnectorError", "ConnectionTimeoutError", "ClientConnectorDNSError", "gaierror"}
)
_CODE = re.compile(r'"s?[cC]ode"\s*:\s*"?(-?\d{1,6})\b')
_ANY_CODE = re.compile(r'"(?:code|sCode|retCode|ret_code|label)"\s*:\s*"?([A-Za-z0-9_-]{1,64})')
_REQUEST_IP = re.compile(r"request ip:\s*([0-9a-fA-F.:]{3,45})")
_STATUS = re.compile(r"\s([45]\d\d)\s")
_UNKNOWN = "We are checking at the exchange whether this went through."


def venue_code(text: str) -> int | None:
    """The numeric code in the JSON tail of an exchange error text."""
    match = _CODE.search(text)
    return int(match.group(1)) if match else None


def classify(
    error: BaseException,
    kind: Kind,
    *,
    http_status: int | None = None,
    retry_after_s: float = 0.0,
    codes: Mapping[str, str] = _NO_CODES,
    unsure: frozenset[str] = frozenset(),
) -> VenueError:
    """The meaning of `error`, raised by a request of `kind`; `codes` and `unsure` are the venue's row of the table.

    Anything that leaves a doubt about a write is UNKNOWN_OUTCOME; the same doubt about a read is RETRY_READ.
    """
    text = str(error)
    if codes:
        told = _told(error, kind, codes=codes, unsure=unsure, http_status=http_status, wait=retry_after_s)
        if told is not None:
            return told
    code = venue_code(text)
    status = http_status or _status_in(text)
    wait = retry_after_s or {418: 120.0, 429: 10.0, 403: 300.0}.get(status or 0, 0.0)
    if code in _OUTCOME_OPEN:
        return _doubt(kind, "VENUE_UNSURE", code)
    row = _BY_CODE.get(code) if code is not None else None
    if row is not None:
        sentence = row.sentence.format(ip=_shown_ip(text)) if "{ip}" in row.sentence else row.sentence
        return VenueError(row.reaction, row.error_code, sentence, venue_code=code, retry_after_s=wait)
    if status in _NOT_PROCESSED:
        row = _NOT_PROCESSED[status]
        return VenueError(row.reaction, row.error_code, row.sentence, venue_code=code, retry_after_s=wait)
    if code is not None and code < -1000 and (status or 400) < 500:
        return VenueError(
            Reaction.FIX_INPUT, "ORDER_REFUSED", f"The exchange refused this (code {code}).", venue_code=code
        )
    names = {type(item).__name__ for item in _chain(error)}
    if names & _NEVER_SENT:
        reaction = Reaction.RETRY_READ if kind is Kind.READ else Reaction.RETRY_AFTER
        return VenueError(reaction, "NOT_REACHED", "The exchange could not be reached; nothing was sent.")
    if status is not None and status >= 500:
        return _doubt(kind, "VENUE_DOWN", code)
    if any(isinstance(item, asyncio.TimeoutError) for item in _chain(error)) or "RequestTimeout" in names:
        return _doubt(kind, "TIMEOUT", code)
    for base in type(error).__mro__:
        if base.__name__ in _BY_CLASS:
            row = _BY_CLASS[base.__name__]
            sentence = row.sentence.format(ip=_shown_ip(text)) if "{ip}" in row.sentence else row.sentence
            return VenueError(row.reaction, row.error_code, sentence, venue_code=code, retry_after_s=wait)
    return _doubt(kind, "NETWORK", code)


def _told(
    error: BaseException,
    kind: Kind,
    *,
    codes: Mapping[str, str],
    unsure: frozenset[str],
    http_status: int | None,
    wait: float,
) -> VenueError | None:
    """What a venue other than Binance says by a code or by words, if it says it definitely."""
    text = str(error)
    given = set(_ANY_CODE.findall(text))
    if given & unsure:
        return _doubt(kind, "VENUE_UNSURE", None)
    for key, name in codes.items():
        if key in given or (" " in key and key in text):
            row = _BY_NAME[name]
            sentence = row.sentence.format(ip=_shown_ip(text)) if "{ip}" in row.sentence else row.sentence
            number = int(key) if key.isdigit() else None
            return VenueError(row.reaction, row.error_code, sentence, venue_code=number, retry_after_s=wait)
    refused = type(error).__name__ == "ExchangeError" and given and (http_status or 400) < 500
    if refused:  # a definite answer that the table does not know
        shown = sorted(given - {"0", "1", "2"}) or sorted(given)
        return VenueError(Reaction.FIX_INPUT, "ORDER_REFUSED", f"The exchange refused this (code {shown[0]}).")
    return None


async def asked_twice(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """For a setting, which asking again does not change: once more when it is not known what became of it."""
    try:
        return await ask()
    except VenueError as error:
        if error.reaction is not Reaction.UNKNOWN_OUTCOME:
            raise
    return await ask()


def bad_reply(kind: Kind, what: str) -> VenueError:
    """A 2xx reply that cannot be believed (`what` says why, in our words)."""
    if kind is Kind.READ:
        return VenueError(Reaction.RETRY_READ, "BAD_REPLY", f"The exchange's answer makes no sense: {what}.")
    return VenueError(
        Reaction.UNKNOWN_OUTCOME, "BAD_REPLY", f"The exchange's answer makes no sense: {what}. {_UNKNOWN}"
    )


SUPERSEDED: Final = "SUPERSEDED"


def superseded() -> VenueError:
    """Who asked for an entry was paused for long: nothing was sent here, and another may have sent it."""
    return VenueError(Reaction.UNKNOWN_OUTCOME, SUPERSEDED, f"The process that sends it was paused too long. {_UNKNOWN}")


def _doubt(kind: Kind, error_code: str, code: int | None) -> VenueError:
    if kind is Kind.READ:
        return VenueError(
            Reaction.RETRY_READ,
            error_code,
            "The exchange did not answer properly; asking again.",
            venue_code=code,
        )
    return VenueError(Reaction.UNKNOWN_OUTCOME, error_code, _UNKNOWN, venue_code=code)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _status_in(text: str) -> int | None:
    match = _STATUS.search(text[:600])
    return int(match.group(1)) if match else None


def _shown_ip(text: str) -> str:
    match = _REQUEST_IP.search(text)
    return f"({match.group(1)}) " if match else ""
