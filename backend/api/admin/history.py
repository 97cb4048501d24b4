"""What happened, by API: the audit log with its export and figures, signals with what became of them, users by what they bring."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy import case, func
from sqlmodel import Session, col, select

from backend.api.context import admin, read
from backend.api.params import IdQuery, Text, done, listed, moment, window
from backend.clock import utcnow
from backend.dashboards.lists.base import Find
from backend.dashboards.lists.operator import ranking, tiers
from backend.errors import InvalidInput
from backend.execution.service import OPEN_STATES
from backend.identity.principal import Principal
from backend.models import AuditLog, Order, Signal, Strategy, User
from backend.portfolio.queries import Listing, Window

router = APIRouter(tags=["history"])

Admin = Annotated[Principal, Depends(admin)]
Page = Annotated[Window, Depends(window)]
Days = Annotated[int, Query(ge=1, le=90)]
MOST = 10_000
RANKS = {"point_card": "points", "reward": "rewards", "trade_count": "orders"}
_AUDIT = ("id", "at", "actor_kind", "actor_id", "tenant_id", "action", "target", "ok", "ip", "detail")


@dataclass
class AuditQuery:
    """Filters of the audit log."""

    action: Text = None
    actor_kind: Text = None
    actor_id: IdQuery = None
    tenant_id: IdQuery = None
    target: Text = None
    ok: bool | None = None
    start_date: Text = None
    end_date: Text = None

    def where(self) -> list[Any]:
        """As conditions. Raises ``InvalidInput`` for a date that is none."""
        pairs = (
            (AuditLog.action, self.action), (AuditLog.actor_kind, self.actor_kind), (AuditLog.actor_id, self.actor_id),
            (AuditLog.tenant_id, self.tenant_id), (AuditLog.target, self.target), (AuditLog.ok, self.ok),
        )  # fmt: skip
        found: list[Any] = [column == value for column, value in pairs if value is not None]
        start, end = moment(self.start_date, "start_date"), moment(self.end_date, "end_date", end=True)
        if start is not None:
            found.append(col(AuditLog.at) >= start)
        if end is not None:
            found.append(col(AuditLog.at) < end)
        return found


@router.get("/api/audit-logs")
async def audit_logs(request: Request, who: Admin, page: Page, query: Annotated[AuditQuery, Depends()]) -> Response:
    """Who did what, newest first."""

    def work(session: Session) -> Response:
        statement = select(AuditLog).where(*query.where())
        total = session.exec(select(func.count()).select_from(statement.subquery())).one()
        rows = session.exec(statement.order_by(col(AuditLog.id).desc()).limit(page.limit).offset(page.offset)).all()
        return listed(Listing(list(rows), int(total)), page, _audit)

    return await read(request, work)


@router.get("/api/audit-logs/export", response_class=Response)
async def audit_export(request: Request, who: Admin, query: Annotated[AuditQuery, Depends()]) -> Response:
    """The newest 10,000 rows that match, as CSV. Longer ones: the page's own export, which has no end."""

    def work(session: Session) -> str:
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(_AUDIT)
        rows = session.exec(select(AuditLog).where(*query.where()).order_by(col(AuditLog.id).desc()).limit(MOST)).all()
        for row in rows:
            cells = _audit(row)
            cells["at"] = row.at.isoformat()
            writer.writerow([_plain(cells[name]) for name in _AUDIT])
        return file.getvalue()

    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response("\ufeff" + await read(request, work), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/api/audit-logs/stats")
async def audit_stats(request: Request, who: Admin, days: Days = 7) -> Response:
    """Acts and failures of the last days, by action and by kind of actor."""

    def work(session: Session) -> dict[str, Any]:
        since = utcnow() - timedelta(days=days)
        bad = func.sum(case((col(AuditLog.ok).is_(False), 1), else_=0))
        found: dict[str, Any] = {"days": days}
        columns: dict[str, Any] = {"by_action": col(AuditLog.action), "by_actor": col(AuditLog.actor_kind)}
        for name, column in columns.items():
            statement: Any = select(column, func.count(), bad).where(col(AuditLog.at) >= since).group_by(column)
            rows = session.exec(statement.order_by(func.count().desc()).limit(50)).all()
            found[name] = [{"name": word, "count": int(count), "failed": int(failed or 0)} for word, count, failed in rows]
        found["total"] = sum(row["count"] for row in found["by_actor"])
        found["failed"] = sum(row["failed"] for row in found["by_actor"])
        return found

    return done(await read(request, work))


@dataclass
class SignalQuery:
    """Filters of the signals."""

    signal_id: Text = None
    event_type: Text = None
    status: Text = None
    strategy_code: Text = None
    symbol: Text = None
    start_date: Text = None
    end_date: Text = None

    def where(self) -> list[Any]:
        """As conditions. Raises ``InvalidInput``."""
        pairs = ((Signal.signal_id, self.signal_id), (Signal.signal_type, self.event_type), (Strategy.code, self.strategy_code), (Signal.symbol, self.symbol))
        found: list[Any] = [column == value for column, value in pairs if value is not None]
        start, end = moment(self.start_date, "start_date"), moment(self.end_date, "end_date", end=True)
        if start is not None:
            found.append(col(Signal.created_at) >= start)
        if end is not None:
            found.append(col(Signal.created_at) < end)
        if self.status is not None:
            states = {"executed": ("FILLED", "PARTIAL"), "failed": ("REJECTED", "EXPIRED", "FAILED", "CANCELLED"), "pending": OPEN_STATES}
            if self.status not in states:
                raise InvalidInput("The status is executed, failed or pending.")
            found.append(col(Signal.signal_id).in_(select(Order.signal_id).where(col(Order.status).in_(states[self.status]))))
        return found


@router.get("/api/signal-events")
async def signal_events(request: Request, who: Admin, page: Page, query: Annotated[SignalQuery, Depends()]) -> Response:
    """Signals with the outcome of their orders, newest first; ``stats`` counts every order of a signal there is."""

    def work(session: Session) -> Response:
        statement = select(Signal, Strategy.code).join(Strategy, col(Strategy.id) == Signal.strategy_id).where(*query.where())
        total = session.scalar(statement.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)) or 0
        rows = session.exec(statement.order_by(col(Signal.id).desc()).limit(page.limit).offset(page.offset)).all()
        outcome: dict[str, dict[str, int]] = defaultdict(dict)
        ids = [signal.signal_id for signal, _ in rows]
        counted = select(Order.signal_id, Order.status, func.count()).where(col(Order.signal_id).in_(ids)).group_by(col(Order.signal_id), col(Order.status))
        for signal_id, status, count in session.exec(counted).all():
            outcome[signal_id][status] = int(count)
        data = [_signal(signal, code, outcome[signal.signal_id]) for signal, code in rows]
        return listed(Listing(data, int(total)), page, dict, stats=_stats(session))

    return await read(request, work)


@router.get("/api/signal-events/strategies")
async def signal_strategies(request: Request, who: Admin) -> Response:
    """Strategies that have written signals, with how many."""

    def work(session: Session) -> list[dict[str, Any]]:
        rows = session.exec(
            select(Strategy.code, func.count()).join(Signal, col(Signal.strategy_id) == Strategy.id).group_by(col(Strategy.code)).order_by(col(Strategy.code))
        ).all()
        return [{"strategy_code": code, "signals": int(count)} for code, count in rows]

    return done(await read(request, work))


@router.get("/api/user-analytics/overview")
async def overview(request: Request, who: Admin, tenant_id: IdQuery = None) -> Response:
    """How many users hold how many points: none, up to 100, up to 1000, below 10,000, above."""

    def work(session: Session) -> dict[str, Any]:
        found = tiers(session, tenant_id)
        return {"total_users": found.pop(""), "total_points": found.pop("points"), "tiers": found}

    return done(await read(request, work))


@router.get("/api/user-analytics/ranking")
async def rank(
    request: Request, who: Admin, page: Page, by: Annotated[str, Query(pattern="^(point_card|reward|trade_count)$")] = "point_card", tenant_id: IdQuery = None
) -> Response:
    """Users by points held, rewards earned or orders made, the first first."""
    only = {"tenant": str(tenant_id)} if tenant_id is not None else {}
    find = Find(only=only, sort=RANKS[by], limit=page.limit, offset=page.offset)

    def shape(row: dict[str, Any]) -> dict[str, Any]:
        return {
            "user_id": row["id"], "email": row["email"], "tenant": row["tenant"], "member_level": row["level"], "point_card": row["points"],
            "reward": row["rewards"], "trade_count": row["orders"],
        }  # fmt: skip

    return listed(await read(request, lambda session: ranking(session, who, find)), page, shape)


@router.get("/api/user-analytics/growth")
async def growth(request: Request, who: Admin, days: Days = 30, tenant_id: IdQuery = None) -> Response:
    """New users by UTC day, and how many there were at the end of each."""

    def work(session: Session) -> dict[str, Any]:
        today = utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
        first = today - timedelta(days=days - 1)
        real: list[Any] = [col(User.is_root).is_(False)] + ([User.tenant_id == tenant_id] if tenant_id is not None else [])
        before = int(session.exec(select(func.count()).select_from(User).where(*real, col(User.created_at) < first)).one())
        fresh = select(func.date(User.created_at), func.count()).where(*real, col(User.created_at) >= first).group_by(func.date(User.created_at))
        new = {str(day): int(count) for day, count in session.exec(fresh).all()}
        dates = [(first + timedelta(days=n)).date().isoformat() for n in range(days)]
        totals = []
        for day in dates:
            before += new.get(day, 0)
            totals.append(before)
        return {"dates": dates, "new_users": [new.get(day, 0) for day in dates], "total_users": totals}

    return done(await read(request, work))


def _audit(row: AuditLog) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _AUDIT}


def _plain(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t") else text


def _signal(row: Signal, code: str, outcome: dict[str, int]) -> dict[str, Any]:
    return {
        "id": row.id, "signal_id": row.signal_id, "event_type": row.signal_type, "strategy_code": code, "symbol": row.symbol, "side": row.side,
        "score": row.score, "entry_price": row.entry_price, "stop_loss": row.stop_loss, "take_profit": row.take_profit, "bar_open_ms": row.bar_open_ms,
        "detail": row.components, "orders": outcome, "created_at": row.created_at,
    }  # fmt: skip


def _stats(session: Session) -> dict[str, int]:
    by_state = select(Order.status, func.count()).where(col(Order.signal_id).like("SIG%")).group_by(col(Order.status))
    counted = {str(status): int(count) for status, count in session.exec(by_state).all()}
    executed = counted.get("FILLED", 0) + counted.get("PARTIAL", 0)
    pending = sum(counted.get(state, 0) for state in OPEN_STATES if state != "PARTIAL")
    total = sum(counted.values())
    return {"total": total, "executed": executed, "pending": pending, "failed": total - executed - pending}
