"""The compiled backtest: the same account as ``engine``, hundreds of times faster, for one-way accounts of
fixed size. Prices are walked as floats; fills, fees and results are then stated exactly, in ``Decimal``.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from backend.backtest.engine import NO_SOURCE, Run
from backend.backtest.rules import BacktestConfig, BacktestError, CloseReason, Trade, fee_of, pnl_of
from backend.execution.rules import SymbolLimits, position_size
from backend.exits.rules import Side
from backend.market.rules import bar_path
from backend.signals.rules import MA_FILTERS, GateConfig
from backend.strategies.base import CandleBatch, DecisionSeries, FloatArray
from backend.strategies.compiled import load

REASONS: tuple[CloseReason, ...] = ("SL", "TP", "TRAILING", "TIME", "LIQUIDATION", "END")


def supports(config: BacktestConfig) -> bool:
    """Whether this account can be walked compiled; the reference engine does the others."""
    unbounded = all(limits.max_quantity <= 0 for limits in (*config.limits.values(), config.default_limits))
    return not (config.risk_based or config.gates.hedge_mode or config.risk_limits) and unbounded


def run_fast(batch: CandleBatch, series: DecisionSeries, config: BacktestConfig) -> Run:
    """As ``run_reference``, for the accounts ``supports`` names; ``refused`` stays empty."""
    if not supports(config):
        raise BacktestError("This account needs the reference engine: engine='reference'.")
    if batch.bars == 0:
        return Run([], np.empty(0), config.initial_balance_usdt, {})
    walk = load("backend.backtest.fast_kernel").walk
    order = sorted(range(len(batch.symbols)), key=lambda row: batch.symbols[row])
    symbols = tuple(batch.symbols[row] for row in order)
    limits = [config.limits_of(symbol) for symbol in symbols]
    size, leverage = position_size(config.sizing, NO_SOURCE, NO_SOURCE, ratio_pct=config.ratio_pct)
    leverage = min(leverage, config.max_leverage)
    first = 0
    if config.trade_from_ms is not None:
        first = int(np.searchsorted(batch.open_time_ms, config.trade_from_ms))
    sides = np.ascontiguousarray(allowed_sides(series, config.gates)[order])
    equity = np.empty(batch.bars)
    room = 4_096
    while True:
        trades = np.empty((room, 9))
        closed, _ = walk(
            batch.open_time_ms,
            batch.interval_ms,
            _path(batch, order),
            sides,
            np.ascontiguousarray(series.score[order]),
            np.ascontiguousarray(series.stop_loss[order]),
            np.ascontiguousarray(series.take_profit[order]),
            np.array([float(item.tick_size) for item in limits]),
            np.array([float(item.step_size) for item in limits]),
            np.array([[float(i.min_quantity) for i in limits], [float(i.min_notional) for i in limits]]),
            float(min(size.notional_usdt, config.max_position_usdt)),
            float(leverage),
            *_settings(config),
            first,
            config.close_at_end,
            equity,
            trades,
        )
        if closed >= 0:
            break
        room *= 4
    result = [_trade(row, symbols, limits, leverage, config) for row in trades[:closed]]
    balance = config.initial_balance_usdt + sum((trade.net_usdt for trade in result), Decimal(0))
    return Run(result, equity, balance, {})


def _settings(config: BacktestConfig) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """What ``walk`` wants to know of the account, its limits and its exits, in its order."""
    gates, exits = config.gates, config.exits
    basis = 10_000
    account = [
        float(config.initial_balance_usdt), float(config.slippage_bps) / basis, float(config.taker_fee_bps) / basis,
        float(config.maintenance_rate),
    ]  # fmt: skip
    limits = [gates.max_positions, gates.max_opened_per_scan, config.cooldown_minutes * 60_000.0]
    trailing = [exits.trailing_start_roi_pct, exits.trailing_distance_roi_pct, exits.max_hold_ms]
    levels = [exits.stop_loss_roi_pct, exits.take_profit_roi_pct, exits.trailing_start_roi_pct]
    return (
        np.array(account),
        np.array(limits),
        np.array([_number(one) for one in trailing]),
        np.array([float(exits.use_signal_levels), *(_number(one) for one in levels)]),
    )


def allowed_sides(series: DecisionSeries, gates: GateConfig) -> NDArray[np.int8]:
    """Direction of the signals that pass every gate which needs no account, else 0; int8[S, T]."""
    direction, score = series.direction, series.score
    refused = score < gates.min_score
    refused |= (direction > 0) & (score < gates.long_min_score)
    if gates.long_skip_from_score is not None:
        refused |= (direction > 0) & (score >= gates.long_skip_from_score)
    component = series.components.get(MA_FILTERS[gates.ma_filter])
    if component is not None:
        refused |= np.where(
            direction > 0, component < gates.ma_long_min_pct, component > gates.ma_short_max_pct
        )
    listed = np.array([symbol in gates.skip_symbols for symbol in series.symbols], dtype=np.bool_)
    refused |= listed[:, None]
    return np.where(refused, 0, direction).astype(np.int8)


def _path(batch: CandleBatch, order: list[int]) -> FloatArray:
    """float64[4, S, T]: the prices each bar is walked through, NaN where there is no bar."""
    values = tuple(getattr(batch, name)[order] for name in ("open", "high", "low", "close"))
    present = np.all([np.isfinite(array) & (array > 0) for array in values], axis=0)
    rising = values[3] >= values[0]
    up, down = bar_path(0, 1, 2, 3), bar_path(3, 1, 2, 0)
    swapped = (values[3], values[1], values[2], values[0])
    path = np.stack([np.where(rising, values[a], swapped[b]) for a, b in zip(up, down, strict=True)])
    return np.where(present, path, np.nan)


def _number(value: Decimal | int | None) -> float:
    return np.nan if value is None else float(value)


def _trade(
    row: FloatArray,
    symbols: tuple[str, ...],
    limits: list[SymbolLimits],
    leverage: int,
    config: BacktestConfig,
) -> Trade:
    index = int(row[0])
    side: Side = "LONG" if row[1] > 0 else "SHORT"
    tick = limits[index].tick_size
    entry, leaving = _on_grid(row[4], tick), _on_grid(row[5], tick)
    quantity = _on_grid(row[6], limits[index].step_size)
    fees = fee_of(quantity, entry, config.taker_fee_bps) + fee_of(quantity, leaving, config.taker_fee_bps)
    return Trade(
        symbol=symbols[index],
        side=side,
        entry_ms=int(row[2]),
        exit_ms=int(row[3]),
        entry_price=entry,
        exit_price=leaving,
        quantity=quantity,
        leverage=leverage,
        fees_usdt=fees,
        pnl_usdt=pnl_of(side, quantity, entry, leaving),
        reason=REASONS[int(row[7])],
        score=int(row[8]),
    )


def _on_grid(value: float, unit: Decimal) -> Decimal:
    """The exact multiple of ``unit`` a float stands for; the float's own shortest text where it is none."""
    exact = round(value / float(unit)) * unit
    if abs(float(exact) - value) <= 1e-9 * abs(value):
        return exact
    return Decimal(repr(float(value)))
