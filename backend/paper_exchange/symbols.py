"""What the exchange knows of a contract: sizes, limits and leverage brackets. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

ZERO = Decimal(0)
SATOSHI = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Bracket:
    """One leverage bracket: up to ``cap`` USDT notional at most ``max_leverage``; ``cum`` is Binance's
    maintenance amount, which makes the maintenance margin continuous across brackets."""

    number: int
    max_leverage: int
    floor: Decimal
    cap: Decimal
    maint_rate: Decimal
    cum: Decimal


@dataclass(frozen=True)
class SymbolSpec:
    """One USDT perpetual. ``tick`` and ``step`` are the units of price and quantity."""

    symbol: str
    base: str
    tick: Decimal
    step: Decimal
    max_qty: Decimal
    market_max_qty: Decimal
    min_notional: Decimal
    brackets: tuple[Bracket, ...]
    quote: str = "USDT"
    price_dp: int = field(init=False)
    qty_dp: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "price_dp", decimals_of(self.tick))
        object.__setattr__(self, "qty_dp", decimals_of(self.step))

    def price(self, value: float) -> Decimal:
        """A market price as an exact Decimal on this symbol's decimals."""
        return Decimal(f"{value:.{self.price_dp}f}")

    def taker_price(self, price: Decimal, is_buy: bool, slippage_bps: Decimal) -> Decimal:
        """What a market order pays: the price moved against it, rounded against it to a tick."""
        if not slippage_bps:
            return price
        moved = price * (1 + (slippage_bps if is_buy else -slippage_bps) / 10_000)
        return max(round_to(moved, self.tick, up=is_buy), self.tick)

    def bracket_for(self, notional: Decimal) -> Bracket:
        """The bracket that holds a position of this USDT notional (the last one above all caps)."""
        for bracket in self.brackets:
            if notional <= bracket.cap:
                return bracket
        return self.brackets[-1]

    def cap_at(self, leverage: int) -> Decimal:
        """The largest USDT notional allowed at this leverage."""
        return max((b.cap for b in self.brackets if b.max_leverage >= leverage), default=ZERO)

    def maintenance(self, notional: Decimal) -> Decimal:
        """Maintenance margin in USDT of a position of this notional."""
        bracket = self.bracket_for(notional)
        return notional * bracket.maint_rate - bracket.cum


def decimals_of(unit: Decimal) -> int:
    """Decimals needed to write multiples of ``unit``: 0.001 -> 3, 10 -> 0."""
    exponent = unit.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def round_to(value: Decimal, unit: Decimal, up: bool) -> Decimal:
    """``value`` rounded up or down to a multiple of ``unit``."""
    return (value / unit).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * unit


def money(value: Decimal) -> Decimal:
    """USDT rounded half-even to 1e-8, the unit in which the exchange books."""
    return value.quantize(SATOSHI)


# Leverage, cap of the bracket in thousands of USDT, maintenance rate; by how liquid the contract is.
_TIERS: dict[int, tuple[tuple[int, int, str], ...]] = {
    125: ((125, 300, "0.004"), (100, 800, "0.005"), (75, 3_000, "0.0065"), (50, 12_000, "0.01"),
          (25, 70_000, "0.02"), (20, 100_000, "0.025"), (10, 230_000, "0.05"), (5, 480_000, "0.1"),
          (2, 900_000, "0.25"), (1, 1_800_000, "0.5")),
    75: ((75, 50, "0.0065"), (50, 300, "0.01"), (25, 3_000, "0.02"), (20, 6_000, "0.025"),
         (10, 20_000, "0.05"), (5, 40_000, "0.1"), (2, 80_000, "0.25"), (1, 160_000, "0.5")),
    50: ((50, 20, "0.012"), (25, 200, "0.02"), (20, 500, "0.025"), (10, 2_000, "0.05"),
         (5, 5_000, "0.1"), (2, 10_000, "0.25"), (1, 20_000, "0.5")),
    25: ((25, 25, "0.02"), (20, 100, "0.025"), (10, 600, "0.05"), (5, 1_500, "0.1"),
         (2, 3_000, "0.25"), (1, 6_000, "0.5")),
}  # fmt: skip


def brackets_for(max_leverage: int) -> tuple[Bracket, ...]:
    """The bracket table of a liquidity class: 125, 75, 50 or 25."""
    out: list[Bracket] = []
    floor = cum = last_rate = ZERO
    for number, (leverage, cap_thousand, rate_text) in enumerate(_TIERS[max_leverage], start=1):
        rate = Decimal(rate_text)
        cum += floor * (rate - last_rate)
        cap = Decimal(cap_thousand * 1000)
        out.append(Bracket(number, leverage, floor, cap, rate, cum))
        floor, last_rate = cap, rate
    return tuple(out)


def make_spec(symbol: str, price: float, tick: Decimal, max_leverage: int | None = None) -> SymbolSpec:
    """A contract with sizes that suit its price: one step is worth about a dollar or less (BTC: 0.001)."""
    base = symbol.removesuffix("USDT")
    qty_dp = min(3, max(0, math.ceil(math.log10(price)))) if price > 0 else 0
    step = Decimal(1).scaleb(-qty_dp)
    lots = Decimal(10) ** max(1, round(math.log10(20_000_000 / max(price, 1e-9))))
    if max_leverage is None:
        max_leverage = {"BTC": 125, "ETH": 125, "SOL": 75, "BNB": 75, "XRP": 75}.get(base, 50)
    floor = {"BTC": 50, "ETH": 20}.get(base, 5)
    return SymbolSpec(
        symbol=symbol,
        base=base,
        tick=tick,
        step=step,
        max_qty=lots,
        market_max_qty=lots / 4,
        min_notional=Decimal(floor),
        brackets=brackets_for(max_leverage),
    )
