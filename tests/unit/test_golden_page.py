"""docs/golden.md names tests that exist, and shows the numbers the tests use."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from tests.support.golden import DEDUCTIONS, EIGHT_MONTHS, GOLDEN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "golden.md").read_text()


def numbers(line: str) -> list[Decimal]:
    return [Decimal(found.replace(",", "")) for found in re.findall(r"-?\d[\d,]*(?:\.\d+)?", line)]


def test_every_named_test_exists() -> None:
    names = set(re.findall(r"\b(test_\w+)(?!\.py)\b(?!\.py)", PAGE))
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(names) > 20
    assert [name for name in sorted(names) if f"def {name}(" not in sources] == []
    assert [path for path in re.findall(r"tests/[\w/]+\.py", PAGE) if not (ROOT / path).is_file()] == []


def row(name: str) -> list[Decimal]:
    found = next(line for line in PAGE.splitlines() if line.startswith(f"| {name} |"))
    return numbers(found.split("|", 2)[2])


def test_the_page_shows_the_numbers_of_the_tests() -> None:
    for name, (profit, own, gift, out) in DEDUCTIONS.items():
        assert row(name)[:9] == [Decimal(one) for one in (profit, own, gift, *out)], name
    for name, (pool, _, _, _, payments, _, undistributed) in GOLDEN.items():
        shown = row(name)
        assert shown[0] == Decimal(pool) and shown[-1] == Decimal(undistributed), name
        assert {Decimal(amount) for *_, amount in payments} <= set(shown), name
    for number, month in enumerate(EIGHT_MONTHS, 1):
        assert row(str(number))[1:7] == [Decimal(one) for one in month], number
