"""What the exchange's answers about a key mean, and what the worst case of a setting is. Pure.

A check is pass, warn, fail or skip. One failing check means that the key is not stored at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

MAX_SKEW_MS = 500
SOON_DAYS = 30
_DAY_MS = 86_400_000
CENT = Decimal("0.01")

PASS, WARN, FAIL, SKIP = "pass", "warn", "fail", "skip"
# Error codes whose words the pages have; any other is told as "other".
_TOLD = frozenset(
    {
        "KEY_INVALID", "SECRET_WRONG", "PERMISSION", "REGION", "ACCOUNT_INACTIVE", "CLOCK_SKEW", "RATE_LIMITED", "BLOCKED",
        "IN_LIQUIDATION", "CLOSE_ONLY", "COOLING_OFF", "MULTI_ASSETS_MODE", "POSITION_MODE", "INSUFFICIENT_FUNDS",
    }
)  # fmt: skip
_UNREACHED = frozenset({"NETWORK", "TIMEOUT", "NOT_REACHED", "VENUE_DOWN", "VENUE_BUSY", "VENUE_UNSURE", "NO_ANSWER"})
_MALFORMED = -2014
NOT_OFFERED = "NOT_OFFERED"  # the venue has no such question: nothing is known, nothing is wrong


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the result. ``code`` names the sentence that says what is wrong and what to do; "" when all is well."""

    name: str
    state: str
    code: str = ""
    figures: dict[str, str] = field(default_factory=dict)


def judge_key(facts: Mapping[str, Any], *, strict: bool, testnet: bool = False, now_ms: int = 0) -> list[Check]:
    """Every check in the order people read them. ``strict``: a key open to all addresses is refused, not only warned of."""
    may = _answer(facts, "restrictions")
    checks = [_matches(may, testnet)]
    if "error_code" in may:
        state = SKIP
        checks += [Check(name, state) for name in ("reading", "futures", "withdrawals", "transfers", "addresses")]
    else:
        open_doors = may.get("enableInternalTransfer") or may.get("permitsUniversalTransfer")
        checks += [
            _must("reading", bool(may.get("enableReading"))),
            _must("futures", bool(may.get("enableFutures"))),
            _withdrawals(may.get("enableWithdrawals", True)),
            _must("transfers", not open_doors),
            _must("addresses", bool(may.get("ipRestrict")), FAIL if strict else WARN),
            *_expiry(may, now_ms),
        ]
    checks += [_clock(_answer(facts, "clock")), _wallet(_answer(facts, "account")), _mode(_answer(facts, "position_mode"))]
    checks.append(_margin(_answer(facts, "multi_assets")))
    if any(check.state == FAIL for check in checks):
        checks.append(Check("test_order", SKIP, "waits"))
    else:
        checks.append(_done("test_order", _answer(facts, "test_order")))
    return checks


def may_store(checks: list[Check]) -> bool:
    """Whether a key with these results may be kept and used."""
    return not any(check.state == FAIL for check in checks)


def worst_case(capital: Decimal, *, max_positions: int, max_position: Decimal, stop_roi: Decimal | None) -> dict[str, Decimal]:
    """If every allowed position is opened at its full size and every one is stopped at once. USDT, to the cent.

    ``stop_roi``: loss at the stop in per cent of the margin; None: no stop, the whole margin.
    """
    margin = min(capital, max_position * max_positions)
    share = (stop_roi if stop_roi is not None else Decimal(100)) / 100
    loss = margin * min(share, Decimal(1))
    return {
        "margin": margin.quantize(CENT, ROUND_HALF_EVEN),
        "loss": loss.quantize(CENT, ROUND_HALF_EVEN),
        "left": (capital - loss).quantize(CENT, ROUND_HALF_EVEN),
        "share": (loss / capital * 100).quantize(Decimal("0.1"), ROUND_HALF_EVEN) if capital else Decimal(0),
    }


def _matches(may: Mapping[str, Any], testnet: bool) -> Check:
    if "error_code" not in may:
        return Check("key", PASS)
    if may["error_code"] == NOT_OFFERED:
        return Check("key", WARN, "untold")
    # The test market has no such endpoint: what the key may do cannot be asked there.
    return Check("key", WARN, "testnet") if testnet else _failed("key", may)


def _must(name: str, holds: bool, otherwise: str = FAIL) -> Check:
    return Check(name, PASS) if holds else Check(name, otherwise, name)


def _expiry(may: Mapping[str, Any], now_ms: int) -> list[Check]:
    until = may.get("expires_ms")
    if not until:
        return []
    days = max(0, (int(until) - now_ms) // _DAY_MS)
    state = FAIL if int(until) <= now_ms else WARN if days <= SOON_DAYS else PASS
    return [Check("expiry", state, "" if state == PASS else "expiry", {"days": str(days)})]


def _clock(answer: Mapping[str, Any]) -> Check:
    if "error_code" in answer:
        return _failed("clock", answer)
    # Only what is certain counts: a slow answer says little about the clocks.
    skew = max(0, abs(int(answer.get("skew_ms", 0))) - int(answer.get("unsure_ms", 0)))
    figures = {"skew": str(skew), "limit": str(MAX_SKEW_MS)}
    return Check("clock", PASS, "", figures) if skew < MAX_SKEW_MS else Check("clock", FAIL, "clock", figures)


def _wallet(answer: Mapping[str, Any]) -> Check:
    if "error_code" in answer:
        return _failed("wallet", answer)
    balance = Decimal(str(answer.get("balance", "0")))
    figures = {"balance": f"{balance.quantize(CENT):,}"}
    if not answer.get("can_trade"):
        return Check("wallet", FAIL, "wallet", figures)
    return Check("wallet", PASS, "", figures) if balance > 0 else Check("wallet", WARN, "empty", figures)


def _mode(answer: Mapping[str, Any]) -> Check:
    if "error_code" in answer:
        return _failed("mode", answer)
    return Check("mode", PASS, "", {"hedge": "1" if answer.get("hedge") else "0"})


def _margin(answer: Mapping[str, Any]) -> Check:
    if "error_code" in answer:
        return _failed("margin", answer)
    return _must("margin", not answer.get("on"))


def _withdrawals(may: object) -> Check:
    """A key that may withdraw is refused; where the venue does not say, the person is told to look."""
    return Check("withdrawals", WARN, "untold") if may is None else _must("withdrawals", not may)


def _done(name: str, answer: Mapping[str, Any]) -> Check:
    if answer.get("error_code") == NOT_OFFERED:
        return Check(name, SKIP, "no_test")
    return _failed(name, answer) if "error_code" in answer else Check(name, PASS)


def _failed(name: str, answer: Mapping[str, Any]) -> Check:
    code = str(answer["error_code"])
    if answer.get("venue_code") == _MALFORMED:
        return Check(name, FAIL, "malformed")
    told = code.lower() if code in _TOLD else "unreached" if code in _UNREACHED else "other"
    return Check(name, FAIL, told)


def _answer(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facts.get(name)
    return found if isinstance(found, Mapping) else {"error_code": "NO_ANSWER"}
