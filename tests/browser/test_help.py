"""Help in the browser: search finds, Chinese is Chinese, the reader's own period is the example, the bot's panel leads here."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import expect
from sqlmodel import Session, col, delete, select

from backend.billing import hwm
from backend.clock import utcnow
from backend.db import Database
from backend.models import BillingItem, BillingPeriod, ExchangeAccount, Position, Tenant, User
from tests.browser.conftest import Opener, Server


@pytest.mark.parametrize("width", [390, 1440])
def test_search_finds_in_both_languages(visit: Opener, width: int) -> None:
    page = visit("/agent/help", kind="agent", width=width)
    page.fill("#main [data-search]", "cooldown minutes")
    expect(page.locator("dl.help .help-row")).to_have_count(1)
    expect(page.locator("dl.help")).to_contain_text("After a position closes")
    page.fill("#main [data-search]", "冷却分钟")
    expect(page.locator("dl.help .help-row")).to_have_count(1)
    page.fill("#main [data-search]", "no such word")
    expect(page.locator("#main .empty")).to_contain_text("Nothing found")
    page.fill("#main [data-search]", "")
    page.get_by_role("button", name=re.compile("Glossary")).click()
    expect(page.locator("dl.help")).to_have_count(1)
    expect(page.locator("#symbols")).to_contain_text("/USDT")


def test_chinese_has_no_english_left(visit: Opener) -> None:
    page = visit("/agent/help?at=reason.cooldown", kind="agent", lang="zh-CN")
    expect(page.locator("#asked")).to_contain_text("冷却分钟数")
    expect(page.locator("dl.help .help-row").first).to_be_visible()
    text = "\n".join(page.locator("dl.help, #asked, #main .sentence, #main .sec-h, .fchips").all_inner_texts())
    assert not re.findall(r"[A-Za-z]{3,}(?: [A-Za-z]{3,})+", text)


def test_the_signal_panel_leads_to_its_reason(visit: Opener) -> None:
    page = visit("/agent/bot", kind="agent")
    page.locator("tr[data-row]").first.click(timeout=60_000)
    page.get_by_role("link", name="What this means").click()
    page.wait_for_url("**/agent/help?at=reason.*")
    expect(page.locator("#asked")).to_be_visible()


def test_the_example_is_the_readers_own_period(visit: Opener, server: Server) -> None:
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
    now = utcnow()
    start = (now.replace(day=1) - timedelta(days=1)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def bill(session: Session) -> tuple[int, int]:
        user = session.exec(select(User).where(User.email == server.demo()["agents"][0]["email"])).one()
        tenant = session.get(Tenant, user.tenant_id)
        account = session.exec(select(ExchangeAccount).where(ExchangeAccount.user_id == user.id)).first()
        assert tenant is not None and account is not None
        before = (tenant.billing_scheme, tenant.created_at, user.created_at)
        tenant.billing_scheme, tenant.created_at, user.created_at = "hwm", start, start
        at = start + timedelta(days=3)
        closed = Position(
            tenant_id=tenant.id or 0, user_id=user.id or 0, account_id=account.id or 0, symbol="BTC/USDT", position_side="LONG",
            status="CLOSED", open_slot=None, quantity=Decimal(0), realized_pnl=Decimal("321.5"), total_fee=Decimal("0.5"),
            entry_price=Decimal(10), exit_price=Decimal(11), opened_at=at, opened_market_at=at, closed_at=at, closed_market_at=at,
        )  # fmt: skip
        session.add(closed)
        session.flush()
        assert hwm.close_until(session, user, now)
        tenant.billing_scheme, tenant.created_at, user.created_at = before
        return user.id or 0, closed.id or 0

    def undo(session: Session, user_id: int, position_id: int) -> None:
        mine = select(BillingPeriod.id).where(BillingPeriod.user_id == user_id)
        session.exec(delete(BillingItem).where(col(BillingItem.period_id).in_(mine)))
        session.exec(delete(BillingPeriod).where(col(BillingPeriod.user_id) == user_id))
        session.exec(delete(Position).where(col(Position.id) == position_id))

    page = visit("/agent/help", kind="agent")
    expect(page.locator("#example")).to_contain_text("You have no billing period yet.")
    user_id, position_id = db.run(bill)
    try:
        page.reload()
        expect(page.locator("#example")).to_contain_text("321")
        expect(page.locator("#example .kv")).to_contain_text("High-water mark before (H)")
        expect(page.locator("#example .mono")).to_contain_text("max(0")
    finally:
        db.run(lambda session: undo(session, user_id, position_id))
        db.dispose()
