"""The compiled walk of ``fast``: prices as floats, compared with a tolerance far below any tick."""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
from __future__ import annotations

import math

import numpy as np
from numba import njit

TINY = 1e-12  # relative, for prices
LITTLE = 1e-9  # for percentages
PART = 1e-7  # of a tick or step, before rounding

SL, TP, TRAILING, TIME, LIQUIDATION, END = range(6)

# Rows of an open position.
P_SYMBOL, P_SIDE, P_ENTRY, P_QTY, P_STOP, P_LIQ, P_TARGET, P_PEAK, P_OPENED, P_SCORE, P_MARGIN = range(11)
P_ROWS = 11

# Rows of a closed trade.
T_SYMBOL, T_SIDE, T_ENTRY_MS, T_EXIT_MS, T_ENTRY, T_EXIT, T_QTY, T_REASON, T_SCORE = range(9)
T_ROWS = 9


@njit(cache=True, error_model="numpy")
def taker(price, is_buy, slippage, tick):
    if slippage == 0.0:
        return price
    if is_buy:
        return math.ceil(price * (1.0 + slippage) / tick - PART) * tick
    return max(math.floor(price * (1.0 - slippage) / tick + PART), 1.0) * tick


@njit(cache=True, error_model="numpy")
def nearest(price, tick):
    """The nearest multiple of the tick; NaN stays NaN."""
    return np.floor(price / tick + 0.5 + PART) * tick


@njit(cache=True, error_model="numpy")
def fires_at(side, trigger, before, now, continuous):
    """Price at which a resting order fires, NaN while it waits."""
    slack = TINY * now
    if side > 0.0:
        if now > trigger + slack:
            return np.nan
        passed = before > trigger + slack
    else:
        if now < trigger - slack:
            return np.nan
        passed = before < trigger - slack
    return trigger if continuous and passed else now


@njit(cache=True, error_model="numpy")
def exit_reason(held, price, now_ms, leverage, exits):
    """Why the centre closes now, -1 to stay. ``exits`` = (start, distance, hold ms), NaN: off."""
    side, entry = held[P_SIDE], held[P_ENTRY]
    slack = TINY * price
    if not math.isnan(held[P_TARGET]) and (price - held[P_TARGET]) * side >= -slack:
        return TP
    if not math.isnan(exits[0]):
        factor = side * leverage * 100.0 / entry
        best = (held[P_PEAK] - entry) * factor
        if best >= exits[0] - LITTLE and best - (price - entry) * factor >= exits[1] - LITTLE:
            return TRAILING
    if not math.isnan(exits[2]) and now_ms - held[P_OPENED] >= exits[2]:
        return TIME
    return -1


@njit(cache=True, error_model="numpy")
def levels(side, price, leverage, stop, target, plan):
    """(stop, target) as ``make_plan`` gives them. ``plan`` = (use signal, stop ROI, target ROI, start)."""
    if plan[0] == 0.0 or not (stop > 0.0 and (price - stop) * side > 0.0):
        stop = np.nan
    if math.isnan(stop) and not math.isnan(plan[1]):
        stop = price - side * price * plan[1] / (leverage * 100.0)
        if stop <= 0.0:
            stop = np.nan
    if plan[0] == 0.0 or not (target > 0.0 and (target - price) * side > 0.0):
        target = np.nan
    if math.isnan(target) and not math.isnan(plan[2]):
        target = price + side * price * plan[2] / (leverage * 100.0)
        if target <= 0.0:
            target = np.nan
    # Not a number compares false: without a target or a trailing start nothing is dropped.
    if (target - price) * side * leverage * 100.0 / price <= plan[3] + LITTLE:
        target = np.nan
    return stop, target


@njit(cache=True, error_model="numpy")
def walk(
    times, interval_ms, path, sides, scores, stops, targets, ticks, steps, least, notional, leverage, costs, rules,
    exits, plan, first_bar, close_at_end, equity, trades,
):  # fmt: skip
    """Walk one account through the bars; returns (trades, last balance).

    ``path`` is [4, S, T]; ``sides`` int8[S, T] holds the signals that pass the gates which need no account,
    symbols in name order. ``costs`` = (balance, slippage, fee, maintenance); ``rules`` = (max positions, max
    opened per scan, cooldown ms); ``least`` is [2, S]: smallest quantity and notional.
    """
    count, bars = sides.shape
    balance, slippage, fee_rate, maintenance = costs[0], costs[1], costs[2], costs[3]
    max_positions, max_opened, cooldown = int(rules[0]), int(rules[1]), rules[2]
    size = max(max_positions, 1)
    held = np.zeros((size, P_ROWS))
    is_held = np.zeros(count, dtype=np.bool_)
    until = np.zeros(count)
    last = np.full(count, np.nan)
    before = np.full(count, np.nan)
    chosen = np.zeros(count, dtype=np.bool_)
    open_count = 0
    closed = 0
    step_ms = interval_ms // 4
    for t in range(bars):
        for tick in range(4):
            now_ms = times[t] + tick * step_ms
            for s in range(count):
                before[s] = last[s]
                price = path[tick, s, t]
                if not math.isnan(price):
                    last[s] = price
            for stage in range(2):
                kept = 0
                total = open_count
                for i in range(total):
                    s = int(held[i, P_SYMBOL])
                    side = held[i, P_SIDE]
                    now = last[s]
                    price, reason = now, -1
                    if stage == 0:
                        stop, liquidation = np.nan, np.nan
                        if not math.isnan(held[i, P_STOP]):
                            stop = fires_at(side, held[i, P_STOP], before[s], now, tick > 0)
                        if not math.isnan(held[i, P_LIQ]):
                            liquidation = fires_at(side, held[i, P_LIQ], before[s], now, tick > 0)
                        if not math.isnan(stop):
                            price, reason = stop, SL
                        if not math.isnan(liquidation) and (
                            reason < 0 or abs(liquidation - before[s]) < abs(stop - before[s]) - TINY * now
                        ):
                            price, reason = liquidation, LIQUIDATION
                    else:
                        if (now - held[i, P_PEAK]) * side > 0.0:
                            held[i, P_PEAK] = now
                        reason = exit_reason(held[i], now, now_ms, leverage, exits)
                    if reason < 0:
                        if kept != i:
                            held[kept] = held[i]
                        kept += 1
                        continue
                    fill = taker(price, side < 0.0, slippage, ticks[s])
                    quantity = held[i, P_QTY]
                    balance += (fill - held[i, P_ENTRY]) * side * quantity - fill * quantity * fee_rate
                    is_held[s] = False
                    until[s] = now_ms + cooldown
                    trade = trades[closed]
                    trade[T_SYMBOL], trade[T_SIDE], trade[T_ENTRY_MS] = s, side, held[i, P_OPENED]
                    trade[T_EXIT_MS], trade[T_ENTRY], trade[T_EXIT] = now_ms, held[i, P_ENTRY], fill
                    trade[T_QTY], trade[T_REASON], trade[T_SCORE] = quantity, reason, held[i, P_SCORE]
                    closed += 1
                open_count = kept
            if tick > 0 or t == 0 or t < first_bar:
                continue
            room = min(max_opened, max_positions - open_count)
            if room <= 0:
                continue
            if closed + open_count + room > trades.shape[0]:
                return -1, balance
            for s in range(count):
                chosen[s] = sides[s, t - 1] != 0 and not is_held[s] and until[s] <= now_ms
            while room > 0:
                best = -1
                for s in range(count):
                    if chosen[s] and (best < 0 or scores[s, t - 1] > scores[best, t - 1]):
                        best = s
                if best < 0:
                    break
                chosen[best] = False
                room -= 1
                price = last[best]
                if math.isnan(price):
                    continue
                side = float(sides[best, t - 1])
                quantity = math.floor(notional / price / steps[best] + PART) * steps[best]
                if quantity <= 0.0 or quantity < least[0, best] * (1.0 - TINY):
                    continue
                if quantity * price < least[1, best] * (1.0 - TINY):
                    continue
                fill = taker(price, side > 0.0, slippage, ticks[best])
                margin = quantity * fill / leverage
                fee = quantity * fill * fee_rate
                used = 0.0
                for i in range(open_count):
                    used += held[i, P_MARGIN]
                if margin + fee > balance - used:
                    continue
                stop, target = levels(side, price, leverage, stops[best, t - 1], targets[best, t - 1], plan)
                balance -= fee
                row = held[open_count]
                row[P_SYMBOL], row[P_SIDE], row[P_ENTRY], row[P_QTY] = best, side, fill, quantity
                row[P_STOP] = nearest(stop, ticks[best])
                liquidation = fill * (1.0 - side / leverage) / (1.0 - side * maintenance)
                row[P_LIQ] = nearest(liquidation, ticks[best]) if liquidation > LITTLE * fill else np.nan
                row[P_TARGET], row[P_PEAK], row[P_OPENED] = target, fill, now_ms
                row[P_SCORE], row[P_MARGIN] = scores[best, t - 1], margin
                is_held[best] = True
                open_count += 1
        worth = balance
        for i in range(open_count):
            worth += (last[int(held[i, P_SYMBOL])] - held[i, P_ENTRY]) * held[i, P_SIDE] * held[i, P_QTY]
        equity[t] = worth
    if close_at_end:
        now_ms = times[bars - 1] + 3 * step_ms
        for i in range(open_count):
            s = int(held[i, P_SYMBOL])
            side = held[i, P_SIDE]
            fill = taker(last[s], side < 0.0, slippage, ticks[s])
            balance += (fill - held[i, P_ENTRY]) * side * held[i, P_QTY] - fill * held[i, P_QTY] * fee_rate
            trade = trades[closed]
            trade[T_SYMBOL], trade[T_SIDE], trade[T_ENTRY_MS] = s, side, held[i, P_OPENED]
            trade[T_EXIT_MS], trade[T_ENTRY], trade[T_EXIT] = now_ms, held[i, P_ENTRY], fill
            trade[T_QTY], trade[T_REASON], trade[T_SCORE] = held[i, P_QTY], END, held[i, P_SCORE]
            closed += 1
        equity[bars - 1] = balance
    return closed, balance
