"""How signals come about right now: whether the engine leads, what it scanned, what waits and what rests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import from_ms, now_ms
from backend.execution.service import OPEN_STATES
from backend.models import BotWatch, Cooldown, Lease, LimitEntry, Order, Position, Scan, Signal, Strategy
from backend.settings import Settings

LEASE = "engine"
MOST = 500


def status(session: Session, settings: Settings, market_ms: int) -> dict[str, Any]:
    """``state`` of the scanning, its ``config``, and what it leaves behind; cooldowns and waiting entries are the newest 500."""
    lease = session.get(Lease, LEASE)
    scans, signals, last = session.exec(select(func.count(), func.sum(Scan.signals), func.max(Scan.at))).one()
    waiting = _waiting(session)
    crashes = session.exec(select(BotWatch.crashes_ms)).all()
    return {
        "state": {
            "running": lease is not None and lease.expires_at_ms > now_ms(), "last_check": last,
            "last_signal": session.exec(select(func.max(Signal.created_at))).one(), "total_signals": int(signals or 0), "total_checks": int(scans),
            "errors": sum(len(recent) for recent in crashes),
        },
        "config": {
            "market": settings.market, "interval_seconds": settings.scan_interval_s, "exit_interval_seconds": settings.exit_interval_s,
            "sync_interval_seconds": settings.reconcile_interval_s,
        },
        "position_monitor_stats": _positions(session),
        "cooldowns": [
            {"account_id": row.account_id, "symbol": row.symbol, "until": from_ms(row.until_ms)}
            for row in session.exec(
                select(Cooldown).where(Cooldown.until_ms > market_ms).order_by(col(Cooldown.until_ms).desc()).limit(MOST)
            ).all()
        ],
        "pending_limit_orders": [row for row in waiting if row["state"] == "PENDING"],
        "awaiting_confirmation": [row for row in waiting if row["state"] == "CONFIRMING"],
        "strategies": [
            {"code": row.code, "timeframe": row.timeframe, "symbols": len(row.symbols)}
            for row in session.exec(select(Strategy).where(Strategy.status == 1).order_by(Strategy.code)).all()
        ],
    }  # fmt: skip


def _positions(session: Session) -> dict[str, int]:
    counted = dict(session.exec(select(Position.stop_status, func.count()).where(Position.status == "OPEN").group_by(col(Position.stop_status))).all())
    closing = select(func.count()).select_from(Order).where(Order.trade_type == "CLOSE", col(Order.status).in_(OPEN_STATES))
    return {"watched": sum(counted.values()), "stop_at_exchange": counted.get("OPEN", 0), "closing": int(session.exec(closing).one())}


def _waiting(session: Session) -> list[dict[str, Any]]:
    found = (
        select(LimitEntry, col(Order.price), col(Order.position_side))
        .join(Order, col(Order.id) == LimitEntry.order_pk)
        .where(col(LimitEntry.state).in_(("PENDING", "CONFIRMING")))
    )
    return [
        {"id": entry.order_pk, "account_id": entry.account_id, "symbol": entry.symbol, "side": side, "price": price, "state": entry.state,
         "expires_at": from_ms(entry.confirm_until_ms if entry.state == "CONFIRMING" else entry.expires_market_ms)}
        for entry, price, side in session.exec(found.order_by(col(LimitEntry.order_pk).desc()).limit(MOST)).all()
    ]  # fmt: skip
