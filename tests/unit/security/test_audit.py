from sqlmodel import select

from backend.db import Database
from backend.identity.principal import Principal
from backend.models import AuditLog
from backend.security import audit


def test_an_act_is_written_without_secrets(sqlite_database: Database) -> None:
    who = Principal("tenant", 3, 3, "T", "t@x.example", "tenant", 1)
    detail = {"api_secret": "canary", "inner": {"password": "canary", "amount": 5}, "list": [{"token": "canary"}]}
    with sqlite_database.transaction() as session:
        audit.record(session, who, "account.connect", "exchange_account:1", detail=detail, ip="10.0.0.1")
        audit.record(session, None, "job.run", ok=False)
    with sqlite_database.reading() as session:
        first, second = session.exec(select(AuditLog).order_by(AuditLog.id)).all()
    assert (first.actor_kind, first.actor_id, first.tenant_id, first.ip) == ("tenant", 3, 3, "10.0.0.1")
    assert "canary" not in str(first.detail)
    assert first.detail["inner"]["amount"] == 5
    assert (second.actor_kind, second.actor_id, second.ok) == ("system", None, False)
