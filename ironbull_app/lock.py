"""``python -m ironbull_app.lock``: take over the package lock of the last build, without addresses of any registry."""

from __future__ import annotations

import json
from typing import Any

from ironbull_app.web_build import ROOT, cache_dir


def main() -> None:
    """Write ``reflex.lock/`` from the build's own copy."""
    source = cache_dir() / "work" / "reflex.lock"
    target = ROOT / "reflex.lock"
    target.mkdir(exist_ok=True)
    package = json.loads((source / "package.json").read_text())
    lock: dict[str, Any] = json.loads((source / "package-lock.json").read_text())
    for entry in lock["packages"].values():
        entry.pop("resolved", None)
    (target / "package.json").write_text(json.dumps(package, indent=2) + "\n")
    (target / "package-lock.json").write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    main()
