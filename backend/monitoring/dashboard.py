"""The operator's dashboard: counts and trends, kept for a minute: in Redis for all processes where there is one, else here."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import redis.asyncio as redis
from redis.exceptions import RedisError
from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from backend.clock import utcnow
from backend.db import Database
from backend.execution.nodes import is_online
from backend.models import Binding, ExecutionNode, Fill, Order, Position, ProfitPool, Tenant, User
from backend.money import from_units

KEPT_S = 60.0
KEY = "ironbull:cache:dashboard:"
REDIS_TIMEOUT_S = 0.5
REDIS_REST_S = 10.0
"""After Redis did not answer it is not asked for so long; the counts are made from the database meanwhile."""

_kept: WeakKeyDictionary[Database, dict[str, tuple[float, dict[str, Any]]]] = WeakKeyDictionary()


async def summary(db: Database, redis_url: str = "") -> tuple[dict[str, Any], bool]:
    """Counts of the platform, and whether they come from memory."""
    return await _remembered(db, redis_url, "summary", count)


async def trends(db: Database, days: int, redis_url: str = "") -> tuple[dict[str, Any], bool]:
    """``dates`` with ``orders``, ``new_users``, ``trade_volume`` and ``pool_amount`` per UTC day, oldest first; amounts are
    ``Decimal``, or their text when they come from Redis."""
    return await _remembered(db, redis_url, f"trends:{days}", lambda session: by_day(session, days))


def count(session: Session) -> dict[str, Any]:
    """The numbers of the summary, counted now."""
    enabled = session.exec(select(ExecutionNode)).all()
    return {
        "total_tenants": _count(session, Tenant),
        "active_tenants": _count(session, Tenant, Tenant.status == 1),
        "total_users": _count(session, User, col(User.is_root).is_(False)),
        "total_orders": _count(session, Order),
        "total_nodes": len(enabled),
        "online_nodes": sum(1 for node in enabled if is_online(node)),
        "active_bindings": _count(session, Binding, Binding.status == 1),
        "open_positions": _count(session, Position, Position.status == "OPEN"),
    }


def by_day(session: Session, days: int) -> dict[str, Any]:
    """The series of the trends, computed now."""
    today = utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=days - 1)
    dates = [(first + timedelta(days=number)).date().isoformat() for number in range(days)]
    new_orders = _per_day(session, col(Order.created_at), first)
    new_users = _per_day(session, col(User.created_at), first)
    volume = dict.fromkeys(dates, Decimal(0))
    fills = session.exec(
        select(col(Fill.filled_at), col(Fill.quantity), col(Fill.price))
        .where(col(Fill.filled_at) >= first)
        .execution_options(yield_per=2_000)
    )
    for at, quantity, price in fills:
        volume[at.date().isoformat()] = volume.get(at.date().isoformat(), Decimal(0)) + quantity * price
    pools = session.exec(
        select(func.date(ProfitPool.created_at), func.sum(ProfitPool.pool_amount))
        .where(col(ProfitPool.created_at) >= first)
        .group_by(func.date(ProfitPool.created_at))
    ).all()
    pool = {str(day): from_units(int(units)) for day, units in pools}
    return {
        "dates": dates,
        "orders": [new_orders.get(day, 0) for day in dates],
        "new_users": [new_users.get(day, 0) for day in dates],
        "trade_volume": [volume[day].quantize(Decimal("0.01")) for day in dates],
        "pool_amount": [pool.get(day, Decimal(0)) for day in dates],
    }


async def _remembered(
    db: Database, redis_url: str, name: str, work: Callable[[Session], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    shared = _Shared(redis_url)
    data = await shared.get(name)
    if data is not None:
        return data, True
    data, cached = await _here(db, name, work)
    if not cached:
        await shared.put(name, data)
    return data, cached


class _Shared:
    """The copy in Redis. Without Redis, or while it does not answer, it holds nothing."""

    _rests_until = 0.0

    def __init__(self, url: str) -> None:
        self._url = url

    async def get(self, name: str) -> dict[str, Any] | None:
        """What is kept under ``name``."""
        text = await self._ask(lambda client: client.get(KEY + name))
        try:
            found = orjson.loads(text)["data"] if text else None
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return None
        return found if isinstance(found, dict) else None

    async def put(self, name: str, data: dict[str, Any]) -> None:
        """Keep ``data`` for a minute."""
        text = orjson.dumps({"data": data}, default=str)
        await self._ask(lambda client: client.set(KEY + name, text, ex=int(KEPT_S)))

    async def _ask(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        if not self._url or time.monotonic() < _Shared._rests_until:
            return None
        client = redis.from_url(self._url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
        try:
            return await work(client)
        except (RedisError, OSError):
            _Shared._rests_until = time.monotonic() + REDIS_REST_S
            return None
        finally:
            await client.aclose()


async def _here(db: Database, name: str, work: Callable[[Session], dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    kept = _kept.setdefault(db, {})
    found = kept.get(name)
    if found is not None and time.monotonic() - found[0] < KEPT_S:
        return found[1], True
    data = await db.aread(work)
    kept[name] = (time.monotonic(), data)
    return data, False


def _count(session: Session, model: type[SQLModel], *where: Any) -> int:
    return int(session.exec(select(func.count()).select_from(model).where(*where)).one())


def _per_day(session: Session, column: Any, first: datetime) -> dict[str, int]:
    rows = session.exec(
        select(func.date(column), func.count()).where(column >= first).group_by(func.date(column))
    ).all()
    return {str(day): int(number) for day, number in rows}
