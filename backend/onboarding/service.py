"""The verbs of the wizard. Progress is kept with the user, so that it goes on where it was left, on any device."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from backend.billing import standing
from backend.bots import service as bots
from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput
from backend.execution.credentials import seal_credentials
from backend.execution.service import OPEN_STATES
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.merchant.quota import UNBOUND, check_room
from backend.models import Binding, Bot, ExchangeAccount, Order, Position, Strategy, Tenant, TenantStrategy, User
from backend.onboarding.asking import PAPER_BALANCE_USDT
from backend.onboarding.rules import Check, may_store
from backend.security import audit
from backend.settings import get_settings
from node_service.venues import VENUES, Venue

FIRST_EXCHANGE, ACCOUNT_TYPE = "binance", "futures"
MODES = ("live", "testnet", "simulated")
STEPS = ("exchange", "futures", "key", "paste", "limits", "start")


class KeyRefused(InvalidInput):
    """The key was refused and nothing was stored. Correct what is marked and check again."""

    code = "key_refused"


class AccountInUse(Conflict):
    """The account has open positions or orders. Close them before you change its key."""

    code = "account_in_use"


class TooEarlyForLive(Conflict):
    """Say explicitly that you want to trade live before the paper days are over."""

    code = "too_early_for_live"


def progress(session: Session, who: Principal) -> dict[str, Any]:
    """{step, mode, exchange, account (id or 0), key_hint, paper_since (datetime or None), strategies (ids), desired}."""
    user = get_scoped(session, who, User, who.id)
    kept = dict(user.settings.get("onboarding", {}))
    account = account_of(session, who.id)
    bot = session.exec(select(Bot).where(Bot.user_id == who.id)).first()
    followed = session.exec(select(Binding.strategy_id).where(Binding.user_id == who.id, Binding.status == 1)).all()
    live = account is not None and account.status == 1
    return {
        "step": kept.get("step", "limits" if live else "exchange"),
        "mode": account.mode if live and account else str(kept.get("mode", "")),
        "exchange": account.exchange if live and account else str(kept.get("exchange", FIRST_EXCHANGE)),
        "account": account.id if live and account else 0,
        "key_hint": account.key_hint if live and account else "",
        "paper_since": account.created_at if live and account and account.mode == "simulated" else None,
        "strategies": list(followed),
        "desired": bot.desired if bot else "stopped",
        "config": bot.config if bot else {},
    }


def venues() -> list[Venue]:
    """The exchanges a key can be brought from, in the operator's order; the simulated one speaks like the first."""
    return [VENUES[name] for name in get_settings().venues.split(",")]


def go_to(session: Session, who: Principal, step: str, mode: str = "", exchange: str = "") -> None:
    """Remember where the wizard is. Raises ``InvalidInput``."""
    if step not in STEPS or (mode and mode not in MODES):
        raise InvalidInput("There is no such step.")
    if mode == "live" and exchange and exchange not in {venue.code for venue in venues()}:
        raise InvalidInput("Choose one of the exchanges shown.")
    user = get_scoped(session, who, User, who.id, lock=True)
    kept = dict(user.settings.get("onboarding", {}))
    user.settings = {**user.settings, "onboarding": {**kept, "step": step, **_said(mode=mode, exchange=exchange)}}
    session.add(user)
    session.flush()


def _said(**words: str) -> dict[str, str]:
    return {name: word for name, word in words.items() if word}


def reserve_paper(session: Session, who: Principal) -> int:
    """The row the simulated purse belongs to, not yet enabled; the purse is opened outside, then ``keep_paper``.

    Raises ``AccountInUse``, ``QuotaExceeded``.
    """
    account = _account_for(session, who, "simulated", FIRST_EXCHANGE)
    if not account.credentials_sealed:
        account.status = 0
    session.add(account)
    standing.update(session, [who.id])
    assert account.id is not None
    return account.id


def keep_paper(session: Session, who: Principal, account_id: int, api_key: str, api_secret: str, *, ip: str = "") -> None:
    """Enable the simulated account with the keys of its purse."""
    account = get_scoped(session, who, ExchangeAccount, account_id, lock=True)
    _seal(session, account, api_key, api_secret)
    account.balance = account.futures_balance = account.futures_available = Decimal(PAPER_BALANCE_USDT)
    account.equity_peak = Decimal(PAPER_BALANCE_USDT)
    account.created_at = utcnow()
    session.add(account)
    standing.update(session, [who.id])
    audit.record(session, who, "exchange_account.paper", f"exchange_account:{account_id}", ip=ip)
    go_to(session, who, "limits", "simulated", FIRST_EXCHANGE)


def keep_key(
    session: Session,
    who: Principal,
    api_key: str,
    api_secret: str,
    *,
    mode: str,
    checks: Sequence[Check],
    exchange: str = FIRST_EXCHANGE,
    passphrase: str = "",
    ip: str = "",
) -> int:
    """Seal a checked key into the agent's account and stop the bot: a new key is a new decision to trade.

    Raises ``KeyRefused`` (nothing is stored, the refusal is on record), ``AccountInUse``, ``QuotaExceeded``.
    """
    if mode not in MODES:
        raise InvalidInput("Choose live, test market or simulated.")
    if not may_store(list(checks)):
        raise KeyRefused
    if exchange not in {venue.code for venue in venues()} and mode == "live":
        raise InvalidInput("Choose one of the exchanges shown.")
    account = _account_for(session, who, mode, exchange)
    _seal(session, account, api_key, api_secret, passphrase)
    bot = session.exec(select(Bot).where(Bot.user_id == who.id)).first()
    if bot is not None and bot.desired == "running":
        bots.stop(session, who, who.id, "A new exchange key was saved. Start the bot again.", ip=ip)
    told = {check.name: check.state for check in checks}
    audit.record(session, who, "exchange_account.bind", f"exchange_account:{account.id}", detail=told | {"mode": mode, "exchange": exchange}, ip=ip)
    go_to(session, who, "limits", mode)
    assert account.id is not None
    return account.id


def note_refusal(session: Session, who: Principal, checks: Sequence[Check], ip: str = "") -> None:
    """A refused key leaves only the names of what failed."""
    failed = [check.name for check in checks if check.state == "fail"]
    audit.record(session, who, "exchange_account.refused", f"user:{who.id}", ok=False, detail={"failed": failed}, ip=ip)


def offered(session: Session, who: Principal) -> list[Strategy]:
    """Strategies of the agent's merchant, in its order."""
    statement = (
        select(Strategy)
        .join(TenantStrategy, col(TenantStrategy.strategy_id) == col(Strategy.id))
        .where(TenantStrategy.tenant_id == who.tenant_id, TenantStrategy.status == 1, Strategy.status == 1)
        .order_by(col(TenantStrategy.sort_order), col(Strategy.id))
    )
    return list(session.exec(statement).all())


def choose(session: Session, who: Principal, strategy_ids: Sequence[int], settings: dict[str, Any], *, ip: str = "") -> None:
    """Follow exactly these strategies with the connected account, under these bot settings.

    Raises ``InvalidInput``, ``BadBotConfig``, ``QuotaExceeded``.
    """
    account = account_of(session, who.id)
    if account is None or account.status != 1 or account.id is None:
        raise InvalidInput("Connect an exchange account first.")
    # Of two at once the second one waits, and finds what the first one made.
    session.exec(select(ExchangeAccount.id).where(ExchangeAccount.id == account.id).with_for_update()).first()
    known = {strategy.id for strategy in offered(session, who)}
    wanted = set(strategy_ids)
    if not wanted or not wanted <= known:
        raise InvalidInput("Choose at least one of the strategies shown.")
    rows = {row.strategy_id: row for row in session.exec(select(Binding).where(Binding.account_id == account.id)).all()}
    for strategy_id in sorted(wanted | set(rows)):
        row = rows.get(strategy_id)
        if strategy_id not in wanted:
            if row is not None:
                row.status = 0
                session.add(row)
            continue
        if row is None or row.status != 1:
            check_room(session, account.tenant_id, "max_strategies")
        if row is None:
            row = Binding(tenant_id=account.tenant_id, user_id=who.id, account_id=account.id, strategy_id=strategy_id)
        row.status = 1
        session.add(row)
        session.flush()
    bots.configure(session, who, who.id, settings, ip=ip)
    go_to(session, who, "start")


def start(session: Session, who: Principal, *, paper_days: int, live_now: bool = False, ip: str = "") -> None:
    """Start the bot. A live account that never ran on paper long enough needs ``live_now``.

    Raises ``TooEarlyForLive``, ``BotCannotStart``.
    """
    account = account_of(session, who.id)
    if account is not None and account.mode == "live" and not live_now and not _served(session, who, paper_days):
        raise TooEarlyForLive
    bots.start(session, who, who.id, ip=ip)
    if account is not None and account.mode == "live":
        audit.record(session, who, "bot.live", f"user:{who.id}", detail={"early": live_now}, ip=ip)


def account_of(session: Session, user_id: int) -> ExchangeAccount | None:
    """The agent's futures account; of several (a merchant can make them by API) the enabled one, then the first."""
    return session.exec(
        select(ExchangeAccount)
        .where(ExchangeAccount.user_id == user_id, ExchangeAccount.account_type == ACCOUNT_TYPE)
        .order_by(col(ExchangeAccount.status) != 1, col(ExchangeAccount.id))
    ).first()


def _served(session: Session, who: Principal, paper_days: int) -> bool:
    """Whether the bot has been known for the paper days."""
    user = get_scoped(session, who, User, who.id)
    since = user.settings.get("paper_since")
    return since is not None and utcnow().timestamp() - float(since) >= timedelta(days=paper_days).total_seconds()


def _account_for(session: Session, who: Principal, mode: str, exchange: str) -> ExchangeAccount:
    """The row of the agent's account at this exchange. There is one account that trades: another exchange takes its place."""
    user = get_scoped(session, who, User, who.id, lock=True)
    account = account_of(session, who.id)
    if account is not None and account.exchange != exchange:
        _move(session, who, account, exchange)
    if account is None or account.status == UNBOUND:
        check_room(session, user.tenant_id, "max_exchange_accounts")
    if account is None:
        account = ExchangeAccount(
            tenant_id=user.tenant_id, user_id=who.id, exchange=exchange, account_type=ACCOUNT_TYPE, mode=mode, status=0
        )
        session.add(account)
        session.flush()
    elif account.mode != mode and _in_use(session, account):
        raise AccountInUse
    if mode == "simulated" and "paper_since" not in user.settings:
        user.settings = {**user.settings, "paper_since": utcnow().timestamp()}
        session.add(user)
    if account.mode != mode:
        account.credentials_sealed = b""
    account.mode = mode
    return account


def _move(session: Session, who: Principal, account: ExchangeAccount, exchange: str) -> None:
    """Give the account to another exchange: its key, balance and equity peak were those of the old one."""
    taken = select(ExchangeAccount.id).where(
        ExchangeAccount.user_id == who.id,
        ExchangeAccount.exchange == exchange,
        ExchangeAccount.account_type == ACCOUNT_TYPE,
    )
    if _in_use(session, account) or session.exec(taken).first() is not None:
        raise AccountInUse
    account.exchange, account.credentials_sealed = exchange, b""
    account.balance = account.futures_balance = account.futures_available = account.equity_peak = Decimal(0)
    account.income_read_ms = 0


def _in_use(session: Session, account: ExchangeAccount) -> bool:
    held = select(Position.id).where(Position.account_id == account.id, Position.status == "OPEN").limit(1)
    waiting = select(Order.id).where(Order.account_id == account.id, col(Order.status).in_(OPEN_STATES)).limit(1)
    return session.exec(held).first() is not None or session.exec(waiting).first() is not None


def _seal(session: Session, account: ExchangeAccount, api_key: str, api_secret: str, passphrase: str = "") -> None:
    tenant = session.get(Tenant, account.tenant_id)
    assert tenant is not None
    seal_credentials(tenant, account, api_key, api_secret, passphrase)
    account.status, account.last_sync_error = 1, ""
    session.add(account)
    standing.update(session, [account.user_id])
