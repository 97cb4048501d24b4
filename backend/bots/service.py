"""An agent's bot: wanted or not, and how it is set. Whether it really runs is observed by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, select

from backend.bots import preconditions, watchdog
from backend.bots.rules import BotConfig
from backend.clock import utcnow
from backend.errors import Conflict, NotFound
from backend.identity.principal import Principal
from backend.identity.scope import get_scoped
from backend.models import Bot, User
from backend.security import audit


class BotCannotStart(Conflict):
    """The bot cannot start yet."""

    code = "bot_cannot_start"


def bot_of(session: Session, user: User, lock: bool = False) -> Bot:
    """The agent's bot, made (stopped) when there is none yet."""
    statement = select(Bot).where(Bot.user_id == user.id)
    bot = session.exec(statement.with_for_update() if lock else statement).first()
    if bot is None:
        assert user.id is not None
        bot = Bot(tenant_id=user.tenant_id, user_id=user.id, config=BotConfig().as_json())
        session.add(bot)
        session.flush()
    return bot


def obstacles(session: Session, user: User) -> list[str]:
    """Everything that keeps this agent's bot from starting, as sentences that say what to do; empty when it may."""
    return [one.sentence for one in preconditions.obstacles(session, user)]


def start(session: Session, who: Principal, user_id: int, ip: str = "") -> Bot:
    """Want the agent's bot to run. Again changes nothing. Raises ``NotFound``, ``BotCannotStart`` with every reason."""
    user = _user(session, who, user_id)
    bot = bot_of(session, user, lock=True)
    if bot.desired == "running":
        return bot
    found = obstacles(session, user)
    if found:
        raise BotCannotStart(" ".join(found))
    BotConfig.from_mapping(bot.config)
    now = utcnow()
    watchdog.healthy(session, bot)
    bot.desired, bot.observed, bot.reason = "running", "starting", ""
    bot.started_at = bot.updated_at = now
    session.add(bot)
    session.flush()
    audit.record(session, who, "bot.start", f"user:{user.id}", ip=ip, tenant_id=user.tenant_id)
    return bot


def stop(session: Session, who: Principal, user_id: int, reason: str = "Stopped by you.", ip: str = "") -> Bot:
    """Want no new entries. Open positions keep their exits and stops. Again changes nothing. Raises ``NotFound``."""
    user = _user(session, who, user_id)
    bot = bot_of(session, user, lock=True)
    if bot.desired == "stopped":
        return bot
    bot.desired, bot.observed, bot.reason = "stopped", "stopped", reason[:255]
    bot.updated_at = utcnow()
    session.add(bot)
    session.flush()
    audit.record(session, who, "bot.stop", f"user:{user.id}", ip=ip, tenant_id=user.tenant_id)
    return bot


def pause(session: Session, who: Principal, user_id: int, ip: str = "") -> Bot:
    """Want no new entries for now, restored as such after a restart. Again changes nothing. Raises ``NotFound``, ``Conflict``."""
    user = _user(session, who, user_id)
    bot = bot_of(session, user, lock=True)
    if bot.desired == "paused":
        return bot
    if bot.desired != "running":
        raise Conflict("Only a running bot can be paused. Start it first.")
    bot.desired = bot.observed = "paused"
    bot.reason, bot.updated_at = "Paused by you.", utcnow()
    session.add(bot)
    session.flush()
    audit.record(session, who, "bot.pause", f"user:{user.id}", ip=ip, tenant_id=user.tenant_id)
    return bot


def configure(session: Session, who: Principal, user_id: int, changes: Mapping[str, Any], ip: str = "") -> Bot:
    """Change bot settings; they hold from the next scan. Raises ``BadBotConfig`` naming the wrong one, ``NotFound``."""
    user = _user(session, who, user_id)
    bot = bot_of(session, user, lock=True)
    config = BotConfig.from_mapping({**bot.config, **changes})
    bot.config = config.as_json()
    bot.config_version += 1
    bot.updated_at = utcnow()
    session.add(bot)
    session.flush()
    changed = {"settings": sorted(changes), "version": bot.config_version}
    audit.record(session, who, "bot.configure", f"user:{user.id}", detail=changed, ip=ip, tenant_id=user.tenant_id)
    return bot


def _user(session: Session, who: Principal, user_id: int) -> User:
    user = get_scoped(session, who, User, user_id)
    if user.is_root:
        raise NotFound
    return user
