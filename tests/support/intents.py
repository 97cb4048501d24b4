"""Order intents written as a scan writes them, without a strategy in the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlmodel import Session, select

from backend.clock import utcnow
from backend.execution.service import EntryIntent, write_close, write_entry
from backend.models import Binding, ExchangeAccount, Order, Position
from tests.support.centre import Centre

SYMBOL = "BTC/USDT"


def enter(centre: Centre, signal_id: str = "SIGTEST1", *, side: str = "LONG", **change: Any) -> list[Order]:
    """One signal: an entry intent for every account, 300 USDT with a stop 5 % away."""
    price = Decimal(centre.paper.prices()[str(change.get("symbol", SYMBOL)).replace("/", "")])
    stop = price * (Decimal("0.95") if side == "LONG" else Decimal("1.05"))
    with centre.db.transaction() as session:
        return [_entry(session, account_id, signal_id, side, price, stop, change) for account_id in centre.account_ids]


def _entry(
    session: Session, account_id: int, signal_id: str, side: str, price: Decimal, stop: Decimal, change: dict[str, Any]
) -> Order:
    account = session.get(ExchangeAccount, account_id)
    assert account is not None
    binding = session.exec(select(Binding).where(Binding.account_id == account_id)).one()
    values: dict[str, Any] = {
        "account": account, "binding_id": binding.id, "signal_id": signal_id, "strategy_code": "test", "symbol": SYMBOL,
        "position_side": side, "amount_usdt": Decimal(300), "leverage": 3, "price": price,
        "stop_loss": stop.quantize(price), "take_profit": None, "market_at": utcnow(), "ttl_s": 60.0,
    }  # fmt: skip
    return write_entry(session, EntryIntent(**{**values, **change}))


def leave(centre: Centre, reason: str = "MANUAL") -> list[Order]:
    """A closing intent for every open position."""
    with centre.db.transaction() as session:
        rows = session.exec(select(Position).where(Position.status == "OPEN")).all()
        made = [write_close(session, row, reason, price=row.entry_price, market_at=None) for row in rows]
        return [order for order in made if order is not None]
