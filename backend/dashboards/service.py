"""What operators and merchants do from their consoles: each verb authorises, acts through the room's own service and audits.

Session first; the edge opens and commits. Refusals are ``IronBullError``s.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlmodel import Session, select

from backend.billing import cards
from backend.errors import InvalidInput, NotAllowed, NotFound
from backend.execution import nodes
from backend.identity import service as identity
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.models import Strategy, Tenant, TenantStrategy, User
from backend.money import check_amount
from backend.security import audit
from backend.security.passwords import check_strength

MAX_LEVERAGE = 125


def switch_node(session: Session, who: Principal, node_id: int, on: bool) -> str:
    """Let a node take orders or not; its accounts stay with it. Returns its code."""
    _only(who, "admin")
    node = nodes.update_node(session, node_id, status=1 if on else 0)
    audit.record(session, who, "node.update", f"node:{node.node_code}", detail={"status": node.status})
    return node.node_code


def switch_tenant(session: Session, who: Principal, tenant_id: int, on: bool) -> str:
    """Enable or disable a tenant; disabling ends its sessions. Returns its name."""
    _only(who, "admin")
    tenant = get_scoped(session, who, Tenant, tenant_id)
    identity.set_status(session, "tenant", tenant_id, on)
    audit.record(session, who, "tenant.enable" if on else "tenant.disable", f"tenant:{tenant_id}", tenant_id=tenant_id)
    return tenant.name


def switch_user(session: Session, who: Principal, user_id: int, on: bool) -> str:
    """Enable or disable a user's sign-in; tenants their own users only. Returns the name."""
    _only(who, "admin", "tenant")
    user = get_scoped(session, who, User, user_id)
    identity.set_status(session, "agent", user_id, on)
    action = "user.enable" if on else "user.disable"
    audit.record(session, who, action, f"agent:{user_id}", tenant_id=user.tenant_id)
    return user.name or user.email


def set_market_node(session: Session, who: Principal, user_id: int, is_node: bool) -> str:
    """Make a user a market node (who earns level differences) or not. Returns the name."""
    _only(who, "admin", "tenant")
    user = get_scoped(session, who, User, user_id, lock=True)
    if user.is_root:
        raise NotFound
    user.is_market_node = is_node
    session.add(user)
    session.flush()
    audit.record(session, who, "user.market_node", f"agent:{user_id}", detail={"is_node": is_node}, tenant_id=user.tenant_id)
    return user.name or user.email


def create_tenant(session: Session, who: Principal, name: str, email: str, password: str) -> dict[str, Any]:
    """A tenant with its keys. ``app_secret`` is in this answer and in no other."""
    _only(who, "admin")
    made = identity.create_tenant(session, name, email, password)
    audit.record(session, who, "tenant.create", f"tenant:{made.tenant.id}", tenant_id=made.tenant.id)
    return {"id": made.tenant.id, "name": made.tenant.name, "app_key": made.tenant.app_key, "app_secret": made.app_secret}


def edit_tenant(session: Session, who: Principal, tenant_id: int, *, name: str, email: str, password: str = "") -> str:
    """Change a tenant's name and sign-in; a new password ends its sessions. Returns its name.

    Raises ``NotFound``, ``InvalidEmail``, ``EmailTaken``, ``WeakPassword``, ``InvalidInput``.
    """
    _only(who, "admin")
    tenant = get_scoped(session, who, Tenant, tenant_id, lock=True)
    before = {"name": tenant.name, "email": tenant.email}
    tenant.name, email = identity.normal_name(name), identity.normal_email(email)
    taken = session.exec(select(Tenant.id).where(Tenant.email == email, Tenant.id != tenant_id)).first()
    if taken:
        raise identity.EmailTaken
    tenant.email = email
    session.add(tenant)
    after = {"name": tenant.name, "email": tenant.email}
    detail = {key: f"{before[key]} -> {value}" for key, value in after.items() if before[key] != value}
    if password:
        check_strength(password, name, email)
        identity.reset_password(session, "tenant", tenant_id, password)
        detail["sign_in"] = "a new password"
    session.flush()
    if detail:
        audit.record(session, who, "tenant.edit", f"tenant:{tenant_id}", detail=detail, tenant_id=tenant_id)
    return tenant.name


def recharge_tenant(session: Session, who: Principal, key: str, *, tenant_id: int, card: int, amount: Decimal) -> bool:
    """Give a tenant points (card 1 self, 2 gift). The same key again changes nothing and returns False."""
    _only(who, "admin")
    get_scoped(session, who, Tenant, tenant_id)
    done = cards.recharge_tenant(
        session, _key(who, key), tenant_id=tenant_id, card=card, amount=amount, actor=f"{who.kind}:{who.id}"
    )
    if not done.replayed:
        detail = {"amount": f"{amount:f}", "card": card}
        audit.record(session, who, "tenant.recharge", f"tenant:{tenant_id}", detail=detail, tenant_id=tenant_id)
    return not done.replayed


def recharge_user(session: Session, who: Principal, key: str, *, user_id: int, card: int, amount: Decimal) -> bool:
    """Hand points of the tenant's stock to one of its users. The same key again changes nothing and returns False."""
    _only(who, "admin", "tenant")
    user = get_scoped(session, who, User, user_id)
    if user.is_root:
        raise NotFound
    done = cards.recharge_user(
        session, _key(who, key), tenant_id=user.tenant_id, user_id=user_id, card=card, amount=amount,
        actor=f"{who.kind}:{who.id}",
    )  # fmt: skip
    if not done.replayed:
        detail = {"amount": f"{amount:f}", "card": card}
        audit.record(session, who, "user.recharge", f"agent:{user_id}", detail=detail, tenant_id=user.tenant_id)
    return not done.replayed


def offer_strategy(session: Session, who: Principal, strategy_id: int, on: bool) -> str:
    """Offer a strategy of the catalogue to the tenant's users, or stop offering it. Returns its code."""
    strategy, own = _offer(session, who, strategy_id)
    if own is None and not on:
        return strategy.code
    if own is None:
        own = TenantStrategy(tenant_id=_tenant(who), strategy_id=strategy_id)
    own.status = 1 if on else 0
    session.add(own)
    session.flush()
    audit.record(session, who, "offer.enable" if on else "offer.disable", f"strategy:{strategy.code}")
    return strategy.code


def change_offer(
    session: Session,
    who: Principal,
    strategy_id: int,
    *,
    capital: Decimal | None,
    leverage: int | None,
    risk_mode: int | None,
) -> str:
    """The tenant's own values of an offered strategy; None inherits the catalogue's. Returns its code."""
    strategy, own = _offer(session, who, strategy_id)
    if own is None:
        raise InvalidInput("Offer this strategy first.")
    if capital is not None:
        check_amount(capital)
    if leverage is not None and not 1 <= leverage <= MAX_LEVERAGE:
        raise InvalidInput(f"The leverage is a whole number from 1 to {MAX_LEVERAGE}.")
    if risk_mode not in (None, 1, 2, 3):
        raise InvalidInput("The risk mode is 1, 2 or 3.")
    own.capital, own.leverage, own.risk_mode = capital, leverage, risk_mode
    session.add(own)
    session.flush()
    detail = {"capital": str(capital), "leverage": str(leverage), "risk_mode": str(risk_mode)}
    audit.record(session, who, "offer.change", f"strategy:{strategy.code}", detail=detail)
    return strategy.code


def _offer(session: Session, who: Principal, strategy_id: int) -> tuple[Strategy, TenantStrategy | None]:
    _only(who, "tenant")
    strategy = session.get(Strategy, strategy_id)
    if strategy is None or strategy.status != 1:
        raise NotFound
    own = select(TenantStrategy).where(TenantStrategy.strategy_id == strategy_id).with_for_update()
    return strategy, session.exec(scoped(own, who, TenantStrategy)).first()


def _tenant(who: Principal) -> int:
    if who.tenant_id is None:
        raise NotAllowed
    return who.tenant_id


def _only(who: Principal, *kinds: str) -> None:
    if who.kind not in kinds:
        raise NotAllowed


def _key(who: Principal, key: str) -> str:
    """The form's key under the person's name: nobody can meet another's."""
    if not 8 <= len(key) <= 64:
        raise InvalidInput("The form has no key. Open it again.")
    return f"console:{who.kind}:{who.id}:{key}"
