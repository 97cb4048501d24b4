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
.venv/bin/python -m pytest tests/unit tests/integration tests/faults -n "${WORKERS:-2}" --dist loadscope
# Browser tests hold an event loop of their own, so they have their own process; each file starts from a fresh server.
for file in tests/browser/test_*.py; do .venv/bin/python -m pytest "$file"; done
