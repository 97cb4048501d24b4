"""What operators control, read: what scans, jobs that can be run at once, positions with their levels, symbols that rest."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.clock import to_ms
from backend.dashboards.marks import marks, unrealized
from backend.models import Cooldown, JobRun, Position, Scan, Strategy, User
from backend.monitoring import asked

MOST = 200

Row = dict[str, Any]


def strategies(session: Session) -> list[Row]:
    """The catalogue with what each strategy scanned: {id, code, timeframe, on, scans, signals, last_ms}."""
    statement = select(Scan.strategy_id, func.count(), func.sum(Scan.signals), func.max(Scan.at)).group_by(col(Scan.strategy_id))
    totals = {number: (int(scans), int(signals or 0), to_ms(last)) for number, scans, signals, last in session.exec(statement).all()}
    rows = []
    for row in session.exec(select(Strategy).order_by(col(Strategy.code))).all():
        scans, signals, last_ms = totals.get(row.id or 0, (0, 0, 0))
        rows.append(
            {"id": row.id, "code": row.code, "timeframe": row.timeframe, "on": row.status == 1, "scans": scans, "signals": signals, "last_ms": last_ms}
        )
    return rows


def jobs(session: Session) -> list[Row]:
    """What can be asked for: {id, word, ok_ms, took_ms, bad, failures}; ``took_ms`` is None before the first run.

    A scan is no job of the timetable: what tells of it is what it wrote.
    """
    found = {row.name: row for row in session.exec(select(JobRun).where(col(JobRun.name).in_(list(asked.OFFERED)))).all()}
    last = session.exec(select(func.max(Scan.at))).one()
    rows = []
    for name, word in asked.OFFERED.items():
        row = found.get(name)
        done = last if name == asked.SCAN else row.last_ok_at if row else None
        rows.append(
            {"id": name, "word": word, "ok_ms": to_ms(done) if done else 0, "took_ms": row.last_duration_ms if row else None,
             "bad": bool(row and row.last_error), "failures": row.failures if row else 0}
        )  # fmt: skip
    return rows


def held(session: Session) -> list[Row]:
    """The newest 200 open positions with a stop or a target; ``away`` is the distance to the stop as a ratio of the mark."""
    prices = marks()
    levels = col(Position.stop_loss).is_not(None) | col(Position.take_profit).is_not(None)
    statement = select(Position, User).join(User, col(User.id) == Position.user_id).where(Position.status == "OPEN", levels)
    rows = []
    for position, user in session.exec(statement.order_by(col(Position.id).desc()).limit(MOST)).all():
        mark = prices.get(position.symbol)
        away = abs(mark - position.stop_loss) / mark if mark and position.stop_loss else None
        rows.append(
            {"id": position.id, "user": user.name or user.email, "account_id": position.account_id, "symbol": position.symbol,
             "side": position.position_side, "quantity": position.quantity, "entry": position.entry_price, "mark": mark,
             "stop": position.stop_loss, "target": position.take_profit, "away": away, "pnl": unrealized(position, mark),
             "rests": position.stop_status == "OPEN"}
        )  # fmt: skip
    return rows


def resting(session: Session, market_ms: int) -> list[Row]:
    """Symbols on which accounts open nothing for a while: {symbol, accounts, until_ms}, the most accounts first."""
    count = select(Cooldown.symbol, func.count(), func.max(Cooldown.until_ms)).where(Cooldown.until_ms > market_ms)
    rows = session.exec(count.group_by(col(Cooldown.symbol)).order_by(func.count().desc()).limit(MOST)).all()
    return [{"symbol": symbol, "accounts": int(number), "until_ms": int(until)} for symbol, number, until in rows]
