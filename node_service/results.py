"""The result of one order as it is filled in along the way, and its shape on the wire."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from .errors import Reaction, VenueError
from .figures import plain
from .messages import OrderTask
from .orders import StopFact, StopOrder
from .protection import Fill
from .protocol import ProtocolError

Wire = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """The result of one order, as it is filled in along the way."""

    task: OrderTask
    started: float = field(default_factory=time.monotonic)
    status: str = "REJECTED"
    sent: bool = False
    fill: Fill | None = None
    stop: Wire | None = None
    take_profit: Wire | None = None
    exchange_order_id: str | None = None
    emergency_close: Wire | None = None
    error_code: str | None = None
    error: str | None = None
    reaction: str | None = None
    retry_after_s: float = 0.0

    def failed(self, error: VenueError | ProtocolError, status: str = "REJECTED") -> Outcome:
        """Note why there is no fill."""
        self.status = status
        if isinstance(error, VenueError):
            self.error_code, self.error, self.reaction = error.error_code, error.sentence, str(error.reaction)
            self.retry_after_s = error.retry_after_s
        else:
            self.error_code, self.error, self.reaction = error.code, error.message, str(Reaction.FIX_INPUT)
        return self

    def wire(self) -> Wire:
        """The result as it goes over the wire."""
        task = self.task
        result: Wire = {
            "account_id": task.account.account_id,
            "tenant_id": task.account.tenant_id,
            "client_order_id": task.client_order_id,
            "symbol": task.symbol,
            "side": task.side,
            "position_side": task.position_side,
            "trade_type": task.trade_type,
            "success": self.status in ("FILLED", "PARTIAL"),
            "status": self.status,
            "order_id": task.client_order_id,
            "exchange_order_id": self.exchange_order_id,
            "filled_quantity": "0",
            "filled_price": "0",
            "commission": None,
            "commission_asset": None,
            "trades": [],
            "trades_complete": False,
            "sent": self.sent,
            "stop": self.stop
            or {"client_order_id": None, "exchange_order_id": None, "status": "NONE", "trigger_price": None},
            "error_code": self.error_code,
            "error": self.error,
            "reaction": self.reaction,
            "latency_ms": round((time.monotonic() - self.started) * 1000, 1),
        }
        if self.fill is not None:
            result.update(self.fill.wire())
            result["final"] = self.fill.order.final
        if self.take_profit is not None:
            result["take_profit"] = self.take_profit
        if self.emergency_close is not None:
            result["emergency_close"] = self.emergency_close
        if self.retry_after_s:
            result["retry_after_s"] = round(self.retry_after_s, 1)
        return result


def stop_wire(stop: StopOrder, fact: StopFact | None, error: VenueError | None = None) -> Wire:
    return {
        "client_order_id": stop.client_order_id if fact is None else fact.client_order_id,
        "exchange_order_id": None if fact is None else fact.exchange_order_id,
        "status": "FAILED" if fact is None else fact.status,
        "trigger_price": plain(stop.trigger_price if fact is None else fact.trigger_price),
        "error_code": None if error is None else error.error_code,
    }


def too_early() -> VenueError:
    return VenueError(
        Reaction.UNKNOWN_OUTCOME,
        "TOO_EARLY",
        "The exchange does not show the order yet; it was sent moments ago and may still appear.",
    )


def quiet(error: Exception) -> Exception:
    """The error without the frames of the exchange library, whose texts hold signed requests."""
    return RuntimeError(type(error).__name__).with_traceback(error.__traceback__)
