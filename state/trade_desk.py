"""The operators' trading desk: an account, what it holds and what is on its way; open, close, take back."""

from __future__ import annotations

import secrets
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.clock import to_ms
from backend.dashboards import desk as queries
from backend.dashboards.marks import marks
from backend.errors import InvalidInput
from backend.execution import desk
from backend.execution.service import OPEN_STATES
from backend.models import Order, Position
from backend.settings import get_settings
from state.base import needs, read, signed_in, write
from state.merchant import row_id
from state.ui import say
from state.words import MISSING, figure, price, quantity

FIELDS = ("symbol", "side", "amount", "leverage", "stop", "target", "reason")


class TradeDesk(rx.State):
    """``wish`` is what the open question would do; ``_request`` names it, so that a repeat is not a second order."""

    accounts: list[dict[str, str]] = []
    account: str = ""
    about: str = ""
    mode: str = ""
    symbols: list[str] = []
    held: list[dict[str, Any]] = []
    orders: list[dict[str, Any]] = []
    wish: dict[str, str] = {}
    reason: str = ""
    asking: bool = False
    ready: bool = False
    _request: str = ""
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event
    @needs("admin")
    async def load(self) -> None:
        """The page was opened."""
        who = await signed_in(self)
        found = await read(lambda session: queries.accounts(session, who))
        self.accounts = [
            {"id": str(one["id"]), "name": f"{one['tenant']} · {one['user']} · {one['exchange']} #{one['id']} {one['mode']}"} for one in found
        ]
        asked = str(dict(self.router.url.query_parameters).get("account", ""))
        known = {one["id"] for one in self.accounts}
        self.account = asked if asked in known else self.account if self.account in known else ""
        self.symbols = sorted(marks())
        self.wish, self.asking, self.reason = {}, False, ""
        await self._read()

    @rx.event(supersedes=True)
    @needs("admin")
    async def refresh(self) -> None:
        """Something moved."""
        await self._read()

    @rx.event
    @needs("admin")
    async def choose(self, account: str) -> None:
        """Another account."""
        self.account = str(account) if str(account) in {one["id"] for one in self.accounts} else ""
        await self._read()

    @rx.event
    @needs("admin", may="trading")
    async def propose(self, form: dict[str, Any]) -> None:
        """Ask before it is done."""
        self.wish = {name: str(form.get(name, "")).strip()[:200] for name in FIELDS}
        self._wish()
        self._request, self.asking = secrets.token_hex(8), True

    @rx.event
    @needs("admin", may="trading")
    async def dismiss(self) -> None:
        """Not after all."""
        self.asking = False

    @rx.event
    @needs("admin", may="trading")
    async def go(self) -> None:
        """Open it."""
        who, wish, request_id = await signed_in(self), self._wish(), self._request
        mark, ttl_s = marks().get(wish.symbol), get_settings().intent_ttl_s
        self.asking = False
        await write(lambda session: desk.open_for(session, who, wish, request_id=request_id, mark=mark, ttl_s=ttl_s).id)
        self.wish = {}
        await self._read()
        await say(self, "desk.opening", symbol=wish.symbol)

    @rx.event
    @needs("admin", may="trading")
    async def why(self, reason: str) -> None:
        """The reason of the next close or cancel."""
        self.reason = str(reason)[:200]

    @rx.event
    @needs("admin", may="trading")
    async def close(self, number: str) -> None:
        """Close a position now."""
        who, position, reason, prices = await signed_in(self), row_id(number), self.reason, marks()

        def work(session: Session) -> str:
            mark = prices.get(queries.symbol_of(session, position))
            return desk.close_for(session, who, position, request_id=secrets.token_hex(8), price=mark, reason=reason).symbol

        symbol = await write(work)
        self.reason = ""
        await self._read()
        await say(self, "desk.closing", symbol=symbol)

    @rx.event
    @needs("admin", may="trading")
    async def take_back(self, number: str) -> None:
        """Cancel an order that was not sent."""
        who, order, reason = await signed_in(self), row_id(number), self.reason
        await write(lambda session: desk.take_back(session, who, order, reason).id)
        self.reason = ""
        await self._read()
        await say(self, "desk.taken_back")

    def _wish(self) -> desk.Wish:
        one = self.wish
        leverage = one.get("leverage", "")
        if not (leverage.isascii() and leverage.isdigit() and len(leverage) <= 3):
            raise InvalidInput("The leverage is a whole number.")
        stop = _number(one.get("stop", ""))
        if stop is None:
            raise InvalidInput("Give the price of the protective stop.")
        return desk.Wish(
            row_id(self.account), one.get("symbol", "").upper(), one.get("side", ""), _number(one.get("amount", "")) or Decimal(0), int(leverage), stop,
            _number(one.get("target", "")), one.get("reason", ""),
        )  # fmt: skip

    async def _read(self) -> None:
        who = await signed_in(self)
        if not self.account:
            self.held, self.orders, self.about, self.mode, self.ready = [], [], "", "", True
            return
        found = _shown(await read(lambda session: queries.of_account(session, who, int(self.account))))
        self.held, self.orders, self.about, self.mode = found["held"], found["orders"], found["about"], found["mode"]
        self.ready = True


def _number(text: str) -> Decimal | None:
    """A number as typed; None for nothing. Raises ``InvalidInput``."""
    word = text.replace(",", "").strip()
    if not word:
        return None
    try:
        return Decimal(word)
    except InvalidOperation:
        raise InvalidInput("Amount, stop and target are numbers above 0.") from None


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "about": f"{figure(found['balance'])} USDT", "mode": found["mode"],
        "held": [_held(*row) for row in found["held"]], "orders": [_order(row) for row in found["orders"]],
    }  # fmt: skip


def _order(row: Order) -> dict[str, Any]:
    return {
        "id": str(row.id), "at_ms": to_ms(row.created_at), "symbol": row.symbol, "side": row.position_side, "trade": f"trade.{row.trade_type}",
        "amount": quantity(row.filled_quantity or row.quantity) if row.quantity or row.filled_quantity else f"{row.amount_usdt:f} USDT",
        "status": f"order.{row.status}", "waits": row.status == "PENDING", "moving": row.status in OPEN_STATES, "by": row.strategy_code,
    }  # fmt: skip


def _held(row: Position, mark: Decimal | None, pnl: Decimal | None) -> dict[str, Any]:
    return {
        "id": str(row.id), "symbol": row.symbol, "side": row.position_side, "quantity": quantity(row.quantity), "entry": price(row.entry_price),
        "mark": price(mark) if mark is not None else MISSING, "stop": price(row.stop_loss) if row.stop_loss else MISSING,
        "pnl": figure(pnl, sign=True) if pnl is not None else MISSING, "by": row.strategy_code,
    }  # fmt: skip
