"""A small world behind the HTTP doors: two tenants with everything a tenant can own, and the app that serves it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlmodel import Session, select
from starlette.routing import BaseRoute, Route

from backend.api.app import create_api
from backend.billing.cards import recharge_tenant, recharge_user
from backend.clock import utcnow
from backend.db import Database
from backend.identity.principal import Kind
from backend.identity.service import create_admin, create_tenant, create_user
from backend.identity.sessions import open_session
from backend.live import Hub
from backend.models import (
    Admin,
    Binding,
    Bot,
    EquitySnapshot,
    ExchangeAccount,
    Fill,
    Notification,
    Order,
    Position,
    Scan,
    ScanPanel,
    Strategy,
    TenantStrategy,
    User,
    metadata,
)
from backend.security.tokens import TokenSigner
from backend.security.vault import Vault, account_record
from backend.settings import Settings
from tests.support.canaries import watch

PASSWORD = "correct horse battery"


@dataclass
class Owned:
    """Ids of one tenant and of what it owns."""

    tenant_id: int = 0
    root_id: int = 0
    user_id: int = 0
    email: str = ""
    tenant_email: str = ""
    account_id: int = 0
    binding_id: int = 0
    order_pk: int = 0
    order_id: str = ""
    position_id: int = 0
    notification_id: int = 0
    app_secret: str = ""
    mark: str = ""
    app_key: str = ""
    strategy_id: int = 0


@dataclass
class World:
    """The database, the app and who lives there."""

    db: Database
    settings: Settings
    hub: Hub
    app: FastAPI
    a: Owned
    b: Owned
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, token: str = "", host: str = "127.0.0.1", peer: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client of the app without a network; ``token`` is a name in ``tokens`` or empty."""
        headers = {"Authorization": f"Bearer {self.tokens[token]}"} if token else {}
        transport = httpx.ASGITransport(self.app, client=(peer, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers)

    def sign_in(self) -> None:
        """Fresh tokens of the admin, both tenants and both agents, as their login doors would give them."""
        with self.db.reading() as session:
            # Ids of MariaDB go on counting after other tests: the admin's is not always 1.
            admin_id = session.exec(select(Admin.id).where(Admin.username == "boss")).one()
        assert admin_id is not None
        signer = TokenSigner(self.settings.jwt_key.get_secret_value())
        people: dict[str, tuple[Kind, int]] = {
            "admin": ("admin", admin_id),
            "tenant_a": ("tenant", self.a.tenant_id),
            "tenant_b": ("tenant", self.b.tenant_id),
            "agent_a": ("agent", self.a.user_id),
            "agent_b": ("agent", self.b.user_id),
        }
        with self.db.transaction() as session:
            for name, (kind, number) in people.items():
                _, token_id = open_session(session, kind, number, purpose="bearer", ip="127.0.0.1", user_agent="")
                self.tokens[name] = signer.issue(kind, number, token_id, {"username": "boss", "admin_id": admin_id})

    def cookie(self, kind: Kind, number: int) -> tuple[int, str]:
        """The row and the cookie of a new browser session."""
        with self.db.transaction() as session:
            row, sid = open_session(session, kind, number, purpose="cookie", ip="127.0.0.1", user_agent="")
            return row.id or 0, sid


def make_settings(home: Path, **changes: Any) -> Settings:
    """Settings that read nothing from the environment's file."""
    values: dict[str, Any] = {
        "home": home,
        "jwt_key": "j" * 40,
        "master_key": "m" * 40,
        "session_key": "s" * 40,
        "node_secret": "n" * 40,
        "demo": False,
        **changes,
    }
    watch(*(values[name] for name in ("jwt_key", "master_key", "session_key", "node_secret")))
    return Settings(_env_file=None, **values)


def make_world(folder: Path, url: str = "", **changes: Any) -> World:
    """Build the world on a new SQLite file, or on ``url`` (whose tables exist)."""
    settings = make_settings(folder, **changes)
    db = Database(url or f"sqlite:///{folder / 'world.db'}")
    if not url:
        metadata.create_all(db.engine)
    vault = Vault(settings.master_key.get_secret_value())

    def seed(session: Session) -> tuple[Owned, Owned]:
        create_admin(session, "boss", PASSWORD, "Operations")
        strategy = Strategy(code="composite", name="Composite", algorithm="composite_score", timeframe="1h")
        session.add(strategy)
        scan = Scan(strategy_id=1, timeframe="1h", bar_open_ms=3_600_000)
        session.add(scan)
        session.flush()
        return own(session, vault, strategy, scan, "a"), own(session, vault, strategy, scan, "b")

    a, b = db.run(seed)
    hub = Hub()
    return World(db, settings, hub, create_api(db, settings, live=hub), a, b)


def own(session: Session, vault: Vault, strategy: Strategy, scan: Scan, name: str) -> Owned:
    """One tenant with one agent who owns one of everything. ``mark`` is a word that only this tenant's rows hold."""
    mark = f"MARK{name.upper()}"
    made = create_tenant(session, f"{mark} desk", f"desk@{name}.example", PASSWORD, vault=vault)
    tenant = made.tenant
    assert tenant.id and made.root_user.id and strategy.id and scan.id
    user = create_user(session, tenant.id, f"trader@{name}.example", PASSWORD, name=f"{mark} trader")
    assert user.id
    now = utcnow()
    account = ExchangeAccount(
        tenant_id=tenant.id, user_id=user.id, key_hint="…1234", balance=Decimal(1000), last_sync_error=mark
    )
    session.add(account)
    session.flush()
    assert account.id
    exchange_keys = {"api_key": f"canary-key-{mark}-{account.id}", "api_secret": f"canary-secret-{mark}-{account.id}"}
    watch(*exchange_keys.values(), made.app_secret)
    account.credentials_sealed = vault.seal_json(
        tenant.data_key_wrapped, tenant.id, account_record(account.id), exchange_keys
    )
    session.add(TenantStrategy(tenant_id=tenant.id, strategy_id=strategy.id))
    binding = Binding(tenant_id=tenant.id, user_id=user.id, account_id=account.id, strategy_id=strategy.id)
    session.add(binding)
    session.add(Bot(tenant_id=tenant.id, user_id=user.id))
    session.flush()
    owner = {"tenant_id": tenant.id, "user_id": user.id, "account_id": account.id}
    position = Position(
        **owner, symbol=f"{mark}/USDT", position_side="LONG", quantity=Decimal(2), avg_cost=Decimal(10),
        entry_price=Decimal(10), opened_at=now, opened_market_at=now,
    )  # fmt: skip
    closed = Position(
        **owner, symbol=f"{mark}/USDT", position_side="LONG", quantity=Decimal(0), open_slot=2, status="CLOSED",
        realized_pnl=Decimal(5), opened_at=now, opened_market_at=now, closed_at=now, closed_market_at=now,
    )  # fmt: skip
    session.add_all([position, closed])
    session.flush()
    closed.open_slot = None  # an insert would put the column's default in place of None
    session.add(closed)
    order = Order(
        **owner, order_id=f"ORD-{mark}", symbol=f"{mark}/USDT", side="BUY", position_side="LONG", status="FILLED",
        client_order_id=f"ib{mark.lower()}", quantity=Decimal(2), position_id=position.id, signal_id=f"SIG{mark}",
    )  # fmt: skip
    session.add(order)
    session.flush()
    assert order.id and position.id and binding.id
    session.add(
        Fill(
            **owner, fill_id=f"FILL-{mark}", order_pk=order.id, position_id=position.id, exchange_trade_id="1",
            symbol=order.symbol, side="BUY", position_side="LONG", trade_type="OPEN", quantity=Decimal(2),
            price=Decimal(10), filled_at=now, market_at=now,
        )
    )  # fmt: skip
    note = Notification(tenant_id=tenant.id, user_id=user.id, type="system", title=f"Hello {mark}")
    session.add(note)
    refused = {"symbol": f"{mark}/USDT", "direction": "LONG", "score": 66, "passed": False, "reason": "long minimum"}
    session.add(
        ScanPanel(
            tenant_id=tenant.id, user_id=user.id, binding_id=binding.id, scan_id=scan.id, strategy_code=strategy.code,
            analyzed=3, passed=1, opened=1, decisions=[{**refused, "gate": 6, "gates": []}],
        )
    )  # fmt: skip
    session.add(EquitySnapshot(**owner, market_at=now, balance=Decimal(1000), equity=Decimal(1001)))
    recharge_tenant(session, f"recharge:{mark}", tenant_id=tenant.id, card=1, amount=Decimal(50))
    recharge_user(session, f"hand:{mark}", tenant_id=tenant.id, user_id=user.id, card=1, amount=Decimal(20))
    session.flush()
    assert note.id
    return Owned(
        tenant.id, made.root_user.id, user.id, user.email, tenant.email, account.id, binding.id, order.id,
        order.order_id, position.id, note.id, made.app_secret, mark, tenant.app_key, strategy.id,
    )  # fmt: skip


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path pattern) of every HTTP door, found by walking the app."""
    found: set[tuple[str, str]] = set()

    def walk(routes: list[BaseRoute]) -> None:
        for route in routes:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                walk(inner.routes)
            elif isinstance(route, APIRoute | Route):
                found.update((method, route.path) for method in route.methods or () if method not in ("HEAD", "OPTIONS"))

    walk(app.routes)
    return sorted(found)


def user_row(world: World, user_id: int) -> User:
    """A fresh copy of a user."""
    with world.db.reading() as session:
        user = session.get(User, user_id)
        assert user is not None
        return user


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The app on a free port of this machine; yields ``127.0.0.1:port``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
