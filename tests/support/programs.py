"""Programs of the machine that tests start. Where one is missing, its tests skip and say so; in CI they fail."""

from __future__ import annotations

import os
import shutil

import pytest

_BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip


def installed(name: str) -> str | None:
    """The path of a program. Servers lie in ``/usr/sbin`` on Debian, which is not on everybody's path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")


def chromium() -> str:
    """The browser: ``IRONBULL_TEST_CHROMIUM``, else the first one that is installed."""
    given = os.environ.get("IRONBULL_TEST_CHROMIUM", "")
    return given or next(filter(None, map(installed, _BROWSERS)), None) or program("chromium")


def program(name: str, instead: str = "") -> str:
    """The path of a program that a test cannot do without. ``instead`` says what else would do, and is missing too."""
    found = installed(name)
    if found is not None:
        return found
    reason = f"{name} is not installed{instead and f' and {instead}'}; make test installs it or says how"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)  # on a developer's machine without it; CI fails above
