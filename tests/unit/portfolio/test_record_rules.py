"""The public record by hand."""

from __future__ import annotations

from decimal import Decimal as D

from backend.portfolio.record_rules import POINTS, Trade, margin_of, record_of


def trade(at: int, net: str, roi: str = "0.1", month: str = "2026-01") -> Trade:
    return Trade("BTC/USDT", "LONG", at, D(net), D(roi), month)


def test_by_hand() -> None:
    rows = [trade(4, "-40", "-0.4", "2026-02"), trade(1, "100", "0.5"), trade(2, "-200", "-0.9"), trade(3, "50", "0.2", "2026-02")]
    found = record_of("paper", D(1000), rows)
    assert found is not None
    # 100, -100, -50, -90 after each trade; the peak is 100, so the drop is -200 of 1100.
    assert [point[1] for point in found.curve] == [0, D("0.1"), D("-0.1"), D("-0.05"), D("-0.09")]
    assert found.total == D("-0.09") and found.drawdown == D(-200) / D(1100)
    assert [(m.name, m.net) for m in found.months] == [("2026-01", D(-100)), ("2026-02", D(10))] and found.months_won == 1
    assert (found.trades, found.won, found.first_ms, found.last_ms) == (4, 2, 1, 4)
    assert [t.roi for t in found.best] == [D("0.5"), D("0.2")]
    assert [t.roi for t in found.worst] == [D("-0.9"), D("-0.4")], "the worst first, and losers only"


def test_nothing_is_claimed_without_trades_or_capital() -> None:
    assert record_of("paper", D(1000), []) is None
    assert record_of("paper", D(0), [trade(1, "1")]) is None


def test_ten_of_each_and_a_thin_curve_that_ends_at_the_end() -> None:
    rows = [trade(n, "1" if n % 2 else "-1", f"{'' if n % 2 else '-'}0.{n:04d}") for n in range(1, 2001)]
    found = record_of("live", D(100), rows)
    assert found is not None and len(found.best) == len(found.worst) == 10
    assert len(found.curve) <= POINTS + 1 and found.curve[-1] == (2000, D(0))


def test_margin() -> None:
    assert margin_of(D(100), D(3), 5) == D(60) and margin_of(D(100), D(3), 0) == D(300)
