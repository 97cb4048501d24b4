"""Who follows a strategy, and what each follower's account looks like at the start of a scan. A few queries for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.bots import watchdog
from backend.bots.rules import BadBotConfig, BotConfig
from backend.clock import from_ms
from backend.execution.compare import blocked_symbols
from backend.execution.rules import SizingSource
from backend.execution.service import OPEN_STATES
from backend.models import (
    Binding,
    Bot,
    Cooldown,
    ExchangeAccount,
    LedgerAccount,
    Order,
    Position,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
)
from backend.risk.limit_rules import Facts, Limit
from backend.risk.limits import facts_of, in_force
from backend.risk.service import limits_of, scores
from backend.risk.switches import active, sentence
from backend.signals.rules import GateConfig, GateContext, RiskVerdict


@dataclass(frozen=True)
class Follower:
    """One account that follows the strategy, with everything the gates and the sizing need."""

    user: User
    account: ExchangeAccount
    binding: Binding
    bot: Bot
    config: BotConfig
    sizing: tuple[SizingSource, SizingSource, SizingSource]
    gates: GateConfig
    context: GateContext
    limits: Mapping[str, Limit]
    facts: Facts


def followers(session: Session, strategy: Strategy, market_at: datetime) -> list[Follower]:
    """Every follower whose bot runs and for whom all of this holds: strategy, tenant's instance, tenant, user,
    binding and account are enabled, the capital reaches the minimum, point cards are left, and a single-shot
    binding has not traded yet."""
    rows = session.exec(
        select(Binding, User, ExchangeAccount, Bot)
        .join(User, col(User.id) == col(Binding.user_id))
        .join(Tenant, col(Tenant.id) == col(Binding.tenant_id))
        .join(ExchangeAccount, col(ExchangeAccount.id) == col(Binding.account_id))
        .join(Bot, col(Bot.user_id) == col(Binding.user_id))
        .where(
            Binding.strategy_id == strategy.id,
            Binding.status == 1,
            User.status == 1,
            Tenant.status == 1,
            ExchangeAccount.status == 1,
            Bot.desired == "running",
        )
        .order_by(col(Binding.id))
    ).all()
    offered = {
        row.tenant_id: row
        for row in session.exec(
            select(TenantStrategy).where(TenantStrategy.strategy_id == strategy.id, TenantStrategy.status == 1)
        ).all()
    }
    resting = watchdog.resting(session)
    rows = [row for row in rows if row[0].tenant_id in offered and row[1].id not in resting]
    configs = _configs(session, [row[3] for row in rows])
    rows = [row for row in rows if row[1].id in configs]
    if not rows:
        return []
    accounts = {row[2].id: row[2] for row in rows}
    users = [row[1].id for row in rows if row[1].id is not None]
    cards = point_cards(session, users)
    held, blocked = _held(session, [i for i in accounts if i is not None])
    cooling = _cooldowns(session, [i for i in accounts if i is not None])
    limits = {user_id: limits_of(config) for user_id, config in configs.items()}
    risk = scores(session, accounts.values(), limits, market_at)
    stopped = active(session)
    limited = in_force(session, accounts.values())
    facts = facts_of(session, accounts.values(), limited, market_at)
    used_once = _used_once(session, [row[0].id for row in rows if row[0].mode == 1 and row[0].id is not None])
    found: list[Follower] = []
    for binding, user, account, bot in rows:
        instance = offered[binding.tenant_id]
        assert account.id is not None and user.id is not None
        if cards.get(user.id, 0) <= 0 or binding.id in used_once:
            continue
        sizing = _sizing(binding, instance, strategy)
        minimum = instance.min_capital if instance.min_capital is not None else strategy.min_capital
        if binding.capital is not None and 0 < binding.capital < minimum:
            continue
        config = configs[user.id]
        score, stop = risk[account.id], stopped.of(account.tenant_id, account.id)
        context = GateContext(
            now=market_at,
            held=frozenset(held[account.id] | blocked[account.id]),
            cooldown_until=cooling[account.id],
            risk=RiskVerdict(False, score.score, sentence(stop[0])) if stop else RiskVerdict(score.allows_entries, score.score, score.reason),
        )
        found.append(Follower(
                user, account, binding, bot, config, sizing, gate_config(config), context, limited[account.id],
                facts.get(account.id, Facts(market_at)),
            ))
    return found


def _configs(session: Session, bots: Sequence[Bot]) -> dict[int, BotConfig]:
    """Settings by user id. A bot whose settings are not valid is stopped with what to do; the others go on."""
    found: dict[int, BotConfig] = {}
    for bot in bots:
        try:
            found[bot.user_id] = found.get(bot.user_id) or BotConfig.from_mapping(bot.config)
        except BadBotConfig as error:
            watchdog.failed(session, bot, "BAD_SETTINGS", error.message)
    return found


def gate_config(config: BotConfig) -> GateConfig:
    """A bot's gate settings in the words of the gate rules."""
    return GateConfig(
        skip_symbols=frozenset(config.skip_list),
        max_opened_per_scan=config.max_opened_per_scan,
        max_positions=config.max_positions,
        min_score=config.min_score,
        long_min_score=config.long_min_score,
        long_skip_from_score=config.long_skip_from_score,
        ma_filter=config.ma_filter,
        hedge_mode=config.hedge_mode,
    )


def point_cards(session: Session, user_ids: Sequence[int]) -> dict[int, int]:
    """Point cards left (self + gift, ledger units) by user id."""
    rows = session.exec(
        select(LedgerAccount.owner_id, func.sum(LedgerAccount.balance))
        .where(
            LedgerAccount.owner_kind == "user",
            col(LedgerAccount.owner_id).in_(user_ids),
            col(LedgerAccount.kind).in_(("point_self", "point_gift")),
        )
        .group_by(col(LedgerAccount.owner_id))
    ).all()
    return {int(owner): int(total or 0) for owner, total in rows}


def _held(session: Session, account_ids: Sequence[int]) -> tuple[dict[int, set[str]], dict[int, set[str]]]:
    """Symbols held, and symbols with an entry under way, by account."""
    held: dict[int, set[str]] = defaultdict(set)
    for account_id, symbol in session.exec(
        select(Position.account_id, Position.symbol).where(
            col(Position.account_id).in_(account_ids), Position.status == "OPEN"
        )
    ).all():
        held[account_id].add(symbol)
    blocked: dict[int, set[str]] = defaultdict(set)
    for account_id, symbol in session.exec(
        select(Order.account_id, Order.symbol).where(
            col(Order.account_id).in_(account_ids), Order.trade_type == "OPEN", col(Order.status).in_(OPEN_STATES)
        )
    ).all():
        blocked[account_id].add(symbol)
    for account_id, symbols in blocked_symbols(session, account_ids).items():
        blocked[account_id] |= symbols
    return held, blocked


def _cooldowns(session: Session, account_ids: Sequence[int]) -> dict[int, dict[str, datetime]]:
    result: dict[int, dict[str, datetime]] = defaultdict(dict)
    for row in session.exec(select(Cooldown).where(col(Cooldown.account_id).in_(account_ids))).all():
        result[row.account_id][row.symbol] = from_ms(row.until_ms)
    return result


def _used_once(session: Session, binding_ids: Sequence[int]) -> set[int]:
    """Single-shot bindings that have filled or still running entry orders."""
    if not binding_ids:
        return set()
    rows = session.exec(
        select(Order.binding_id).where(
            col(Order.binding_id).in_(binding_ids),
            Order.trade_type == "OPEN",
            col(Order.status).in_((*OPEN_STATES, "FILLED")),
        )
    ).all()
    return {row for row in rows if row is not None}


def _sizing(
    binding: Binding, instance: TenantStrategy, strategy: Strategy
) -> tuple[SizingSource, SizingSource, SizingSource]:
    return (
        SizingSource(binding.capital, binding.leverage, binding.risk_mode, binding.max_loss_per_trade),
        SizingSource(instance.capital, instance.leverage, instance.risk_mode, instance.max_loss_per_trade),
        SizingSource(strategy.capital, strategy.leverage, strategy.risk_mode, strategy.max_loss_per_trade),
    )


def cap_amount(amount_usdt: Decimal, config: BotConfig) -> Decimal:
    """The agent's own limit on one position's notional."""
    return min(amount_usdt, config.max_position_usdt)
