import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from backend.api.app import create_api
from backend.billing.cards import recharge_tenant, recharge_user
from backend.db import Database
from backend.ledger import service as ledger
from backend.ledger.rules import Posting, user_account
from backend.models import PointCardLog, ProfitPool, Reward, Settlement
from tests.support.doors import Owned, World, make_settings, make_world
from tests.support.merchant import Merchant, merchant


def fill_pockets(world: World, owned: Owned) -> None:
    """Gift and self stock for the tenant, both cards for its user, and a reward of 500 for the user."""

    def give(session: Session) -> None:
        tenant_id, user_id = owned.tenant_id, owned.user_id
        for card in (1, 2):
            recharge_tenant(session, f"stock:{owned.mark}:{card}", tenant_id=tenant_id, card=card, amount=Decimal(1000))
            recharge_user(
                session, f"cards:{owned.mark}:{card}", tenant_id=tenant_id, user_id=user_id, card=card,
                amount=Decimal(200),
            )  # fmt: skip
        add_reward(session, owned, 500)

    world.db.run(give)


def add_reward(session: Session, owned: Owned, amount: int) -> None:
    """A settled pool that paid its whole amount to the user as a direct reward, out of the user's own points."""
    units = amount * 10**8
    recharge_tenant(session, f"reward:{owned.mark}", tenant_id=owned.tenant_id, card=1, amount=Decimal(amount))
    recharge_user(
        session, f"reward:{owned.mark}:u", tenant_id=owned.tenant_id, user_id=owned.user_id, card=1,
        amount=Decimal(amount),
    )  # fmt: skip
    common = {"tenant_id": owned.tenant_id, "user_id": owned.user_id}
    settled = Settlement(**common, fill_id=10_000 + owned.tenant_id, account_id=owned.account_id, profit=units * 4,
                         deduct_total=units, self_deduct=units)  # fmt: skip
    session.add(settled)
    session.flush()
    pool = ProfitPool(**common, settlement_id=settled.id, profit_amount=units * 4, deduct_amount=units,
                      self_deduct=units, gift_deduct=0, pool_amount=units, status=2)  # fmt: skip
    session.add(pool)
    session.flush()
    session.add(
        Reward(
            **common, pool_id=pool.id, source_user_id=owned.root_id, reward_type="direct", amount=units, rate="0.25",
            settle_batch="B1", remark="直推奖励",
        )
    )  # fmt: skip
    session.add(
        PointCardLog(
            **common, change_type=5, source_type=3, card_type=1, amount=-units, before_self=0, after_self=0,
            before_gift=0, after_gift=0, remark="盈利扣费30%",
        )
    )  # fmt: skip
    mine = user_account(owned.tenant_id, owned.user_id, "point_self")
    reward = user_account(owned.tenant_id, owned.user_id, "reward")
    ledger.post(session, f"pay:{owned.mark}", [Posting(mine, -units), Posting(reward, units)], kind="distribute")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two tenants with money; the file is copied, never used."""
    made = make_world(tmp_path_factory.mktemp("merchants"))
    fill_pockets(made, made.a)
    fill_pockets(made, made.b)
    with made.db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.db.dispose()
    return made


def copy_of(template: World, folder: Path, **changes: Any) -> World:
    """The template's world in a folder of its own, with ``changes`` of its settings."""
    path = folder / "world.db"
    shutil.copyfile(str(template.db.url.database), path)
    db = Database(f"sqlite:///{path}")
    settings = make_settings(folder, **changes)
    return replace(template, db=db, settings=settings, app=create_api(db, settings, live=template.hub))


@pytest.fixture(scope="module")
def world(template: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Made once per file."""
    made = copy_of(template, tmp_path_factory.mktemp("world"))
    yield made
    made.db.dispose()


@pytest.fixture
def fresh(template: World, tmp_path: Path) -> Iterator[World]:
    """A world of its own, for tests that change it."""
    made = copy_of(template, tmp_path)
    yield made
    made.db.dispose()


@pytest.fixture
def a(world: World) -> Merchant:
    """The client of tenant A."""
    return merchant(world, world.a)


@pytest.fixture
def b(world: World) -> Merchant:
    """The client of tenant B."""
    return merchant(world, world.b)
