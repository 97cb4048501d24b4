"""Analytics by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from backend.dashboards.performance import DAY_MS, Closed, analyse


def closed(day: int, gross: str, fee: str = "0", hour: int = 5, symbol: str = "BTC/USDT", strategy: str = "one") -> Closed:
    ms = day * DAY_MS + hour * 3_600_000
    return Closed(symbol, strategy, ms, datetime.fromtimestamp(ms / 1000, UTC), D(gross), D(fee))


def test_by_hand() -> None:
    # Days 0..3 on 1000: +100, 0, -50, +20. Day 0 of the epoch was a Thursday.
    rows = [closed(0, "110", "10"), closed(2, "-40", "10", hour=7, symbol="ETH/USDT"), closed(3, "25", "5", strategy="two")]
    found = analyse(rows, D(1000), D("-27"))
    assert found is not None
    daily = [0.1, 0.0, -0.05, 0.02]
    mean = sum(daily) / 4
    spread = math.sqrt(sum((x - mean) ** 2 for x in daily) / 3)
    assert found.total == pytest.approx(0.07)
    assert found.sharpe == pytest.approx(mean / spread * math.sqrt(365))
    assert found.sortino == pytest.approx(mean / math.sqrt(0.05**2 / 4) * math.sqrt(365))
    assert found.drawdown == pytest.approx(-0.05 / 1.1)
    assert found.calmar == pytest.approx(0.07 * 365 / 4 / (0.05 / 1.1))
    assert found.drawdown_days == 2
    assert (found.trades, found.days, found.win_streak, found.loss_streak) == (3, 4, 1, 1)
    assert found.fee_share == pytest.approx(25 / 135) and found.funding_share == pytest.approx(27 / 135)
    assert [(g.name, g.net) for g in found.by_symbol] == [("BTC/USDT", D(120)), ("ETH/USDT", D(-50))]
    assert [(g.name, g.trades, g.won) for g in found.by_strategy] == [("one", 2, 1), ("two", 1, 1)]
    assert [g.name for g in found.by_weekday] == ["3", "5", "6"]
    assert [(g.name, g.net) for g in found.by_hour] == [("05", D(120)), ("07", D(-50))]


def test_streaks() -> None:
    found = analyse([closed(n, gross) for n, gross in enumerate(["1", "1", "-1", "1", "1", "1", "0", "-1", "-1"])], D(100))
    assert found is not None and (found.win_streak, found.loss_streak) == (3, 2)


def test_no_meaning_no_figure() -> None:
    assert analyse([], D(100)) is None and analyse([closed(1, "1")], D(0)) is None
    one = analyse([closed(1, "5")], D(100))
    assert one is not None
    assert (one.sharpe, one.sortino, one.calmar, one.drawdown) == (None, None, None, 0.0)
    loss = analyse([closed(1, "-5")], D(100))
    assert loss is not None and loss.fee_share is None and loss.drawdown == pytest.approx(-0.05)
