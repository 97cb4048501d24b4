"""The list of planted faults is true: every text to be replaced stands in the tree once, every test named exists.

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
        assert change.old in (ROOT / change.file).read_text(), f"{change.file} has changed; write the fault anew"
    for tests in fault.tests:
        assert (ROOT / tests.partition("::")[0]).exists(), tests
