"""What tests of the execution node share."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from node_service.app import NodeApp, NodeSettings, create_runner
from node_service.client import Node
from node_service.messages import new_client_id
from tests.support.canaries import watch
from tests.support.paper import PaperServer

SECRET = "secret-shared-by-centre-and-node"
watch(SECRET)


class Trader:
    """One funded account and the requests it makes."""

    def __init__(self, venue: PaperServer, account: dict[str, Any]) -> None:
        self.venue = venue
        self.account_id = int(account["account_id"])
        self.credentials = {
            "account_id": self.account_id,
            "tenant_id": 1,
            "user_id": 1,
            "exchange": "binance",
            "api_key": account["api_key"],
            "api_secret": account["api_secret"],
            "base_url": venue.base_url,
        }
        self.price = float(venue.prices()["BTCUSDT"])

    def task(self, **fields: Any) -> dict[str, Any]:
        """An order task with a new client id; 0.01 BTC unless told."""
        return {**self.credentials, "client_order_id": new_client_id(), "quantity": "0.010", **fields}

    def request(self, *tasks: dict[str, Any], **signal: Any) -> dict[str, Any]:
        """A request to buy BTC, for these tasks."""
        base = {"signal_id": "S1", "symbol": "BTC/USDT", "side": "BUY", "entry_price": self.price}
        return {"signal": base | signal, "sandbox": True, "tasks": list(tasks)}

    def query(self, *client_ids: str, conditional: bool = False) -> dict[str, Any]:
        """A look-up of these client ids."""
        queries = [{"symbol": "BTC/USDT", "client_order_id": name, "conditional": conditional} for name in client_ids]
        return {"tasks": [self.credentials | {"queries": queries}]}

    def dump(self) -> dict[str, Any]:
        """What the exchange has on the account."""
        return self.venue.dump(self.account_id)

    def orders(self) -> list[dict[str, Any]]:
        """The plain orders at the exchange."""
        return list(self.dump()["orders"])


class NodeServer:
    """A node's HTTP service inside the test's event loop; use as ``async with NodeServer(...) as server:``."""

    def __init__(self, **settings: Any) -> None:
        self.settings = NodeSettings(**{"auth_secret": SECRET, "node_code": "n1", "allow_venue_url": True} | settings)
        self.app = NodeApp(self.settings)
        self._runner = create_runner(self.app)

    async def __aenter__(self) -> NodeServer:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.settings.port if self.settings.port != 9101 else 0).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def node(self, secret: str = SECRET, path: str = "") -> Node:
        """This node as the centre knows it."""
        return Node(self.settings.node_code, self.base_url + path, secret)
