"""Every event a merchant can be told of is written by the very act it speaks of, in its transaction."""

from __future__ import annotations

import json
from decimal import Decimal as D
from typing import Any

import pytest
from sqlmodel import Session, select

from backend.billing import withdrawals
from backend.billing.cards import transfer_points
from backend.billing.service import settle_fill
from backend.db import Database
from backend.identity.principal import Principal
from backend.models import Binding, Position, Tenant, User, WebhookDelivery, WebhookEndpoint
from backend.security.vault import Vault
from backend.webhooks import service
from backend.webhooks.events import binding_stopped, trade_closed
from backend.webhooks.rules import SUBSCRIBABLE
from tests.support.money import add_fill, add_tenant, add_user, assert_sound, fund

TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
ANN = Principal("admin", 1, None, "Ann", "ann", "owner", 0)
VAULT = Vault("m" * 40)


@pytest.fixture
def shop(database: Database) -> dict[str, int]:
    """A tenant with a user of 40 points and an endpoint that wants everything."""
    made: dict[str, int] = {}

    def build(session: Session) -> None:
        tenant = add_tenant(session)
        user = add_user(session, tenant, session.get(User, tenant.root_user_id))
        fund(session, user, "30", "10")
        who = Principal("tenant", tenant.id or 0, tenant.id, "Shop", "", "", 0)
        service.create_endpoint(session, who, "https://shop.example/hook", SUBSCRIBABLE, D(20), vault=VAULT)
        made.update(tenant=tenant.id, user=user.id, root=tenant.root_user_id)

    database.run(build)
    return made


def told(database: Database, tenant_id: int) -> list[dict[str, Any]]:
    with database.reading() as session:
        rows = session.exec(
            select(WebhookDelivery).where(WebhookDelivery.tenant_id == tenant_id).order_by(WebhookDelivery.id)
        ).all()
    return [{"event": row.event, **json.loads(row.payload)["data"]} for row in rows]


def earn(database: Database, shop: dict[str, int], profit: str) -> None:
    fill = database.run(lambda s: add_fill(s, s.get(User, shop["user"]), profit).id)
    database.run(lambda s: settle_fill(s, fill))
    database.run(lambda s: settle_fill(s, fill))  # delivered twice, settled once, told once


def test_a_charge_tells_of_rewards_and_once_of_a_low_card(database: Database, shop: dict[str, int]) -> None:
    earn(database, shop, "50")  # 15 points: 40 -> 25, above 20
    earn(database, shop, "30")  # 9 points: 25 -> 16, below
    earn(database, shop, "10")  # 3 points: 16 -> 13, still below
    found = told(database, shop["tenant"])
    low = [one for one in found if one["event"] == "point_card.low"]
    assert [(one["user_id"], one["was"], one["balance"]) for one in low] == [
        (shop["user"], "25.00000000", "16.00000000")
    ]
    paid = [one for one in found if one["event"] == "reward.paid"]
    assert len(paid) == 3
    assert D(15) >= sum(D(reward["amount"]) for reward in paid[0]["rewards"]) > 0
    assert_sound(database)


def test_points_passed_on_tell_of_a_low_card_once(database: Database, shop: dict[str, int]) -> None:
    ids = {"tenant_id": shop["tenant"], "from_user_id": shop["user"], "to_user_id": shop["root"], "card": 1}
    for key, amount in (("one", "15"), ("two", "10"), ("two", "10"), ("three", "2")):  # 40 -> 25 -> 15 -> 13, threshold 20
        database.run(lambda s, key=key, amount=amount: transfer_points(s, key, **ids, amount=D(amount)))
    (low,) = told(database, shop["tenant"])
    assert (low["event"], low["user_id"], low["was"], low["balance"]) == ("point_card.low", shop["user"], "25.00000000", "15.00000000")
    assert_sound(database)


def test_a_loss_tells_nothing(database: Database, shop: dict[str, int]) -> None:
    earn(database, shop, "-50")
    assert told(database, shop["tenant"]) == []


def test_each_state_of_a_withdrawal_is_told(database: Database, shop: dict[str, int]) -> None:
    database.run(lambda s: fund(s, s.get(User, shop["user"]), "3000"))
    earn(database, shop, "5000")
    row = database.run(
        lambda s: withdrawals.apply(
            s,
            tenant_id=shop["tenant"],
            user_id=shop["root"],
            amount=D(100),
            key="k",
            wallet_address=TRON,
            wallet_network="TRC20",
        )
    )
    number = row.id or 0
    database.run(lambda s: withdrawals.approve(s, number, ANN))
    database.run(lambda s: withdrawals.complete(s, number, ANN, "ab" * 32))
    changed = [one for one in told(database, shop["tenant"]) if one["event"] == "withdrawal.changed"]
    assert [one["state"] for one in changed] == ["pending", "approved", "completed"]
    assert changed[2]["tx_hash"] == "ab" * 32
    assert (changed[0]["amount"], changed[0]["fee"]) == ("100.00000000", "5.00000000")


def test_what_is_rolled_back_is_not_told(database: Database, shop: dict[str, int]) -> None:
    fill = database.run(lambda s: add_fill(s, s.get(User, shop["user"]), "100").id)
    with pytest.raises(RuntimeError), database.transaction() as session:
        settle_fill(session, fill)
        raise RuntimeError
    assert told(database, shop["tenant"]) == []


def test_a_closed_position_and_a_stopped_binding(database: Database, shop: dict[str, int]) -> None:
    def act(session: Session) -> None:
        fill = add_fill(session, session.get(User, shop["user"]), "7")
        position = session.get(Position, fill.position_id)
        binding = Binding(tenant_id=shop["tenant"], user_id=shop["user"], account_id=1, strategy_id=1)
        session.add(binding)
        trade_closed(session, position)
        binding_stopped(session, shop["tenant"], binding, "closed by the merchant")

    database.run(act)
    closed, stopped = told(database, shop["tenant"])
    assert (closed["event"], closed["symbol"][-5:], closed["side"]) == ("trade.closed", "/USDT", "LONG")
    assert (stopped["event"], stopped["why"]) == ("binding.stopped", "closed by the merchant")


def test_only_what_was_chosen_and_only_to_its_tenant(database: Database, shop: dict[str, int]) -> None:
    def narrow(session: Session) -> int:
        row = session.exec(select(WebhookEndpoint).where(WebhookEndpoint.tenant_id == shop["tenant"])).one()
        row.events = ["reward.paid"]
        other = add_tenant(session)
        who = Principal("tenant", other.id or 0, other.id, "Other", "", "", 0)
        service.create_endpoint(session, who, "https://other.example/hook", SUBSCRIBABLE, vault=VAULT)
        return other.id or 0

    other = database.run(narrow)
    earn(database, shop, "100")
    assert {one["event"] for one in told(database, shop["tenant"])} == {"reward.paid"}
    assert told(database, other) == []
    assert database.run(lambda s: s.get(Tenant, other)) is not None
