"""Users, their exchange accounts and their team."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import structlog
from sqlmodel import Session

from backend.api.merchant import schemas
from backend.api.merchant.door import Call, Doors, Said
from backend.branding.service import reveals
from backend.merchant import offers, queries, service
from backend.merchant.errors import Refused
from backend.merchant.queries import Data, Page
from backend.security.passwords import WeakPassword, hash_password
from node_service.venues import VENUES

users = Doors("merchant users")
log = structlog.get_logger("merchant")


def _hashed(form: schemas.CreateUser) -> str:
    """Hashing takes tens of milliseconds: it is done before the transaction."""
    if not form.email.strip() or not form.password.get_secret_value():
        raise Refused("邮箱和密码不能为空")
    try:
        return hash_password(form.password.get_secret_value())
    except WeakPassword:
        raise Refused("密码长度须为 8-128 位") from None


@users.get("/root-user", schemas.Nothing)
def root_user(session: Session, call: Call, query: schemas.Nothing) -> Data:
    """The tenant's own user at the top of its invite tree."""
    return queries.root_user(session, call.who.tenant)


@users.post("/user/create", schemas.CreateUser, "创建成功", before=_hashed)
def create_user(session: Session, call: Call, form: schemas.CreateUser) -> Data:
    """A new user, below the owner of ``invite_code`` or below the root user."""
    return service.make_user(session, call.who, form.email, call.prepared, form.invite_code.strip())


@users.get("/users", schemas.FindUsers)
def find_users(session: Session, call: Call, query: schemas.FindUsers) -> Data:
    """Users, newest first. ``email`` finds parts; ``status`` is 1 active, 2 disabled."""
    page = Page(query.page, query.limit)
    email, code = query.email.strip(), query.invite_code.strip()
    return queries.users(session, call.who.tenant_id, page, email=email, invite_code=code, status=query.status)


@users.get("/user/info", schemas.ByEmail)
def user_info(session: Session, call: Call, query: schemas.ByEmail) -> Data:
    """Everything about one user. Of exchange keys only the last four characters, of secrets nothing, unless an admin
    has switched that on for this tenant."""
    tenant_id = call.who.tenant_id
    # An MD5 signature covers too little to be trusted with secrets.
    shown = not call.who.legacy and reveals(session, tenant_id)
    if shown:
        log.warning("exchange secrets shown", tenant=tenant_id, key=call.who.id, ip=call.who.ip)
    return queries.user_info(session, tenant_id, query.email, call.context.vault if shown else None)


@users.post("/user/apikey", schemas.BindKey, "绑定成功")
def bind_key(session: Session, call: Call, form: schemas.BindKey) -> Data:
    """Connect a user's exchange account, or replace its key."""
    exchange = form.exchange.strip().lower()
    key, secret, passphrase = (
        field.get_secret_value().strip() for field in (form.api_key, form.api_secret, form.passphrase)
    )
    offered = call.context.settings.venues.split(",")
    if exchange not in offered:
        raise Refused(f"不支持的交易所，仅支持: {', '.join(offered)}")
    if VENUES[exchange].passphrase and not passphrase:
        raise Refused(f"{VENUES[exchange].name} 必须填写 API Passphrase（创建 API 时设置的密码）")
    if not (key.isprintable() and secret.isprintable() and passphrase.isprintable() and key and secret):
        raise Refused("API Key 和 API Secret 不能为空")
    account_type = form.account_type.strip().lower()
    if account_type == "future":
        account_type = "futures"
    if account_type not in ("futures", "spot"):
        raise Refused("不支持的账户类型，仅支持: futures, spot")
    # Only a platform that follows a real market trades with real money.
    mode = "live" if call.context.settings.market.startswith("exchange:") else "simulated"
    return service.bind_account(
        session,
        call.who,
        vault=call.context.vault,
        email=form.email,
        exchange=exchange,
        api_key=key,
        api_secret=secret,
        passphrase=passphrase,
        account_type=account_type,
        mode=mode,
    )


@users.post("/user/apikey/unbind", schemas.UnbindKey, "解绑成功")
def unbind_key(session: Session, call: Call, form: schemas.UnbindKey) -> None:
    """Forget a user's exchange key. Refused while the account holds positions or orders."""
    service.unbind_account(session, call.who, form.email, form.account_id)


@users.get("/user/team", schemas.ListedByEmail)
def team(session: Session, call: Call, query: schemas.ListedByEmail) -> Data:
    """A user's direct invitees, and figures of the whole team."""
    return queries.team(session, call.who.tenant_id, query.email, Page(query.page, query.limit))


@users.post("/user/set-market-node", schemas.MarketNode)
def set_market_node(session: Session, call: Call, form: schemas.MarketNode) -> Any:
    """Make a user a market node, or no longer."""
    service.set_market_node(session, call.who, form.email, form.is_node == 1)
    return Said(None, "已设置为市场节点" if form.is_node == 1 else "已取消市场节点资格")


strategies = Doors("merchant strategies")


@strategies.get("/strategies", schemas.Nothing)
def offered(session: Session, call: Call, query: schemas.Nothing) -> list[Data]:
    """The strategies this tenant offers."""
    return offers.strategies(session, call.who.tenant_id)


@strategies.post("/user/strategy/open", schemas.OpenStrategy, "开启成功")
def open_strategy(session: Session, call: Call, form: schemas.OpenStrategy) -> Data:
    """Subscribe a user's account to a strategy."""
    least: Decimal = call.context.settings.merchant_min_point_card
    return service.open_strategy(
        session,
        call.who,
        email=form.email,
        strategy_id=form.strategy_id,
        account_id=form.account_id,
        mode=form.mode,
        capital=form.capital,
        leverage=form.leverage,
        risk_mode=form.risk_mode,
        min_point_card=least,
    )


@strategies.post("/user/strategy/update", schemas.UpdateStrategy, "修改成功")
def update_strategy(session: Session, call: Call, form: schemas.UpdateStrategy) -> Data:
    """Change capital, leverage or risk mode of a subscription."""
    return service.update_strategy(
        session,
        call.who,
        email=form.email,
        strategy_id=form.strategy_id,
        account_id=form.account_id,
        capital=form.capital,
        leverage=form.leverage,
        risk_mode=form.risk_mode,
    )


@strategies.post("/user/strategy/close", schemas.CloseStrategy, "关闭成功")
def close_strategy(session: Session, call: Call, form: schemas.CloseStrategy) -> None:
    """Stop a subscription; open positions stay."""
    service.close_strategy(
        session, call.who, email=form.email, strategy_id=form.strategy_id, account_id=form.account_id
    )


@strategies.get("/user/strategies", schemas.ByEmail)
def user_strategies(session: Session, call: Call, query: schemas.ByEmail) -> list[Data]:
    """A user's subscriptions."""
    return offers.user_strategies(session, call.who.tenant_id, query.email)
