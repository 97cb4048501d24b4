"""``make bench``: every measurement, one JSON line per figure on standard output."""

from __future__ import annotations

import json
import subprocess
import sys

MODULES = ("scan", "dispatch", "queue", "settlement", "batches", "trees", "ledger", "doors", "startup", "live", "paint")
"""``python -m bench fleet`` and ``history`` are asked for by name: a hundred thousand positions, half a million orders take
minutes."""
LIMIT_S = 300
LIMITS_S = {"fleet": 900, "workers": 600}


def main() -> int:
    """Runs each script in a process of its own; a script that fails is a line that says so."""
    failed = False
    for name in sys.argv[1:] or MODULES:
        try:
            done = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False, timeout=LIMITS_S.get(name, LIMIT_S))
            reason = "" if done.returncode == 0 else f"exit code {done.returncode}"
        except subprocess.TimeoutExpired:
            reason = f"longer than {LIMITS_S.get(name, LIMIT_S)} s"
        if reason:
            failed = True
            sys.stdout.write(json.dumps({"name": name, "error": reason, "ok": False}) + "\n")
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
