"""A13: secrets of the tests are noted here, and everything a test printed or logged is searched for them.

``watch`` is called where tests get exchange keys, merchants' secrets and the platform's own keys. The hook runs in each
worker after every test and fails the test in whose output a secret stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

_SHORTEST = 12  # shorter ones stand in ordinary text
_watched: set[str] = set()


def watch(*secrets: str) -> None:
    """From now on none of these may be printed or logged."""
    _watched.update(one for one in secrets if len(one) >= _SHORTEST)


def watched(text: str) -> list[str]:
    """The first characters of each noted secret in ``text``."""
    return [f"{one[:4]}…" for one in _watched if one in text]


def check_logs(files: Iterable[Path]) -> None:
    """The same for the log files of started processes."""
    for file in files:
        found = watched(file.read_text(errors="replace"))
        assert not found, f"a secret is in {file.name}: {found}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A test that passed but told a secret has failed."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if not report.passed or not _watched:
        return
    for name, text in report.sections:
        if found := watched(text):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: a secret stands in the {name}: {found}. Nothing may print or log it."
            return
