"""What the desk and the control page read: everybody their own accounts, and an account with what it holds."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import Session

from backend.clock import now_ms
from backend.dashboards import control, desk
from backend.errors import NotFound
from backend.identity.principal import Principal
from backend.models import Cooldown, Position
from backend.monitoring import asked
from tests.support.doors import make_world


def test_accounts_and_what_they_hold(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    admin = Principal("admin", 1, None, "a", "a", "owner", 0)
    tenant = Principal("tenant", world.a.tenant_id, world.a.tenant_id, "t", "t", "", 0)

    def prepare(session: Session) -> None:
        row = session.get_one(Position, world.a.position_id)
        row.stop_loss, row.stop_status = Decimal(9), "OPEN"
        session.add_all([row, Cooldown(account_id=world.a.account_id, symbol="X/USDT", until_ms=now_ms() + 60_000)])

    world.db.run(prepare)
    with world.db.reading() as session:
        assert {one["id"] for one in desk.accounts(session, admin)} == {world.a.account_id, world.b.account_id}
        assert [one["id"] for one in desk.accounts(session, tenant)] == [world.a.account_id]
        found = desk.of_account(session, tenant, world.a.account_id)
        assert [row.id for row, _, _ in found["held"]] == [world.a.position_id] and [row.id for row in found["orders"]] == [world.a.order_pk]
        with pytest.raises(NotFound):
            desk.of_account(session, tenant, world.b.account_id)
        assert [one["name"] for one in desk.tenants(session)] == ["MARKA desk", "MARKB desk"]
        (held,) = control.held(session)
        assert (held["id"], held["stop"], held["rests"], held["pnl"]) == (world.a.position_id, Decimal(9), True, None)
        assert [(one["symbol"], one["accounts"]) for one in control.resting(session, now_ms())] == [("X/USDT", 1)]
        assert [one["id"] for one in control.jobs(session)] == list(asked.OFFERED)
        assert [(one["code"], one["scans"]) for one in control.strategies(session)] == [("composite", 1)]
