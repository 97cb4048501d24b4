"""What the shape of an invite tree costs a settlement (D13): ten thousand below one, and a line ten thousand deep.

    python -m bench.trees

Each is compared with the same settlements in a small tree of the same server, taken in turn.
"""

from __future__ import annotations

import statistics
import time
from decimal import Decimal

from sqlalchemy import insert
from sqlmodel import Session, func, select

from backend.billing import standing
from backend.billing.service import settle_fill
from backend.clock import utcnow
from backend.db import Database
from backend.models import ExchangeAccount, User, UserAncestor, metadata
from bench._bench import report
from tests.support.databases import private_mariadb, scratch_schema
from tests.support.money import add_account, add_fill, add_tenant, add_user, fund

MEMBERS = 10_000
FILLS = 60
WARM_UP = 5


def _many(session: Session, tenant_id: int, count: int, **fields: object) -> list[int]:
    """Users made in one statement; their ids."""
    first = (session.exec(select(func.max(User.id))).one() or 0) + 1
    common = {"tenant_id": tenant_id, "password_hash": "", "name": "", "is_market_node": False, "is_root": False,
              "status": 1, "created_at": utcnow(), **fields}  # fmt: skip
    rows = [
        {"id": first + n, "email": f"w{first + n}@example.com", "invite_code": f"W{first + n}", **common}
        for n in range(count)
    ]
    session.execute(insert(User), rows)
    return [first + n for n in range(count)]


def _fills(session: Session, user: User) -> list[int]:
    fund(session, user, "1000000")
    found = [add_fill(session, user, "12.3").id for _ in range(FILLS + WARM_UP)]
    return [one for one in found if one is not None]


def flat(session: Session) -> list[int]:
    """One market node with one user below."""
    tenant = add_tenant(session)
    return _fills(session, add_user(session, tenant, add_user(session, tenant, node=True, hold="20000"), hold="7"))


def wide(session: Session) -> list[int]:
    """One market node with ten thousand funded users below; one of them settles."""
    tenant = add_tenant(session)
    top = add_user(session, tenant, node=True, hold="20000")
    people = _many(session, tenant.id or 0, MEMBERS, inviter_id=top.id)
    session.execute(insert(UserAncestor), [{"ancestor_id": top.id, "descendant_id": one, "depth": 1} for one in people])
    accounts = [
        {"tenant_id": tenant.id, "user_id": one, "exchange": "binance", "futures_balance": Decimal(7), "status": 1}
        for one in people
    ]
    session.execute(insert(ExchangeAccount), accounts)
    standing.correct(session)
    user = session.get(User, people[MEMBERS // 2])
    assert user is not None
    return _fills(session, user)


def deep(session: Session) -> list[int]:
    """A user below a line of ten thousand market nodes."""
    tenant = add_tenant(session)
    above = _many(session, tenant.id or 0, MEMBERS, is_market_node=True)
    user = add_user(session, tenant)
    user.inviter_id = above[-1]
    rows = [{"ancestor_id": one, "descendant_id": user.id, "depth": MEMBERS - n} for n, one in enumerate(above)]
    session.execute(insert(UserAncestor), rows)
    for one, hold in ((above[0], "600000"), (above[-1], "5000")):
        found = session.get(User, one)
        assert found is not None
        add_account(session, found, hold)
    return _fills(session, user)


def main() -> None:
    with private_mariadb() as server, scratch_schema(server) as url:
        database = Database(url)
        metadata.create_all(database.engine)
        waiting = {build.__name__: database.run(build) for build in (flat, wide, deep)}
        took: dict[str, list[float]] = {name: [] for name in waiting}
        for number in range(FILLS + WARM_UP):
            for name, fills in waiting.items():
                started = time.perf_counter()
                database.run(lambda session, fill_id=fills[number]: settle_fill(session, fill_id))
                if number >= WARM_UP:
                    took[name].append((time.perf_counter() - started) * 1000)
        p99 = {name: statistics.quantiles(spent, n=100)[98] for name, spent in took.items()}
        p50 = {name: statistics.median(spent) for name, spent in took.items()}
        for name in ("wide", "deep"):
            report(f"D13 settlement in a {name} tree, p50", p50[name], p50["flat"], unit="ms", aim=2.0)
            report(f"D13 settlement in a {name} tree, p99", p99[name], p99["flat"], unit="ms", aim=2.0)
        database.dispose()


if __name__ == "__main__":
    main()
