"""Margin arithmetic: what is used, what is free, and where a position is liquidated. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from backend.paper_exchange.model import Account, Order, Position
from backend.paper_exchange.symbols import ZERO, SymbolSpec

PriceOf = Callable[[str], Decimal]


@dataclass(frozen=True, slots=True)
class Summary:
    """An account's margin in USDT at the present prices."""

    wallet: Decimal
    cross_wallet: Decimal
    pnl: Decimal
    cross_pnl: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal
    cross_maintenance: Decimal

    @property
    def margin_balance(self) -> Decimal:
        return self.wallet + self.pnl

    @property
    def cross_used(self) -> Decimal:
        return self.position_margin + self.order_margin - (self.wallet - self.cross_wallet)

    @property
    def available(self) -> Decimal:
        """Free for new positions and orders, never below zero."""
        return max(ZERO, self.cross_wallet + self.cross_pnl - self.cross_used)


def position_margin(account: Account, position: Position, price: Decimal) -> Decimal:
    """Initial margin of a position: its isolated margin, or notional / leverage when cross."""
    setting = account.setting(position.symbol)
    if setting.isolated:
        return position.margin
    return abs(position.amount) * price / setting.leverage


def opening_part(account: Account, symbol: str, position_side: str, is_buy: bool, qty: Decimal) -> Decimal:
    """How much of a quantity would open or add rather than close."""
    if position_side == "BOTH":
        held = account.positions.get((symbol, "BOTH"))
        if held is None or not held.amount or (held.amount > 0) == is_buy:
            return qty
        return max(ZERO, qty - abs(held.amount))
    return qty if (position_side == "LONG") == is_buy else ZERO


def order_margin(account: Account, order: Order) -> Decimal:
    """Margin a resting order keeps aside."""
    if order.reduce_only or not order.price:
        return ZERO
    opening = opening_part(account, order.symbol, order.position_side, order.is_buy, order.rest)
    return opening * order.price / account.setting(order.symbol).leverage


def summarize(account: Account, specs: Mapping[str, SymbolSpec], price_of: PriceOf) -> Summary:
    """Adds an account up at the present prices."""
    isolated = pnl = cross_pnl = used = maintenance = cross_maintenance = ZERO
    for position in account.positions.values():
        if not position.amount:
            continue
        price = price_of(position.symbol)
        gain = position.pnl(price)
        keep = specs[position.symbol].maintenance(abs(position.amount) * price)
        setting = account.setting(position.symbol)
        pnl += gain
        maintenance += keep
        if setting.isolated:
            isolated += position.margin
            used += position.margin
        else:
            cross_pnl += gain
            cross_maintenance += keep
            used += abs(position.amount) * price / setting.leverage
    orders = sum((order_margin(account, order) for order in account.orders.values()), ZERO)
    return Summary(
        wallet=account.wallet,
        cross_wallet=account.wallet - isolated,
        pnl=pnl,
        cross_pnl=cross_pnl,
        position_margin=used,
        order_margin=orders,
        maintenance=maintenance,
        cross_maintenance=cross_maintenance,
    )


def liquidation_price(position: Position, backing: Decimal, spec: SymbolSpec, price: Decimal) -> Decimal:
    """The price at which ``backing`` plus the position's PnL equals its maintenance margin; 0 when none.

    ``backing`` is the isolated margin, or for cross the wallet plus the other positions' PnL less their
    maintenance margins. The bracket is that of the notional at the answer, found in two rounds.
    """
    if not position.amount:
        return ZERO
    size, answer = abs(position.amount), price
    for _ in range(2):
        bracket = spec.bracket_for(size * answer)
        slope = position.amount - size * bracket.maint_rate
        if not slope:
            return ZERO
        answer = (position.cost - backing - bracket.cum) / slope
        if answer <= 0:
            return ZERO
    return answer


def backing_of(
    account: Account, position: Position, summary: Summary, specs: Mapping[str, SymbolSpec], price: Decimal
) -> Decimal:
    """What stands behind a position, for ``liquidation_price``."""
    if account.setting(position.symbol).isolated:
        return position.margin
    own = specs[position.symbol].maintenance(abs(position.amount) * price)
    others = summary.cross_maintenance - own
    return summary.cross_wallet + summary.cross_pnl - position.pnl(price) - others
