"""Limits asked before every entry: what an account may hold and risk. Pure.

Each of platform, tenant and agent may set them; the strictest value of each wins, and it is said whose it is. A limit whose
facts are missing refuses: no data is no permission. Amounts are USDT, percentages per cent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from backend.errors import InvalidInput

LOWEST, HIGHEST, COMMON, ALL = "lowest", "highest", "common", "all"
"""How the strictest of several values is found: smallest, largest, intersection or union of symbols."""


class BadLimit(InvalidInput):
    """A limit is not valid. Correct the named limit and save again."""

    code = "bad_limit"


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit: its code in refusals, how values combine, and the range of a value."""

    name: str
    code: str
    strictest: str
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    whole: bool = False


_AMOUNT = (Decimal(0), Decimal(10_000_000_000))
RULES: tuple[Rule, ...] = (
    Rule("min_balance_usdt", "RISK_INSUFFICIENT_BALANCE", HIGHEST, *_AMOUNT),
    Rule("max_positions", "RISK_MAX_POSITION", LOWEST, Decimal(0), Decimal(1_000), whole=True),
    Rule("max_position_value_usdt", "RISK_MAX_POSITION_VALUE", LOWEST, *_AMOUNT),
    Rule("daily_trades", "RISK_DAILY_TRADE_LIMIT", LOWEST, Decimal(0), Decimal(100_000), whole=True),
    Rule("weekly_trades", "RISK_WEEKLY_TRADE_LIMIT", LOWEST, Decimal(0), Decimal(1_000_000), whole=True),
    Rule("daily_loss_usdt", "RISK_DAILY_LOSS_LIMIT", LOWEST, Decimal("0.01"), _AMOUNT[1]),
    Rule("losses_in_a_row", "RISK_CONSECUTIVE_LOSS", LOWEST, Decimal(1), Decimal(1_000), whole=True),
    Rule("loss_pause_minutes", "RISK_CONSECUTIVE_LOSS", HIGHEST, Decimal(1), Decimal(100_000), whole=True),
    Rule("trade_pause_s", "RISK_TRADE_COOLDOWN", HIGHEST, Decimal(1), Decimal(1_000_000), whole=True),
    Rule("symbols_only", "RISK_SYMBOL_NOT_ALLOWED", COMMON),
    Rule("symbols_never", "RISK_SYMBOL_BLOCKED", ALL),
    Rule("max_leverage", "RISK_MAX_LEVERAGE", LOWEST, Decimal(1), Decimal(125), whole=True),
    Rule("max_symbol_usdt", "RISK_SYMBOL_EXPOSURE", LOWEST, *_AMOUNT),
    Rule("max_side_usdt", "RISK_SIDE_EXPOSURE", LOWEST, *_AMOUNT),
    Rule("equity_stop_pct", "RISK_EQUITY_STOP", LOWEST, Decimal("0.1"), Decimal(100)),
    Rule("max_total_usdt", "RISK_TOTAL_EXPOSURE", LOWEST, *_AMOUNT),
)
BY_NAME = {rule.name: rule for rule in RULES}
NO_DATA = "RISK_NO_DATA"
TOTAL = "max_total_usdt"
DOCUMENTED: Mapping[str, Any] = {
    "min_balance_usdt": "100", "max_positions": 10, "daily_trades": 100, "daily_loss_usdt": "1000", "losses_in_a_row": 5,
    "loss_pause_minutes": 30,
}  # fmt: skip
"""What a new platform begins with."""
_PAUSE_DEFAULT = Decimal(30)

Value = Decimal | frozenset[str]
Limits = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in force: its value and whose it is (platform | tenant | agent)."""

    value: Value
    source: str


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A position that is open, or an entry on its way: symbol, LONG or SHORT, notional."""

    symbol: str
    side: str
    value_usdt: Decimal


@dataclass(frozen=True, slots=True)
class Facts:
    """One account now; None where nothing is known. Times and counts are of the market clock."""

    now: datetime
    available_usdt: Decimal | None = None
    equity_usdt: Decimal | None = None
    equity_peak_usdt: Decimal | None = None
    open: tuple[OpenTrade, ...] = ()
    trades_today: int | None = None
    trades_week: int | None = None
    today_pnl_usdt: Decimal | None = None
    losses_in_a_row: int | None = None
    last_loss_at: datetime | None = None
    last_trade_at: datetime | None = None
    totals_usdt: Mapping[str, Decimal] = field(default_factory=dict)

    def with_entry(self, wanted: Wanted) -> Facts:
        """The account after an entry was written."""
        added = OpenTrade(wanted.symbol, wanted.side, wanted.value_usdt)
        return replace(
            self,
            open=(*self.open, added),
            trades_today=None if self.trades_today is None else self.trades_today + 1,
            trades_week=None if self.trades_week is None else self.trades_week + 1,
            totals_usdt={source: total + wanted.value_usdt for source, total in self.totals_usdt.items()},
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entry that is asked for: notional in USDT."""

    symbol: str
    side: str
    value_usdt: Decimal
    leverage: int = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a stable code, the limit's name and source, what it was and what is allowed."""

    code: str
    name: str
    source: str
    had: str
    needed: str

    @property
    def sentence(self) -> str:
        """For people and logs."""
        if self.code == NO_DATA:
            return f"{self.name} of the {self.source} cannot be checked: the account's figures are missing."
        return f"{self.name} of the {self.source}: {self.had}, allowed {self.needed}."


def read_limits(values: Mapping[str, Any] | None) -> dict[str, Value]:
    """Limits as stored or typed; empty ones are off. Raises ``BadLimit`` naming the one that is wrong."""
    found: dict[str, Value] = {}
    for name, value in (values or {}).items():
        rule = BY_NAME.get(name)
        if rule is None:
            raise BadLimit(f"There is no limit {name!r}.")
        if value is None or value in ("", []):
            continue
        found[name] = _symbols(name, value) if rule.strictest in (COMMON, ALL) else _number(rule, value)
    if "losses_in_a_row" in found:
        # Said here, so that a shorter pause of somebody else never loosens it.
        found.setdefault("loss_pause_minutes", _PAUSE_DEFAULT)
    return found


def as_json(limits: Limits) -> dict[str, Any]:
    """For the database: numbers as text, symbols sorted."""
    return {name: sorted(value) if isinstance(value, frozenset) else f"{value:f}" for name, value in limits.items()}


def strictest(sources: Sequence[tuple[str, Limits]]) -> dict[str, Limit]:
    """Of each limit the strictest value with whose it is; the first source wins among equals.

    A total is a sum over whoever limits it: those of different sources all hold, under ``max_total_usdt:<source>``.
    """
    found: dict[str, Limit] = {}
    for source, limits in sources:
        for name, value in limits.items():
            if name == TOTAL:
                found[f"{TOTAL}:{source}"] = Limit(value, source)
                continue
            before = found.get(name)
            found[name] = Limit(value, source) if before is None else _stricter(BY_NAME[name].strictest, before, Limit(value, source))
    return found


def check(limits: Mapping[str, Limit], facts: Facts, wanted: Wanted) -> Refusal | None:
    """The first limit that refuses the entry, in the order of ``RULES``; None when it may be opened."""
    for rule in RULES:
        for limit in of_rule(limits, rule.name):
            found = _ask(rule.name, limit, limits, facts, wanted)
            if found is not None:
                had, needed = found
                return Refusal(NO_DATA if had is None else rule.code, rule.name, limit.source, had or "", needed)
    return None


def of_rule(limits: Mapping[str, Limit], name: str) -> list[Limit]:
    """What holds of one rule: at most one limit, but every source's total."""
    if name == TOTAL:
        return [limit for key, limit in limits.items() if key.startswith(f"{TOTAL}:")]
    return [limits[name]] if name in limits else []


def equity_drop_pct(equity: Decimal, peak: Decimal) -> Decimal:
    """Loss from the peak in per cent; 0 without a peak."""
    return max(Decimal(0), (peak - equity) / peak * 100) if peak > 0 else Decimal(0)


def _ask(name: str, limit: Limit, limits: Mapping[str, Limit], facts: Facts, wanted: Wanted) -> tuple[str | None, str] | None:
    """(what it was, what is allowed) when the limit refuses; had None when there are no data."""
    value = limit.value
    if isinstance(value, frozenset):
        outside = wanted.symbol not in value if name == "symbols_only" else wanted.symbol in value
        return (wanted.symbol, "≠" if name == "symbols_never" else ", ".join(sorted(value)[:5]) or "-") if outside else None
    if name in ("losses_in_a_row", "loss_pause_minutes"):
        return _losing(name, limits, facts)
    if name == "trade_pause_s":
        gone = None if facts.last_trade_at is None else (facts.now - facts.last_trade_at).total_seconds()
        return None if gone is None or gone >= value else (f"{gone:.0f} s", f"≥ {value:f} s")
    had = _figure(name, limit, facts, wanted)
    if had is None:
        return None, f"{value:f}"
    if name == "min_balance_usdt":
        return (f"{had:f}", f"≥ {value:f}") if had < value else None
    # Counts and losses refuse when they have reached the limit; values when the entry would go beyond it.
    reached = had >= value if name in _REACHED else had > value
    return (f"{had:.8g}", f"{'<' if name in _REACHED else '≤'} {value:f}") if reached else None


_REACHED = frozenset({"max_positions", "daily_trades", "weekly_trades", "daily_loss_usdt", "equity_stop_pct"})


def _figure(name: str, limit: Limit, facts: Facts, wanted: Wanted) -> Decimal | None:
    """What a limit looks at, with the entry in it where it is a value."""
    if name == "equity_stop_pct":
        if facts.equity_usdt is None or facts.equity_peak_usdt is None:
            return None
        return equity_drop_pct(facts.equity_usdt, facts.equity_peak_usdt)
    if name == TOTAL:
        total = facts.totals_usdt.get(limit.source)
        return None if total is None else total + wanted.value_usdt
    symbol = sum((one.value_usdt for one in facts.open if one.symbol == wanted.symbol), wanted.value_usdt)
    side = sum((one.value_usdt for one in facts.open if one.side == wanted.side), wanted.value_usdt)
    loss = None if facts.today_pnl_usdt is None else max(Decimal(0), -facts.today_pnl_usdt)
    figures: dict[str, Decimal | int | None] = {
        "min_balance_usdt": facts.available_usdt, "max_positions": len(facts.open), "max_position_value_usdt": wanted.value_usdt,
        "daily_trades": facts.trades_today, "weekly_trades": facts.trades_week, "daily_loss_usdt": loss,
        "max_leverage": wanted.leverage, "max_symbol_usdt": symbol, "max_side_usdt": side,
    }  # fmt: skip
    found = figures[name]
    return None if found is None else Decimal(found)


def _losing(name: str, limits: Mapping[str, Limit], facts: Facts) -> tuple[str | None, str] | None:
    """After so many losses in a row an account waits; the two limits work together and are asked once."""
    most, pause = limits.get("losses_in_a_row"), limits.get("loss_pause_minutes")
    if name == "loss_pause_minutes" or most is None or isinstance(most.value, frozenset):
        return None
    if facts.losses_in_a_row is None:
        return None, f"{most.value:f}"
    minutes = pause.value if pause is not None and isinstance(pause.value, Decimal) else _PAUSE_DEFAULT
    if facts.losses_in_a_row < most.value or facts.last_loss_at is None:
        return None
    if facts.now - facts.last_loss_at >= timedelta(minutes=float(minutes)):
        return None
    return f"{facts.losses_in_a_row}", f"< {most.value:f} / {minutes:f} min"


def _stricter(how: str, one: Limit, other: Limit) -> Limit:
    if isinstance(one.value, frozenset) or isinstance(other.value, frozenset):
        assert isinstance(one.value, frozenset) and isinstance(other.value, frozenset)
        both = one.value & other.value if how == COMMON else one.value | other.value
        return one if both == one.value else Limit(both, other.source)
    tighter = other.value < one.value if how == LOWEST else other.value > one.value
    return other if tighter else one


def _number(rule: Rule, value: Any) -> Decimal:
    text = str(value).strip().replace(",", "")
    try:
        number = Decimal(text) if len(text) <= 24 and text.isascii() else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or not rule.low <= number <= rule.high:
        raise BadLimit(f"{rule.name} is a number from {rule.low:f} to {rule.high:f}.")
    if rule.whole and number != int(number):
        raise BadLimit(f"{rule.name} is a whole number.")
    return number


def _symbols(name: str, value: Any) -> frozenset[str]:
    words = value.replace(",", " ").split() if isinstance(value, str) else list(value)
    if len(words) > 500 or any(not isinstance(one, str) or not 3 <= len(one) <= 32 or "/" not in one for one in words):
        raise BadLimit(f"{name} holds symbols such as BTC/USDT, at most 500.")
    return frozenset(one.upper() for one in words)
