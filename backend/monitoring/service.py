"""Run the business invariants and bring the gauges up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal

import structlog
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from backend.billing import queries as billing
from backend.bots.queries import running
from backend.clock import utcnow
from backend.execution.nodes import is_online
from backend.ledger import queries as ledger
from backend.models import Bot, ExecutionNode, Fill, Incident, Job, JobRun, LoginSession, Order, Position
from backend.monitoring import metrics
from backend.monitoring.rules import Invariant

Check = Callable[[Session], Invariant]
CLOSED_CHECKED = 5_000
_CHUNK = 500

log = structlog.get_logger("monitoring")


def run_invariants(session: Session) -> list[Invariant]:
    """Every invariant, checked now. A check that cannot run counts as broken and says so."""
    found = [_run(session, name, check) for name, check in _checks()]
    for one in found:
        metrics.invariant_ok.labels(one.name).set(1 if one.ok else 0)
        metrics.invariant_checked.labels(one.name).set(one.checked)
    return found


def no_double_fill(session: Session) -> Invariant:
    """One execution of an account at the exchange is booked once, whatever order it is booked under."""
    repeated = session.exec(
        select(Fill.account_id, Fill.symbol, Fill.exchange_trade_id)
        .group_by(col(Fill.account_id), col(Fill.symbol), col(Fill.exchange_trade_id))
        .having(func.count() > 1)
        .limit(5)
    ).all()
    text = "; ".join(f"trade {trade} of account {account} {symbol}" for account, symbol, trade in repeated)
    return Invariant("no fill is booked twice", not repeated, _count(session, Fill), text)


def no_double_order(session: Session) -> Invariant:
    """One client order id of an account is one order, and one order at the exchange is one order here."""
    by_client = session.exec(
        select(Order.account_id, Order.client_order_id)
        .group_by(col(Order.account_id), col(Order.client_order_id))
        .having(func.count() > 1)
        .limit(5)
    ).all()
    by_exchange = session.exec(
        select(Order.account_id, Order.exchange_order_id)
        .where(Order.exchange_order_id != "", Order.order_type == "MARKET")
        .group_by(col(Order.account_id), col(Order.symbol), col(Order.exchange_order_id))
        .having(func.count() > 1)
        .limit(5)
    ).all()
    text = "; ".join(f"order {name} of account {account}" for account, name in [*by_client, *by_exchange])
    return Invariant("one client order id, one order", not text, _count(session, Order), text)


def positions_equal_fills(session: Session) -> Invariant:
    """The quantity of each open position, and of the newest closed ones, is the signed sum of its fills."""
    wrong: list[str] = []
    checked = 0
    for rows in _chunks(_position_rows(session)):
        sums: dict[int, Decimal] = defaultdict(Decimal)
        fills = session.exec(
            select(col(Fill.position_id), col(Fill.side), col(Fill.position_side), col(Fill.quantity)).where(
                col(Fill.position_id).in_([number for number, _, _ in rows])
            )
        ).all()
        for position_id, side, position_side, quantity in fills:
            adds = (side == "BUY") == (position_side != "SHORT")
            sums[position_id] += quantity if adds else -quantity
        for number, symbol, quantity in rows:
            checked += 1
            if sums[number] != quantity:
                wrong.append(f"position {number} {symbol}: {quantity} held, fills sum to {sums[number]}")
    return Invariant("positions equal their fills", not wrong, checked, "; ".join(wrong[:5]))


def closed_positions_are_flat(session: Session) -> Invariant:
    """A closed position holds nothing and leaves its slot; an open one holds something."""
    odd: list[str] = []
    rows = session.exec(
        select(col(Position.id), col(Position.status), col(Position.quantity), col(Position.open_slot))
        .where((col(Position.status) == "OPEN") | col(Position.open_slot).is_not(None))
        .order_by(col(Position.id))
    ).all()
    for number, status, quantity, slot in rows:
        if status != "OPEN":
            odd.append(f"position {number} is {status} but keeps its slot")
        elif slot is None:
            odd.append(f"position {number} is open without a slot")
        elif quantity < 0:
            odd.append(f"position {number} holds {quantity}")
    closed = session.exec(
        select(col(Position.id), col(Position.quantity))
        .where(Position.status != "OPEN")
        .order_by(col(Position.id).desc())
        .limit(CLOSED_CHECKED)
    ).all()
    odd += [f"position {number} is closed and holds {quantity}" for number, quantity in closed if quantity != 0]
    return Invariant("closed positions are flat", not odd, len(rows) + len(closed), "; ".join(odd[:5]))


def refresh_gauges(session: Session) -> None:
    """Read the counters that live in the database."""
    for status, count in session.exec(select(Order.status, func.count()).group_by(col(Order.status))).all():
        metrics.orders_by_status.labels(status).set(count)
    held = session.exec(select(func.count()).select_from(Position).where(Position.status == "OPEN")).one()
    metrics.open_positions.set(held)
    metrics.bots_running.set(running(session))
    enabled = session.exec(select(ExecutionNode).where(ExecutionNode.status == 1)).all()
    metrics.nodes_online.set(sum(1 for node in enabled if is_online(node)))
    for severity in ("warning", "critical"):
        open_now = select(func.count()).select_from(Incident).where(Incident.slot == 1, Incident.severity == severity)
        metrics.incidents_open.labels(severity).set(session.exec(open_now).one())
    for kind, state, count in session.exec(select(Job.kind, Job.state, func.count()).group_by(col(Job.kind), col(Job.state))).all():
        metrics.queue_jobs.labels(kind, state).set(count)
    for state, count in session.exec(select(Bot.observed, func.count()).group_by(col(Bot.observed))).all():
        metrics.bots_by_state.labels(state).set(count)
    now = utcnow()
    live = select(LoginSession.kind, func.count()).where(col(LoginSession.revoked_at).is_(None), col(LoginSession.expires_at) > now)
    for kind, count in session.exec(live.group_by(col(LoginSession.kind))).all():
        metrics.sessions_open.labels(kind).set(count)
    for job in session.exec(select(JobRun)).all():
        metrics.job_failures.labels(job.name).set(job.failures)
        if job.last_ok_at is not None:
            metrics.job_age_seconds.labels(job.name).set((now - job.last_ok_at).total_seconds())


def _checks() -> list[tuple[str, Check]]:
    own: list[tuple[str, Check]] = [
        ("no fill is booked twice", no_double_fill),
        ("one client order id, one order", no_double_order),
        ("positions equal their fills", positions_equal_fills),
        ("closed positions are flat", closed_positions_are_flat),
    ]
    rooms = (ledger, billing)
    money = [(name, getattr(room, name)) for room in rooms for name in sorted(vars(room)) if name.startswith("check_")]
    return [*money, *own]


def _run(session: Session, name: str, check: Check) -> Invariant:
    try:
        return check(session)
    except (SQLAlchemyError, ValueError, ArithmeticError) as error:
        log.error("invariant_failed", name=name, error=type(error).__name__)
        return Invariant(name, False, 0, f"The check itself failed ({type(error).__name__}).")


def _position_rows(session: Session) -> list[tuple[int, str, Decimal]]:
    columns = select(col(Position.id), col(Position.symbol), col(Position.quantity))
    held = session.exec(columns.where(Position.status == "OPEN")).all()
    closed = session.exec(
        columns.where(Position.status != "OPEN").order_by(col(Position.id).desc()).limit(CLOSED_CHECKED)
    ).all()
    return [(number, symbol, quantity) for number, symbol, quantity in [*held, *closed] if number is not None]


def _chunks(rows: list[tuple[int, str, Decimal]]) -> Iterable[list[tuple[int, str, Decimal]]]:
    return (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))


def _count(session: Session, model: type[Fill] | type[Order]) -> int:
    return int(session.exec(select(func.count()).select_from(model)).one())
