"""What admins tell many at once: everybody, one tenant, or a segment. Written as notifications of each person in one transaction."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from backend.clock import now_ms, utcnow
from backend.errors import InvalidInput
from backend.identity import rights
from backend.identity.principal import Principal
from backend.live import Hub
from backend.models import Bot, Broadcast, ExchangeAccount, Notification, Tenant, User
from backend.security import audit

ROLES = ("agents", "tenants", "both")
BOTS = ("any", "running", "idle")
MODES = ("any", "live", "paper")
_AT_ONCE = 1_000
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LINK = re.compile(r"/(?!/)[\w/?=&.-]{0,159}")


@dataclass(frozen=True)
class Segment:
    """Whom: agents, tenants or both; of one tenant or of all (0); agents whose bot runs or does not; who have a live account, or
    one without real money ("paper")."""

    role: str = "agents"
    tenant_id: int = 0
    bot: str = "any"
    mode: str = "any"

    def __post_init__(self) -> None:
        if self.role not in ROLES or self.bot not in BOTS or self.mode not in MODES or self.tenant_id < 0:
            raise InvalidInput(f"The segment takes role {', '.join(ROLES)}; bot {', '.join(BOTS)}; mode {', '.join(MODES)}; a tenant's id or 0.")


@dataclass(frozen=True)
class Reach:
    """How many a segment reaches now."""

    agents: int
    tenants: int

    @property
    def people(self) -> int:
        """All of them."""
        return self.agents + self.tenants


def reach(session: Session, who: Principal, segment: Segment) -> Reach:
    """How many people a segment would reach. Raises ``RoleMayNot``."""
    rights.require(who, "people", changing=False)
    agents = session.exec(select(func.count()).select_from(_agents(segment).subquery())).one() if segment.role != "tenants" else 0
    tenants = session.exec(select(func.count()).select_from(_tenants(segment).subquery())).one() if segment.role != "agents" else 0
    return Reach(int(agents), int(tenants))


def send(
    session: Session, who: Principal, key: str, segment: Segment, *, title: str, message: str, link: str = "", ip: str = ""
) -> Broadcast:
    """Write the message to everybody of the segment. The same key again changes nothing and answers the first.

    Raises ``InvalidInput`` (also when nobody is reached), ``RoleMayNot``.
    """
    rights.require(who, "people", changing=True)
    if not _KEY.fullmatch(key):
        raise InvalidInput("The form has no key. Open it again.")
    earlier = session.exec(select(Broadcast).where(Broadcast.key == key)).first()
    if earlier is not None:
        return earlier
    title, message = " ".join(title.split())[:160], message.strip()[:500]
    if len(title) < 3:
        raise InvalidInput("Write a title of at least three letters.")
    if link and not _LINK.fullmatch(link):
        raise InvalidInput("The link is a page of the platform, such as /agent/bot.")
    row = Broadcast(key=key, admin_id=who.id, segment=asdict(segment), title=title, message=message, link=link)
    text = {"type": "system", "title": title, "message": message, "link": link, "is_read": False, "fanned": False, "created_at": utcnow()}
    people: list[dict[str, Any]] = []
    if segment.role != "tenants":
        people += [{**text, "audience": "agent", "tenant_id": tenant, "user_id": user} for user, tenant in session.exec(_agents(segment)).all()]
    if segment.role != "agents":
        people += [{**text, "audience": "tenant", "tenant_id": tenant, "user_id": None} for tenant in session.exec(_tenants(segment)).all()]
    if not people:
        raise InvalidInput("This segment reaches nobody.")
    for start in range(0, len(people), _AT_ONCE):
        session.connection().execute(insert(Notification), people[start : start + _AT_ONCE])
    row.people = len(people)
    session.add(row)
    session.flush()
    detail = {"segment": asdict(segment), "title": title, "people": row.people}
    audit.record(session, who, "broadcast.send", f"broadcast:{row.id}", detail=detail, ip=ip, tenant_id=segment.tenant_id or None)
    return row


def wake(hub: Hub, session: Session, segment: Segment) -> None:
    """After the commit: the bells of those who are here ring now."""
    now = now_ms()
    if segment.role != "tenants":
        for user, _ in session.exec(_agents(segment)).all():
            hub.publish(f"agent:{user}", {"changed_ms": now})
    if segment.role != "agents":
        for tenant in session.exec(_tenants(segment)).all():
            hub.publish(f"tenant:{tenant}", {"changed_ms": now})


def _agents(segment: Segment) -> Any:
    statement = select(User.id, User.tenant_id).where(User.status == 1, col(User.is_root).is_(False))
    if segment.tenant_id:
        statement = statement.where(User.tenant_id == segment.tenant_id)
    if segment.bot != "any":
        running = select(Bot.user_id).where(Bot.observed == "running")
        statement = statement.where(col(User.id).in_(running) if segment.bot == "running" else col(User.id).not_in(running))
    if segment.mode != "any":
        real = col(ExchangeAccount.mode) == "live"
        holders = select(ExchangeAccount.user_id).where(ExchangeAccount.status == 1, real if segment.mode == "live" else ~real)
        statement = statement.where(col(User.id).in_(holders))
    return statement.order_by(col(User.id))


def _tenants(segment: Segment) -> Any:
    statement = select(Tenant.id).where(Tenant.status == 1)
    return statement.where(Tenant.id == segment.tenant_id) if segment.tenant_id else statement.order_by(col(Tenant.id))
