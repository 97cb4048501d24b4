"""A process that settles the fills named on its input and prints one JSON line per fill."""

from __future__ import annotations

import json
import sys

from backend.billing.service import settle_fill
from backend.db import Database


def main() -> None:
    database = Database(sys.argv[1])
    print("ready", flush=True)
    for fill_id in json.loads(sys.stdin.readline()):
        result = database.run(lambda session, one=fill_id: settle_fill(session, one))
        print(json.dumps([fill_id, result.settlement_id, result.self_deduct, result.pool_id, result.replayed]))
    database.dispose()


if __name__ == "__main__":
    main()
