"""The page "platform and exchange": whose rows, which filters, and what its figures count."""

from __future__ import annotations

from backend.dashboards.lists.base import find_of
from backend.dashboards.lists.differences import ACTIONS, CAUSES, DIFFERENCES
from backend.identity.principal import Kind, Principal
from backend.models import Difference, Order
from pages.components.i18n import LANGS, catalogue
from state.trade_rows import difference
from tests.support.doors import Owned, World

ADMIN = Principal("admin", 1, None, "n", "e", "", 1)


def tenant(owned: Owned) -> Principal:
    kind: Kind = "tenant"
    return Principal(kind, owned.tenant_id, owned.tenant_id, "n", "e", "", 1)


def seed(world: World) -> None:
    with world.db.transaction() as session:
        for owned, cause, action in (
            (world.a, "closed_outside", "booked"), (world.a, "order_absent", "sent_again"), (world.b, "stop_missing", "stop_restored"),
        ):  # fmt: skip
            order = session.get_one(Order, owned.order_pk)
            said = ("open 0.5", "closed 0.5") if cause == "closed_outside" else ("UNKNOWN", "absent")
            session.add(
                Difference(
                    fact=f"{cause}:{owned.tenant_id}", tenant_id=owned.tenant_id, account_id=owned.account_id, order_id=order.id,
                    symbol=order.symbol, cause=cause, platform_says=said[0], exchange_says=said[1], action=action,
                )
            )  # fmt: skip


async def test_each_reads_its_own_by_cause_and_action(fresh: World) -> None:
    seed(fresh)
    with fresh.db.reading() as session:

        def causes(who: Principal, **given: str) -> list[str]:
            return [row["cause"] for row in DIFFERENCES.fetch(session, who, find_of(DIFFERENCES, given)).rows]

        assert causes(ADMIN) == ["stop_missing", "order_absent", "closed_outside"]
        assert causes(tenant(fresh.a)) == ["order_absent", "closed_outside"]
        assert causes(tenant(fresh.b), cause="order_absent") == []
        assert causes(ADMIN, action="booked") == ["closed_outside"]
        assert causes(tenant(fresh.a), tenant=str(fresh.b.tenant_id)) == []
        assert DIFFERENCES.totals is not None
        own = DIFFERENCES.totals(session, tenant(fresh.a), find_of(DIFFERENCES, {"cause": "closed_outside"}))
        assert own == {"": 2} | dict.fromkeys(CAUSES, 0) | {"closed_outside": 1, "order_absent": 1}
        row = DIFFERENCES.fetch(session, tenant(fresh.a), find_of(DIFFERENCES, {"cause": "closed_outside"})).rows[0]
    assert (row["order_id"], row["account_id"]) == (fresh.a.order_id, fresh.a.account_id)
    assert row["user"]
    shown = difference(row)
    assert (shown["platform"], shown["platform_n"], shown["exchange"]) == ("diff.says.open", "0.5", "diff.says.closed")
    async with fresh.client("tenant_b") as http:
        answer = await http.get("/api/lists/differences.csv")
    assert "stop_restored" in answer.text
    assert fresh.a.order_id not in answer.text


def test_every_cause_and_action_has_words() -> None:
    for lang in LANGS:
        words = catalogue(lang)
        assert all(words[f"diff.c.{name}"] for name in CAUSES)
        assert all(words[f"diff.a.{name}"] for name in ACTIONS)
