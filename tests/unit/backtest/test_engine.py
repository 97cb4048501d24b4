"""The two engines on candles small enough to follow with a pencil; every case runs on both."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from backend.backtest.engine import run_reference
from backend.backtest.fast import run_fast
from backend.execution.rules import SizingSource, SymbolLimits
from backend.exits.rules import ExitConfig
from backend.risk.rules import RiskLimits
from backend.signals.rules import GateConfig
from tests.unit.backtest.markets import HOUR_MS, NO_EXITS, QUARTER_MS, START_MS, account, market, signals

FLAT = (100.0, 100.0, 100.0, 100.0)
ENGINES = pytest.mark.parametrize("run", [run_reference, run_fast])


def facts(trade):
    return (trade.symbol[:-5], trade.side, trade.entry_price, trade.exit_price, trade.reason)


@ENGINES
def test_a_signal_trades_at_the_next_open_and_a_stop_at_its_trigger(run):
    # Signal on bar 0, filled at the open of bar 1 (101). The bar falls: open, high, low -> the path passes 99.
    batch = market(BTC=[FLAT, (101, 102, 97, 98), FLAT])
    result = run(batch, signals(batch, ("BTC", 0, 1, 70, 99.0)), account())
    assert [facts(trade) for trade in result.trades] == [("BTC", "LONG", D(101), D(99), "SL")]
    trade = result.trades[0]
    assert trade.entry_ms == START_MS + HOUR_MS
    assert trade.exit_ms == START_MS + HOUR_MS + 2 * QUARTER_MS  # the third tick, the low
    assert trade.quantity == D("9.900")  # 1000 / 101 = 9.9009..., cut to the step
    assert trade.pnl_usdt == D("-19.8")
    assert result.balance_usdt == D("9980.2")


@ENGINES
def test_a_bar_that_opens_beyond_the_stop_fills_at_its_open(run):
    batch = market(BTC=[FLAT, FLAT, (90, 91, 89, 90)])
    result = run(batch, signals(batch, ("BTC", 0, 1, 70, 99.0)), account())
    assert facts(result.trades[0]) == ("BTC", "LONG", D(100), D(90), "SL")
    assert result.trades[0].exit_ms == START_MS + 2 * HOUR_MS


@ENGINES
def test_a_take_profit_fills_at_the_tick_not_at_its_level(run):
    # A rising bar: open, low, high, close. The centre sees the high, 108, first beyond 105.
    batch = market(BTC=[FLAT, (100, 108, 99.5, 104), FLAT])
    result = run(batch, signals(batch, ("BTC", 0, 1, 70, 90.0, 105.0)), account())
    assert facts(result.trades[0]) == ("BTC", "LONG", D(100), D(108), "TP")


@ENGINES
def test_the_stop_comes_before_the_take_profit_when_the_bar_goes_that_way(run):
    # Close below open: the high comes first, so the target is reached before the stop.
    falling = market(BTC=[FLAT, (100, 108, 95, 99), FLAT])
    entry = ("BTC", 0, 1, 70, 96.0, 105.0)
    assert run(falling, signals(falling, entry), account()).trades[0].reason == "TP"
    rising = market(BTC=[FLAT, (100, 108, 95, 101), FLAT])
    assert run(rising, signals(rising, entry), account()).trades[0].reason == "SL"


@ENGINES
def test_short_with_costs_to_the_last_digit(run):
    # Sold at 100 less 2 bp: 99.98. Stop 102 crossed inside the bar, bought at 102 x 1.0002 = 102.0204 -> 102.03.
    batch = market(BTC=[FLAT, (100, 103, 99, 101), FLAT])
    config = account(slippage_bps=D(2), taker_fee_bps=D(5))
    result = run(batch, signals(batch, ("BTC", 0, -1, 70, 102.0)), config)
    trade = result.trades[0]
    assert facts(trade) == ("BTC", "SHORT", D("99.98"), D("102.03"), "SL")
    assert trade.quantity == D(10)  # sized at the price of the tick, not at the fill
    assert trade.pnl_usdt == D("-20.5")
    assert trade.fees_usdt == D("0.4999") + D("0.51015")
    assert result.balance_usdt == D("10000") - D("20.5") - D("1.01005")


@ENGINES
def test_trailing_follows_the_best_tick(run):
    # 3x: start 6 % ROI is a price of 102, distance 3 % is 1.00. Peak 105 -> closes at a tick at or below 104.
    exits = ExitConfig(take_profit_roi_pct=None, max_hold_ms=None)
    config = account(exits=exits, sizing=SizingSource(capital=D(10_000), leverage=3, risk_mode=1))
    batch = market(
        BTC=[FLAT, (100, 101.9, 100, 101.5), (101.5, 105, 101, 104.5), (104.5, 104.6, 103.7, 104.2)]
    )
    result = run(batch, signals(batch, ("BTC", 0, 1, 70)), config)
    assert facts(result.trades[0]) == ("BTC", "LONG", D(100), D("103.7"), "TRAILING")


@ENGINES
def test_time_runs_on_the_market_clock(run):
    exits = ExitConfig(
        trailing_start_roi_pct=None, trailing_distance_roi_pct=None, max_hold_ms=HOUR_MS + QUARTER_MS
    )
    batch = market(BTC=[FLAT] * 5)
    result = run(batch, signals(batch, ("BTC", 0, 1, 70)), account(exits=exits))
    assert [(t.reason, t.exit_ms) for t in result.trades] == [("TIME", START_MS + 2 * HOUR_MS + QUARTER_MS)]


@ENGINES
def test_cooldown_in_market_time_blocks_the_next_scan(run):
    # Closed in bar 1; 60 minutes later is after the scan at bar 2's open, before the one at bar 3's.
    batch = market(BTC=[FLAT, (100, 101, 98, 100.5), FLAT, FLAT, FLAT])
    entries = [("BTC", bar, 1, 70, 99.0) for bar in range(3)]
    blocked = run(batch, signals(batch, *entries), account(cooldown_minutes=60))
    assert [trade.entry_ms for trade in blocked.trades] == [START_MS + HOUR_MS, START_MS + 3 * HOUR_MS]
    free = run(batch, signals(batch, *entries), account(cooldown_minutes=0))
    assert [trade.entry_ms for trade in free.trades] == [START_MS + HOUR_MS, START_MS + 2 * HOUR_MS]


@ENGINES
def test_best_scores_first_ties_by_symbol(run):
    rows = [FLAT] * 4
    batch = market(DOGE=rows, BTC=rows, ADA=rows, ETH=rows)
    entries = [("DOGE", 0, -1, 90), ("BTC", 0, -1, 80), ("ADA", 0, -1, 80), ("ETH", 0, -1, 70)]
    gates = GateConfig(max_opened_per_scan=2, max_positions=5)
    result = run(batch, signals(batch, *entries), account(gates=gates))
    assert [trade.symbol for trade in result.trades] == ["DOGE/USDT", "ADA/USDT"]
    both = run(batch, signals(batch, *entries, ("BTC", 1, -1, 70), ("ETH", 1, -1, 75)), account(gates=gates))
    assert [trade.symbol[:-5] for trade in both.trades] == ["DOGE", "ADA", "ETH", "BTC"]


@ENGINES
def test_a_full_account_takes_no_more(run):
    rows = [FLAT] * 4
    batch = market(ADA=rows, BTC=rows, ETH=rows)
    entries = [(name, bar, -1, 70) for name in ("ADA", "BTC", "ETH") for bar in (0, 1, 2)]
    gates = GateConfig(max_opened_per_scan=3, max_positions=2)
    result = run(batch, signals(batch, *entries), account(gates=gates))
    assert {trade.symbol for trade in result.trades} == {"ADA/USDT", "BTC/USDT"}
    assert len(result.trades) == 2


@ENGINES
def test_margin_in_use_cannot_exceed_the_wallet(run):
    rows = [FLAT] * 3
    batch = market(ADA=rows, BTC=rows, ETH=rows)
    entries = [(name, 0, -1, 70) for name in ("ADA", "BTC", "ETH")]
    config = account(initial_balance_usdt=D(2_500))
    result = run(batch, signals(batch, *entries), config)
    assert [trade.symbol for trade in result.trades] == ["ADA/USDT", "BTC/USDT"]


@ENGINES
def test_too_small_for_the_market_is_skipped(run):
    batch = market(BTC=[FLAT] * 3)
    for limits in (SymbolLimits(min_notional=D(1_001)), SymbolLimits(min_quantity=D(11))):
        result = run(batch, signals(batch, ("BTC", 0, 1, 70)), account(default_limits=limits))
        assert result.trades == []
    cut = account(default_limits=SymbolLimits(step_size=D(3)))
    assert run(batch, signals(batch, ("BTC", 0, 1, 70)), cut).trades[0].quantity == D(9)


@ENGINES
def test_without_a_stop_in_the_way_an_isolated_position_is_liquidated(run):
    exits = ExitConfig(
        stop_loss_roi_pct=D(100),
        trailing_start_roi_pct=None,
        trailing_distance_roi_pct=None,
        max_hold_ms=None,
    )
    config = account(exits=exits, sizing=SizingSource(capital=D(10_000), leverage=10, risk_mode=1))
    # 10x: the stop at -100 % is 90, liquidation at 100 * 0.9 / 0.995 = 90.452...
    batch = market(BTC=[FLAT, (100, 100, 85, 86), FLAT])
    trade = run(batch, signals(batch, ("BTC", 0, 1, 70)), config).trades[0]
    assert (trade.reason, trade.exit_price) == ("LIQUIDATION", D("90.45"))


@ENGINES
def test_a_missing_bar_leaves_the_price_where_it_was(run):
    batch = market(BTC=[FLAT, FLAT, None, (97, 98, 96, 97)], ETH=[FLAT] * 4)
    result = run(batch, signals(batch, ("BTC", 0, 1, 70, 99.0)), account())
    assert [(t.exit_price, t.exit_ms) for t in result.trades] == [(D(97), START_MS + 3 * HOUR_MS)]
    never = market(BTC=[None, None, None], ETH=[FLAT] * 3)
    assert run(never, signals(never, ("BTC", 0, 1, 70)), account()).trades == []


@ENGINES
def test_what_is_open_at_the_end_is_closed_or_left(run):
    batch = market(BTC=[FLAT, (100, 104, 100, 103)])
    entry = signals(batch, ("BTC", 0, 1, 70))
    closed = run(batch, entry, account())
    assert facts(closed.trades[0]) == ("BTC", "LONG", D(100), D(103), "END")
    assert closed.equity_usdt[-1] == 10_030.0
    left = run(batch, entry, account(close_at_end=False))
    assert left.trades == [] and left.equity_usdt[-1] == 10_030.0 and left.balance_usdt == 10_000


@ENGINES
def test_bars_before_the_start_only_warm_up(run):
    batch = market(BTC=[FLAT] * 5)
    entries = [("BTC", bar, 1, 70) for bar in range(4)]
    result = run(batch, signals(batch, *entries), account(trade_from_ms=START_MS + 3 * HOUR_MS))
    assert [trade.entry_ms for trade in result.trades] == [START_MS + 3 * HOUR_MS]


@ENGINES
def test_static_gates_hold(run):
    rows = [FLAT] * 3
    batch = market(A=rows, B=rows, C=rows, D=rows, E=rows)
    entries = [("A", 0, 1, 69), ("B", 0, 1, 85), ("C", 0, -1, 59), ("D", 0, -1, 85), ("E", 0, -1, 90)]
    gates = GateConfig(skip_symbols=frozenset({"E/USDT"}))
    result = run(batch, signals(batch, *entries), account(gates=gates))
    assert [trade.symbol for trade in result.trades] == ["D/USDT"]


def test_refusals_are_counted_by_reason():
    rows = [FLAT] * 3
    batch = market(A=rows, B=rows, C=rows)
    entries = [("A", 0, 1, 69), ("B", 0, 1, 85), ("C", 0, -1, 59)]
    result = run_reference(batch, signals(batch, *entries), account(gates=GateConfig()))
    assert result.refused == {"long minimum": 1, "85+ LONG skip": 1, "score below minimum": 1}


def test_the_risk_score_stops_entries_after_a_bad_day():
    fall = (100, 100, 90, 95)
    batch = market(A=[FLAT, fall, FLAT, FLAT], B=[FLAT] * 4)
    entries = [("A", 0, 1, 75, 91.0), ("B", 1, 1, 75)]
    limited = account(risk_limits=RiskLimits(daily_loss_limit_usdt=D(80)))
    result = run_reference(batch, signals(batch, *entries), limited)
    assert [trade.symbol for trade in result.trades] == ["A/USDT"]
    assert result.refused == {"risk gate": 1}
    assert len(run_reference(batch, signals(batch, *entries), account()).trades) == 2


def test_a_hedge_opens_both_legs_with_their_own_exits():
    from dataclasses import replace

    import numpy as np

    batch = market(A=[FLAT, (100, 104, 99, 103), FLAT])
    base = signals(batch)
    shape = base.direction.shape
    hedge = np.zeros(shape, dtype=bool)
    hedge[0, 0] = True
    series = replace(
        base,
        score=np.full(shape, 70.0),
        hedge=hedge,
        stop_loss=np.full(shape, 98.0),
        short_stop_loss=np.full(shape, 102.0),
        short_take_profit=np.full(shape, np.nan),
    )
    gates = GateConfig(hedge_mode=True, ma_filter="off")
    result = run_reference(batch, series, account(gates=gates, exits=NO_EXITS))
    assert [facts(trade) for trade in result.trades] == [
        ("A", "SHORT", D(100), D(102), "SL"),
        ("A", "LONG", D(100), D(100), "END"),
    ]
