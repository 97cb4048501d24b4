"""Recorded figures in the landing page: losses beside wins, the kind of account, and text as text."""

from __future__ import annotations

import re
from decimal import Decimal as D

from backend.portfolio.record_rules import Trade, record_of
from ironbull_app.record import percent, with_record

PAGE = '<main><div data-record="all" class="x"><p>nothing yet</p></div><div>after</div></main>'


def test_filled_in_both_languages() -> None:
    rows = [
        Trade("<b>/USDT", "LONG", 1_767_225_600_000, D(50), D("0.5"), "2026-01"),
        Trade("ETH/USDT", "SHORT", 1_769_904_000_000, D(-80), D("-0.8"), "2026-02"),
    ]
    record = record_of("simulated", D(1000), rows)
    english = with_record(PAGE, record, "en")
    assert "SIMULATED" in english and "&lt;b&gt;/USDT" in english and "<b>/USDT" not in english
    assert "2026-01-01 to 2026-02-01" in english and "−3.0 %" in english and "−80.0 %" in english and "+50.0 %" in english
    assert "nothing yet" not in english and english.endswith("<div>after</div></main>")
    chinese = re.sub(r"<[^>]*>", " ", with_record(PAGE, record, "zh"))
    assert "最大回撤" in chinese and not re.search(r"[A-Za-z]{3,}", re.sub("USDT|ETH|after", "", chinese))


def test_without_a_record_the_page_says_so() -> None:
    assert with_record(PAGE, None, "en") == PAGE


def test_percent() -> None:
    assert [percent(D(v)) for v in ("0.1234", "-0.1", "0", "-0.00001")] == ["+12.3 %", "−10.0 %", "0.0 %", "0.0 %"]
