"""The statement of one billing period: every trade, the running sum, the formula. As data, CSV and PDF."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from backend.billing import hwm
from backend.billing.hwm_rules import PeriodBill
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import BillingItem, BillingPeriod, Tenant, User
from backend.money import from_units

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "no", "kind", "trade_id", "symbol", "direction", "mode", "entry_time", "exit_time", "entry_price", "exit_price",
    "pnl", "fee", "funding", "net", "cumulative", "above_mark", "late",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line: ``cumulative`` is C after it, ``above_mark`` C minus the mark the period began with."""

    item: BillingItem
    cumulative: Decimal

    def above(self, mark: Decimal) -> Decimal:
        """How far C stands above the mark after this line; below it when negative."""
        return self.cumulative - mark


@dataclass(frozen=True)
class Statement:
    """Everything needed to compute the fee again by hand."""

    period: BillingPeriod
    tenant_name: str
    agent: str
    bill: PeriodBill
    lines: list[Line]


def statement(session: Session, who: Principal, period_id: int) -> Statement:
    """The statement of a period that ``who`` may see. Raises ``NotFound``."""
    period = get_scoped(session, who, BillingPeriod, period_id)
    tenant, user = session.get(Tenant, period.tenant_id), session.get(User, period.user_id)
    items = session.exec(select(BillingItem).where(BillingItem.period_id == period.id).order_by(col(BillingItem.id)))
    running, lines = period.starting_c, []
    for item in items:
        running += item.amount
        lines.append(Line(item, from_units(running)))
    return Statement(period, tenant.name if tenant else "", user.email if user else "", hwm.bill_of(period), lines)


def rows(found: Statement) -> list[dict[str, Any]]:
    """The lines as named values; amounts are decimals of 8 places."""
    mark = found.bill.start.high
    return [
        {
            "no": number,
            "kind": line.item.kind,
            "trade_id": line.item.source_id,
            "symbol": line.item.symbol,
            "direction": line.item.direction,
            "mode": line.item.mode,
            "entry_time": line.item.opened_at,
            "exit_time": line.item.at,
            "entry_price": line.item.entry_price,
            "exit_price": line.item.exit_price,
            "pnl": from_units(line.item.pnl),
            "fee": from_units(line.item.fee),
            "funding": from_units(line.item.funding),
            "net": from_units(line.item.amount),
            "cumulative": line.cumulative,
            "above_mark": line.above(mark),
            "late": line.item.late,
        }
        for number, line in enumerate(found.lines, 1)
    ]


def summary(found: Statement) -> list[tuple[str, str]]:
    """The computation, line by line."""
    bill, period = found.bill, found.period
    return [
        ("Agent", found.agent),
        ("Platform", found.tenant_name),
        ("Period (UTC)", f"{period.start_at:%Y-%m-%d %H:%M} up to, not including, {period.end_at:%Y-%m-%d %H:%M}"),
        ("Status", period.status + (f", invoice {period.invoice_no}" if period.invoice_no else "")),
        ("Cumulative net profit before (C0)", _amount(bill.start.cumulative)),
        ("Net profit of this period (sum of the lines)", _amount(bill.pnl)),
        ("Cumulative net profit after (C = C0 + sum)", _amount(bill.cumulative)),
        ("Unrealised at the end (U; only a loss counts)", _amount(bill.unrealized)),
        ("Billable (C + min(0, U))", _amount(bill.billable)),
        ("High-water mark before (H)", _amount(bill.start.high)),
        ("High-water mark after (the higher of the two)", _amount(bill.high)),
        ("Loss carried forward", _amount(bill.carry_forward)),
        ("Profit share", f"{bill.share * 100:f} %"),
        ("Fee = share x max(0, billable - H), rounded half-even to 0.01", bill.formula()),
    ]


def to_csv(found: Statement) -> str:
    """The computation, an empty line, then one row per line of the statement. RFC 4180, UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([_safe(name), _safe(value)] for name, value in summary(found))
    writer.writerow([])
    writer.writerow(COLUMNS)
    for row in rows(found):
        writer.writerow([_text(row[name]) for name in COLUMNS])
    return out.getvalue()


def to_pdf(found: Statement) -> bytes:
    """The same on A4 pages. The same statement gives the same bytes."""
    # Heavy, and needed by this one function.
    from xml.sax.saxutils import escape

    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

    # A font every reader has, for names in Chinese as well as in Latin letters.
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    plain = ParagraphStyle("plain", fontName="STSong-Light", fontSize=8, leading=10)
    title = ParagraphStyle("title", parent=plain, fontSize=15, leading=20)
    grid = [
        ("FONT", (0, 0), (-1, -1), "STSong-Light", 7),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    out = io.BytesIO()
    name = f"Profit share statement {found.period.start_at:%Y-%m}"
    document = SimpleDocTemplate(
        out, pagesize=landscape(A4), title=name, author=found.tenant_name, invariant=1,
        leftMargin=28, rightMargin=28, topMargin=28, bottomMargin=28,
    )  # fmt: skip
    computed = [[Paragraph(escape(text), plain) for text in pair] for pair in summary(found)]
    shown = ("no", "kind", "symbol", "direction", "exit_time", "entry_price", "exit_price", "pnl", "fee", "funding",
             "net", "cumulative", "above_mark")  # fmt: skip
    body = [[column.replace("_", " ") for column in shown]]
    for row in rows(found):
        kind = f"{row['kind']} (late)" if row["late"] else row["kind"]
        mode = f"{kind}, {row['mode']}" if row["mode"] else kind
        body.append([_text({**row, "kind": mode}[column])[:28] for column in shown])
    lines = LongTable(body, repeatRows=1)
    lines.setStyle(TableStyle([*grid, ("ALIGN", (5, 0), (-1, -1), "RIGHT")]))
    facts = Table(computed, colWidths=(270, 500), hAlign="LEFT")
    facts.setStyle(TableStyle(grid))
    document.build([Paragraph(escape(name), title), Spacer(1, 6), facts, Spacer(1, 12), lines])
    return out.getvalue()


def _amount(value: Decimal) -> str:
    return f"{value:.8f} USDT"


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else _safe(str(value))


def _safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text
