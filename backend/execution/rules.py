"""How large an order is, how it is named, and what the exchange accepts. Pure and exact."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")
ONE = Decimal(1)
HUNDRED = Decimal(100)
ZERO = Decimal(0)

# Risk modes: steady, balanced, aggressive. Anything else counts as steady.
RISK_MODE_PCT: dict[int, Decimal] = {1: Decimal("0.01"), 2: Decimal("0.015"), 3: Decimal("0.02")}

MIN_STOP_DISTANCE = Decimal("0.001")
LIQUIDATION_SHARE = Decimal("0.80")
CAPITAL_CAP = Decimal(3)


# Names --------------------------------------------------------------------------------------------------


def client_order_id(signal_id: str | int, account_id: str | int, leg: str) -> str:
    """The order's name at the exchange: the same three inputs always give the same 26 characters.

    ``q`` and 25 characters of ``a-z2-7`` (125 bits of SHA-256), accepted by every venue we know.
    """
    parts = (str(signal_id), str(account_id), leg)
    text = "".join(f"{len(part.encode())}:{part}" for part in parts)
    digest = base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()
    return "q" + digest[:25]


# Size ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Size:
    """An order's size in USDT. ``notional_usdt`` 0 means: skip the trade, ``reason`` says why."""

    notional_usdt: Decimal
    margin_usdt: Decimal
    reason: str = ""

    @property
    def skipped(self) -> bool:
        return self.notional_usdt <= 0


@dataclass(frozen=True, slots=True)
class SizingSource:
    """Sizing fields of one level (binding, tenant instance or strategy); None: inherit from the next."""

    capital: Decimal | None = None
    leverage: int | None = None
    risk_mode: int | None = None
    max_loss_per_trade: Decimal | None = None
    amount_usdt: Decimal | None = None


def risk_mode_pct(risk_mode: int | None) -> Decimal:
    return RISK_MODE_PCT.get(risk_mode or 1, RISK_MODE_PCT[1])


def round_usdt(amount: Decimal) -> Decimal:
    """To a cent, halves away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def margin_from_capital(capital: Decimal, risk_mode: int | None) -> Decimal:
    """What a trade puts at stake: capital x the risk mode's share."""
    return capital * risk_mode_pct(risk_mode)


def notional_from_capital(capital: Decimal, leverage: int, risk_mode: int | None) -> Decimal:
    """round(capital x pct x leverage, 2); 0 where there is no capital."""
    if capital <= 0:
        return ZERO
    return round_usdt(capital * risk_mode_pct(risk_mode) * leverage)


def risk_based_notional(
    max_loss: Decimal,
    entry: Decimal,
    stop_loss: Decimal,
    leverage: int,
    capital: Decimal | None = None,
) -> Size:
    """The notional that loses ``max_loss`` at the stop.

    The distance is at least 0.1 % of the entry; beyond 80 % of the way to liquidation the trade is skipped;
    with capital the notional is at most three times it.
    """
    if max_loss <= 0 or entry <= 0 or stop_loss <= 0:
        return Size(ZERO, ZERO, "Risk-based size needs a maximum loss, an entry and a stop loss above zero.")
    distance = max(abs(entry - stop_loss) / entry, MIN_STOP_DISTANCE)
    if leverage > 1 and distance > LIQUIDATION_SHARE / leverage:
        return Size(
            ZERO, ZERO, f"The stop is too close to liquidation at {leverage}x: nearer stop or less leverage."
        )
    amount = max_loss / distance
    if capital is not None and capital > 0:
        amount = min(amount, capital * CAPITAL_CAP)
    amount = round_usdt(amount)
    return Size(amount, round_usdt(amount / max(leverage, 1)))


def fixed_notional(
    binding: SizingSource,
    instance: SizingSource,
    strategy: SizingSource,
    default_amount_usdt: Decimal = HUNDRED,
) -> tuple[Decimal, int]:
    """(notional, leverage) by priority: binding with capital, else instance field by field, else strategy."""
    if binding.capital is not None and binding.capital > 0:
        leverage = _first(binding.leverage, instance.leverage, strategy.leverage, 1)
        risk_mode = _first(binding.risk_mode, instance.risk_mode, strategy.risk_mode, 1)
        return notional_from_capital(binding.capital, leverage, risk_mode), leverage
    capital = _first(instance.capital, strategy.capital, ZERO)
    leverage = _first(instance.leverage, strategy.leverage, 1)
    risk_mode = _first(instance.risk_mode, strategy.risk_mode, 1)
    max_loss = _first(instance.max_loss_per_trade, strategy.max_loss_per_trade, None)
    if max_loss is None:
        max_loss = round_usdt(capital * risk_mode_pct(risk_mode))
    if capital > 0 and leverage > 0 and max_loss > 0:
        return round_usdt(max_loss * leverage), leverage
    amount = notional_from_capital(capital, leverage, risk_mode)
    if amount <= 0:
        amount = _first(instance.amount_usdt, strategy.amount_usdt, ZERO)
    return (amount if amount > 0 else default_amount_usdt), leverage


def position_size(
    binding: SizingSource,
    instance: SizingSource,
    strategy: SizingSource,
    *,
    ratio_pct: int = 100,
    risk_based: bool = False,
    entry: Decimal | None = None,
    stop_loss: Decimal | None = None,
    default_amount_usdt: Decimal = HUNDRED,
) -> tuple[Size, int]:
    """(size, leverage) of one follower's trade. A size of 0 means skip, with the reason; never fall back."""
    if not 1 <= ratio_pct <= 100:
        return Size(ZERO, ZERO, f"Ratio must lie between 1 and 100 per cent, not {ratio_pct}."), 1
    notional, leverage = fixed_notional(binding, instance, strategy, default_amount_usdt)
    if risk_based and entry is not None and stop_loss is not None and stop_loss > 0:
        capital = binding.capital if binding.capital and binding.capital > 0 else None
        capital = _first(capital, instance.capital, strategy.capital, None)
        risk_mode = _first(binding.risk_mode, instance.risk_mode, strategy.risk_mode, 1)
        max_loss = _first(
            binding.max_loss_per_trade,
            instance.max_loss_per_trade,
            strategy.max_loss_per_trade,
            margin_from_capital(capital, risk_mode) if capital else None,
        )
        if max_loss is not None and max_loss > 0:
            sized = risk_based_notional(max_loss, entry, stop_loss, leverage, capital)
            if sized.skipped:
                return sized, leverage
            notional = sized.notional_usdt
    notional = round_usdt(notional * ratio_pct / HUNDRED)
    if notional <= 0:
        return Size(ZERO, ZERO, "The amount comes to zero: raise capital, ratio or leverage."), leverage
    return Size(notional, round_usdt(notional / max(leverage, 1))), leverage


def _first(*values: Any) -> Any:
    """The first value that is set; the last one is the default."""
    return next((value for value in values[:-1] if value is not None), values[-1])


# An agent's margin by score ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MarginStep:
    """From ``min_score`` on: the smaller of a fixed margin and a share of the free capital."""

    min_score: int
    margin_usdt: Decimal
    share: Decimal


MARGIN_STEPS = (
    MarginStep(85, Decimal(150), Decimal("0.08")),
    MarginStep(80, Decimal(250), Decimal("0.15")),
    MarginStep(75, Decimal(350), Decimal("0.22")),
    MarginStep(70, Decimal(250), Decimal("0.15")),
    MarginStep(60, Decimal(150), Decimal("0.10")),
)
TIER_FACTOR: dict[int, Decimal] = {1: Decimal("1.3"), 2: Decimal("1.0"), 3: Decimal("0.7")}
MIN_MARGIN_USDT = Decimal(50)


def margin_by_score(
    score: int,
    available_usdt: Decimal,
    leverage: int,
    *,
    tier: int = 2,
    max_margin_usdt: Decimal = Decimal(500),
    risk_factor: Decimal = ONE,
    min_margin_usdt: Decimal = MIN_MARGIN_USDT,
    steps: tuple[MarginStep, ...] = MARGIN_STEPS,
) -> Size:
    """An agent's size: margin from the score's step, x tier, x risk, capped, at least the minimum.

    The cap holds after the tier factor too. ``available_usdt`` is capital less margin in use. When less
    than the minimum is free, the trade is skipped.
    """
    step = next((candidate for candidate in steps if score >= candidate.min_score), None)
    if step is None:
        return Size(ZERO, ZERO, f"Score {score} is below the lowest step, {steps[-1].min_score}.")
    if risk_factor <= 0:
        return Size(ZERO, ZERO, "The risk level allows no new entries.")
    if available_usdt < min_margin_usdt:
        return Size(ZERO, ZERO, f"Only {round_usdt(available_usdt)} USDT of margin is free.")
    margin = min(step.margin_usdt, available_usdt * step.share, max_margin_usdt)
    margin = margin * TIER_FACTOR.get(tier, TIER_FACTOR[3]) * risk_factor
    margin = round_usdt(min(max(margin, min_margin_usdt), max_margin_usdt, available_usdt))
    return Size(round_usdt(margin * leverage), margin)


# What the exchange accepts --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SymbolLimits:
    """A market's steps and bounds, in coins and quote currency (0: no bound)."""

    tick_size: Decimal = Decimal("0.00000001")
    step_size: Decimal = Decimal("0.00000001")
    min_quantity: Decimal = ZERO
    max_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity in coins; 0 means: skip the trade, ``reason`` says why."""

    coins: Decimal
    reason: str = ""


def quantity_for(notional_usdt: Decimal, price: Decimal, limits: SymbolLimits) -> Quantity:
    """Coins for a notional, cut down to the market's step. Never raised to a minimum: too small is skipped."""
    if price <= 0:
        return Quantity(ZERO, "There is no price.")
    coins = floor_to(notional_usdt / price, limits.step_size)
    if coins <= 0 or coins < limits.min_quantity:
        return Quantity(ZERO, f"{notional_usdt} USDT buys less than the market's smallest quantity.")
    if limits.max_quantity > 0 and coins > limits.max_quantity:
        coins = floor_to(limits.max_quantity, limits.step_size)
    if coins * price < limits.min_notional:
        return Quantity(ZERO, f"{notional_usdt} USDT is below the market's minimum of {limits.min_notional}.")
    return Quantity(coins)


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` not above ``value``."""
    if step <= 0:
        return value
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def round_price(price: Decimal, tick: Decimal) -> Decimal:
    """The nearest multiple of ``tick`` (halves up), as nodes place stops."""
    if tick <= 0:
        return price
    return (price / tick).to_integral_value(rounding=ROUND_HALF_UP) * tick
