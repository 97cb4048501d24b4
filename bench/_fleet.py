"""A fleet for measurements: 100 loopback nodes in a process of their own, and a database with 1,000 agents and bots."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import uvloop
from sqlmodel import Session, select

from backend.clock import utcnow
from backend.db import Database
from backend.execution.credentials import seal_credentials
from backend.execution.service import EntryIntent, write_entry
from backend.identity.service import create_tenant
from backend.models import Binding, Bot, ExchangeAccount, ExecutionNode, Position, Strategy, Tenant, User
from backend.models.tables import table_of
from backend.security.vault import get_vault, node_record
from bench.dispatch import SECRET, _NodeProtocol
from node_service import protocol

SYMBOL, PRICE = "BTC/USDT", Decimal(60000)


class FleetNode(_NodeProtocol):
    """Answers orders, look-ups and positions; notes when each request was there, on the machine's steady clock."""

    def __init__(self, delay_s: list[float], seen: list[float], held: list[int]) -> None:
        super().__init__(delay_s)
        self._seen, self._held = seen, held
        self._reply = b""
        self._path = ""

    def data_received(self, data: bytes) -> None:
        whole = self._buffer + data
        end = whole.find(b"\r\n\r\n")
        if end >= 0:
            self._buffer, keep = whole, self._buffer
            length = int(self._field(b"Content-Length: "))
            self._buffer = keep
            if len(whole) - end - 4 >= length:
                self._seen.append(time.perf_counter())
                self._path = whole[5 : whole.find(b" ", 5)].decode()
                self._reply = protocol.dumps({"success": True, "results": self._results(protocol.loads(whole[end + 4 :]))})
        super().data_received(data)

    def _results(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        tasks = body["tasks"]
        if self._path.endswith("sync-positions"):
            return [self._positions(task) for task in tasks]
        if self._path.endswith("query-orders"):
            return [
                {"account_id": t["account_id"], "success": True, "orders": [self._order(q) for q in t["queries"]]} for t in tasks
            ]
        return [
            {
                "account_id": t["account_id"], "client_order_id": t["client_order_id"], "success": False, "status": "REJECTED",
                "error_code": "BELOW_MINIMUM", "error": "The order is below the minimum.", "trades": [],
            }
            for t in tasks
        ]  # fmt: skip

    def _order(self, query: dict[str, Any]) -> dict[str, Any]:
        ended = {"found": True, "status": "CANCELED", "final": True, "filled_quantity": "0", "filled_price": "0", "trades": []}
        return query | ended

    def _positions(self, task: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"symbol": f"S{n}/USDT", "position_side": "LONG", "quantity": "1", "entry_price": "10", "unrealized_pnl": "0",
             "leverage": 3, "liquidation_price": "0"}
            for n in range(self._held[0])
        ]  # fmt: skip
        return {"account_id": task["account_id"], "success": True, "error": None, "positions": rows}

    def _answer(self, nonce: str) -> None:
        if self._transport.is_closing():
            return
        signed = protocol.reply_headers(SECRET, 200, self._path, self._reply, nonce)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(self._reply)}\r\n"
            f"{protocol.HEADER_TIMESTAMP}: {signed[protocol.HEADER_TIMESTAMP]}\r\n"
            f"{protocol.HEADER_REPLY_SIGNATURE}: {signed[protocol.HEADER_REPLY_SIGNATURE]}\r\n\r\n"
        )
        self._transport.write(head.encode() + self._reply)


def _serve(pipe: Connection, nodes: int) -> None:
    async def run() -> None:
        delay_s, seen, held = [0.0], list[float](), [0]
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(lambda: FleetNode(delay_s, seen, held), "127.0.0.1", 0) for _ in range(nodes)]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        done = asyncio.Event()

        def command() -> None:
            word, value = pipe.recv()
            if word == "end":
                done.set()
            elif word == "seen":
                pipe.send(list(seen))
                seen.clear()
            else:
                {"delay": delay_s, "held": held}[word][0] = value
                pipe.send(value)

        loop.add_reader(pipe.fileno(), command)
        await done.wait()

    uvloop.run(run())


@dataclass
class Fleet:
    """The nodes' ports and the way to talk to their process."""

    ports: list[int]
    pipe: Connection = field(repr=False)

    def say(self, word: str, value: Any = None) -> Any:
        """`delay` seconds before an answer, positions `held` by each account, or the times `seen` since the last question."""
        self.pipe.send((word, value))
        return self.pipe.recv()


@contextmanager
def fleet(nodes: int) -> Iterator[Fleet]:
    """The nodes, while the block runs."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(theirs, nodes), daemon=True)
    process.start()
    try:
        yield Fleet(ours.recv(), ours)
    finally:
        ours.send(("end", None))
        process.join(5)


def people(db: Database, ports: list[int], accounts_per_node: int) -> None:
    """A tenant with a strategy; on every node so many agents, each with an account and a running bot."""
    with db.transaction() as session:
        tenant = create_tenant(session, "Bench", "bench@test.example", "a-long-password-7").tenant
        assert tenant.id is not None
        strategy = Strategy(code="composite_score", name="Bench", algorithm="composite_score", leverage=3, capital=Decimal(100))
        session.add(strategy)
        session.flush()
        for number, port in enumerate(ports):
            code = f"node-{number}"
            secret = get_vault().seal_platform(node_record(code), SECRET)
            node = ExecutionNode(
                node_code=code, base_url=f"http://127.0.0.1:{port}", secret_sealed=secret, last_heartbeat_at=utcnow()
            )
            session.add(node)
            session.flush()
            for index in range(accounts_per_node):
                _agent(session, tenant, strategy.id, node.id, number * accounts_per_node + index)


def _agent(session: Session, tenant: Tenant, strategy_id: int | None, node_id: int | None, index: int) -> None:
    assert tenant.id is not None and strategy_id is not None
    user = User(tenant_id=tenant.id, email=f"a{index}@test.example", password_hash="x", invite_code=f"B{index:06d}")
    session.add(user)
    session.flush()
    assert user.id is not None
    account = ExchangeAccount(tenant_id=tenant.id, user_id=user.id, mode="live", node_id=node_id, equity_peak=Decimal(1000))
    session.add(account)
    session.flush()
    seal_credentials(tenant, account, f"key-{index:060d}", f"secret-{index:058d}")
    assert account.id is not None
    session.add(account)
    session.add(Binding(tenant_id=tenant.id, user_id=user.id, account_id=account.id, strategy_id=strategy_id))
    session.add(Bot(tenant_id=tenant.id, user_id=user.id, desired="running"))


def signal(db: Database, name: str, ttl_s: float = 60.0) -> float:
    """One signal for every account, as a scan writes it; the moment its transaction was over."""
    with db.transaction() as session:
        for account in session.exec(select(ExchangeAccount)).all():
            write_entry(
                session,
                EntryIntent(
                    account=account, binding_id=None, signal_id=name, strategy_code="bench", symbol=SYMBOL, position_side="LONG",
                    amount_usdt=Decimal(300), leverage=3, price=PRICE, stop_loss=PRICE * Decimal("0.95"), take_profit=None,
                    market_at=utcnow(), ttl_s=ttl_s,
                ),
            )  # fmt: skip
    return time.perf_counter()


def positions(db: Database, each: int) -> None:
    """So many open positions for every account, as the nodes will report them."""
    now = utcnow()
    with db.transaction() as session:
        owners = [(a.tenant_id, a.user_id, a.id) for a in session.exec(select(ExchangeAccount)).all()]
        rows = [
            {
                "tenant_id": tenant, "user_id": user, "account_id": account, "symbol": f"S{n}/USDT", "position_side": "LONG",
                "quantity": Decimal(1), "avg_cost": Decimal(10), "entry_price": Decimal(10), "opened_at": now,
                "opened_market_at": now, "mode": "live", "status": "OPEN", "open_slot": 1, "leverage": 3, "exchange": "binance",
                "strategy_code": "", "realized_pnl": Decimal(0), "total_fee": Decimal(0), "stop_client_order_id": "",
                "stop_status": "NONE", "score": 0, "close_reason": "", "updated_at": now,
            }
            for tenant, user, account in owners
            for n in range(each)
        ]  # fmt: skip
        session.connection().execute(table_of(Position).insert(), rows)
