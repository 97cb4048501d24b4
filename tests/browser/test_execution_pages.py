"""An operator moves exchange accounts, takes a waiting entry off and tries a dead job again: real clicks, real exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from playwright.sync_api import Locator, Page, expect
from sqlmodel import Session, col, select

from backend.clock import utcnow
from backend.db import Database
from backend.execution.resting import note_entries
from backend.execution.resting_rules import Terms
from backend.execution.service import EntryIntent, write_entry
from backend.models import Binding, ExchangeAccount, ExecutionNode, Fill, Job, Order, Scan
from tests.browser.conftest import Opener, Server, hold

HOUR_MS = 3_600_000


@contextmanager
def books(server: Server) -> Iterator[Database]:
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")
    try:
        yield db
    finally:
        db.dispose()


def test_accounts_entries_and_jobs(visit: Opener, server: Server) -> None:
    page = visit("/admin/exchange-accounts", kind="admin")
    with books(server) as db:
        _accounts(page, db)
        _entry(page, db)
        _dead_job(page, db)


def _accounts(page: Page, db: Database) -> None:
    """Two accounts of the node go to the centre, one in its drawer and both as chosen rows, and back."""
    with db.reading() as session:
        node = session.exec(select(ExecutionNode)).one()
        accounts = session.exec(select(ExchangeAccount.id).where(ExchangeAccount.node_id == node.id).order_by(col(ExchangeAccount.id))).all()
    rows = [page.locator(f"tr[data-row='{number}']") for number in accounts[:2]]
    rows[0].click()
    where = page.locator("[data-drawer] select")
    _until_moved(page, rows[:1], "Centre", lambda: where.select_option("centre"))
    page.keyboard.press("Escape")
    for target, name in (("centre", "Centre"), (str(node.id), node.node_code)):

        def move(to: str = target) -> None:
            for row in rows:
                box = row.locator("input[type=checkbox]")
                if not box.is_checked():
                    box.click()
            expect(page.get_by_text("2 chosen")).to_be_visible()
            page.locator("main select").filter(has_text="Move to").select_option(to)
            page.get_by_role("button", name="Assign").click()

        _until_moved(page, rows, name, move)


def _until_moved(page: Page, rows: list[Locator], name: str, move: Callable[[], object]) -> None:
    """An account with an order in flight stays where it is and the page says so: then it is asked again."""
    for _ in range(20):
        move()
        expect(page.locator(".toast")).to_be_visible()
        page.wait_for_timeout(500)
        if all(name in row.inner_text() for row in rows):
            return
    raise AssertionError([row.inner_text() for row in rows])


def _entry(page: Page, db: Database) -> None:
    """An entry far below the price rests at the exchange; held off by hand it is cancelled there."""

    def write(session: Session) -> int:
        seen = session.exec(select(Fill).order_by(col(Fill.id).desc())).first()
        scan = session.exec(select(Scan).order_by(col(Scan.id).desc())).first()
        account = session.exec(select(ExchangeAccount).where(col(ExchangeAccount.node_id).is_(None)).order_by(col(ExchangeAccount.id))).first()
        assert seen and scan and account and account.id
        binding = session.exec(select(Binding).where(Binding.account_id == account.id)).first()
        assert binding
        price = (seen.price * Decimal("0.6")).quantize(seen.price)
        order = write_entry(
            session,
            EntryIntent(
                account=account, binding_id=binding.id, signal_id="SIGRESTS", strategy_code="test", symbol=seen.symbol, position_side="LONG",
                amount_usdt=Decimal(200), leverage=2, price=price, stop_loss=price * Decimal("0.9"), take_profit=None, market_at=utcnow(), ttl_s=600.0,
                order_type="LIMIT",
            ),
        )  # fmt: skip
        session.flush()
        note_entries(
            session, [order], Terms(retest_bars=500), strategy_id=scan.strategy_id, bar_open_ms=scan.bar_open_ms, interval_ms=HOUR_MS
        )
        return order.id or 0

    number = db.run(write)
    page.goto("/admin/pending")
    row = page.locator(f"tr[data-row='{number}']")
    expect(row).to_contain_text("Waiting")
    row.click()
    drawer = page.locator("[data-drawer]")
    hold(page, drawer.get_by_role("button", name="Hold to take it off"))
    expect(page.locator(".toast")).to_contain_text("being taken off")
    page.keyboard.press("Escape")
    expect(row).to_contain_text("Taken off")
    with db.reading() as session:
        assert session.get_one(Order, number).status == "CANCELLED"


def _dead_job(page: Page, db: Database) -> None:
    """A job that was given up waits again."""
    dead = Job(kind="export", payload={"export_id": 1}, state="DEAD", attempts=8, error="the disk is full", finished_at=utcnow())

    def plant(session: Session) -> int:
        session.add(dead)
        session.flush()
        return dead.id or 0

    number = db.run(plant)
    page.goto("/admin/queue")
    row = page.locator(f"tr[data-row='{number}']")
    expect(row).to_contain_text("the disk is full")
    row.click()
    page.locator("[data-drawer]").get_by_role("button", name="Try again").click()
    expect(page.locator(".toast")).to_contain_text(f"Job {number} is tried again")
    expect(row).to_contain_text("Waiting")
    # Nobody takes jobs in this process: it would be told as late.
    db.run(lambda session: session.delete(session.get_one(Job, number)))
