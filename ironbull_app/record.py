"""The recorded figures on the landing page, written into it when it is served."""

from __future__ import annotations

import asyncio
import re
import time
from decimal import Decimal
from html import escape

from backend.clock import from_ms
from backend.db import get_db
from backend.portfolio.record import public_record
from backend.portfolio.record_rules import Record, Trade
from pages.components.i18n import words

_FRESH_S = 60.0
_PLACE = re.compile(r'(<div\b[^>]*\bdata-record="[^"]*"[^>]*>).*?(</div>)', re.DOTALL)
_W, _H, _PAD = 960, 260, 24

_known: tuple[float, Record | None] | None = None


async def latest() -> Record | None:
    """The record, at most a minute old."""
    global _known
    if _known is None or time.monotonic() - _known[0] > _FRESH_S:
        _known = (time.monotonic(), await asyncio.to_thread(_read))
    return _known[1]


def _read() -> Record | None:
    with get_db().reading() as session:
        return public_record(session)


def with_record(page: str, record: Record | None, lang: str) -> str:
    """``page`` with the figures in their place; unchanged where nothing is recorded."""
    return (
        page if record is None else _PLACE.sub(lambda found: found[1] + section(record, lang) + found[2], page, count=1)
    )


def section(record: Record, lang: str) -> str:
    """Figures, curve, months and trades as HTML."""
    first, last = from_ms(record.first_ms), from_ms(record.last_ms)
    kind = "live" if record.mode == "live" else "warn"
    span = words(lang, "rec.span", first=f"{first:%Y-%m-%d}", last=f"{last:%Y-%m-%d}", n=f"{record.trades:,}")
    return (
        f'<p class="row wrap"><span class="chip {kind}">{escape(words(lang, f"mode.{record.mode.upper()}"))}</span>'
        f'<span class="t2">{escape(span)}</span></p>'
        f"{_figures(record, lang)}{_curve(record, lang)}{_months(record, lang)}"
        f'<div class="p-trades">{_trades(record.best, lang, "rec.best")}{_trades(record.worst, lang, "rec.worst")}</div>'
        f'<p class="t2 p-text">{escape(words(lang, "rec.basis"))}</p>'
    )


def percent(ratio: Decimal, places: int = 1) -> str:
    """A signed percentage with a true minus sign."""
    value = round(ratio * 100, places)
    if value == 0:
        return f"{Decimal(0):.{places}f} %"
    return f"{'+' if value > 0 else '−'}{abs(value):,.{places}f} %"


def _tone(value: Decimal) -> str:
    return "up" if value > 0 else "down" if value < 0 else ""


def _figures(record: Record, lang: str) -> str:
    won = Decimal(record.months_won) / len(record.months)
    cells = (
        ("rec.total", percent(record.total), _tone(record.total), ""),
        ("rec.months", f"{won * 100:.0f} %", "", words(lang, "rec.of", n=record.months_won, all=len(record.months))),
        ("rec.drawdown", percent(record.drawdown), _tone(record.drawdown), ""),
        ("rec.trades", f"{record.trades:,}", "", words(lang, "rec.won", n=f"{record.won:,}", all=f"{record.trades:,}")),
    )
    return '<dl class="p-figs">' + "".join(
        f'<div><dt>{escape(words(lang, key))}</dt><dd class="{tone}">{value}</dd>'
        f'<dd class="t3 t12">{escape(note)}</dd></div>'
        for key, value, tone, note in cells
    ) + "</dl>"  # fmt: skip


def _curve(record: Record, lang: str) -> str:
    first, last = record.curve[0][0], record.curve[-1][0]
    low = min([Decimal(0), *(value for _, value in record.curve)])
    high = max([Decimal(0), *(value for _, value in record.curve)])
    spread = high - low or Decimal(1)

    def x(at: int) -> int:
        return 64 + round((_W - 72) * (at - first) / ((last - first) or 1))

    def y(value: Decimal) -> int:
        return round(_PAD + (_H - 2 * _PAD) * float((high - value) / spread))

    line = " ".join(f"{x(at)},{y(value)}" for at, value in record.curve)
    zero = y(Decimal(0))
    levels = {Decimal(0): zero} | {value: y(value) for value in (low, high) if abs(y(value) - zero) > 18}
    grid = "".join(
        f'<line x1="64" x2="{_W}" y1="{at}" y2="{at}" class="grid"/>'
        f'<text x="56" y="{at + 4}" text-anchor="end">{percent(value)}</text>'
        for value, at in levels.items()
    )
    label = escape(words(lang, "rec.curve", total=percent(record.total), drawdown=percent(record.drawdown)))
    return (
        f'<div class="scroll-x" tabindex="0" role="group" aria-label="{label}"><svg class="p-fee p-curve" '
        f'viewBox="0 0 {_W} {_H}" role="img" aria-label="{label}">{grid}<polyline points="{line}"/></svg></div>'
    )


def _months(record: Record, lang: str) -> str:
    rows = "".join(
        f'<li><span class="t3">{month.name}</span><b class="{_tone(month.net)}">{percent(month.ratio)}</b></li>'
        for month in record.months[-24:]
    )
    return f'<h3>{escape(words(lang, "rec.by_month"))}</h3><ul class="p-months">{rows}</ul>'


def _trades(trades: tuple[Trade, ...], lang: str, title: str) -> str:
    head = "".join(
        f'<th scope="col">{escape(words(lang, key))}</th>'
        for key in ("rec.closed", "rec.symbol", "rec.side", "rec.roi")
    )
    rows = "".join(
        f"<tr><td>{from_ms(row.closed_ms):%Y-%m-%d}</td><td>{escape(row.symbol)}</td>"
        f'<td>{escape(words(lang, "rec." + row.side))}</td><td class="{_tone(row.roi)}">{percent(row.roi)}</td></tr>'
        for row in trades
    )
    rows = rows or f'<tr><td colspan="4">{escape(words(lang, "rec.none_of_these"))}</td></tr>'
    return (
        f'<table class="p-table"><caption>{escape(words(lang, title))}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )
