# make run   serves the platform on http://localhost:3000
# make test  lint, types, import rules, unit, integration and browser tests
.POSIX:
.PHONY: run test fmt lint types unit integration browser bench faults planted clean setup setup-dev lock

PY = .venv/bin/python
WORKERS = 2

run: setup
	@$(PY) -m ironbull_app.cli run

setup:
	@sh deploy/setup.sh requirements.lock

setup-dev:
	@sh deploy/setup.sh requirements-dev.lock

test: setup-dev
	@WORKERS=$(WORKERS) sh deploy/test.sh

lint:
	@$(PY) -m ruff check .
	@.venv/bin/lint-imports --no-cache

types:
	@$(PY) -m mypy

unit: setup-dev
	@$(PY) -m pytest tests/unit -n $(WORKERS)

integration: setup-dev
	@$(PY) -m pytest tests/integration -n $(WORKERS) --dist loadscope

browser: setup-dev
	@$(PY) -m pytest tests/browser

# The full number of repetitions of the fault tests; CI runs a few of each.
FAULTS = tests/faults tests/unit/billing tests/unit/ledger tests/unit/merchant tests/integration/billing \
  tests/integration/ledger tests/integration/db tests/integration/merchant tests/integration/exports tests/unit/risk \
  tests/integration/api/test_bad_input.py tests/integration/engine/test_replay_equals_backtest.py tests/integration/engine/test_restart.py \
  tests/integration/queue/test_backlog.py tests/integration/queue/test_queue_mode.py tests/integration/node_service/test_bundle.py

# make faults SEED=n replays one run of the fault harness byte for byte and prints its trace.
faults: setup-dev
	@if [ -n "$(SEED)" ]; then PYTHONHASHSEED=0 $(PY) -m tests.faults.harness $(SEED); exit $$?; fi; \
	  IRONBULL_FAULTS=full $(PY) -m pytest $(FAULTS) -n $(WORKERS) --timeout 7200
	@[ -n "$(SEED)" ] || for file in tests/browser/test_*.py; do IRONBULL_FAULTS=full $(PY) -m pytest "$$file" --timeout 1800 || exit 1; done

# Plants one fault after the other in a copy of what is committed; each must be caught by the tests named with it.
planted: setup-dev
	@$(PY) -m tests.faults.planted $(ONLY)

bench: setup-dev
	@$(PY) -m bench

fmt: setup-dev
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

lock:
	@UV_NO_CONFIG=1 .venv/bin/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	  --no-header --group pyproject.toml:build pyproject.toml -o requirements.lock
	@UV_NO_CONFIG=1 .venv/bin/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	  --no-header --group pyproject.toml:build --group pyproject.toml:dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	@rm -rf .cache .web .mypy_cache .ruff_cache .pytest_cache .hypothesis .states dist build
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
