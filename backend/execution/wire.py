"""The two ways to an exchange behind one call: the executor in this process, or a remote node.

Both take and return the same dictionaries (``node_service`` has the only copy of their shape).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.errors import IronBullError
from backend.execution.sealing import Sealer
from node_service.client import Delivery, Node, NodeClient
from node_service.executor import ROUTES, Executor
from node_service.protocol import ProtocolError

DRAIN_S = 5.0


class NotAnswered(IronBullError):
    """The executor gave no answer that can be trusted. ``sent`` is False only when nothing was executed."""

    code = "executor_not_answering"
    status = 503

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class Wire:
    """Calls executors. One instance per process."""

    def __init__(self, local: Executor, nodes: NodeClient) -> None:
        self.local = local
        self.nodes = nodes
        self._sealer = Sealer()

    async def call(self, target: Node | None, path: str, body: Mapping[str, Any], deadline_s: float) -> dict[str, Any]:
        """Send one request to a node, or to the executor in this process (None). Raises ``NotAnswered``.

        What goes to a node carries its credentials sealed for that node."""
        if target is None:
            try:
                answer: dict[str, Any] = await getattr(self.local, ROUTES[path])(dict(body))
            except ProtocolError as error:
                raise NotAnswered(error.message, sent=False) from error
            return answer
        reply = await self.nodes.send(target, path, self._sealer.body(target, body), timeout_s=deadline_s)
        if reply.ok:
            return reply.data
        reason = reply.error or "The node did not answer."
        raise NotAnswered(reason, sent=reply.delivery is Delivery.UNKNOWN)

    async def close(self) -> None:
        """Give orders that run in this process a moment to end, then release connections. What does not end is UNKNOWN."""
        await self.nodes.close()
        await self.local.close(DRAIN_S)
