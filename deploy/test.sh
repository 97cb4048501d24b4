#!/bin/sh
# What `make test` runs: services, lint, types, import rules, then every test. Ends what it started.
set -eu
cd "$(dirname "$0")/.."

stop() { [ ! -f .cache/test.env ] || docker compose -f deploy/compose.test.yml down -v; }
trap stop EXIT

sh deploy/test-services.sh
[ ! -f .cache/test.env ] || . ./.cache/test.env
make --no-print-directory lint
# Each keeps one core busy.
make --no-print-directory types & types=$!
.venv/bin/python -m ironbull_app.cli build
wait "$types"
# Many tests wait for processes: three at a time keep two cores busy. The long files come first, so that none is alone at the end.
.venv/bin/python -m pytest tests/faults tests/integration tests/unit -n 3 --dist loadscope --no-loadscope-reorder
# Browser tests hold an event loop of their own, so each line below has its own process, and a fresh server: files that
# leave the demo data as they found it share one. Two at a time, the longest first; what one says is printed when it ends.
together='
test_every_page.py
test_handler_matrix.py test_handlers_over_the_socket.py test_every_handler.py
test_public_pages.py test_branded_pages.py test_help.py test_tenant_tree.py test_trace.py
test_corrections.py test_long_exports.py test_limits.py test_operator.py
'
rest=$(cd tests/browser && for file in test_*.py; do case "$together" in *"$file"*) ;; *) echo "$file" ;; esac; done)
each='said=$(mktemp); .venv/bin/python -m pytest $(printf "tests/browser/%s " $1) >"$said" 2>&1; code=$?; echo "$1"; cat "$said"; rm "$said"; exit $code'
printf '%s\n' "$together" "$rest" | grep . | tr '\n' '\0' | xargs -0 -n 1 -P "${WORKERS:-2}" sh -c "$each" each
