"""An account at any venue and the requests it makes through the executor; the recorded venues by their code."""

from __future__ import annotations

from typing import Any

from node_service.executor import Executor
from node_service.messages import new_client_id
from node_service.venues import VENUES
from tests.support.recorded_a import GateVenue, OkxVenue
from tests.support.recorded_b import BitgetVenue, BybitVenue
from tests.support.recorded_c import HyperliquidVenue
from tests.support.venue_book import RecordedVenue

KINDS: dict[str, type[RecordedVenue]] = {
    kind.code: kind for kind in (OkxVenue, GateVenue, BybitVenue, BitgetVenue, HyperliquidVenue)
}
# The address and agent key of nobody, in the shape that Hyperliquid's signatures need.
ADDRESS, AGENT = "0x" + "5a" * 20, "0x" + "17" * 32
CASES = [(code, hedge) for code in KINDS for hedge in (False, True) if VENUES[code].hedge_mode or not hedge]


class Account:
    """One account and the requests it makes."""

    def __init__(self, executor: Executor, credentials: dict[str, Any], price: float) -> None:
        self.executor, self.base, self.price = executor, credentials, price

    async def order(self, trade_type: str, quantity: str, **fields: Any) -> dict[str, Any]:
        side = "BUY" if trade_type in ("OPEN", "ADD") else "SELL"
        task = self.base | {
            "client_order_id": new_client_id(), "quantity": quantity, "trade_type": trade_type, "side": side,
            "position_side": "LONG", "leverage": 10, **fields,
        }  # fmt: skip
        signal = {
            "signal_id": "S1",
            "symbol": "BTC/USDT",
            "side": side,
            "signal_type": trade_type,
            "entry_price": self.price,
        }
        reply = await self.executor.execute({"signal": signal, "tasks": [task]})
        return dict(reply["results"][0])

    async def ask(self, client_id: str, *, conditional: bool = False) -> dict[str, Any]:
        query = {"symbol": "BTC/USDT", "client_order_id": client_id, "conditional": conditional}
        reply = await self.executor.query_orders({"tasks": [self.base | {"queries": [query]}]})
        return dict(reply["results"][0]["orders"][0])

    async def cancel(self, client_id: str, *, conditional: bool = False) -> Any:
        query = {"symbol": "BTC/USDT", "client_order_id": client_id, "conditional": conditional}
        reply = await self.executor.cancel_orders({"tasks": [self.base | {"queries": [query]}]})
        [row] = reply["results"][0]["orders"]
        assert row["error_code"] is None
        return row["cancelled"]

    async def read(self, verb: str, **fields: Any) -> dict[str, Any]:
        reply = await getattr(self.executor, verb)({"tasks": [self.base | fields]})
        return dict(reply["results"][0])


class RecordedAccount(Account):
    """One account at a recorded venue."""

    def __init__(self, venue: RecordedVenue, executor: Executor) -> None:
        self.venue = venue
        keys = (
            (ADDRESS, AGENT) if venue.code == "hyperliquid" else ("key-of-the-account", "c2VjcmV0LW9mLXRoZS1hY2NvdW50")
        )
        credentials = {
            "account_id": 1, "tenant_id": 1, "user_id": 1, "exchange": venue.code, "api_key": keys[0], "api_secret": keys[1],
            "passphrase": "words", "base_url": venue.base_url,
        }  # fmt: skip
        super().__init__(executor, credentials, 60_000.0)
