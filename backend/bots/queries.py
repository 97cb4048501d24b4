"""What an agent sees of the bot: the signal panel and the status."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.bots import preconditions, watchdog
from backend.bots.rules import BotConfig
from backend.clock import utcnow
from backend.market.rules import INTERVAL_MS
from backend.models import Binding, Bot, BotWatch, Position, Scan, ScanPanel, Strategy, User
from backend.settings import Settings

FILTERED_SHOWN = 10


def wall_interval(settings: Settings, timeframe: str) -> timedelta:
    """Wall time between two scans of a timeframe: a simulated or replayed market runs ``market_speed`` times faster."""
    seconds = INTERVAL_MS.get(timeframe, INTERVAL_MS["1h"]) / 1000
    if not settings.market.startswith("exchange:"):
        seconds /= settings.market_speed
    return timedelta(seconds=seconds)


def next_scan_in(last_scan: datetime | None, interval: timedelta, now: datetime | None = None) -> float | None:
    """Seconds to the next scan, 0 when it is due, None when there was none yet. Derived at each read, never stored."""
    if last_scan is None:
        return None
    return round(max(0.0, (last_scan + interval - (now or utcnow())).total_seconds()), 1)


def panel(session: Session, user: User, settings: Settings) -> dict[str, Any]:
    """The live signal panel over the latest scan of each strategy the agent follows.

    ``signals_filtered`` holds the ten best refused signals with why; ``rows`` every symbol of the scans with its gates.
    """
    latest = _latest_panels(session, user)
    timeframe = _timeframe(session, user)
    interval = wall_interval(settings, timeframe)
    last_scan = max((panel.at for panel in latest), default=None)
    rows = [{**row, "strategy": one.strategy_code} for one in latest for row in one.decisions]
    refused = sorted(
        (row for row in rows if row["direction"] and not row["passed"]),
        key=lambda row: (-int(row["score"]), str(row["symbol"])),
    )
    return {
        "last_scan_time": last_scan.isoformat() if last_scan else None,
        "next_scan_in": next_scan_in(last_scan, interval),
        "scan_interval_s": interval.total_seconds(),
        "signals_analyzed": sum(one.analyzed for one in latest),
        "signals_passed": sum(one.passed for one in latest),
        "signals_filtered": [
            {key: row[key] for key in ("symbol", "score", "direction", "reason")} for row in refused[:FILTERED_SHOWN]
        ],
        "positions_opened_this_scan": sum(one.opened for one in latest),
        "market_ms": max((one.market_ms for one in latest), default=None),
        "rows": rows,
    }


def status(session: Session, user: User, settings: Settings) -> dict[str, Any]:
    """What is wanted, what is observed, why, and what keeps the bot from starting."""
    assert user.id is not None
    # Only read: an agent who never touched the bot has none yet, and reading must not write.
    bot = session.exec(select(Bot).where(Bot.user_id == user.id)).first() or Bot(
        tenant_id=user.tenant_id, user_id=user.id
    )
    config = BotConfig.from_mapping(bot.config)
    found = [] if bot.desired == "running" else preconditions.obstacles(session, user)
    open_positions = session.exec(
        select(func.count()).select_from(Position).where(Position.user_id == user.id, Position.status == "OPEN")
    ).one()
    interval = wall_interval(settings, _timeframe(session, user))
    watch = session.get(BotWatch, user.id)
    return {
        "status": bot.observed,
        "desired": bot.desired,
        "reason": bot.reason,
        "can_start": not found,
        "obstacles": [one.sentence for one in found],
        "preconditions": [asdict(one) for one in found],
        "watched": watchdog.watched(watch),
        "heartbeat_at": watch.heartbeat_at.isoformat() if watch and watch.heartbeat_at else None,
        "retry_at": watch.retry_at.isoformat() if watch and watch.retry_at and bot.observed == "restarting" else None,
        "started_at": bot.started_at.isoformat() if bot.started_at else None,
        "last_scan_at": bot.last_scan_at.isoformat() if bot.last_scan_at else None,
        "next_scan_in": next_scan_in(bot.last_scan_at, interval) if bot.desired == "running" else None,
        "scan_count": bot.scan_count,
        "open_positions": int(open_positions),
        "max_positions": config.max_positions,
        "config": config.as_json(),
        "config_version": bot.config_version,
    }


def running(session: Session) -> int:
    """How many bots are wanted and observed running."""
    statement = select(func.count()).select_from(Bot).where(Bot.desired == "running", Bot.observed == "running")
    return int(session.exec(statement).one())


def _latest_panels(session: Session, user: User) -> list[ScanPanel]:
    newest = select(func.max(ScanPanel.id)).where(ScanPanel.user_id == user.id).group_by(col(ScanPanel.binding_id))
    rows = session.exec(select(ScanPanel).where(col(ScanPanel.id).in_(newest)).order_by(col(ScanPanel.id))).all()
    live = set(session.exec(select(Binding.id).where(Binding.user_id == user.id, Binding.status == 1)).all())
    return [row for row in rows if row.binding_id in live]


def _timeframe(session: Session, user: User) -> str:
    """The shortest timeframe among the strategies the agent follows."""
    names = session.exec(
        select(Strategy.timeframe)
        .join(Binding, col(Binding.strategy_id) == col(Strategy.id))
        .where(Binding.user_id == user.id, Binding.status == 1)
    ).all()
    return min(names, key=lambda name: INTERVAL_MS.get(name, 0) or INTERVAL_MS["1h"], default="1h")


def last_scan(session: Session) -> Scan | None:
    """The newest scan of the platform."""
    return session.exec(select(Scan).order_by(col(Scan.id).desc()).limit(1)).first()
