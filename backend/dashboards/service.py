"""What operators and merchants do from their consoles: each verb authorises, acts through the room's own service and audits.

Session first; the edge opens and commits. Refusals are ``IronBullError``s.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlmodel import Session, select

from backend.billing import cards
from backend.clock import utcnow
from backend.errors import Conflict, InvalidInput, NotAllowed, NotFound
from backend.execution import nodes
from backend.identity import second_factor
from backend.identity import service as identity
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped, scoped
from backend.identity.sessions import FACTOR_ROLES, factor_roles, forget_after_commit
from backend.merchant.offers import offered_strategy
from backend.merchant.quota import check_room
from backend.models import Binding, ExchangeAccount, PlatformState, Strategy, Tenant, TenantStrategy, User
from backend.money import check_amount
from backend.security import audit
from backend.security.passwords import check_strength
from backend.webhooks.events import binding_stopped

MAX_LEVERAGE = 125


def switch_node(session: Session, who: Principal, node_id: int, on: bool) -> str:
    """Let a node take orders or not; its accounts stay with it. Returns its code."""
    _only(who, "admin")
    node = nodes.update_node(session, node_id, status=1 if on else 0)
    audit.record(session, who, "node.update", f"node:{node.node_code}", detail=_turned(not on, on))
    return node.node_code


def switch_tenant(session: Session, who: Principal, tenant_id: int, on: bool) -> str:
    """Enable or disable a tenant; disabling ends its sessions. Returns its name."""
    _only(who, "admin")
    tenant = get_scoped(session, who, Tenant, tenant_id)
    was = tenant.status == 1
    identity.set_status(session, "tenant", tenant_id, on)
    action = "tenant.enable" if on else "tenant.disable"
    audit.record(session, who, action, f"tenant:{tenant_id}", detail=_turned(was, on), tenant_id=tenant_id)
    return tenant.name


def switch_user(session: Session, who: Principal, user_id: int, on: bool) -> str:
    """Enable or disable a user's sign-in; tenants their own users only. Returns the name."""
    _only(who, "admin", "tenant")
    user = get_scoped(session, who, User, user_id)
    was = user.status == 1
    identity.set_status(session, "agent", user_id, on)
    action = "user.enable" if on else "user.disable"
    audit.record(session, who, action, f"agent:{user_id}", detail=_turned(was, on), tenant_id=user.tenant_id)
    return user.name or user.email


def set_market_node(session: Session, who: Principal, user_id: int, is_node: bool) -> str:
    """Make a user a market node (who earns level differences) or not. Returns the name."""
    _only(who, "admin", "tenant")
    user = get_scoped(session, who, User, user_id, lock=True)
    if user.is_root:
        raise NotFound
    detail = {"market node": f"{_yes(user.is_market_node)} -> {_yes(is_node)}"}
    user.is_market_node = is_node
    session.add(user)
    session.flush()
    audit.record(session, who, "user.market_node", f"agent:{user_id}", detail=detail, tenant_id=user.tenant_id)
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


def add_admin(session: Session, who: Principal, username: str, nickname: str, password: str, *, role: str) -> str:
    """A further operator. Returns the user name. Raises ``InvalidInput``, ``WeakPassword``, ``NameTaken``."""
    _only(who, "admin")
    check_strength(password, username, nickname)
    row = identity.create_admin(session, username, password, nickname, role)
    audit.record(session, who, "admin.create", f"admin:{row.id}", detail={"username": row.username, "role": role})
    return row.username


def edit_admin(session: Session, who: Principal, admin_id: int, *, nickname: str, password: str = "", role: str = "") -> str:
    """Change how an operator is called and its role; a new password ends the operator's sessions. Returns the user name.

    One's own password is changed where the old one is asked for: raises ``Conflict`` here. Raises ``NotFound``,
    ``WeakPassword``, ``InvalidInput``.
    """
    _only(who, "admin")
    row = identity.load_subject(session, "admin", admin_id)
    detail = {}
    name = identity.normal_name(nickname, 64, required=False)
    if name != row.nickname:
        detail["nickname"] = f"{row.nickname} -> {name}"
        row.nickname = name
        session.add(row)
    if role and role != row.role:
        if who.id == admin_id:
            raise Conflict("You cannot change your own role. Ask another owner.")
        detail["role"] = f"{identity.set_role(session, admin_id, role)} -> {role}"
    if password:
        if who.id == admin_id:
            raise Conflict("Change your own password in your account, where the old one is asked for.")
        check_strength(password, row.username, name)
        identity.reset_password(session, "admin", admin_id, password)
        detail["sign_in"] = "a new password"
    session.flush()
    if detail:
        audit.record(session, who, "admin.edit", f"admin:{admin_id}", detail=detail)
    return str(row.username)


def switch_admin(session: Session, who: Principal, admin_id: int, on: bool) -> str:
    """Enable or disable an operator; nobody disables oneself or the last one (``Conflict``). Returns the user name."""
    _only(who, "admin")
    if not on and who.id == admin_id:
        raise Conflict("You cannot disable yourself. Ask another administrator.")
    was = identity.load_subject(session, "admin", admin_id).status == 1
    identity.set_status(session, "admin", admin_id, on)
    audit.record(session, who, "admin.enable" if on else "admin.disable", f"admin:{admin_id}", detail=_turned(was, on))
    return str(identity.load_subject(session, "admin", admin_id).username)


def require_factor(session: Session, who: Principal, roles: Iterable[str]) -> None:
    """Roles whose admins must sign in with a second factor; those without one may only set it up. Holds at once.

    Raises ``InvalidInput``; ``Conflict`` when it would shut out the person who asks.
    """
    _only(who, "admin")
    wanted = sorted(set(roles))
    for role in wanted:
        identity.check_role(role)
    own = second_factor.of(session, "admin", who.id, lock=False)
    if who.role in wanted and own is None:
        raise Conflict("Set up your own two-factor sign-in first: your role is among them.")
    before = sorted(factor_roles(session))
    if before == wanted:
        return
    row = session.get(PlatformState, FACTOR_ROLES) or PlatformState(name=FACTOR_ROLES)
    row.value, row.updated_at = {"roles": wanted}, utcnow()
    session.add(row)
    detail = {"roles": f"{', '.join(before) or 'none'} -> {', '.join(wanted) or 'none'}"}
    audit.record(session, who, "admin.second_factor", "platform", detail=detail)
    session.flush()
    forget_after_commit(session)


def switch_strategy(session: Session, who: Principal, strategy_id: int, on: bool) -> str:
    """Scan with a strategy of the catalogue or not; open positions keep their exits. Returns its code."""
    row = _strategy(session, who, strategy_id)
    was = row.status == 1
    row.status = 1 if on else 0
    session.add(row)
    session.flush()
    audit.record(session, who, "strategy.enable" if on else "strategy.disable", f"strategy:{row.code}", detail=_turned(was, on))
    return row.code


def change_strategy(
    session: Session, who: Principal, strategy_id: int, *, capital: Decimal, leverage: int, risk_mode: int, min_capital: Decimal,
    min_confidence: int, cooldown_minutes: int,
) -> str:  # fmt: skip
    """The catalogue's own values, inherited by tenants without their own. Returns its code. Raises ``InvalidInput``."""
    row = _strategy(session, who, strategy_id)
    for amount in (capital, min_capital):
        check_amount(amount, allow_zero=True)
    if not 1 <= leverage <= MAX_LEVERAGE:
        raise InvalidInput(f"The leverage is a whole number from 1 to {MAX_LEVERAGE}.")
    if risk_mode not in (1, 2, 3):
        raise InvalidInput("The risk mode is 1, 2 or 3.")
    if not 0 <= min_confidence <= 100:
        raise InvalidInput("The minimum score is a whole number from 0 to 100.")
    if not 0 <= cooldown_minutes <= 10_080:
        raise InvalidInput("The cooldown is 0 to 10080 minutes, which is a week.")
    wanted = {
        "capital": capital, "leverage": leverage, "risk_mode": risk_mode, "min_capital": min_capital,
        "min_confidence": min_confidence, "cooldown_minutes": cooldown_minutes,
    }  # fmt: skip
    detail = {name: f"{getattr(row, name)} -> {value}" for name, value in wanted.items() if getattr(row, name) != value}
    for name in detail:
        setattr(row, name, wanted[name])
    session.add(row)
    session.flush()
    if detail:
        audit.record(session, who, "strategy.change", f"strategy:{row.code}", detail=detail)
    return row.code


def switch_binding(session: Session, who: Principal, binding_id: int, on: bool) -> str:
    """Stop a subscription or let it run again; open positions keep their exits. Returns the strategy's code.

    Raises ``NotFound``; ``Conflict`` when it is to run and its account or strategy is off, or the plan is full.
    """
    _only(who, "admin", "tenant")
    binding = get_scoped(session, who, Binding, binding_id, lock=True)
    strategy = session.get_one(Strategy, binding.strategy_id)
    if on and binding.status != 1:
        account = session.get_one(ExchangeAccount, binding.account_id)
        if account.status != 1 or offered_strategy(session, binding.tenant_id, binding.strategy_id) is None or strategy.status != 1:
            raise Conflict("The exchange account or the strategy is switched off. Switch that on first.")
        check_room(session, binding.tenant_id, "max_strategies")
    if not on and binding.status == 1:
        binding_stopped(session, binding.tenant_id, binding, f"stopped by the {who.kind}")
    was = binding.status == 1
    binding.status = 1 if on else 0
    session.add(binding)
    session.flush()
    action = "binding.open" if on else "binding.close"
    audit.record(session, who, action, f"binding:{binding_id}", detail=_turned(was, on), tenant_id=binding.tenant_id)
    return strategy.code


def _strategy(session: Session, who: Principal, strategy_id: int) -> Strategy:
    _only(who, "admin")
    row = session.get(Strategy, strategy_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    return row


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
    wanted = {"capital": capital, "leverage": leverage, "risk_mode": risk_mode}
    detail = {name: f"{_shown(getattr(own, name))} -> {_shown(value)}" for name, value in wanted.items() if getattr(own, name) != value}
    own.capital, own.leverage, own.risk_mode = capital, leverage, risk_mode
    session.add(own)
    session.flush()
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


def _turned(was: bool, on: bool) -> dict[str, str]:
    """For the audit log: what it was and what it is."""
    return {"status": f"{'on' if was else 'off'} -> {'on' if on else 'off'}"}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _shown(value: object) -> str:
    return "inherited" if value is None else str(value)


def _key(who: Principal, key: str) -> str:
    """The form's key under the person's name: nobody can meet another's."""
    if not 8 <= len(key) <= 64:
        raise InvalidInput("The form has no key. Open it again.")
    return f"console:{who.kind}:{who.id}:{key}"
