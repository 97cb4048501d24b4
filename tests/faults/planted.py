"""Faults planted on purpose, one at a time, in a copy of the tree: each must be caught by the tests named with it.

``make planted`` runs all of them (``ONLY="name name"`` some) and prints the table. A fault whose text is not found, or that
no test notices, ends with exit code 1. The copy is what is committed; the tree itself is never touched.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "tests/integration/engine"
HARNESS = "tests/faults/test_harness.py"


@dataclass(frozen=True)
class Change:
    """One text of one file replaced, at every place it stands."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """What is broken, how, and who should notice."""

    name: str
    what: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]


def _one(name: str, what: str, file: str, old: str, new: str, *tests: str) -> Fault:
    return Fault(name, what, (Change(file, old, new),), tests)


MIGRATION = "alembic/versions/0001_initial_tables.py"

FAULTS: tuple[Fault, ...] = (
    _one(
        "ledger-key", "the unique key of a ledger transaction is dropped", MIGRATION,
        'sa.Column("fingerprint", sa.String(length=64), nullable=False),\n'
        '        sa.Column("created_at", types.UtcDateTime(), nullable=False),\n'
        '        sa.PrimaryKeyConstraint("id"),\n        sa.UniqueConstraint("key"),',
        'sa.Column("fingerprint", sa.String(length=64), nullable=False),\n'
        '        sa.Column("created_at", types.UtcDateTime(), nullable=False),\n'
        '        sa.PrimaryKeyConstraint("id"),',
        "tests/integration/ledger/test_ledger_post.py::test_a_replay_returns_the_first_answer",
    ),
    _one(
        "order-key", "two orders of an account may have one client order id", MIGRATION,
        '        sa.UniqueConstraint("account_id", "client_order_id"),\n', "",
        "tests/integration/engine/test_exactly_once.py::test_the_same_signal_again",
    ),
    _one(
        "died-unheard", "a node that dies with a request in hand was sent nothing", "node_service/client.py",
        "outcome = again or error", "outcome = error",
        "tests/integration/node_service/test_node_client.py::test_a_node_that_dies_with_the_request_in_hand_may_have_executed_it",
    ),
    _one(
        "unsorted-locks", "ledger accounts are locked in the order of the postings", "backend/ledger/service.py",
        '''        rows = wire.rows(
            "SELECT id, owner_kind, owner_id, kind, currency, balance FROM ledger_account FORCE INDEX (PRIMARY) "
            f"WHERE id IN ({marks(len(by_id))}) ORDER BY id FOR UPDATE",
            sorted(by_id),
        )''',
        '''        rows = [
            row
            for number in by_id
            for row in wire.rows(
                "SELECT id, owner_kind, owner_id, kind, currency, balance FROM ledger_account FORCE INDEX (PRIMARY) "
                "WHERE id IN (%s) FOR UPDATE",
                [number],
            )
        ]''',
        "tests/integration/ledger/test_lock_order.py",
    ),
    _one(
        "new-id-on-retry", "an order found absent is sent again under another id", "backend/execution/differences.py",
        'order.status, order.reason = "PENDING", reason',
        'order.status, order.reason, order.client_order_id = "PENDING", reason, "r" + order.client_order_id[1:]',
        "tests/integration/engine/test_exactly_once.py::test_not_placed_is_sent_again_with_the_same_id",
    ),
    _one(
        "one-look", "one look-up that finds nothing proves an order absent", "backend/execution/reconcile.py",
        "if order.absent_looks < 2 or now - order.updated_at < ABSENT_AFTER:", "if order.absent_looks < 1:",
        HARNESS,
    ),
    _one(
        "timeout-is-failure", "an executor that does not answer makes its orders rejected", "backend/execution/service.py",
        '''.values(status="UNKNOWN", reason=reason[:64], updated_at=utcnow())''',
        '''.values(status="REJECTED", reason=reason[:64], updated_at=utcnow())''',
        "tests/integration/engine/test_exactly_once.py::test_a_reply_cut_short_is_unknown",
        "tests/integration/engine/test_exactly_once.py::test_reply_lost_after_the_fill",
        HARNESS,
    ),
    _one(
        "fill-twice", "a trade that was booked is booked again", "backend/execution/apply.py",
        "        if trade.trade_id in known:\n            continue\n", "",
        "tests/integration/engine/test_exactly_once.py::test_a_result_applied_again_and_out_of_order",
    ),
    _one(
        "tenant-filter", "a tenant sees the rows of all tenants", "backend/identity/scope.py",
        "    statement = statement.where(_tenant_column(model) == who.tenant_id)\n    if who.kind", "    if who.kind",
        "tests/unit/identity/test_scope.py",
    ),
    _one(
        "float-money", "the charge on a profit is computed in floats", "backend/billing/rules.py",
        "        return profit * rates.billing", "        return Decimal(float(profit) * float(rates.billing))",
        "tests/unit/test_laws.py",
        "tests/unit/billing/test_billing_rules.py",
    ),
    _one(
        "nonce-not-stored", "a node takes a signed request any number of times", "node_service/protocol.py",
        "        self._young.add(nonce)\n", "",
        "tests/unit/node_service/test_node_protocol.py::test_a_signed_request_is_accepted_once",
    ),
    _one(
        "merchant-nonce", "a signed merchant call may be sent twice", "backend/merchant/admission.py",
        "        _use_nonce(session, key.id, call.nonce, seconds)", "        pass",
        "tests/integration/merchant/test_signatures.py::test_a_hundred_replays_at_once_have_one_effect",
    ),
    _one(
        "fence-missing", "a centre that lost its lease goes on claiming orders", "backend/execution/dispatcher.py",
        "        self._fence(session)\n", "",
        "tests/integration/engine/test_fence.py",
    ),
    _one(
        "reply-unsigned", "the centre believes any reply of a node", "node_service/protocol.py",
        "        if signature and signature.isascii() and hmac.compare_digest(expected, signature):\n", "        if expected:\n",
        "tests/unit/node_service/test_node_protocol.py::test_a_reply_is_bound_to_secret_status_path_body_and_nonce",
    ),
    _one(
        "trades-missing", "an order counts as filled before the exchange listed all its trades", "backend/execution/apply.py",
        "    if missing and not applied.excess:", "    if missing and applied.excess:",
        "tests/integration/engine/test_apply.py::test_more_reported_than_listed_is_unknown",
    ),
    _one(
        "forgotten-claim", "an order whose claim was committed unheard is never asked for", "backend/engine.py",
        "adopt_orphans(s, utcnow() - ORPHANED_AFTER)", "0",
        "tests/faults/test_harness.py::test_the_answer_to_any_commit_is_lost",
    ),
    _one(
        "naked", "an entry is left without its protective stop", "node_service/following.py",
        "    if protects and task.stop_client_order_id:", "    if not protects and protects:",
        "tests/integration/node_service/test_node_stops.py::test_an_entry_gets_a_stop_that_closes_the_position",
    ),
    Fault(
        "stale-sent",
        "an intent past its time is sent all the same",
        (
            Change("backend/execution/service.py", "    expire_stale(session, only=only)\n    rows", "    rows"),
            Change(
                "backend/execution/service.py",
                "(col(Order.expires_at) > now, col(Order.expires_at).is_(None))", "(col(Order.id) > 0,)",
            ),
            Change("node_service/executor.py", "task.is_entry and now_ms() > task.expires_at_ms", "task.is_entry and False"),
            Change("node_service/executor.py", "or now_ms() <= task.expires_at_ms", "or True"),
        ),
        ("tests/integration/engine/test_exactly_once.py::test_an_order_past_its_time_is_never_sent",),
    ),
    _one(
        "kill-switch", "an entry written before a stop is sent after it", "backend/execution/service.py",
        "refuse_entries(active(session), rows)", "[]",
        "tests/integration/engine/test_kill_switch.py::test_entries_that_were_not_sent_are_never_sent",
    ),
    _one(
        "overdraft", "a balance may go below zero", "backend/ledger/rules.py",
        "if after < 0 and amount < 0 and not account.overdraft:", "if False:",
        "tests/integration/ledger/test_ledger_post.py::test_the_empty_pocket_is_named_and_nothing_is_written",
    ),
    _one(
        "rounded-up", "rewards are rounded up", "backend/billing/rules.py",
        "    return value.quantize(PLACES, ROUND_DOWN)", '    return value.quantize(PLACES, "ROUND_UP")',
        "tests/unit/billing/test_billing_rules.py",
    ),
    _one(
        "retry-after", "Retry-After of the exchange is ignored", "node_service/exchange.py",
        "            self.weight.pause(found.retry_after_s or 5.0)", "            pass",
        "tests/integration/node_service/test_node_orders.py::test_a_retry_after_from_the_exchange_is_obeyed",
    ),
    _one(
        "key-reused", "an Idempotency-Key with another body gets the first answer", "backend/merchant/repeats.py",
        "if first.fingerprint != fingerprint:", "if False:",
        "tests/integration/merchant/test_repeats.py::test_the_same_key_for_something_else_is_refused",
    ),
    _one(
        "token-audience", "a token of one kind of user opens the doors of another", "backend/security/tokens.py",
        'next((kind for kind in kinds if header.get("kid") == self._key_ids[kind]), None)',
        'next((kind for kind in KINDS if header.get("kid") == self._key_ids[kind]), None)',
        "tests/unit/security",
    ),
    _one(
        "plain-keys", "credentials go to a node in the clear", "backend/execution/sealing.py",
        '        if "api_key" not in task:', "        if True:",
        "tests/unit/execution/test_sealing.py",
    ),
    _one(
        "private-address", "a webhook may be sent into a private network", "backend/security/addresses.py",
        "    return ip.is_global and not ip.is_multicast", "    return True",
        "tests/unit/security/test_addresses.py",
    ),
    _one(
        "connection-reused", "a connection whose commit failed is used again", "backend/db.py",
        "        failed.callback(session.invalidate)\n", "        failed.callback(session.rollback)\n",
        "tests/integration/db/test_transactions.py",
        "tests/integration/ledger/test_lost_connections.py",
    ),
)


def main(only: list[str]) -> int:
    """Plant, test, take out again."""
    chosen = [fault for fault in FAULTS if not only or fault.name in only]
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ib-planted-") as name:
        copy = Path(name)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", name], input=archive.stdout, check=True)
        for fault in chosen:
            started = time.monotonic()
            caught = _try(copy, fault)
            print(f"| {fault.name} | {fault.what} | {caught or 'NOTHING'} | {time.monotonic() - started:.0f} s |", flush=True)
            if not caught:
                missed.append(fault.name)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught" + (f"; missed: {', '.join(missed)}" if missed else ""))
    return 1 if missed else 0


def _try(copy: Path, fault: Fault) -> str:
    """The first test that fails with the fault in place, "" when none does."""
    before = {change.file: (copy / change.file).read_text() for change in fault.changes}
    try:
        for change in fault.changes:
            text = (copy / change.file).read_text()
            if change.old not in text:
                raise SystemExit(f"{fault.name}: the text to replace is not in {change.file}")
            (copy / change.file).write_text(text.replace(change.old, change.new))
        for tests in fault.tests:
            found = _failing(copy, tests)
            if found:
                return found
        return ""
    finally:
        for file, text in before.items():
            (copy / file).write_text(text)


def _failing(copy: Path, tests: str) -> str:
    if not (copy / tests.partition("::")[0]).exists():
        return ""
    environment = {**os.environ, "PYTHONPATH": str(copy), "IRONBULL_FAULTS": ""}
    environment.pop("IRONBULL_HOME", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", tests, "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no"],
        cwd=copy, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1) and failed is None:
        raise SystemExit(f"{tests}: pytest ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return failed.group(1) if failed else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
