"""What operators and merchants do from list pages. The list is in ``Lists``; every verb asks the service and reads again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.billing import corrections, pools, withdrawals
from backend.dashboards import service
from backend.errors import InvalidInput
from backend.identity.principal import Principal
from backend.money import parse_amount
from backend.notifications.service import mark_all_read, mark_read
from state.base import needs, read, signed_in, write
from state.lists import Lists
from state.ui import Ui, say

MAX_DIGITS = 18
MOST_READ = 100
_ANSWERS: dict[str, Callable[..., Any]] = {
    "reject": withdrawals.reject, "complete": withdrawals.complete, "fail": withdrawals.fail, "undo": corrections.request,
    "refuse": corrections.refuse,
}  # fmt: skip


class Console(rx.State):
    """``form_key`` is the idempotency key of the open form; ``made`` shows a new tenant's secret once."""

    form_key: str = ""
    made: dict[str, str] = {}
    making: bool = False
    asks: str = ""
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant")

    @rx.event
    @needs("admin", "tenant")
    async def fresh(self) -> None:
        """A page was opened: a new form key, nothing shown that was to be shown once."""
        self.form_key, self.made, self.making, self.asks = secrets.token_hex(16), {}, False, ""

    @rx.event
    @needs("admin", may="settings")
    async def switch_node(self, row_id: str, on: bool) -> None:
        """Let a node take orders or not."""
        code = await self._do(lambda session, who: service.switch_node(session, who, _id(row_id), on is True))
        await say(self, "node.switched_on" if on is True else "node.switched_off", node=code)

    @rx.event
    @needs("admin", may="people")
    async def switch_tenant(self, row_id: str, on: bool) -> None:
        """Enable or disable a tenant."""
        name = await self._do(lambda session, who: service.switch_tenant(session, who, _id(row_id), on is True))
        await say(self, "access.opened" if on is True else "access.closed", name=name)

    @rx.event
    @needs("admin", "tenant", may="people")
    async def switch_user(self, row_id: str, on: bool) -> None:
        """Enable or disable a user's sign-in."""
        name = await self._do(lambda session, who: service.switch_user(session, who, _id(row_id), on is True))
        await say(self, "access.opened" if on is True else "access.closed", name=name)

    @rx.event
    @needs("admin", "tenant", may="people")
    async def market_node(self, row_id: str, is_node: bool) -> None:
        """Make a user a market node or not."""
        name = await self._do(lambda session, who: service.set_market_node(session, who, _id(row_id), is_node is True))
        await say(self, "user.is_node" if is_node is True else "user.was_node", name=name)

    @rx.event
    @needs("admin", "tenant", may="money")
    async def recharge_user(self, form: dict[str, Any]) -> None:
        """Hand points to the user of the open row."""
        await self._recharge(form, service.recharge_user, "user_id")

    @rx.event
    @needs("admin", may="money")
    async def recharge_tenant(self, form: dict[str, Any]) -> None:
        """Give points to the tenant of the open row."""
        await self._recharge(form, service.recharge_tenant, "tenant_id")

    async def _recharge(self, form: dict[str, Any], verb: Callable[..., bool], owner: str) -> None:
        amount = parse_amount(str(form.get("amount", "")).strip().replace(",", ""))
        card = 2 if str(form.get("card")) == "2" else 1
        key, row_id = self.form_key, _id((await self.get_state(Lists)).open_id)
        # Sent twice, the second finds the key used: the form gets a new one only after the money has moved.
        fresh = await self._do(lambda session, who: verb(session, who, key, card=card, amount=amount, **{owner: row_id}))
        self.form_key = secrets.token_hex(16)
        await say(self, "card.recharged" if fresh else "card.replayed", amount=f"{amount:,f}", card="self" if card == 1 else "gift")

    @rx.event
    @needs("admin")
    async def make_tenant(self, on: bool) -> None:
        """Open or close the form of a new tenant; closing forgets the secret."""
        self.making, self.made = on is True, {}

    @rx.event
    @needs("admin", may="people")
    async def create_tenant(self, form: dict[str, Any]) -> None:
        """A new tenant; its secret is shown now and never again."""
        name, email, password = (str(form.get(key, "")) for key in ("name", "email", "password"))
        made = await self._do(lambda session, who: service.create_tenant(session, who, name, email, password))
        self.made = {key: str(value) for key, value in made.items()}
        (await self.get_state(Lists)).tenants = []

    @rx.event
    @needs("admin", may="money")
    async def retry_pool(self, row_id: str) -> None:
        """Distribute a pool again."""
        _, paid = await self._do(lambda session, who: pools.retry(session, _id(row_id), who))
        await say(self, "pool.paid" if paid else "pool.failed_again", bad=not paid, id=row_id)

    @rx.event
    @needs("admin", may="money")
    async def retry_failed_pools(self) -> None:
        """Distribute every failed pool again, each in a transaction of its own."""
        who = await signed_in(self)
        waiting = await read(pools.failed)
        paid = 0
        for pool_id in waiting:
            try:
                paid += (await write(lambda session, one=pool_id: pools.retry(session, one, who)))[1]
            except pools.PoolAlreadySettled:
                continue
        await (await self.get_state(Lists))._reload()
        await say(self, "pool.retried", bad=paid < len(waiting), paid=paid, n=len(waiting))

    @rx.event
    @needs("admin")
    async def ask(self, what: str) -> None:
        """Open the line for a reason or a transaction hash under the drawer; "" closes it."""
        self.asks = what if what in ("reject", "complete", "fail", "undo", "refuse") else ""

    @rx.event
    @needs("admin", may="money")
    async def approve(self, row_id: str) -> None:
        """Approve a withdrawal; large ones need a second admin."""
        row = await self._do(lambda session, who: withdrawals.approve(session, _id(row_id), who))
        await say(self, "withdrawal.half" if row.status == 0 else "withdrawal.approved_now", id=row_id)

    @rx.event
    @needs("admin", may="money")
    async def answer(self, form: dict[str, Any]) -> None:
        """Reject (reason), mark as paid (transaction hash) or as failed (reason), ask for a correction or decline it."""
        what, text = self.asks, str(form.get("text", ""))[:255]
        row_id = _id((await self.get_state(Lists)).open_id)
        verb = _ANSWERS.get(what)
        if verb is None:
            return
        await self._do(lambda session, who: verb(session, row_id, who, text))
        self.asks = ""
        await say(self, f"correction.done_{what}" if what in ("undo", "refuse") else f"withdrawal.done_{what}", id=str(row_id))

    @rx.event
    @needs("admin", may="money")
    async def agree(self, row_id: str) -> None:
        """Agree to a correction another admin asked for: the opposite is posted now."""
        row = await self._do(lambda session, who: corrections.approve(session, _id(row_id), who))
        await say(self, "correction.posted", id=str(row.reversal_id))

    @rx.event
    @needs("tenant")
    async def offer(self, row_id: str, on: bool) -> None:
        """Offer a strategy, or stop offering it."""
        code = await self._do(lambda session, who: service.offer_strategy(session, who, _id(row_id), on is True))
        await say(self, "offer.on" if on is True else "offer.off", name=code)

    @rx.event
    @needs("tenant")
    async def change_offer(self, form: dict[str, Any]) -> None:
        """The tenant's own capital, leverage and risk mode; empty fields inherit."""
        row_id = _id((await self.get_state(Lists)).open_id)
        values = {"capital": _amount(form.get("capital")), "leverage": _whole(form.get("leverage")), "risk_mode": _whole(form.get("risk_mode"))}
        code = await self._do(lambda session, who: service.change_offer(session, who, row_id, **values))
        await say(self, "offer.changed", name=code)

    async def _do(self, work: Callable[[Session, Principal], Any]) -> Any:
        who = await signed_in(self)
        done = await write(lambda session: work(session, who))
        lists = await self.get_state(Lists)
        await lists._reload()
        await lists._follow()
        return done


class Notices(rx.State):
    """What a person does with their notifications."""

    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs(may="own")
    async def read_some(self, ids: str) -> None:
        """Mark a row of the list as read: one, or several that are alike ("12,11,9")."""
        who = await signed_in(self)
        numbers = [_id(one) for one in str(ids).split(",")[:MOST_READ]]
        await write(lambda session: [mark_read(session, who, number) for number in numbers])
        await self._again()

    @rx.event
    @needs(may="own")
    async def read_all(self) -> None:
        """Mark all as read."""
        who = await signed_in(self)
        done = await write(lambda session: mark_all_read(session, who))
        await self._again()
        await say(self, "notice.all_read", n=done)

    async def _again(self) -> None:
        from backend.dashboards.queries import unread_notices
        from state.base import read

        who = await signed_in(self)
        (await self.get_state(Ui)).unread = await read(lambda session: unread_notices(session, who))
        await (await self.get_state(Lists))._reload()


def _id(text: Any) -> int:
    word = str(text)
    if not word.isascii() or not word.isdigit() or len(word) > MAX_DIGITS:
        raise InvalidInput("Open the row again.")
    return int(word)


def _amount(value: Any) -> Decimal | None:
    text = str(value or "").strip().replace(",", "")
    return parse_amount(text) if text else None


def _whole(value: Any) -> int | None:
    text = str(value or "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise InvalidInput("The leverage and the risk mode are whole numbers.")
    return int(text) if text else None
