"""The exchange's income record read over the wire: funding booked once, deposits told apart, foreign funding left alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from backend.billing.hwm_items import period_items
from backend.clock import utcnow
from backend.db import Database
from backend.ledger import queries as ledger
from backend.ledger.rules import trading_account
from backend.models import AccountIncome, ExchangeAccount, LedgerTransaction, User
from backend.money import exact_units, from_units, units_down
from backend.portfolio.incomes import sync_incomes
from tests.support import candles
from tests.support.centre import make_centre
from tests.support.paper import PaperServer, make_ccxt

BOT = {"min_score": 30, "long_min_score": 30, "max_positions": 3, "daily_loss_limit": "0", "max_drawdown_pct": "0"}


@pytest.fixture
def market(tmp_path: Path) -> Path:
    return candles.write_csv(tmp_path / "market.csv", candles.random_market(6, 380, seed=3))


async def test_funding_is_booked_once_and_nothing_else(sqlite_database: Database, tmp_path: Path, market: Path) -> None:
    with PaperServer(tmp_path, "--source", f"replay:{market}", "--warmup-bars", "320", "--max-symbols", "6") as paper:
        centre = make_centre(sqlite_database, paper, tmp_path, bot=BOT)
        account_id, user_id = centre.account_ids[0], centre.user_ids[0]
        keys = paper.account("agent-0")
        # A position of the user's own hand in a contract the platform never trades on this account.
        own = make_ccxt(paper.base_url, keys["api_key"], keys["api_secret"])
        engine = centre.start_engine()
        try:
            await own.load_markets()
            symbol = sorted(own.symbols)[-1]
            price = Decimal(paper.prices()[own.market(symbol)["id"]])
            await own.create_order(symbol, "market", "buy", float(own.amount_to_precision(symbol, 100 / float(price))))
            for _ in range(4 * 20):
                await engine.step()
            first = await sync_incomes(centre.db, engine.wire)
            again = await sync_incomes(centre.db, engine.wire)
        finally:
            await own.close()
            await centre.stop_engine()
        lines = paper.dump(centre.paper_ids[0])["income"]
    funding = [one for one in lines if one["incomeType"] == "FUNDING_FEE"]
    with centre.db.reading() as session:
        rows = session.exec(select(AccountIncome).where(AccountIncome.account_id == account_id)).all()
        booked = [row for row in rows if row.income_type == "FUNDING_FEE"]
        foreign = [row for row in rows if row.income_type == "FOREIGN_FUNDING"]
        posted = session.exec(select(LedgerTransaction).where(LedgerTransaction.kind == "funding")).all()
        account = session.get(ExchangeAccount, account_id)
        user = session.get(User, user_id)
        assert account is not None
        assert user is not None
        now = utcnow()
        items = period_items(session, user, account.created_at, now, account.created_at)
        balance = ledger.balances(session, [trading_account(centre.tenant_id, account_id)])
    assert (first, again) == (len(rows), 0)
    assert funding
    assert len(booked) + len(foreign) == len(funding)
    assert booked
    assert {row.symbol.replace("/", "") for row in foreign} == {own.market(symbol)["id"]}
    paid = {str(one["tranId"]): exact_units(Decimal(one["income"])) for one in funding}
    assert {row.exchange_id: row.amount for row in (*booked, *foreign)} == paid
    assert len(posted) == len([row for row in booked if row.amount])
    # Deposits are kept to explain the equity, and are in no bill.
    assert {row.income_type for row in rows} == {"FUNDING_FEE", "FOREIGN_FUNDING", "TRANSFER"}
    billed = [item for item in items if item.kind == "funding"]
    assert sum(item.funding for item in billed) == sum(row.amount for row in booked)
    trades = sum(units_down(p.realized_pnl) - units_down(p.total_fee) for p in centre.positions())
    total = trades + sum(row.amount for row in booked)
    assert abs(from_units(next(iter(balance.values())) - total)) < Decimal("0.000001")
    centre.check_oracles()
