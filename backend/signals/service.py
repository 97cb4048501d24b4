"""Turn one scan's decisions into signals and order intents, in one transaction, and remember every skip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, cast

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from backend.bots import watchdog
from backend.clock import from_ms, utcnow
from backend.execution.resting import confirm, note_entries
from backend.execution.resting_rules import limit_price, terms_of
from backend.execution.rules import client_order_id, position_size
from backend.execution.service import EntryIntent, write_entry
from backend.exits.rules import make_plan
from backend.exits.service import exit_config
from backend.market.rules import INTERVAL_MS
from backend.models import Order, Scan, ScanPanel, Signal, Strategy
from backend.risk import refusals
from backend.risk.limit_rules import Facts, Refusal, Wanted, check
from backend.signals.followers import Follower, cap_amount, followers
from backend.signals.rules import Decision, judge
from backend.strategies.base import STATUS_NAMES, Decisions

log = structlog.get_logger("scan")

PANELS_KEPT = 60
SIZE_SKIP = "size"
"""The step after the gates: sizing can still refuse, with its own sentence."""
LIMIT_SKIP = "risk limit"
"""The last step: a limit of the platform, the tenant or the agent refuses; the row carries its code."""


@dataclass
class ScanOutcome:
    """What one scan wrote."""

    scan: Scan
    orders: list[Order] = field(default_factory=list)
    panels: list[ScanPanel] = field(default_factory=list)
    signals: dict[tuple[str, str], Signal] = field(default_factory=dict)
    closing: list[Order] = field(default_factory=list)


@dataclass(frozen=True)
class ScanFacts:
    """What a scan is about: the strategy, its decisions at one closed bar, and the market as it is now.

    ``prices`` are the current ones: an entry is sized at them; the bar's close is the reference where one is missing.
    """

    strategy: Strategy
    decisions: Decisions
    market_ms: int
    duration_ms: int
    intent_ttl_s: float
    prices: Mapping[str, Decimal]


def record_scan(session: Session, facts: ScanFacts) -> ScanOutcome | None:
    """Write the scan of one closed bar: signals, intents of every follower, one panel per binding.

    None when this bar was scanned before (a late or double tick is harmless).
    """
    strategy, decisions = facts.strategy, facts.decisions
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
        duration_ms=facts.duration_ms,
        detail=_detail(decisions),
    )
    session.add(scan)
    session.flush()
    outcome = ScanOutcome(scan)
    outcome.closing = _confirm(session, facts)
    for follower in followers(session, strategy, from_ms(facts.market_ms)):
        panel = _judge_safely(session, facts, follower, outcome)
        if panel is None:
            continue
        session.add(panel)
        outcome.panels.append(panel)
        follower.bot.last_scan_at = utcnow()
        follower.bot.scan_count += 1
        follower.bot.observed = "running"
        session.add(follower.bot)
    scan.signals, scan.orders = len(outcome.signals), len(outcome.orders)
    session.add(scan)
    session.flush()
    terms = terms_of(strategy.config)
    if terms is not None:
        note_entries(
            session, outcome.orders, terms, strategy_id=strategy.id, bar_open_ms=decisions.bar_open_ms,
            interval_ms=INTERVAL_MS[strategy.timeframe],
        )  # fmt: skip
    return outcome


def _confirm(session: Session, facts: ScanFacts) -> list[Order]:
    """What this closed bar says about entries that were filled at their price."""
    assert facts.strategy.id is not None
    decisions = facts.decisions
    closes = {
        symbol: (float(decisions.close[i]), int(decisions.direction[i]))
        for i, symbol in enumerate(decisions.symbols)
        if math.isfinite(decisions.close[i])
    }
    return confirm(session, facts.strategy.id, decisions.bar_open_ms, closes, prices=facts.prices, market_at=from_ms(facts.market_ms))


def _judge_safely(session: Session, facts: ScanFacts, follower: Follower, outcome: ScanOutcome) -> ScanPanel | None:
    """The edge of one bot: whatever fails in it is its own crash, the other bots are scanned."""
    written = len(outcome.orders)
    try:
        return _judge_follower(session, facts, follower, outcome)
    except SQLAlchemyError:
        raise
    except Exception as error:  # the edge of one bot: the others are scanned
        log.exception("bot failed", user=follower.bot.user_id)
        for order in outcome.orders[written:]:
            session.expunge(order)
        del outcome.orders[written:]
        watchdog.crashed(session, follower.bot, type(error).__name__)
        return None


def _judge_follower(session: Session, facts: ScanFacts, follower: Follower, outcome: ScanOutcome) -> ScanPanel:
    judged = judge(facts.decisions, follower.gates, follower.context)
    rows = [_compact(decision) for decision in judged]
    opened, holds = 0, follower.facts
    limited: list[tuple[str, Refusal]] = []
    for decision, row in zip(judged, rows, strict=True):
        if not decision.passed:
            continue
        try:
            holds = _enter(session, facts, follower, decision, outcome, holds=holds)
            opened += 1
        except _Refused as refusal:
            row["reason"], row["note"], row["passed"] = refusal.reason, refusal.note, False
            if refusal.limit is not None:
                limit = refusal.limit
                row["limit"] = {"code": limit.code, "name": limit.name, "source": limit.source, "had": limit.had, "needed": limit.needed}
                limited.append((decision.symbol, limit))
    rows.extend(_silent(facts.decisions, {row["symbol"] for row in rows}))
    assert follower.user.id is not None and outcome.scan.id is not None and follower.binding.id is not None
    panel = ScanPanel(
        tenant_id=follower.user.tenant_id,
        user_id=follower.user.id,
        binding_id=follower.binding.id,
        scan_id=outcome.scan.id,
        strategy_code=facts.strategy.code,
        market_ms=facts.market_ms,
        analyzed=len(facts.decisions.symbols),
        passed=sum(1 for row in rows if row["passed"]),
        opened=opened,
        decisions=rows,
    )
    refusals.note(session, panel, follower.account.id or 0, limited)
    return panel


class _Refused(Exception):
    """A signal that passed the gates but is not entered."""

    def __init__(self, note: str, reason: str = SIZE_SKIP, limit: Refusal | None = None) -> None:
        super().__init__(note)
        self.note, self.reason, self.limit = note, reason, limit


def _enter(
    session: Session, facts: ScanFacts, follower: Follower, decision: Decision, outcome: ScanOutcome, *, holds: Facts
) -> Facts:
    """Write one follower's entry intent and return what the account then holds. Raises ``_Refused``."""
    entry = facts.prices.get(decision.symbol) or to_decimal(decision.entry)
    if entry is None:
        raise _Refused("There is no price.")
    terms = terms_of(facts.strategy.config)
    if terms is not None:
        entry = limit_price(to_decimal(decision.entry) or entry, decision.direction, terms.offset_bps)
    stop_loss, take_profit = to_decimal(decision.stop_loss), to_decimal(decision.take_profit)
    size, leverage = position_size(
        *follower.sizing,
        ratio_pct=follower.binding.ratio,
        risk_based=bool(facts.strategy.config.get("risk_based_sizing")),
        entry=entry,
        stop_loss=stop_loss,
    )
    if size.skipped:
        raise _Refused(size.reason)
    leverage, amount = min(leverage, follower.config.max_leverage), cap_amount(size.notional_usdt, follower.config)
    wanted = Wanted(decision.symbol, decision.direction, amount, leverage)
    refusal = check(follower.limits, holds, wanted)
    if refusal is not None:
        raise _Refused(refusal.sentence, LIMIT_SKIP, refusal)
    side = cast(Literal["LONG", "SHORT"], decision.direction)
    exits = exit_config(follower.config)
    plan = make_plan(exits, side, entry, Decimal(leverage), facts.market_ms, stop_loss=stop_loss, take_profit=take_profit)
    signal = outcome.signals.get((decision.symbol, decision.direction))
    if signal is None:
        signal = _signal(session, facts, decision, entry)
        outcome.signals[(decision.symbol, decision.direction)] = signal
    intent = EntryIntent(
        account=follower.account,
        binding_id=follower.binding.id,
        signal_id=signal.signal_id,
        strategy_code=facts.strategy.code,
        symbol=decision.symbol,
        position_side=decision.direction,
        amount_usdt=amount,
        leverage=leverage,
        price=entry,
        stop_loss=plan.stop_loss,
        take_profit=plan.take_profit,
        market_at=from_ms(facts.market_ms),
        ttl_s=facts.intent_ttl_s,
        order_type="LIMIT" if terms is not None else "MARKET",
    )
    outcome.orders.append(write_entry(session, intent))
    return holds.with_entry(wanted)


def _signal(session: Session, facts: ScanFacts, decision: Decision, entry: Decimal) -> Signal:
    strategy, bar_ms = facts.strategy, facts.decisions.bar_open_ms
    assert strategy.id is not None
    # Deterministic: the same bar gives the same signal id, so a repeated scan can never order twice.
    name = client_order_id(f"{strategy.code}:{decision.symbol}", bar_ms, decision.direction)
    signal = Signal(
        signal_id=f"SIG{name[1:21].upper()}",
        strategy_id=strategy.id,
        symbol=decision.symbol,
        signal_type="OPEN",
        side="BUY" if decision.direction == "LONG" else "SELL",
        bar_open_ms=bar_ms,
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
