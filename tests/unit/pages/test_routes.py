"""Every page of a menu can be reached by keys of its own."""

from __future__ import annotations

from collections import Counter

import pytest

from pages.routes import menu_of


@pytest.mark.parametrize("kind", ["admin", "tenant", "agent"])
def test_no_two_pages_share_their_keys(kind: str) -> None:
    used = Counter(route.keys for route in menu_of(kind))
    assert not [keys for keys, count in used.items() if count > 1] and "" not in used
