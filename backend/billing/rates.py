"""A tenant's own rates of per-close billing and distribution, with their history.

A change holds for profits settled after it; a pool that is distributed later keeps the rates of its own time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from sqlmodel import Session, col, select

from backend.billing.rules import RATES, Rates, plain
from backend.errors import InvalidInput, NotFound
from backend.identity.principal import Principal
from backend.ledger.statements import Wire
from backend.models import BillingRates, Tenant
from backend.security import audit

NAMES = ("billing", "tech", "network", "direct", "peer")
"""What a tenant may have of its own: shares of the profit, of the pool (tech, network), of the network (the rest)."""

NEWEST = "(SELECT r.rates FROM billing_rates r WHERE r.tenant_id = t.id ORDER BY r.id DESC LIMIT 1)"
"""The rates in force as stored, or NULL, in a query where ``t`` is the tenant."""
_AT_POOL = (
    "SELECT r.rates FROM billing_rates r JOIN profit_pool p ON p.tenant_id = r.tenant_id "
    "AND r.created_at <= p.created_at WHERE p.id = %s ORDER BY r.id DESC LIMIT 1"
)


@lru_cache(maxsize=1024)
def read_rates(stored: str | None) -> Rates:
    """Rates as stored, over the documented ones."""
    if not stored:
        return RATES
    return replace(RATES, **{name: Decimal(value) for name, value in json.loads(stored).items()})


def rates_of_pool(wire: Wire, pool_id: int) -> Rates:
    """The rates in force when the pool was made."""
    row = wire.first(_AT_POOL, (pool_id,))
    return read_rates(row[0] if row else None)


def rates_of(session: Session, tenant_id: int) -> Rates:
    """The rates in force now."""
    row = history(session, tenant_id, 1)
    return read_rates(json.dumps(row[0].rates) if row else None)


def set_rates(
    session: Session, who: Principal, tenant_id: int, rates: dict[str, Decimal], reason: str, *, ip: str = ""
) -> BillingRates:
    """Agree rates with a tenant from now on; names that are left out return to the documented value.

    Raises ``NotFound``, and ``InvalidInput`` for unknown names, rates outside 0 to 1 or with more than 4 places, or
    shares that together exceed what is shared.
    """
    tenant = session.get(Tenant, tenant_id, with_for_update=True)
    if tenant is None:
        raise NotFound(f"There is no tenant {tenant_id}.")
    for name, value in rates.items():
        if name not in NAMES:
            raise InvalidInput(f"There is no rate {name!r}; the rates are {', '.join(NAMES)}.")
        if not value.is_finite() or not 0 <= value <= 1 or value != value.quantize(Decimal("0.0001")):
            raise InvalidInput(f"{name} is between 0 and 1 with at most 4 decimal places.")
    made = replace(RATES, **rates)
    if made.tech + made.network > 1:
        raise InvalidInput("tech and network together are more than the pool.")
    if made.direct + made.peer > 1:
        raise InvalidInput("direct and peer together are more than the network's share.")
    stored = {name: plain(value) for name, value in sorted(rates.items())}
    row = BillingRates(tenant_id=tenant_id, rates=stored, reason=reason[:200], actor=f"{who.kind}:{who.id}")
    session.add(row)
    detail = {**stored, "reason": reason[:200]}
    audit.record(session, who, "billing.rates", f"tenant:{tenant_id}", detail=detail, ip=ip, tenant_id=tenant_id)
    session.flush()
    return row


def history(session: Session, tenant_id: int, limit: int = 100) -> list[BillingRates]:
    """What was agreed with a tenant, newest first. For admins and the tenant itself: the caller checks."""
    statement = select(BillingRates).where(BillingRates.tenant_id == tenant_id)
    return list(session.exec(statement.order_by(col(BillingRates.id).desc()).limit(limit)))
