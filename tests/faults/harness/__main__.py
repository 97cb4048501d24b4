"""``python -m tests.faults.harness SEED [SEED ...]``: replays runs, prints their traces and digests."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Exit code 1 when a run lost or doubled something."""
    with tempfile.TemporaryDirectory(prefix="ib-harness-") as name:
        os.environ.setdefault("IRONBULL_HOME", name)
        from tests.faults.harness.plan import draw
        from tests.faults.harness.run import make_template, run

        template = make_template(Path(name))
        wrong = 0
        for seed in map(int, arguments):
            report = run(template, draw(seed))
            if len(arguments) == 1:
                print("\n".join(report.trace))
            print(report.sentence())
            wrong += not report.ok
        template.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
