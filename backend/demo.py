"""Demo data: people, money, strategies and funded accounts on the simulated exchange, made at the first start.

Credentials are random and written to ``demo.json`` in the home directory (mode 0600). Everything is made by the same
verbs that people use; a start that was interrupted is continued by the next one.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import structlog
from sqlmodel import Session, col, select

from backend.billing import standing
from backend.billing.rules import GIFT, SELF
from backend.billing.service import recharge_tenant, recharge_user
from backend.db import Database
from backend.errors import Unavailable
from backend.execution.credentials import seal_credentials
from backend.identity.service import create_admin, create_tenant, create_user
from backend.models import (
    Binding,
    Bot,
    ExchangeAccount,
    ExecutionNode,
    PlatformState,
    Strategy,
    Tenant,
    TenantStrategy,
    User,
)
from backend.security.passwords import hash_password
from backend.security.vault import get_vault, node_record
from backend.settings import Settings
from backend.signals.catalogue import ensure_catalogue
from node_service.protocol import derived_public_key

log = structlog.get_logger("demo")

NODE_CODE = "node-1"
STATE = "demo"
TENANTS = (("Northgate Capital", "northgate"), ("Harbor Desk", "harbor"))
# (name, index of the inviter in this list or None for the root, market node): four levels below each root.
TREE: tuple[tuple[str, int | None, bool], ...] = (
    ("ada", None, True),
    ("bruno", 0, False),
    ("chen", 1, True),
    ("dora", 2, False),
    ("emil", 0, False),
)

START_BALANCE_USDT = Decimal(20_000)
BOT_SETTINGS: dict[str, Any] = {
    "min_score": 45,
    "long_min_score": 48,
    "max_positions": 8,
    "max_opened_per_scan": 2,
    "trailing_start_roi": "4",
    "trailing_distance_roi": "2",
    "daily_loss_limit": "0",
    "max_drawdown_pct": "60",
    "max_hold_hours": 36,
}


@dataclass(frozen=True)
class _Person:
    """One agent to be made, with its password."""

    tenant: int
    name: str
    email: str
    password: str
    inviter: int | None
    market_node: bool


def _people(total: int) -> list[_Person]:
    """The tree of each tenant; more users than the tree holds hang below its first member."""
    people: list[_Person] = []
    per_tenant = max(total // len(TENANTS), len(TREE) - 1)
    for tenant, (_, domain) in enumerate(TENANTS):
        for index in range(per_tenant):
            name, inviter, node = TREE[index] if index < len(TREE) else (f"agent{index}", 0, False)
            email = f"{name}@{domain}.example"
            people.append(_Person(tenant, name.capitalize(), email, secrets.token_urlsafe(12), inviter, node))
    return people


async def seed(db: Database, settings: Settings) -> None:
    """Make the demo data unless it is there. Raises ``Unavailable`` when the simulated exchange does not answer."""
    state = await db.aread(lambda s: s.get(PlatformState, STATE))
    if state is None:
        people = _people(settings.demo_users)
        hashes = [hash_password(person.password) for person in people]
        await db.arun(lambda s: _make_people(s, settings, people, hashes))
        log.info("demo data made", agents=len(people))
    else:
        await db.arun(lambda s: _move_node(s, settings))
    await _fund(db, settings)


def _make_people(session: Session, settings: Settings, people: list[_Person], hashes: list[str]) -> None:
    admin_password = secrets.token_urlsafe(12)
    create_admin(session, "admin", admin_password, "Operations")
    strategies = ensure_catalogue(session)
    node = _node(session, settings)
    tenants: list[Tenant] = []
    out: dict[str, Any] = {"admin": {"username": "admin", "password": admin_password}, "tenants": [], "agents": []}
    for name, domain in TENANTS:
        password = secrets.token_urlsafe(12)
        made = create_tenant(session, name, f"desk@{domain}.example", password)
        tenant = made.tenant
        assert tenant.id is not None
        tenants.append(tenant)
        recharge_tenant(session, f"demo:tenant:{tenant.id}:self", tenant_id=tenant.id, card=SELF, amount=Decimal(100_000), actor="demo")
        recharge_tenant(session, f"demo:tenant:{tenant.id}:gift", tenant_id=tenant.id, card=GIFT, amount=Decimal(20_000), actor="demo")
        for order, strategy in enumerate(strategies):
            assert strategy.id is not None
            session.add(TenantStrategy(tenant_id=tenant.id, strategy_id=strategy.id, sort_order=order))
        out["tenants"].append(
            {
                "name": name, "email": tenant.email, "password": password, "app_key": tenant.app_key,
                "app_secret": made.app_secret,
            }
        )
    made_users: dict[int, list[User]] = {0: [], 1: []}
    for index, (person, password_hash) in enumerate(zip(people, hashes, strict=True)):
        tenant = tenants[person.tenant]
        assert tenant.id is not None
        members = made_users[person.tenant]
        code = members[person.inviter].invite_code if person.inviter is not None else None
        user = create_user(
            session, tenant.id, person.email, person.password, code, name=person.name, password_hash=password_hash
        )
        user.is_market_node = person.market_node
        members.append(user)
        _equip(session, user, strategies, node.id if index % 2 else None)
        out["agents"].append({"email": person.email, "password": person.password})
    session.add(PlatformState(name=STATE, value={"agents": len(people)}))
    session.flush()
    write_secret(settings.home / "demo.json", json.dumps(out, indent=2))


def _node(session: Session, settings: Settings) -> ExecutionNode:
    node = ExecutionNode(
        node_code=NODE_CODE,
        name="Demo node",
        base_url=f"http://127.0.0.1:{settings.node_port}",
        secret_sealed=get_vault().seal_platform(node_record(NODE_CODE), settings.node_secret.get_secret_value()),
        public_key=derived_public_key(settings.node_secret.get_secret_value()),
    )
    session.add(node)
    session.flush()
    return node


def _move_node(session: Session, settings: Settings) -> None:
    """The demo node is started by this process, on the port of today's settings."""
    node = session.exec(select(ExecutionNode).where(ExecutionNode.node_code == NODE_CODE)).first()
    if node is not None:
        node.base_url = f"http://127.0.0.1:{settings.node_port}"
        session.add(node)


def _equip(session: Session, user: User, strategies: list[Strategy], node_id: int | None) -> None:
    """Point cards, an exchange account, bindings and a running bot."""
    assert user.id is not None
    user.settings = {**user.settings, "toured": True}
    tenant_id, user_id = user.tenant_id, user.id
    own, gift = Decimal(3_000), Decimal(500)
    recharge_user(session, f"demo:user:{user_id}:self", tenant_id=tenant_id, user_id=user_id, card=SELF, amount=own)
    recharge_user(session, f"demo:user:{user_id}:gift", tenant_id=tenant_id, user_id=user_id, card=GIFT, amount=gift)
    # No address: the simulated exchange is wherever the platform runs it.
    account = ExchangeAccount(
        tenant_id=user.tenant_id, user_id=user.id, mode="simulated", node_id=node_id, status=0
    )
    session.add(account)
    session.flush()
    assert account.id is not None
    for strategy in strategies:
        assert strategy.id is not None
        session.add(
            Binding(tenant_id=user.tenant_id, user_id=user.id, account_id=account.id, strategy_id=strategy.id)
        )
    session.add(Bot(tenant_id=user.tenant_id, user_id=user.id, desired="running", config=BOT_SETTINGS))


async def _fund(db: Database, settings: Settings) -> None:
    """Open and fund the accounts that have no credentials yet. The exchange answers a repeat with the same account."""
    waiting = await db.aread(
        lambda s: [a.id for a in s.exec(select(ExchangeAccount).where(col(ExchangeAccount.status) == 0)).all()]
    )
    headers = {"X-Paper-Token": settings.paper_token.get_secret_value()}
    async with httpx.AsyncClient(base_url=settings.paper_base_url, headers=headers, timeout=10.0) as client:
        for account_id in waiting:
            body = {"name": f"account-{account_id}", "balance_usdt": str(START_BALANCE_USDT)}
            try:
                response = await client.post("/paper/accounts", json=body)
            except httpx.HTTPError as error:
                raise Unavailable("The simulated exchange does not answer.") from error
            if response.status_code != 200:
                raise Unavailable(f"The simulated exchange refused to open an account: HTTP {response.status_code}.")
            keys = response.json()
            await db.arun(partial(_attach, account_id=account_id, keys=keys))


def _attach(session: Session, account_id: int | None, keys: dict[str, Any]) -> None:
    account = session.exec(select(ExchangeAccount).where(ExchangeAccount.id == account_id).with_for_update()).one()
    tenant = session.get(Tenant, account.tenant_id)
    assert tenant is not None
    seal_credentials(tenant, account, keys["api_key"], keys["api_secret"])
    account.status = 1
    account.balance = account.futures_balance = account.futures_available = START_BALANCE_USDT
    account.equity_peak = START_BALANCE_USDT
    session.add(account)
    standing.update(session, [account.user_id])


def write_secret(path: Path, text: str) -> None:
    """Write a file only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
