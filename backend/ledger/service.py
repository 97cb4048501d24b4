"""Money moves only here.

The locking law: within one transaction of the database, first write the header (its unique ``key`` is the gate where
a concurrent replay waits), then resolve or make accounts, then lock every account that is needed with one
``SELECT ... FOR UPDATE`` in account-id order, then write. A caller whose amounts depend on locked balances
(``settle_fill``) uses ``open_transaction``, ``lock`` and ``write``; everybody else uses ``post``. On SQLite the edge
has already begun IMMEDIATE, which is the lock.

Amounts are integers of 1e-8. No function commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from backend.errors import Conflict, NotFound
from backend.ledger.rules import (
    AccountRef,
    KeyReused,
    Posting,
    balance_after,
    check_postings,
    fingerprint,
)
from backend.ledger.statements import Wire, insert_sql, marks, stamp
from backend.models import LedgerAccount, LedgerEntry, LedgerTransaction

_INSERT_TRANSACTION = insert_sql(
    LedgerTransaction, "key", "kind", "tenant_id", "reference", "actor", "remark", "fingerprint", "created_at"
)
_INSERT_ENTRY = insert_sql(LedgerEntry, "transaction_id", "account_id", "currency", "amount", "balance_after")
_INSERT_ACCOUNT = insert_sql(
    LedgerAccount, "tenant_id", "owner_kind", "owner_id", "kind", "currency", "balance", "overdraft", "created_at"
)
_BY_KEY = "SELECT id, fingerprint FROM ledger_transaction WHERE `key` = %s"
_BY_NAME = "SELECT id FROM ledger_account WHERE owner_kind = %s AND owner_id = %s AND kind = %s AND currency = %s"

# Account ids never change, so each process remembers them. A remembered id may come from a transaction that was
# rolled back; ``lock`` compares the locked row with its name and forgets what does not fit.
_ids: WeakKeyDictionary[Engine, dict[AccountRef, int]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class PostedTransaction:
    """What ``post`` did, or had done before when ``replayed``. ``balances`` are units after the transaction."""

    id: int
    key: str
    replayed: bool
    balances: dict[AccountRef, int]


@dataclass(frozen=True, slots=True)
class Header:
    """A ledger transaction to be opened. ``mark`` tells a replay from a reused key."""

    key: str
    kind: str
    tenant_id: int | None
    reference: str
    mark: str


@dataclass(slots=True)
class Held:
    """Locked accounts: their ids and balances, kept current while sets are staged.

    ``entries`` and ``stored`` (what the database still holds) wait for ``flush``.
    """

    ids: dict[AccountRef, int]
    balances: dict[AccountRef, int]
    entries: list[tuple[int, int, str, int, int]] = field(default_factory=list)
    stored: dict[AccountRef, int] = field(default_factory=dict)


def post(
    session: Session,
    key: str,
    postings: Sequence[Posting],
    *,
    kind: str,
    tenant_id: int | None = None,
    reference: str = "",
    actor: str = "",
    remark: str = "",
    watch: Sequence[AccountRef] = (),
) -> PostedTransaction:
    """Move money: apply ``postings`` under the unique ``key``.

    A second call with the same key and content changes nothing and returns the first answer (``replayed``); with
    other content it raises ``KeyReused``. ``watch`` names accounts to lock and report beside those posted to.
    Raises ``LedgerUnbalanced``, ``InsufficientBalance`` (nothing is written), ``InvalidInput``.
    """
    check_postings(postings)
    mark = fingerprint(kind, tenant_id, reference, postings)
    wire = Wire(session)
    transaction_id, replayed = open_transaction(
        wire, key, mark, kind=kind, tenant_id=tenant_id, reference=reference, actor=actor, remark=remark
    )
    if replayed:
        return PostedTransaction(transaction_id, key, True, _first_answer(wire, transaction_id))
    try:
        held = lock(wire, [*(posting.account for posting in postings), *watch])
        write(wire, held, transaction_id, postings, checked=True)
    except Conflict:
        # A caller may catch the refusal and go on in the same transaction: then the key must stay free.
        wire.run("DELETE FROM ledger_transaction WHERE id = %s", (transaction_id,))
        raise
    return PostedTransaction(transaction_id, key, False, held.balances)


def open_transaction(
    wire: Wire,
    key: str,
    mark: str,
    *,
    kind: str,
    tenant_id: int | None = None,
    reference: str = "",
    actor: str = "",
    remark: str = "",
    at: str = "",
) -> tuple[int, bool]:
    """Write the header and return (id, False), or (first id, True) when the key exists with the same mark.

    Waits for a concurrent holder of the key to commit or roll back. Raises ``KeyReused`` for another mark.
    """
    row = (key, kind, tenant_id, reference, actor, remark, mark, at or stamp())
    try:
        return wire.insert(_INSERT_TRANSACTION, row), False
    except IntegrityError:
        first = wire.first(_BY_KEY, (key,))
        if first is None:
            raise
        if first[1] != mark:
            raise KeyReused(f"The key {key!r} was already used for something else. Use a new key.") from None
        return int(first[0]), True


def lock(wire: Wire, accounts: Iterable[AccountRef]) -> Held:
    """Lock the accounts in id order, making those that do not exist yet."""
    refs = list(dict.fromkeys(accounts))
    remembered = _ids.setdefault(wire.connection.engine, {})
    for _ in range(2):
        ids = _resolve(wire, refs, remembered)
        by_id = {account_id: ref for ref, account_id in ids.items()}
        rows = wire.rows(
            "SELECT id, owner_kind, owner_id, kind, currency, balance FROM ledger_account FORCE INDEX (PRIMARY) "
            f"WHERE id IN ({marks(len(by_id))}) ORDER BY id FOR UPDATE",
            sorted(by_id),
        )
        balances: dict[AccountRef, int] = {}
        for account_id, owner_kind, owner_id, kind, currency, balance in rows:
            ref = by_id[account_id]
            if (ref.kind, ref.owner_id, ref.owner_kind, ref.currency) == (kind, owner_id, owner_kind, currency):
                balances[ref] = balance
        if len(balances) == len(refs):
            return Held(ids, balances)
        for ref in refs:
            if ref not in balances:
                remembered.pop(ref, None)
    raise NotFound("A ledger account vanished while it was being locked.")


def open_many(wire: Wire, headers: Sequence[Header], *, at: str = "") -> list[int] | None:
    """Write the headers of several transactions in one statement and return their ids.

    Waits for concurrent holders of a key; None, and nothing written, when one of the keys exists already. Callers
    give the headers in an order they all agree on.
    """
    now = at or stamp()
    rows = [(one.key, one.kind, one.tenant_id, one.reference, "", "", one.mark, now) for one in headers]
    try:
        return wire.insert_numbered(_INSERT_TRANSACTION, rows)
    except IntegrityError:
        return None


def write(wire: Wire, held: Held, transaction_id: int, postings: Sequence[Posting], *, checked: bool = False) -> None:
    """``stage`` one set and ``flush``."""
    stage(held, transaction_id, postings, checked=checked)
    flush(wire, held)


def stage(held: Held, transaction_id: int, postings: Sequence[Posting], *, checked: bool = False) -> None:
    """Put a set of postings on the held accounts, to be written by ``flush``. A refused set leaves them as they were.

    All accounts must be in ``held``; ``checked``: the caller has called ``check_postings``. Raises
    ``InsufficientBalance``, ``BalanceTooLarge``, ``LedgerUnbalanced``.
    """
    if not checked:
        check_postings(postings)
    before, ids = held.balances, held.ids
    running: dict[AccountRef, int] = {}
    rows: list[tuple[int, int, str, int, int]] = []
    for posting in postings:
        account, amount = posting.account, posting.amount
        after = (running[account] if account in running else before[account]) + amount
        running[account] = after
        rows.append((transaction_id, ids[account], account.currency, amount, after))
    # The transaction is judged as a whole: money may pass through an empty account.
    for account, after in running.items():
        balance_after(account, before[account], after - before[account])
    for account, after in running.items():
        held.stored.setdefault(account, before[account])
        before[account] = after
    held.entries += rows


def flush(wire: Wire, held: Held) -> None:
    """Append the staged entries and update the balances, one statement each."""
    wire.insert_many(_INSERT_ENTRY, held.entries)
    changed = sorted(
        (held.ids[account], held.balances[account])
        for account, before in held.stored.items()
        if held.balances[account] != before
    )
    held.entries, held.stored = [], {}
    if changed:
        cases = " ".join(["WHEN %s THEN %s"] * len(changed))
        values = [part for pair in changed for part in pair]
        wire.run(
            f"UPDATE ledger_account SET balance = CASE id {cases} END WHERE id IN ({marks(len(changed))})",
            [*values, *(account_id for account_id, _ in changed)],
        )


def reverse(
    session: Session, transaction_id: int, reason: str, actor: str, watch: Sequence[AccountRef] = ()
) -> PostedTransaction:
    """Undo a transaction by the opposite postings, once: doing it again returns the first reversal.

    ``watch`` as in ``post``. This is the posting alone; ``backend.billing.corrections`` asks two admins first.
    Raises ``NotFound``, ``Conflict`` for a reversal of a reversal, ``InsufficientBalance`` when the money has gone.
    """
    wire = Wire(session)
    header = wire.first("SELECT kind, tenant_id FROM ledger_transaction WHERE id = %s", (transaction_id,))
    if header is None:
        raise NotFound(f"There is no ledger transaction {transaction_id}.")
    if header[0] == "reversal":
        raise Conflict("A reversal is not reversed; post the right transaction instead.")
    entries = wire.rows(
        "SELECT a.owner_kind, a.owner_id, a.kind, a.currency, a.tenant_id, e.amount FROM ledger_entry e "
        "JOIN ledger_account a ON a.id = e.account_id WHERE e.transaction_id = %s ORDER BY e.id",
        (transaction_id,),
    )
    postings = [Posting(AccountRef(*row[:5]), -row[5]) for row in entries]
    return post(
        session,
        f"reverse:{transaction_id}",
        postings,
        kind="reversal",
        tenant_id=header[1],
        reference=str(transaction_id),
        actor=actor,
        remark=reason[:255],
        watch=watch,
    )


def _resolve(wire: Wire, refs: Sequence[AccountRef], remembered: dict[AccountRef, int]) -> dict[AccountRef, int]:
    ids = {}
    for ref in refs:
        found = remembered.get(ref)
        if found is None:
            found = remembered[ref] = _find_or_make(wire, ref)
        ids[ref] = found
    return ids


def _find_or_make(wire: Wire, ref: AccountRef) -> int:
    name = (ref.owner_kind, ref.owner_id, ref.kind, ref.currency)
    found = wire.first(_BY_NAME, name)
    if found is None:
        row = (ref.tenant_id, *name, 0, ref.overdraft, stamp())
        if wire.sqlite:
            return wire.insert(_INSERT_ACCOUNT, row)
        # An empty account is only a name. It is made in a transaction of its own, so that two makers never wait for
        # each other while they hold locks; READ COMMITTED shows it here at once, whoever made it.
        try:
            with wire.connection.engine.begin() as own:
                own.exec_driver_sql(_INSERT_ACCOUNT, row)
        except IntegrityError:
            pass
        found = wire.first(_BY_NAME, name)
        if found is None:
            raise NotFound(f"The ledger account {ref} was made but cannot be seen.")
    return int(found[0])


def _first_answer(wire: Wire, transaction_id: int) -> dict[AccountRef, int]:
    rows = wire.rows(
        "SELECT a.owner_kind, a.owner_id, a.kind, a.currency, a.tenant_id, e.balance_after FROM ledger_entry e "
        "JOIN ledger_account a ON a.id = e.account_id WHERE e.transaction_id = %s ORDER BY e.id",
        (transaction_id,),
    )
    return {AccountRef(*row[:5]): row[5] for row in rows}
