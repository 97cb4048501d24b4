"""Rows of profit share periods as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from state.agent_common import base_of
from state.words import MISSING, figure

Row = dict[str, Any]


def period(row: Row) -> Row:
    """A period in a list."""
    return {name: row[name] for name in ("tenant", "user", "month", "invoice", "start_ms", "end_ms")} | {
        "id": str(row["id"]),
        "state": row["status"],
        "status": f"period.{row['status']}",
        "look": row["status"] in ("draft", "approved"),
        "trades": f"{row['trades']:,}",
        "pnl": figure(row["pnl"], sign=True),
        "high": figure(row["high_after"]),
        "share": f"{row['share_bp'] / 100:g} %",
        "fee": figure(row["fee"]),
    }


def period_totals(row: Row) -> Row:
    """Counts and sums by state."""
    return {key: f"{value:,}" if key.startswith("n_") else figure(value) for key, value in row.items()}


def period_detail(row: Row) -> Row:
    """The statement of one period."""
    steps = [
        ("period.c0", row["starting_c"]), ("period.sum", row["pnl"]), ("period.c", row["ending_c"]), ("period.u", row["unrealized"]),
        ("period.bill", row["c_bill"]), ("period.h0", row["high_before"]), ("period.h1", row["high_after"]), ("period.carry", row["carry"]),
    ]  # fmt: skip
    return period(row) | {
        "steps": [{"k": key, "v": figure(value, 8)} for key, value in steps],
        "formula": row["formula"],
        "reference": row["reference"] or MISSING,
        "count": f"{row['count']:,}",
        "cut": row["count"] > len(row["lines"]),
        "lines": [_line(line) for line in row["lines"]],
    }


def _line(line: Row) -> Row:
    return {
        "id": str(line["no"]), "day": f"{line['exit_time']:%Y-%m-%d %H:%M}", "kind": f"period.{line['kind']}", "late": line["late"],
        "base": base_of(line["symbol"]) if line["symbol"] else MISSING, "side": line["direction"],
        "net": figure(line["net"], sign=True), "c": figure(line["cumulative"]), "above": figure(line["above_mark"], sign=True),
    }  # fmt: skip


KINDS = (
    "settlement", "distribution", "recharge_tenant", "recharge_user", "transfer_points", "withdraw_freeze", "withdraw_complete",
    "withdraw_reject_return", "withdraw_fail_return", "reversal", "funding", "share_invoice", "share_payment",
)  # fmt: skip


def kind_key(kind: str) -> str:
    """Catalogue key of a transaction's kind; one without words shows its own name."""
    return f"ledger.k.{kind}" if kind in KINDS else kind


def entry(one: Row) -> Row:
    """One ledger entry with the balance before and after."""
    return {
        "id": str(one["id"]), "account": str(one["account"]), "kind": one["kind"], "owner": one["owner"],
        "owner_kind": f"owner.{one['owner_kind']}", "currency": one["currency"], "transaction": str(one["transaction"]),
        "amount": figure(one["amount"], 8, sign=True), "before": figure(one["before"], 8), "after": figure(one["after"], 8),
    }  # fmt: skip


def correction(row: Row) -> Row:
    """A correction in a list."""
    return {name: row[name] for name in ("at_ms", "tenant", "reason", "asked_by", "decided_by", "decision", "decided_ms", "mine")} | {
        "id": str(row["id"]),
        "code": f"C-{row['id']}",
        "transaction": str(row["transaction_id"]),
        "kind": kind_key(row["kind"]),
        "state": row["status"],
        "status": f"correction.{row['status']}",
        "reversal": str(row["reversal_id"] or ""),
    }


def correction_totals(row: Row) -> Row:
    """Counts by state."""
    return {key: f"{value:,}" for key, value in row.items()}


def correction_detail(row: Row) -> Row:
    """What agreeing would do."""
    return correction(row) | {
        "moved": figure(row["moved"], 8), "currency": row["currency"], "reference": row["reference"] or MISSING,
        "posted_ms": row["posted_ms"], "short": row["short"], "lines": [entry(one) for one in row["lines"]],
    }  # fmt: skip


def export(row: Row) -> Row:
    """A file being written or ready."""
    percent = min(99, row["rows"] * 100 // row["total"]) if row["total"] else 0
    return {name: row[name] for name in ("at_ms", "format", "error")} | {
        "id": str(row["id"]),
        "list": f"export.of.{row['list']}",
        "said": " · ".join(f"{key} {value}" for key, value in row["filters"].items()) or MISSING,
        "state": row["status"],
        "status": f"export.{row['status']}",
        "waits": row["status"] in ("queued", "running"),
        "percent": str(percent),
        "rows": f"{row['rows']:,}" if row["status"] == "done" else f"{row['rows']:,} / {row['total']:,}",
        "size": f"{row['size'] / 1_000_000:.1f} MB" if row["size"] >= 100_000 else f"{row['size'] / 1000:.1f} kB",
        "href": f"/api/exports/{row['id']}/file",
    }


def stop(row: Row) -> Row:
    """A stop on trading."""
    whom = {"platform": "", "tenant": row["tenant"], "account": f"{row['user']} · {row['exchange']} #{row['scope_id']}"}[row["scope"]]
    return {name: row[name] for name in ("at_ms", "reason", "on", "lifted_ms", "lift_reason", "may_lift")} | {
        "id": str(row["id"]),
        "scope": f"stop.{row['scope']}",
        "whom": whom,
        "mode": f"stop.{row['mode']}",
        "by": f"actor.{row['by']}",
        "status": "stop.holds" if row["on"] else "stop.lifted",
    }


ROWS: dict[str, Callable[[Row], Any]] = {"periods": period, "corrections": correction, "exports": export, "stops": stop}
TOTALS: dict[str, Callable[[Row], Any]] = {"periods": period_totals, "corrections": correction_totals, "exports": correction_totals, "stops": correction_totals}
DETAILS: dict[str, Callable[[Row], Any]] = {"periods": period_detail, "corrections": correction_detail}
