"""An agent asks for a payout of their rewards."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.billing import withdrawals
from backend.billing.rules import RATES, quote_withdrawal
from backend.billing.wallets import NETWORKS
from backend.errors import InvalidInput, IronBullError
from backend.identity.principal import Principal
from backend.ledger.queries import balances
from backend.ledger.rules import user_account
from backend.money import from_units, parse_amount
from backend.settings import get_settings
from state.base import needs, read, signed_in, write
from state.lists import Lists
from state.ui import say
from state.words import figure

KINDS = ("reward", "withdrawal_frozen", "paid_out")


class Withdraw(rx.State):
    """``form_key`` makes a form that is sent twice one request."""

    free: str = ""
    frozen: str = ""
    paid: str = ""
    quote: str = ""
    network: str = NETWORKS[0]
    form_key: str = ""
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("agent",)

    @rx.event
    @needs("agent")
    async def load(self) -> None:
        """Balances, and a new form."""
        self.form_key, self.quote = secrets.token_hex(16), ""
        await self._balances()

    @rx.event(supersedes=True)
    @needs("agent")
    async def reckon(self, amount: str) -> None:
        """What would arrive, while the amount is typed; nothing while it is none."""
        try:
            found = quote_withdrawal(parse_amount(str(amount).strip().replace(",", "")))
            self.quote = figure(found.actual)
        except IronBullError:
            self.quote = ""

    @rx.event
    @needs("agent")
    async def choose(self, network: str) -> None:
        """Another network."""
        self.network = network if network in NETWORKS else NETWORKS[0]

    @rx.event
    @needs("agent")
    async def apply(self, form: dict[str, Any]) -> None:
        """Ask. The amount is frozen at once."""
        who = await signed_in(self)
        amount = parse_amount(str(form.get("amount", "")).strip().replace(",", ""))
        address, key, network = str(form.get("address", ""))[:128], f"agent:{self.form_key}", self.network
        policy = withdrawals.policy_of(get_settings())
        if who.tenant_id is None:
            raise InvalidInput
        tenant_id = who.tenant_id

        def work(session: Session) -> Decimal:
            row = withdrawals.apply(
                session, tenant_id=tenant_id, user_id=who.id, amount=amount, wallet_address=address, wallet_network=network, key=key,
                actor=f"agent:{who.id}", policy=policy,
            )  # fmt: skip
            return from_units(row.actual_amount)

        arrives = await write(work)
        self.form_key, self.quote = secrets.token_hex(16), ""
        await self._balances()
        await (await self.get_state(Lists))._reload()
        await say(self, "withdraw.asked", n=figure(arrives))

    async def _balances(self) -> None:
        who = await signed_in(self)
        self.free, self.frozen, self.paid = [figure(one) for one in await read(lambda session: _held(session, who))]
        self.ready = True


def _held(session: Session, who: Principal) -> list[Decimal]:
    refs = [user_account(who.tenant_id or 0, who.id, kind) for kind in KINDS]
    found = balances(session, refs)
    return [from_units(found.get(ref, 0)) for ref in refs]


MINIMUM = figure(RATES.withdrawal_min)
FEE = f"{RATES.withdrawal_fee * 100:g} %"
