"""The chart of accounts and what makes a posting set valid. Pure; amounts are integers of 1e-8.

| kind | owner | may be negative | holds |
|---|---|---|---|
| ``platform_source`` | platform | yes | minus everything ever recharged |
| ``point_self``, ``point_gift`` | tenant, user | no | point cards, paid and given |
| ``pool`` | user who was billed | no | billed points not yet distributed |
| ``burned_gift`` | user who was billed | no | gift points used up by billing |
| ``reward`` | user | no | withdrawable reward |
| ``withdrawal_frozen`` | user | no | reward waiting for a payout |
| ``paid_out`` | user | no | reward that has left the platform |
| ``fee_income`` | platform | no | withdrawal fees |
| ``share_due`` | user | yes | minus the profit share invoiced and not yet paid |
| ``share_paid`` | user | yes | minus the profit share paid from outside |
| ``share_income`` | tenant | no | profit share earned from its agents |
| ``trading`` | exchange account | yes | realised profit and loss minus fees |
| ``market`` | exchange account | yes | the other side of ``trading`` |

Pool, burned and market accounts are kept per owner instead of once per platform, so that no settlement waits for
the row of another user.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from backend.errors import Conflict, InvalidInput
from backend.money import format_units

OVERDRAFT_KINDS = frozenset({"platform_source", "trading", "market", "share_due", "share_paid"})
KINDS = OVERDRAFT_KINDS | {
    "point_self",
    "point_gift",
    "pool",
    "burned_gift",
    "reward",
    "withdrawal_frozen",
    "paid_out",
    "fee_income",
    "share_income",
}
MAX_UNITS = 2**63 - 1
"""Largest balance a 64-bit column can hold."""


class LedgerUnbalanced(InvalidInput):
    """The postings do not sum to zero in every currency."""

    code = "ledger_unbalanced"


class KeyReused(Conflict):
    """This idempotency key was already used for something else. Use a new key."""

    code = "key_reused"


class InsufficientBalance(Conflict):
    """The balance is not enough."""

    code = "insufficient_balance"


class BalanceTooLarge(Conflict):
    """The balance would grow beyond what can be stored."""

    code = "balance_too_large"


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Names one balance. ``tenant_id`` is only recorded when the account is first made."""

    owner_kind: str
    owner_id: int
    kind: str
    currency: str = "USDT"
    tenant_id: int | None = field(default=None, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Refs are looked up dozens of times in one settlement.
        object.__setattr__(self, "_hash", hash((self.owner_kind, self.owner_id, self.kind, self.currency)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def overdraft(self) -> bool:
        """Whether this balance may go below zero."""
        return self.kind in OVERDRAFT_KINDS

    def __str__(self) -> str:
        return f"{self.kind} of {self.owner_kind} {self.owner_id} ({self.currency})"


@dataclass(frozen=True, slots=True)
class Posting:
    """A signed amount in units of 1e-8 on one account: plus receives, minus gives."""

    account: AccountRef
    amount: int


def platform_source() -> AccountRef:
    """Where recharged points come from."""
    return AccountRef("platform", 0, "platform_source")


def fee_income() -> AccountRef:
    """Withdrawal fees earned by the platform."""
    return AccountRef("platform", 0, "fee_income")


def tenant_card(tenant_id: int, kind: str) -> AccountRef:
    """A tenant's stock of ``point_self`` or ``point_gift``."""
    return AccountRef("tenant", tenant_id, kind, tenant_id=tenant_id)


@lru_cache(maxsize=65536)
def user_account(tenant_id: int, user_id: int, kind: str) -> AccountRef:
    """A user's ``point_self``, ``point_gift``, ``pool``, ``burned_gift``, ``reward``, ``withdrawal_frozen``, ``paid_out``,
    ``share_due``, ``share_paid``."""
    return AccountRef("user", user_id, kind, tenant_id=tenant_id)


@lru_cache(maxsize=65536)
def trading_account(tenant_id: int, account_id: int, kind: str = "trading", currency: str = "USDT") -> AccountRef:
    """``trading`` (or its other side ``market``) of one exchange account."""
    return AccountRef("exchange_account", account_id, kind, currency, tenant_id)


def check_postings(postings: Sequence[Posting]) -> None:
    """Raise ``LedgerUnbalanced`` or ``InvalidInput`` unless this is a valid set: whole non-zero units, zero sums."""
    if len(postings) < 2:
        raise LedgerUnbalanced("A transaction needs at least two postings.")
    sums: dict[str, int] = {}
    for posting in postings:
        amount = posting.amount
        if type(amount) is not int:
            raise InvalidInput(f"Ledger amounts are whole units of 1e-8, not {type(amount).__name__}.")
        if amount == 0 or abs(amount) > MAX_UNITS:
            raise InvalidInput("A posting must not be zero and must fit 64 bits.")
        account = posting.account
        if account.kind not in KINDS:
            raise InvalidInput(f"There is no account kind {account.kind!r}.")
        sums[account.currency] = sums.get(account.currency, 0) + amount
    for currency, total in sums.items():
        if total != 0:
            raise LedgerUnbalanced(f"The postings in {currency} sum to {format_units(total)} instead of zero.")


def fingerprint(kind: str, tenant_id: int | None, reference: str, postings: Iterable[Posting]) -> str:
    """What tells a replay from a reused key: equal for the same postings in any order."""
    lines = sorted(
        f"{p.account.owner_kind}|{p.account.owner_id}|{p.account.kind}|{p.account.currency}|{p.amount}"
        for p in postings
    )
    text = "\n".join([kind, str(tenant_id), reference, *lines])
    return hashlib.sha256(text.encode()).hexdigest()


def balance_after(account: AccountRef, balance: int, amount: int) -> int:
    """The new balance. Raises ``InsufficientBalance`` naming the pocket, or ``BalanceTooLarge``."""
    after = balance + amount
    if after < 0 and amount < 0 and not account.overdraft:
        raise InsufficientBalance(
            f"{account} holds {format_units(balance)}, {format_units(-amount)} is needed.",
            pocket=account.kind,
            owner_kind=account.owner_kind,
            owner_id=account.owner_id,
            available=balance,
            needed=-amount,
        )
    if abs(after) > MAX_UNITS:
        raise BalanceTooLarge(f"{account} would hold more than can be stored.")
    return after
