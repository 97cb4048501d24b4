"""Statistics by period and risk of daily results, by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from backend.dashboards.performance import DAY_MS, Closed
from backend.dashboards.trade_figures import HOUR_MS, Trade, risk_figures, statistics


def trade(day: int, net: str, hours: int = 1, volume: str = "100", fee: str = "1") -> Trade:
    """Closed at noon of day ``day`` of 1970, which began on a Thursday; ``net`` is after the fee."""
    ms = day * DAY_MS + 12 * HOUR_MS
    closed = Closed("BTC/USDT", "one", ms, datetime.fromtimestamp(ms / 1000, UTC), D(net) + D(fee), D(fee))
    return Trade(closed, hours * HOUR_MS, D(volume))


def test_a_period_by_hand() -> None:
    rows = [trade(0, "10"), trade(0, "20", hours=3), trade(0, "-15"), trade(0, "0"), trade(0, "-5")]
    (found,) = statistics(rows, "daily")
    assert found.period_start == datetime(1970, 1, 1, tzinfo=UTC)
    assert (found.total, found.winning, found.losing, found.break_even, found.win_rate) == (5, 2, 2, 1, 0.5)
    assert (found.total_profit, found.total_loss, found.net_profit) == (D(30), D(20), D(10))
    assert (found.avg_profit, found.avg_loss, found.max_profit, found.max_loss) == (D(15), D(10), D(20), D(15))
    assert (found.profit_loss_ratio, found.profit_factor) == (1.5, 1.5)
    assert (found.avg_holding_hours, found.max_holding_hours) == (1.4, 3.0)
    assert (found.max_consecutive_wins, found.max_consecutive_losses) == (2, 1)
    assert (found.total_volume, found.total_fee) == (D(500), D(5))


@pytest.mark.parametrize(
    ("period", "starts"),
    [("daily", ["1970-02-02", "1970-01-05", "1970-01-04", "1970-01-01"]), ("weekly", ["1970-02-02", "1970-01-05", "1969-12-29"]),
     ("monthly", ["1970-02-01", "1970-01-01"]), ("all", ["1970-01-01"])],
)  # fmt: skip
def test_periods(period: str, starts: list[str]) -> None:
    rows = [trade(0, "1"), trade(3, "1"), trade(4, "1"), trade(32, "1")]
    found = statistics(rows, period)
    assert [row.period_start.date().isoformat() for row in found] == starts
    assert sum(row.total for row in found) == 4


def test_what_has_no_meaning_is_none() -> None:
    (won,) = statistics([trade(0, "5")], "all")
    assert (won.win_rate, won.avg_loss, won.profit_loss_ratio, won.profit_factor) == (1.0, None, None, None)
    (even,) = statistics([trade(0, "0")], "all")
    assert even.win_rate is None and even.total_loss == 0
    assert statistics([], "daily") == [] and risk_figures([], D(100)) is None


def test_risk_by_hand() -> None:
    nets = ["10", "-20", "0", "5", "-1", "2", "3", "-4", "6", "1"]
    found = risk_figures([trade(day, net).closed for day, net in enumerate(nets)], D(1000))
    assert found is not None and found.days == 10
    daily = sorted(float(net) / 1000 for net in nets)
    mean = sum(daily) / 10
    spread = (sum((x - mean) ** 2 for x in daily) / 9) ** 0.5
    assert found.daily_volatility == pytest.approx(spread)
    assert found.annualized_volatility == pytest.approx(spread * 365**0.5)
    assert found.annualized_return == pytest.approx(0.002 * 365 / 10)
    # The 5 % quantile of ten days lies 0.45 of the way from the worst to the second worst.
    assert found.var_95 == pytest.approx(0.02 - 0.45 * 0.016) and found.var_99 == pytest.approx(0.02 - 0.09 * 0.016)
    assert found.cvar_95 == pytest.approx(0.02)
    assert found.max_drawdown == pytest.approx(-20 / 1010) and found.current_drawdown == pytest.approx(-8 / 1010)
