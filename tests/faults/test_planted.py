"""The list of planted faults is true: every text to be replaced stands in the tree and what comes of it compiles, every test
named exists.

``make planted`` plants them and shows that each is caught.
"""

from __future__ import annotations

import pytest

from tests.faults.planted import FAULTS, ROOT, Fault


def test_there_are_twenty_of_them() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_it_can_be_planted(fault: Fault) -> None:
    for change in fault.changes:
        text = (ROOT / change.file).read_text()
        assert change.old in text, f"{change.file} has changed; write the fault anew"
        if change.file.endswith(".py"):
            compile(text.replace(change.old, change.new), change.file, "exec")  # else it is caught for the wrong reason
    for tests in fault.tests:
        assert (ROOT / tests.partition("::")[0]).exists(), tests
