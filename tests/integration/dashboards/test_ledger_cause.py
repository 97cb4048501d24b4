"""From any ledger transaction to what caused it: a settlement and the pool it fed lead to the same fill's order."""

from __future__ import annotations

from sqlmodel import Session, select

from backend.billing.service import settle_fill
from backend.dashboards.lists.money import transaction_detail
from backend.db import Database
from backend.identity.principal import Principal
from backend.models import Fill, LedgerTransaction, ProfitPool, User
from tests.support.money import add_fill, add_tenant, add_user, fund

ANN = Principal("admin", 1, None, "Ann", "ann", "owner", 0)


def test_a_settlement_leads_to_its_fill(database: Database) -> None:
    def build(session: Session) -> int:
        tenant = add_tenant(session)
        user = add_user(session, tenant, session.get(User, tenant.root_user_id))
        fund(session, user, "100")
        return add_fill(session, user, "50").id or 0

    fill_id = database.run(build)
    database.run(lambda s: settle_fill(s, fill_id))
    with database.reading() as session:
        fill = session.get(Fill, fill_id)
        assert fill is not None
        order = {"what": "fill", "path": f"/admin/orders?open={fill.order_pk}", "id": fill.fill_id}
        pool = session.exec(select(ProfitPool)).all()[-1]
        row = session.exec(select(LedgerTransaction).where(LedgerTransaction.reference == f"fill:{fill_id}")).one()
        assert transaction_detail(session, ANN, row.id or 0)["cause"] == [order]
        row.reference = f"pool:{pool.id}"
        causes = transaction_detail(session, ANN, row.id or 0)["cause"]
        assert causes == [{"what": "pool", "path": f"/admin/pools?open={pool.id}", "id": str(pool.id)}, order]
        for reference in ("", "fill:", "fill:999999999", "pool:x", "nothing:1"):
            row.reference = reference
            assert transaction_detail(session, ANN, row.id or 0)["cause"] == []
        session.rollback()
