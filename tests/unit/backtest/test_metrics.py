from __future__ import annotations

import math
from decimal import Decimal as D

import numpy as np
import pytest

from backend.backtest.metrics import (
    DAY_MS,
    annualised_pct,
    daily_returns,
    downside_std,
    drawdown,
    measure,
    total_return_pct,
    value_at_risk,
)
from backend.backtest.rules import Trade


def trade(net: str, side="LONG") -> Trade:
    return Trade("A/USDT", side, 0, 1, D(1), D(1), D(1), 1, D("0.5"), D(net) + D("0.5"), "SL", 70)


def test_returns():
    assert total_return_pct(200, 250) == 25.0
    assert total_return_pct(0, 250) == 0.0
    assert annualised_pct(10.0, 365) == pytest.approx(10.0)
    assert annualised_pct(10.0, 73) == pytest.approx((1.1**5 - 1) * 100)
    assert annualised_pct(-100.0, 30) == -100.0
    assert annualised_pct(5.0, 0) == 0.0


def test_drawdown_depth_and_length():
    # Peak 120 at 1, trough 90 at 3: 25 % over two bars; now 110 against 120.
    depth, bars, now = drawdown(np.array([100.0, 120, 100, 90, 110]))
    assert (depth, bars) == (25.0, 2)
    assert now == pytest.approx(100 / 12)
    assert drawdown(np.array([1.0, 2, 3])) == (0.0, 0, 0.0)
    assert drawdown(np.zeros(0)) == (0.0, 0, 0.0)


def test_daily_returns_take_the_last_value_of_each_utc_day():
    hours = np.arange(0, 3 * DAY_MS, DAY_MS // 2)
    change = daily_returns(hours, np.array([1.0, 110, 2, 121, 3, 60.5]), 100.0)
    np.testing.assert_allclose(change, [0.1, 0.1, -0.5])


def test_downside_and_value_at_risk():
    assert downside_std(np.array([0.1, -0.03, -0.04])) == pytest.approx(0.05)
    assert downside_std(np.array([0.1, -0.03])) == 0.0
    returns = np.arange(-5, 15) / 100.0  # twenty: the 5 % quantile is index 1
    var, cvar = value_at_risk(returns)
    assert (var, cvar) == (pytest.approx(-0.04), pytest.approx(-0.045))
    assert value_at_risk(returns[:9]) == (0.0, 0.0)


def test_trade_figures():
    times = np.arange(3) * DAY_MS
    trades = [trade("30"), trade("-10"), trade("10", "SHORT"), trade("-20")]
    figures = measure(times, np.array([1030.0, 1020, 1010]), 1000.0, trades)
    assert (figures.trades, figures.wins, figures.losses, figures.win_rate_pct) == (4, 2, 2, 50.0)
    assert (figures.average_win_usdt, figures.average_loss_usdt) == (20.0, 15.0)
    assert figures.profit_loss_ratio == pytest.approx(4 / 3)
    assert figures.profit_factor == pytest.approx(4 / 3)
    assert figures.expectancy_usdt == pytest.approx(2.5)
    assert (figures.net_usdt, figures.long_net_usdt, figures.short_net_usdt) == (D(10), D(0), D(10))
    assert figures.fees_usdt == D(2)
    assert figures.return_pct == pytest.approx(1.0)
    volatility = np.std([0.03, 1020 / 1030 - 1, 1010 / 1020 - 1], ddof=1) * math.sqrt(365) * 100
    assert figures.volatility_pct == pytest.approx(volatility)
    assert figures.sharpe == pytest.approx(figures.annualised_return_pct / volatility)


def test_nothing_traded_and_nothing_lost():
    empty = measure(np.arange(2) * DAY_MS, np.array([1000.0, 1000.0]), 1000.0, [])
    assert (empty.sharpe, empty.profit_factor, empty.expectancy_usdt) == (0.0, 0.0, 0.0)
    lucky = measure(np.arange(2) * DAY_MS, np.array([1000.0, 1030.0]), 1000.0, [trade("30")])
    assert lucky.profit_factor is None
    assert lucky.as_dict()["net_usdt"] == "30.0"
