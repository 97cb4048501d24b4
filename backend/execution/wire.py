"""The two ways to an exchange behind one call: the executor in this process, or a remote node.

Both take and return the same dictionaries (``node_service`` has the only copy of their shape).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from node_service.client import NodeAddress, NodeClient, NodeError

from backend.errors import IronBullError
from node_service.executor import Executor
from node_service.protocol import ProtocolError


class NotAnswered(IronBullError):
    """The executor gave no answer that can be trusted."""

    code = "executor_not_answering"
    status = 503

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


@dataclass(frozen=True)
class NodeTarget:
    """A remote node as the wire needs it. ``secret`` is in clear; do not log."""

    node_id: int
    code: str
    base_url: str
    secret: str
    public_key: str = ""

    def __repr__(self) -> str:
        return f"NodeTarget({self.code})"


_LOCAL = {
    "/api/execute": "execute",
    "/api/query-orders": "query_orders",
    "/api/cancel-conditionals": "cancel_conditionals",
    "/api/place-stop": "place_stop",
    "/api/close-position": "close_position",
    "/api/sync-balance": "sync_balance",
    "/api/sync-positions": "sync_positions",
    "/api/sync-trades": "sync_trades",
}


class Wire:
    """Calls executors. One instance per process."""

    def __init__(self, local: Executor, nodes: NodeClient) -> None:
        self.local = local
        self._nodes = nodes

    async def call(self, target: NodeTarget | None, path: str, body: Mapping[str, Any], deadline_s: float) -> dict[str, Any]:
        """Send one request. Raises ``NotAnswered``; its ``sent`` is False only when nothing can have arrived."""
        if target is None:
            method = getattr(self.local, _LOCAL[path])
            try:
                answer: dict[str, Any] = await method(dict(body))
            except ProtocolError as error:
                raise NotAnswered(error.message, sent=False) from error
            return answer
        address = NodeAddress(target.code, target.base_url, target.secret, target.public_key)
        try:
            return await self._nodes.call(address, path, dict(body), deadline_s=deadline_s)
        except NodeError as error:
            raise NotAnswered(str(error), sent=error.sent) from error

    async def close(self) -> None:
        """Release connections."""
        await self._nodes.close()
        await self.local.close()
