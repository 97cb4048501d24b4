"""The same subscription asked for twice in the same moment, and more of them than the plan has room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlmodel import Session, func, select

from backend.db import Database
from backend.errors import IronBullError
from backend.identity.principal import Principal
from backend.merchant import quota, service, subscriptions
from backend.merchant.admission import Caller
from backend.models import Binding, Strategy, Tenant, TenantStrategy
from backend.onboarding import service as onboarding
from tests.support.at_once import all_at_once
from tests.support.faults import times
from tests.support.money import add_account, add_tenant, add_user

ADMIN = Principal("admin", 1, None, "Ann", "ann", "owner", 0)
ROUNDS = times(4, 200)


@dataclass
class Place:
    """A tenant on a plan, the strategy it offers, and its users with one account each: (id, e-mail, account)."""

    tenant_id: int
    strategy_id: int
    code: str
    users: list[tuple[int, str, int]]


def make(database: Database, number: int, users: int, room: int) -> Place:
    """``room`` is what the plan allows; 0 is no limit."""

    def build(session: Session) -> Place:
        plan = quota.save_plan(session, None, {"code": f"race{number}", "name": "Race", "max_strategies": room})
        tenant = add_tenant(session)
        tenant.quota_plan_id = plan.id
        strategy = Strategy(code=f"race{number}", name="Race", algorithm="composite_score", timeframe="1h")
        session.add(strategy)
        session.flush()
        session.add(TenantStrategy(tenant_id=tenant.id, strategy_id=strategy.id))
        found = []
        for _ in range(users):
            user = add_user(session, tenant)
            account = add_account(session, user, "1000")
            session.flush()
            found.append((user.id, user.email, account.id))
        return Place(tenant.id, strategy.id, strategy.code, found)

    return database.run(build)


def ended(database: Database, works: list[Callable[[Session], Any]]) -> Counter[str]:
    """All at the same moment: how many ended how. Only refusals in words count as an end."""

    def run(work: Callable[[Session], Any]) -> str:
        try:
            database.run(work)
        except IronBullError as error:
            return error.code
        return "done"

    return Counter(map(str, all_at_once(*(partial(run, work) for work in works))))


def running(database: Database, place: Place) -> int:
    with database.reading() as session:
        statement = select(func.count()).select_from(Binding).where(Binding.tenant_id == place.tenant_id)
        return session.exec(statement.where(Binding.status == 1)).one()


def by_api(place: Place, user: tuple[int, str, int]) -> Callable[[Session], Any]:
    """The merchant's call."""

    def work(session: Session) -> Any:
        tenant = session.get(Tenant, place.tenant_id)
        assert tenant is not None
        caller = Caller("merchant_key", 1, tenant, "127.0.0.1", False, quota.Allowance())
        return service.open_strategy(
            session, caller, email=user[1], strategy_id=place.strategy_id, account_id=user[2], mode=2,
            capital=Decimal(1000), leverage=5, risk_mode=1, min_point_card=Decimal(0),
        )  # fmt: skip

    return work


def by_admin(place: Place, user: tuple[int, str, int]) -> Callable[[Session], Any]:
    """An admin's form."""
    return lambda session: subscriptions.create(
        session, ADMIN, user_id=user[0], account_id=user[2], strategy_code=place.code, values={}
    )


def by_agent(place: Place, user: tuple[int, str, int]) -> Callable[[Session], Any]:
    """The agent's own first steps."""
    who = Principal("agent", user[0], place.tenant_id, "A", user[1], "agent", 0)
    return lambda session: onboarding.choose(session, who, [place.strategy_id], {"max_positions": 4})


WAYS = pytest.mark.parametrize("way", [by_api, by_admin, by_agent], ids=["merchant", "admin", "agent"])


@WAYS
def test_the_same_subscription_at_once_is_made_once(database: Database, way: Any) -> None:
    for number in range(ROUNDS):
        place = make(database, number, users=1, room=1 if number % 2 else 0)
        found = ended(database, [way(place, place.users[0])] * 4)
        # Who comes second is told, or finds it made; nobody meets an error of the database.
        assert running(database, place) == 1 and found["done"] >= 1, found
        assert set(found) <= ({"done", "already_followed"} if way is by_admin else {"done"}), found


def test_the_same_subscription_by_all_doors_at_once(database: Database) -> None:
    for number in range(ROUNDS):
        place = make(database, number, users=1, room=1 if number % 2 else 0)
        found = ended(database, [way(place, place.users[0]) for way in (by_api, by_admin, by_agent)])
        assert running(database, place) == 1 and set(found) <= {"done", "already_followed"} and found["done"] >= 2, found


def test_all_ways_together_do_not_exceed_the_plan(database: Database) -> None:
    for number in range(ROUNDS):
        place = make(database, number, users=6, room=3)
        ways = [by_api, by_admin, by_agent] * 2
        found = ended(database, [way(place, user) for way, user in zip(ways, place.users, strict=True)])
        assert running(database, place) == found["done"] == 3, found
        assert found == {"done": 3, "quota_exceeded": 3}
