"""Turn one scan's decisions into signals and order intents, in one transaction, and remember every skip."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, cast

from sqlalchemy import delete
from sqlmodel import Session, col, select

from backend.clock import from_ms, utcnow
from backend.execution.rules import client_order_id, position_size
from backend.execution.service import EntryIntent, write_entry
from backend.exits.rules import make_plan
from backend.exits.service import exit_config
from backend.models import Order, Scan, ScanPanel, Signal, Strategy
from backend.signals.followers import Follower, cap_amount, followers
from backend.signals.rules import Decision, judge
from backend.strategies.base import STATUS_NAMES, Decisions

PANELS_KEPT = 60
SIZE_SKIP = "size"
"""The step after the gates: sizing can still refuse, with its own sentence."""


@dataclass
class ScanOutcome:
    """What one scan wrote."""

    scan: Scan
    orders: list[Order] = field(default_factory=list)
    panels: list[ScanPanel] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)


def record_scan(
    session: Session,
    strategy: Strategy,
    decisions: Decisions,
    *,
    market_ms: int,
    duration_ms: int,
    intent_ttl_s: float,
    prices: dict[str, Decimal],
) -> ScanOutcome | None:
    """Write the scan of one closed bar: signals, intents of every follower, one panel per agent.

    None when this bar was scanned before (a late or double tick is harmless). ``prices`` are the current ones: an
    entry is sized at them, the bar's close is the reference where one is missing.
    """
    assert strategy.id is not None
    seen = session.exec(
        select(Scan.id).where(Scan.strategy_id == strategy.id, Scan.bar_open_ms == decisions.bar_open_ms)
    ).first()
    if seen is not None:
        return None
    scan = Scan(
        strategy_id=strategy.id,
        timeframe=strategy.timeframe,
        bar_open_ms=decisions.bar_open_ms,
        symbols=len(decisions.symbols),
        duration_ms=duration_ms,
        detail=_detail(decisions),
    )
    session.add(scan)
    session.flush()
    outcome = ScanOutcome(scan)
    signals: dict[tuple[str, str], Signal] = {}
    for follower in followers(session, strategy, from_ms(market_ms)):
        panel = _judge_follower(session, strategy, decisions, follower, outcome, signals, prices, market_ms, intent_ttl_s)
        session.add(panel)
        outcome.panels.append(panel)
        follower.bot.last_scan_at = utcnow()
        follower.bot.scan_count += 1
        follower.bot.observed = "running"
        session.add(follower.bot)
    scan.signals, scan.orders = len(signals), len(outcome.orders)
    outcome.signals = list(signals.values())
    session.add(scan)
    session.flush()
    return outcome


def _judge_follower(
    session: Session,
    strategy: Strategy,
    decisions: Decisions,
    follower: Follower,
    outcome: ScanOutcome,
    signals: dict[tuple[str, str], Signal],
    prices: dict[str, Decimal],
    market_ms: int,
    intent_ttl_s: float,
) -> ScanPanel:
    judged = judge(decisions, follower.gates, follower.context)
    rows = [_compact(decision) for decision in judged]
    opened = 0
    for decision, row in zip(judged, rows, strict=True):
        if not decision.passed:
            continue
        refusal = _enter(session, strategy, decisions, follower, decision, outcome, signals, prices, market_ms, intent_ttl_s)
        if refusal:
            row["reason"], row["note"], row["passed"] = SIZE_SKIP, refusal, False
        else:
            opened += 1
    rows.extend(_silent(decisions, {row["symbol"] for row in rows}))
    assert follower.user.id is not None and outcome.scan.id is not None
    return ScanPanel(
        tenant_id=follower.user.tenant_id,
        user_id=follower.user.id,
        scan_id=outcome.scan.id,
        strategy_code=strategy.code,
        market_ms=market_ms,
        analyzed=len(decisions.symbols),
        passed=sum(1 for row in rows if row["passed"]),
        opened=opened,
        decisions=rows,
    )


def _enter(
    session: Session,
    strategy: Strategy,
    decisions: Decisions,
    follower: Follower,
    decision: Decision,
    outcome: ScanOutcome,
    signals: dict[tuple[str, str], Signal],
    prices: dict[str, Decimal],
    market_ms: int,
    intent_ttl_s: float,
) -> str:
    """Write one follower's entry intent. Returns why not, or an empty text."""
    entry = prices.get(decision.symbol) or to_decimal(decision.entry)
    if entry is None:
        return "There is no price."
    size, leverage = position_size(
        *follower.sizing,
        ratio_pct=follower.binding.ratio,
        risk_based=bool(strategy.config.get("risk_based_sizing")),
        entry=entry,
        stop_loss=to_decimal(decision.stop_loss),
    )
    if size.skipped:
        return size.reason
    leverage = min(leverage, follower.config.max_leverage)
    side = cast(Literal["LONG", "SHORT"], decision.direction)
    plan = make_plan(
        exit_config(follower.config),
        side,
        entry,
        Decimal(leverage),
        market_ms,
        to_decimal(decision.stop_loss),
        to_decimal(decision.take_profit),
    )
    signal = signals.get((decision.symbol, decision.direction))
    if signal is None:
        signal = _signal(session, strategy, decisions, decision, entry)
        signals[(decision.symbol, decision.direction)] = signal
    order = write_entry(
        session,
        EntryIntent(
            account=follower.account,
            binding_id=follower.binding.id,
            signal_id=signal.signal_id,
            strategy_code=strategy.code,
            symbol=decision.symbol,
            position_side=decision.direction,
            amount_usdt=cap_amount(size.notional_usdt, follower.config),
            leverage=leverage,
            price=entry,
            stop_loss=plan.stop_loss,
            take_profit=plan.take_profit,
            market_at=from_ms(market_ms),
            ttl_s=intent_ttl_s,
        ),
    )
    outcome.orders.append(order)
    return ""


def _signal(session: Session, strategy: Strategy, decisions: Decisions, decision: Decision, entry: Decimal) -> Signal:
    assert strategy.id is not None
    # Deterministic: the same bar gives the same signal id, so a repeated scan can never order twice.
    name = client_order_id(f"{strategy.code}:{decision.symbol}", decisions.bar_open_ms, decision.direction)
    signal = Signal(
        signal_id=f"SIG{name[1:21].upper()}",
        strategy_id=strategy.id,
        symbol=decision.symbol,
        signal_type="OPEN" if decision.direction == "LONG" else "OPEN_SHORT",
        side="BUY" if decision.direction == "LONG" else "SELL",
        bar_open_ms=decisions.bar_open_ms,
        entry_price=entry,
        stop_loss=to_decimal(decision.stop_loss),
        take_profit=to_decimal(decision.take_profit),
        score=decision.score,
        components={name: round(value, 6) for name, value in decision.components.items()},
    )
    session.add(signal)
    return signal


def to_decimal(value: float | None) -> Decimal | None:
    """A strategy's float price as a Decimal of at most 12 significant digits; None for none."""
    if value is None or not math.isfinite(value) or value <= 0:
        return None
    return Decimal(f"{value:.12g}")


def _compact(decision: Decision) -> dict[str, Any]:
    """One decision for the stored panel: ``gates`` holds [had, needed, passed] in gate order."""
    return {
        "symbol": decision.symbol,
        "direction": decision.direction,
        "score": decision.score,
        "passed": decision.passed,
        "reason": decision.reason,
        "gate": decision.gate_index,
        "gates": [[check.had, check.needed, check.passed] for check in decision.gates],
    }


def _silent(decisions: Decisions, spoken: set[str]) -> list[dict[str, Any]]:
    """Symbols without a direction, with why: silence is a bug."""
    return [
        {
            "symbol": symbol,
            "direction": "",
            "score": int(decisions.score[i]) if math.isfinite(decisions.score[i]) else 0,
            "passed": False,
            "reason": STATUS_NAMES[int(decisions.status[i])],
            "gate": -1,
            "gates": [],
        }
        for i, symbol in enumerate(decisions.symbols)
        if symbol not in spoken
    ]


def _detail(decisions: Decisions) -> dict[str, Any]:
    """Components by symbol, once per scan; the panel's drawer shows them."""
    names = list(decisions.components)
    table = {
        symbol: [
            round(float(decisions.components[name][i]), 6) if math.isfinite(decisions.components[name][i]) else None
            for name in names
        ]
        for i, symbol in enumerate(decisions.symbols)
    }
    return {"names": names, "values": table}


def prune_panels(session: Session, keep: int = PANELS_KEPT) -> int:
    """Drop the decision lists of old scans; the counters of the scans stay."""
    newest = session.exec(select(Scan.id).order_by(col(Scan.id).desc()).offset(keep).limit(1)).first()
    if newest is None:
        return 0
    result = session.connection().execute(delete(ScanPanel).where(col(ScanPanel.scan_id) <= newest))
    return int(result.rowcount)
