"""Every list by name."""

from __future__ import annotations

from backend.dashboards.lists import (
    corrections,
    desk,
    differences,
    exchange_accounts,
    exports,
    jobs,
    merchants,
    money,
    operator,
    pending,
    people,
    periods,
    stops,
    system,
    trace,
    trading,
    webhooks,
    withdrawals,
)
from backend.dashboards.lists.base import ListOf
from backend.errors import NotAllowed, NotFound
from backend.identity.principal import Principal

LISTS: dict[str, ListOf] = {
    "orders": trading.ORDERS,
    "fills": trading.FILLS,
    "positions": trading.POSITIONS,
    "history": trading.HISTORY,
    "scans": trading.SCANS,
    "nodes": system.NODES,
    "tenants": people.TENANTS,
    "users": people.USERS,
    "cards": money.CARDS,
    "rewards": money.REWARD_LIST,
    "pools": money.POOLS,
    "transactions": money.TRANSACTIONS,
    "accounts": money.ACCOUNTS,
    "admins": desk.ADMINS,
    "strategies": desk.STRATEGIES,
    "bindings": desk.BINDINGS,
    "corrections": corrections.CORRECTIONS,
    "exports": exports.EXPORTS,
    "incidents": operator.INCIDENTS,
    "windows": operator.WINDOWS,
    "broadcasts": operator.BROADCASTS,
    "instances": operator.INSTANCES,
    "ranking": operator.RANKING,
    "stops": stops.STOPS,
    "differences": differences.DIFFERENCES,
    "exchange_accounts": exchange_accounts.EXCHANGE_ACCOUNTS,
    "pending": pending.PENDING,
    "trace": trace.TRACE,
    "withdrawals": withdrawals.WITHDRAWALS,
    "periods": periods.PERIODS,
    "audit": system.AUDIT,
    "notices": system.NOTICES,
    "offers": system.OFFERS,
    "keys": merchants.KEYS,
    "plans": merchants.PLANS,
    "deliveries": webhooks.DELIVERIES,
    "jobs": jobs.JOBS,
}


def list_for(who: Principal, name: str) -> ListOf:
    """The list ``name`` for this person. Raises ``NotFound`` for an unknown one and ``NotAllowed``."""
    found = LISTS.get(name)
    if found is None:
        raise NotFound
    if who.kind not in found.kinds:
        raise NotAllowed
    return found
