"""What limits refused: written with the scan it happened in, counted by day and limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.models import LimitRefusal, ScanPanel, User
from backend.risk.limit_rules import Refusal

KEPT = timedelta(days=90)
SHOWN = 200
_TEXT = 64


def note(session: Session, panel: ScanPanel, account_id: int, refused: Iterable[tuple[str, Refusal]]) -> None:
    """Write what limits kept an account from entering at one scan: (symbol, refusal) in the order of the signals."""
    rows: dict[tuple[str, str, str], LimitRefusal] = {}
    for symbol, why in refused:
        row = rows.setdefault(
            (why.code, why.name, why.source),
            LimitRefusal(
                tenant_id=panel.tenant_id, user_id=panel.user_id, account_id=account_id, scan_id=panel.scan_id, code=why.code, name=why.name,
                source=why.source, had=why.had[:_TEXT], needed=why.needed[:_TEXT],
            ),
        )  # fmt: skip
        row.symbols = [*row.symbols, symbol]
    session.add_all(rows.values())


def violations(session: Session, days: int, tenant_id: int | None = None) -> dict[str, Any]:
    """Entries refused in the last ``days`` UTC days: ``total``, per day, per limit, and the newest rows."""
    today = utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=days - 1)
    found = select(LimitRefusal).where(col(LimitRefusal.at) >= first)
    if tenant_id is not None:
        found = found.where(LimitRefusal.tenant_id == tenant_id)
    by_day: Counter[str] = Counter()
    by_rule: Counter[tuple[str, str]] = Counter()
    columns = found.with_only_columns(
        col(LimitRefusal.at), col(LimitRefusal.name), col(LimitRefusal.code), col(LimitRefusal.symbols), maintain_column_froms=True
    )
    for at, name, code, symbols in session.execute(columns.execution_options(yield_per=2_000)):
        by_day[at.date().isoformat()] += len(symbols)
        by_rule[name, code] += len(symbols)
    newest = found.add_columns(col(User.email)).join(User, col(User.id) == LimitRefusal.user_id).order_by(col(LimitRefusal.id).desc()).limit(SHOWN)
    dates = [(first + timedelta(days=n)).date().isoformat() for n in range(days)]
    return {
        "total": by_rule.total(),
        "daily": {"dates": dates, "violations": [by_day[day] for day in dates]},
        "by_rule": [{"rule_name": name, "code": code, "count": count} for (name, code), count in by_rule.most_common()],
        "rows": [_row(row, email) for row, email in session.execute(newest)],
    }


def prune(session: Session) -> None:
    """Forget what is older than is shown."""
    session.connection().execute(delete(LimitRefusal).where(col(LimitRefusal.at) < utcnow() - KEPT))


def _row(row: LimitRefusal, email: str) -> dict[str, Any]:
    names = ("id", "at", "tenant_id", "user_id", "account_id", "scan_id", "code", "source", "had", "needed", "symbols")
    return {"user_email": email, "rule_name": row.name, **{name: getattr(row, name) for name in names}}
