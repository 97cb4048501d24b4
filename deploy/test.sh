#!/bin/sh
# What `make test` runs: services, lint, types, import rules, then every test. Ends what it started.
set -eu
cd "$(dirname "$0")/.."

stop() { [ ! -f .cache/test.env ] || docker compose -f deploy/compose.test.yml down -v; }
trap stop EXIT

sh deploy/test-services.sh
[ ! -f .cache/test.env ] || . ./.cache/test.env
make --no-print-directory lint types
.venv/bin/python -m ironbull_app.cli build
# Many tests wait for processes: three at a time keep two cores busy.
.venv/bin/python -m pytest tests/unit tests/integration tests/faults -n 3 --dist loadscope
# Browser tests hold an event loop of their own, so each file has its own process, and a fresh server. Two at a time, the
# longest first; what a file says is printed when it has ended.
each='said=$(mktemp); .venv/bin/python -m pytest "$1" >"$said" 2>&1; code=$?; echo "$1"; cat "$said"; rm "$said"; exit $code'
longest=tests/browser/test_every_page.py
{ echo "$longest"; printf '%s\n' tests/browser/test_*.py | grep -v "$longest"; } |
  xargs -n 1 -P "${WORKERS:-2}" sh -c "$each" each
