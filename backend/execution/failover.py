"""What happens to orders whose node cannot take them: they wait, the centre sends them, or any healthy node does.

The platform decides for everybody, and may decide otherwise for a tenant. Each decision says whose it was and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, col, select

from backend.clock import now_ms
from backend.errors import InvalidInput, NotAllowed, NotFound
from backend.identity.principal import Principal
from backend.models import PlatformState, Tenant, TenantProfile
from backend.security import audit
from backend.settings import get_settings

NONE: Final = "none"
CENTRE: Final = "centre"
ANY: Final = "any"
POLICIES: Final = (NONE, CENTRE, ANY)
_STATE: Final = "failover"


@dataclass(frozen=True)
class Decision:
    """A policy and whose it is. ``tenant_id`` None: the platform's; ``at_ms`` 0: nobody decided, the setting holds."""

    tenant_id: int | None
    tenant: str
    policy: str
    by: str
    at_ms: int


def policy_of(session: Session, tenant_id: int) -> str:
    """none | centre | any: the tenant's own, else the platform's."""
    profile = session.get(TenantProfile, tenant_id)
    own = profile.node_failover if profile is not None else ""
    return own if own in POLICIES else platform_policy(session)


def platform_policy(session: Session) -> str:
    """What an admin decided for everybody, else the setting ``IRONBULL_NODE_FAILOVER``."""
    row = session.get(PlatformState, _STATE)
    policy = str(row.value.get("policy", "")) if row is not None else ""
    return policy if policy in POLICIES else get_settings().node_failover


def set_policy(session: Session, who: Principal, tenant_id: int | None, policy: str, *, ip: str = "") -> None:
    """Decide for a tenant, or (None) for the platform; "" goes back to what is above it: the platform, the setting.

    Raises ``NotAllowed``, ``InvalidInput``, ``NotFound``.
    """
    if who.kind != "admin":
        raise NotAllowed
    if policy and policy not in POLICIES:
        raise InvalidInput("The policy is none, centre or any.")
    if tenant_id is not None:
        if session.get(Tenant, tenant_id) is None:
            raise NotFound
        profile = session.get(TenantProfile, tenant_id) or TenantProfile(tenant_id=tenant_id)
        profile.node_failover = policy
        session.add(profile)
    name = _STATE if tenant_id is None else f"{_STATE}:{tenant_id}"
    row = session.get(PlatformState, name, with_for_update=True) or PlatformState(name=name)
    row.value = {"policy": policy, "by": who.name, "at_ms": now_ms()}
    session.add(row)
    session.flush()
    target = "platform" if tenant_id is None else f"tenant:{tenant_id}"
    audit.record(session, who, "node.policy", target, detail={"policy": policy}, ip=ip, tenant_id=tenant_id)


def decisions(session: Session) -> list[Decision]:
    """The platform's decision first, then every tenant's own by name."""
    own = session.exec(
        select(Tenant, TenantProfile.node_failover)
        .join(TenantProfile, col(TenantProfile.tenant_id) == col(Tenant.id))
        .where(col(TenantProfile.node_failover) != "")
        .order_by(col(Tenant.name))
    ).all()
    found = [Decision(None, "", platform_policy(session), *_whose(session, _STATE))]
    found += [Decision(tenant.id, tenant.name, policy, *_whose(session, f"{_STATE}:{tenant.id}")) for tenant, policy in own]
    return found


def _whose(session: Session, name: str) -> tuple[str, int]:
    row = session.get(PlatformState, name)
    if row is None or (name == _STATE and not row.value.get("policy")):
        return "", 0
    return str(row.value.get("by", "")), int(row.value.get("at_ms", 0))
