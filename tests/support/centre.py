"""A whole centre inside the test: people, money, one strategy, an engine, on a real simulated exchange and database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlmodel import select

from backend.billing import standing
from backend.billing.rules import GIFT, SELF
from backend.billing.service import recharge_tenant, recharge_user
from backend.db import Database
from backend.engine import Engine
from backend.execution.credentials import seal_credentials
from backend.execution.wire import Wire
from backend.identity.service import create_tenant, create_user
from backend.market.feed import PaperFeed
from backend.models import (
    Binding,
    Bot,
    ExchangeAccount,
    ExecutionNode,
    Fill,
    Order,
    Position,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
)
from backend.monitoring.service import run_invariants
from backend.security.vault import get_vault, node_record
from backend.settings import Settings, get_settings
from node_service.client import NodeClient
from node_service.executor import Executor
from tests.support.paper import PaperServer

# One argon2 hash for every test user: hashing is not what these tests are about.
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$8sY2k0Yt9q8aKpFBw0ihv7D7vXcU4j7jGvJ3Vn5k6Qo"


@dataclass
class Centre:
    """Handles to everything a test touches."""

    db: Database
    paper: PaperServer
    settings: Settings
    strategy_id: int = 0
    tenant_id: int = 0
    account_ids: list[int] = field(default_factory=list)
    user_ids: list[int] = field(default_factory=list)
    engine: Engine | None = None

    def start_engine(self) -> Engine:
        """A fresh engine on the current event loop, its loops not started."""
        feed = PaperFeed(self.paper.base_url, self.paper.token)
        wire = Wire(Executor(node_code="centre", allow_venue_url=True), NodeClient())
        self.engine = Engine(self.settings, self.db, feed, wire)
        return self.engine

    async def stop_engine(self) -> None:
        if self.engine is not None:
            await self.engine.stop()
            self.engine = None

    def orders(self, **where: Any) -> list[Order]:
        with self.db.reading() as session:
            query = select(Order).order_by(Order.id)
            for name, value in where.items():
                query = query.where(getattr(Order, name) == value)
            return list(session.exec(query).all())

    def positions(self) -> list[Position]:
        with self.db.reading() as session:
            return list(session.exec(select(Position).order_by(Position.id)).all())

    def fills(self) -> list[Fill]:
        with self.db.reading() as session:
            return list(session.exec(select(Fill).order_by(Fill.id)).all())

    def check_oracles(self) -> None:
        """O1-O6: the invariants of the platform, and the exchange's own books: no client id used twice."""
        with self.db.transaction() as session:
            broken = [item for item in run_invariants(session) if not item.ok]
        assert not broken, broken
        for order in self.orders():
            assert order.status in {"PENDING", "SENT", "OPEN", "PARTIAL", "FILLED", "UNKNOWN", "REJECTED", "EXPIRED",
                                    "CANCELLED", "FAILED"}  # fmt: skip
            assert order.status in {"PENDING", "SENT"} or order.reason, f"order {order.order_id} has no reason"

    def exchange_orders(self) -> list[dict[str, Any]]:
        """Every plain order on the exchange, all accounts."""
        rows: list[dict[str, Any]] = []
        for paper_id in self.paper_ids:
            rows += self.paper.dump(paper_id)["orders"]
        return rows

    paper_ids: list[int] = field(default_factory=list)


def make_centre(
    db: Database,
    paper: PaperServer,
    home: Path,
    *,
    algorithm: str = "composite_score",
    accounts: int = 1,
    bot: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    balance_usdt: int = 20_000,
    leverage: int = 3,
    capital: int = 10_000,
    risk_mode: int = 3,
    node: tuple[str, str] | None = None,
    names: str = "agent",
    **settings: Any,
) -> Centre:
    """``accounts`` agents of one tenant, each with point cards, a funded account and a running bot.

    ``node`` is (base URL, secret): then every second account is executed there. ``names`` keeps centres on one simulated
    exchange apart.
    """
    base = get_settings()
    chosen = base.model_copy(
        update={"home": home, "paper_url": paper.base_url, "market_mode": "stepped", "market_speed": 1e9, **settings}
    )
    centre = Centre(db, paper, chosen)
    with db.transaction() as session:
        made = create_tenant(session, "Test Desk", "desk@test.example", "a-long-password-7")
        tenant_id = made.tenant.id
        assert tenant_id is not None
        centre.tenant_id = tenant_id
        for card in (SELF, GIFT):
            recharge_tenant(session, f"t:{card}", tenant_id=tenant_id, card=card, amount=Decimal(100_000))
        strategy = Strategy(
            code=algorithm, name=algorithm, algorithm=algorithm, config=dict(params or {}), leverage=leverage,
            capital=Decimal(capital), risk_mode=risk_mode,
        )  # fmt: skip
        session.add(strategy)
        session.flush()
        assert strategy.id is not None
        centre.strategy_id = strategy.id
        session.add(TenantStrategy(tenant_id=tenant_id, strategy_id=strategy.id))
        node_id = None
        if node is not None:
            row = ExecutionNode(
                node_code="node-t", base_url=node[0], secret_sealed=get_vault().seal_platform(node_record("node-t"), node[1])
            )
            session.add(row)
            session.flush()
            node_id = row.id
        for index in range(accounts):
            _add_agent(session, centre, made.tenant, index, node_id if index % 2 else None, dict(bot or {}), balance_usdt,
                       capital=capital, leverage=leverage, risk_mode=risk_mode, names=names)  # fmt: skip
    return centre


def _add_agent(
    session: Any, centre: Centre, tenant: Tenant, index: int, node_id: int | None, bot: dict[str, Any], balance_usdt: int,
    *, capital: int, leverage: int, risk_mode: int, names: str,
) -> User:  # fmt: skip
    assert tenant.id is not None
    user = create_user(session, tenant.id, f"agent{index}@test.example", "unused", password_hash=HASH)
    assert user.id is not None
    for card in (SELF, GIFT):
        recharge_user(
            session, f"u:{user.id}:{card}", tenant_id=tenant.id, user_id=user.id, card=card, amount=Decimal(1_000)
        )
    keys = centre.paper.account(f"{names}-{index}", balance_usdt)
    centre.paper_ids.append(keys["account_id"])
    account = ExchangeAccount(
        tenant_id=tenant.id, user_id=user.id, mode="simulated", base_url=centre.paper.base_url, node_id=node_id,
        balance=Decimal(balance_usdt), futures_balance=Decimal(balance_usdt), equity_peak=Decimal(balance_usdt),
    )  # fmt: skip
    session.add(account)
    session.flush()
    seal_credentials(tenant, account, keys["api_key"], keys["api_secret"])
    session.add(account)
    standing.update(session, [user.id])
    assert account.id is not None
    session.add(
        Binding(
            tenant_id=tenant.id,
            user_id=user.id,
            account_id=account.id,
            strategy_id=centre.strategy_id,
            capital=Decimal(capital),
            leverage=leverage,
            risk_mode=risk_mode,
        )
    )
    session.add(Bot(tenant_id=tenant.id, user_id=user.id, desired="running", config=bot))
    centre.account_ids.append(account.id)
    centre.user_ids.append(user.id)
    return user


async def until(check: Any, timeout_s: float = 15.0, pause_s: float = 0.05) -> None:
    """Wait until ``check()`` is true."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not check():
        assert asyncio.get_running_loop().time() < deadline, "waited too long"
        await asyncio.sleep(pause_s)
