"""The high-water mark drawn: eight example months, computed here by the rule itself."""

from __future__ import annotations

import reflex as rx

from pages.components.i18n import words

MONTHS = (500, -200, 300, 50, -400, 300, 100, 80)
SHARE_PERCENT = 20
_W, _H, _TOP, _GAP = 960, 300, 12, 110
_HIGH = 800


def months() -> list[tuple[int, int, int, int]]:
    """(pnl, total after, mark before, fee) of each example month; only what lies above the mark is billed."""
    rows, total, high = [], 0, 0
    for pnl in MONTHS:
        total += pnl
        fee = max(0, total - high) * SHARE_PERCENT // 100
        rows.append((pnl, total, high, fee))
        high = max(high, total)
    return rows


def fee_sums() -> tuple[int, int]:
    """Total profit and total fee of the example."""
    rows = months()
    return rows[-1][1], sum(row[3] for row in rows)


def fee_words(lang: str) -> list[str]:
    """Each example month in a sentence: earned and paid, lost and not, recovered and not."""
    lines = []
    for n, (pnl, total, high, fee) in enumerate(months(), 1):
        key = "pub.fee_lose" if pnl < 0 else "pub.fee_back" if total <= high else "pub.fee_earn" if total - high >= pnl else "pub.fee_cross"
        lines.append(words(lang, key, n=n, pnl=abs(pnl), new=max(0, total - high), fee=fee, mark=high))
    return lines


def _y(value: int) -> int:
    return round(_TOP + (_H - _TOP) * (1 - value / _HIGH))


def _signed(value: int) -> str:
    return f"+{value}" if value > 0 else f"\u2212{-value}" if value < 0 else "0"


def fee_chart(lang: str) -> rx.Component:
    """Bars of total profit, billed part in accent, mark dashed, PnL and fee below. Scrolls inside itself if narrow."""
    parts: list[rx.Component] = []
    for level in range(0, _HIGH + 1, 200):
        parts.append(rx.el.line(x1=56, x2=_W, y1=_y(level), y2=_y(level), class_name="grid"))
        parts.append(rx.el.text(str(level), x=44, y=_y(level) + 4, custom_attrs={"textAnchor": "end"}))
    mark_line = []
    for n, (pnl, total, high, fee) in enumerate(months()):
        left, width, centre = 72 + n * _GAP, 62, 72 + n * _GAP + 31
        paid = min(total, high)
        parts.append(rx.el.rect(x=left, y=_y(paid), width=width, height=_H - _y(paid), class_name="old"))
        if total > high:
            parts.append(rx.el.rect(x=left, y=_y(total), width=width, height=_y(high) - _y(total), class_name="new"))
        top = max(total, high)
        mark_line.append(f"{'M' if n == 0 else 'L'}{left - 16} {_y(top)}H{left + width + 32}")
        parts.append(rx.el.text(words(lang, "pub.month", n=n + 1), x=centre, y=_H + 20, custom_attrs={"textAnchor": "middle"}))
        parts.append(rx.el.text(_signed(pnl), x=centre, y=_H + 42, custom_attrs={"textAnchor": "middle"}, class_name="up" if pnl > 0 else "down"))
        parts.append(rx.el.text(str(fee), x=centre, y=_H + 64, custom_attrs={"textAnchor": "middle"}, class_name="fee" if fee else ""))
    parts.append(rx.el.path(d=" ".join(mark_line), class_name="mark-line"))
    parts.append(rx.el.text(words(lang, "pub.pnl"), x=44, y=_H + 42, custom_attrs={"textAnchor": "end"}))
    parts.append(rx.el.text(words(lang, "pub.fee"), x=44, y=_H + 64, custom_attrs={"textAnchor": "end"}))
    svg = rx.el.svg(
        *parts, view_box=f"-24 0 {_W + 24} {_H + 74}", class_name="p-fee",
        custom_attrs={"role": "img", "aria-label": words(lang, "pub.fee_label")},
    )  # fmt: skip
    return rx.el.div(svg, class_name="scroll-x", tab_index=0, role="group", aria_label=words(lang, "pub.fee_h"))
