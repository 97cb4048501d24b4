"""The exchange's own income records: what is trading, what is money moved in or out by its owner.

Realised profit and commission come from fills; of the income record only funding is booked, because no fill tells it.
Transfers and gifts are kept, so that a change of equity can be explained, and never count as profit.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from backend.errors import InvalidInput
from backend.ledger import service as ledger
from backend.ledger.rules import Posting, trading_account
from backend.models import AccountIncome, ExchangeAccount
from backend.money import check_amount, units_down

FUNDING = "FUNDING_FEE"
TRADING = frozenset({"REALIZED_PNL", "COMMISSION", FUNDING})
"""The types that are trading results; every other one is money moved or given."""


def record_income(
    session: Session,
    account: ExchangeAccount,
    *,
    exchange_id: str,
    income_type: str,
    amount: Decimal,
    at: datetime,
    symbol: str = "",
    currency: str = "USDT",
) -> AccountIncome:
    """Keep one income line once; funding is booked on the trading account. ``amount`` is signed: plus received.

    Raises ``InvalidInput`` for a line without its id or type.
    """
    if not exchange_id or not income_type:
        raise InvalidInput("An income line needs the exchange's id and type.")
    assert account.id is not None
    units = units_down(check_amount(amount, allow_zero=True, allow_negative=True))
    known = _known(session, account.id, income_type, exchange_id)
    if known is not None:
        return known
    row = AccountIncome(
        tenant_id=account.tenant_id,
        user_id=account.user_id,
        account_id=account.id,
        exchange_id=exchange_id[:64],
        income_type=income_type[:32],
        symbol=symbol[:32],
        currency=currency,
        amount=units,
        at=at,
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        # Another reader of the same exchange answer was first.
        known = _known(session, account.id, income_type, exchange_id)
        if known is None:
            raise
        return known
    if income_type == FUNDING and units:
        own = trading_account(account.tenant_id, account.id, currency=currency)
        outside = trading_account(account.tenant_id, account.id, "market", currency)
        ledger.post(
            session,
            f"income:{account.id}:{row.id}",
            [Posting(own, units), Posting(outside, -units)],
            kind="funding",
            tenant_id=account.tenant_id,
            reference=f"income:{row.id}",
            remark=symbol,
        )
    return row


def _known(session: Session, account_id: int, income_type: str, exchange_id: str) -> AccountIncome | None:
    statement = select(AccountIncome).where(
        AccountIncome.account_id == account_id,
        AccountIncome.income_type == income_type,
        AccountIncome.exchange_id == exchange_id,
    )
    return session.exec(statement).first()
