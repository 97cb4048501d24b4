"""Platform against exchange, and the way of a signal, as an operator and a merchant read them."""

from __future__ import annotations

import time

from playwright.sync_api import expect
from sqlmodel import Session, select

from backend.db import Database
from backend.models import Difference, Order, Signal
from tests.browser.conftest import Opener, Server


def _seed(server: Server) -> None:
    """A difference of an order the demo made."""
    db = Database(f"sqlite:///{server.home / 'ironbull.db'}")

    def work(session: Session) -> bool:
        order = session.exec(select(Order).join(Signal, Signal.signal_id == Order.signal_id)).first()
        if order is None:
            return False  # a fresh platform has its first orders after its first scan
        if session.exec(select(Difference.id).where(Difference.fact == "page")).first() is None:
            session.add(
                Difference(
                    fact="page", tenant_id=order.tenant_id, account_id=order.account_id, order_id=order.id, symbol=order.symbol,
                    cause="order_absent", platform_says="UNKNOWN", exchange_says="absent", action="sent_again",
                )
            )  # fmt: skip
        return True

    try:
        deadline = time.monotonic() + 90
        while not db.run(work):
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        db.dispose()


def test_a_difference_says_who_had_what_and_what_was_done(visit: Opener, server: Server) -> None:
    _seed(server)
    for kind, lang, words in (("admin", "en-US", ("Order never arrived", "Not found", "Sent again")), ("tenant", "zh-CN", ("订单未到达", "未找到", "已重新发送"))):
        page = visit(f"/{kind}/differences?cause=order_absent", kind=kind, lang=lang)
        row = page.locator("#main tbody tr").first
        for text in words:
            expect(row).to_contain_text(text)
    page = visit("/admin/differences?cause=stop_missing", kind="admin")
    expect(page.locator("#main")).to_be_visible()
    expect(page.locator("tr[data-row]", has_text="Order never arrived")).to_have_count(0)


def test_the_way_of_a_signal_with_its_times(visit: Opener) -> None:
    page = visit("/admin/trace?outcome=filled", kind="admin")
    page.locator("tr[data-row]").first.click()
    drawer = page.locator("[data-drawer]")
    expect(drawer.locator(".story li").nth(1)).to_contain_text(" ms")
    expect(drawer).to_contain_text("bps")
    expect(drawer).to_contain_text("Judged")
    drawer.get_by_role("link", name="All accounts of this signal").click()
    page.wait_for_url("**/admin/trace?signal=SIG*")
    expect(page.locator("tr[data-row]").first).to_contain_text("Filled")
