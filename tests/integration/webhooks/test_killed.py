"""The sender's process dies in the middle of its work: what was committed arrives all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from sqlmodel import select

from backend.db import Database
from backend.ledger.statements import Wire
from backend.models import WebhookDelivery, WebhookEndpoint
from backend.security.vault import Vault
from backend.webhooks import service
from backend.webhooks.delivery import Deliverer
from backend.webhooks.events import subscribers, tell
from backend.webhooks.rules import EventType
from tests.support.money import add_tenant
from tests.support.receiver import Receiver

KEY = "k" * 40
COUNT = 12
CHILD = """
import asyncio, sys
from backend.db import Database
from backend.security.vault import Vault
from backend.webhooks.delivery import Deliverer

async def main():
    sender = Deliverer(Database(sys.argv[1]), allow_private=True, vault=Vault("k" * 40))
    while True:
        await sender.run()
        await asyncio.sleep(0.02)

asyncio.run(main())
"""


async def test_nothing_is_lost_when_the_sender_is_killed(database: Database, tmp_path: Path) -> None:
    async with Receiver(delay_s=0.15) as merchant:
        merchant.secret = _commit_events(database, merchant.url)
        url = database.url.render_as_string(hide_password=False)
        env = {**os.environ, "IRONBULL_HOME": str(tmp_path)}
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, url, env=env, cwd=Path(__file__).parents[3])
        try:
            async with asyncio.timeout(30):
                await merchant.first.wait()
        finally:
            child.send_signal(signal.SIGKILL)
            await child.wait()
        merchant.delay_s = 0
        with database.reading() as session:
            left = session.exec(select(WebhookDelivery).where(WebhookDelivery.status == "PENDING")).all()
        assert left, "the sender must have died before it was done"
        sender = Deliverer(database, allow_private=True, vault=Vault(KEY))
        while await sender.run():
            await sender.settle()
        await sender.close()
        assert len(set(merchant.ids)) == COUNT and merchant.refused == []
        assert max(merchant.times.values()) <= 2, "at most what was on its way arrives twice"
    with database.reading() as session:
        assert {row.status for row in session.exec(select(WebhookDelivery)).all()} == {"DELIVERED"}


def _commit_events(database: Database, url: str) -> str:
    """An endpoint and its messages, committed; nobody sends yet. Returns the secret."""
    secret = service._new_secret()
    with database.transaction() as session:
        tenant = add_tenant(session)
        assert tenant.id
        row = WebhookEndpoint(tenant_id=tenant.id, url=url, events=["trade.closed"], record="r" * 32, secret_sealed="")
        row.secret_sealed = Vault(KEY).seal_platform(service.record_of(row), secret)
        session.add(row)
        session.flush()
        wire = Wire(session)
        to = subscribers(wire, tenant.id)
        for number in range(COUNT):
            tell(wire, tenant.id, EventType.TRADE_CLOSED, reference=f"position:{number}", data={"n": number}, to=to)
    return secret
