"""What must hold before a bot may start: each that does not, with a code, a sentence that says what to do, and where to do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, col, select

from backend.bots.rules import BadBotConfig, BotConfig
from backend.execution.failover import NONE, policy_of
from backend.execution.routing import obstacle
from backend.ledger.queries import balances
from backend.ledger.rules import user_account
from backend.models import Binding, Bot, ExchangeAccount, ExecutionNode, Strategy, Tenant, TenantStrategy, User
from backend.risk.switches import active


@dataclass(frozen=True)
class Obstacle:
    """``code`` is stable, ``link`` where it is mended ("" where only the provider can)."""

    code: str
    sentence: str
    link: str = ""


SENTENCES: Final = {
    "provider_off": Obstacle("provider_off", "Your provider's account is disabled. Ask your provider."),
    "account_off": Obstacle("account_off", "Your account is disabled. Ask your provider."),
    "no_exchange": Obstacle("no_exchange", "No exchange account is connected. Connect one in Settings.", "/agent/start"),
    "no_key": Obstacle("no_key", "The exchange account has no key. Paste one in Settings.", "/agent/start"),
    "no_strategy": Obstacle("no_strategy", "No strategy is switched on for your exchange account. Switch one on in Settings.", "/agent/start"),
    "no_cards": Obstacle("no_cards", "Your point cards are used up. Ask your provider to recharge them.", "/agent/cards"),
    "stopped": Obstacle("stopped", "Trading is stopped for your account. Lift the stop, or ask who set it.", "/agent/stops"),
    "node_off": Obstacle("node_off", "The machine that trades your account is switched off or silent. Ask your provider."),
    "bad_settings": Obstacle("bad_settings", "The bot's settings are not valid. Correct them, and start the bot again.", "/agent/bot"),
}


def obstacles(session: Session, user: User) -> list[Obstacle]:
    """Everything that keeps this agent's bot from starting; empty when it may."""
    return [SENTENCES[code] for code in _codes(session, user)]


def _codes(session: Session, user: User) -> list[str]:
    assert user.id is not None
    found: list[str] = []
    tenant = session.get(Tenant, user.tenant_id)
    if tenant is None or tenant.status != 1:
        found.append("provider_off")
    if user.status != 1:
        found.append("account_off")
    accounts = session.exec(select(ExchangeAccount).where(ExchangeAccount.user_id == user.id, ExchangeAccount.status == 1)).all()
    if not accounts:
        found.append("no_exchange")
    elif not any(account.credentials_sealed for account in accounts):
        found.append("no_key")
    if accounts and not _follows(session, user.id, [account.id for account in accounts]):
        found.append("no_strategy")
    if card_units(session, user) <= 0:
        found.append("no_cards")
    stops = active(session)
    if accounts and all(stops.of(account.tenant_id, account.id or 0) for account in accounts):
        found.append("stopped")
    if accounts and all(_stuck(session, account) for account in accounts):
        found.append("node_off")
    bot = session.exec(select(Bot).where(Bot.user_id == user.id)).first()
    try:
        BotConfig.from_mapping(bot.config if bot is not None else None)
    except BadBotConfig:
        found.append("bad_settings")
    return found


def _follows(session: Session, user_id: int, account_ids: Sequence[int | None]) -> bool:
    offered = (col(TenantStrategy.strategy_id) == col(Binding.strategy_id)) & (col(TenantStrategy.tenant_id) == col(Binding.tenant_id))
    row = session.exec(
        select(Binding.id)
        .join(Strategy, col(Strategy.id) == col(Binding.strategy_id))
        .join(TenantStrategy, offered)
        .where(
            Binding.user_id == user_id, Binding.status == 1, col(Binding.account_id).in_(account_ids), Strategy.status == 1,
            TenantStrategy.status == 1,
        )
    ).first()  # fmt: skip
    return row is not None


def _stuck(session: Session, account: ExchangeAccount) -> bool:
    """Its node cannot open anything, and nobody else may."""
    if account.node_id is None or policy_of(session, account.tenant_id) != NONE:
        return False
    return bool(obstacle(session.get(ExecutionNode, account.node_id), "OPEN"))


def card_units(session: Session, user: User) -> int:
    """Point cards left, self and gift together, in ledger units."""
    assert user.id is not None
    refs = [user_account(user.tenant_id, user.id, kind) for kind in ("point_self", "point_gift")]
    return sum(balances(session, refs).values())
