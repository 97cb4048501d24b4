"""The watch over bots: what is observed of each, what a crash of one leads to, and what is told.

A bot that crashes rests for a while and is asked again; one that cannot be helped by asking again goes to ``error`` at once,
with what to do. Open positions are watched through all of it: exits and stops ask no bot.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import update
from sqlmodel import Session, col, select

from backend.bots.restart_rules import FATAL, after_crash
from backend.clock import from_ms, now_ms, utcnow
from backend.models import Bot, BotWatch, Notification

log = structlog.get_logger("bots")

STALE_AFTER = timedelta(seconds=90)
GAVE_UP = "The bot failed four times within five minutes. Look at its settings and start it again, or ask your provider."


def watch_of(session: Session, bot: Bot) -> BotWatch:
    """The watch over a bot, made when there is none yet."""
    row = session.get(BotWatch, bot.user_id)
    if row is None:
        row = BotWatch(user_id=bot.user_id, tenant_id=bot.tenant_id)
        session.add(row)
        session.flush()
    return row


def crashed(session: Session, bot: Bot, cause: str) -> None:
    """A bot failed in a way that may pass: it rests 5, 15, then 45 s; the fourth time within five minutes it is stopped."""
    row, now = watch_of(session, bot), now_ms()
    if row.retry_at is not None and row.retry_at > utcnow():
        return  # another of its strategies, in the same scan
    verdict = after_crash([at / 1000 for at in row.crashes_ms], now / 1000)
    row.crashes_ms, row.last_error = [round(at * 1000) for at in verdict.crashes], cause[:255]
    session.add(row)
    if verdict.wait_s is None:
        _stop_for_good(session, bot, row, GAVE_UP)
        return
    row.retry_at = from_ms(now + round(verdict.wait_s * 1000))
    bot.observed, bot.updated_at = "restarting", utcnow()
    session.add(bot)
    log.warning("bot restarts", user=bot.user_id, again_in_s=verdict.wait_s, cause=cause)


def failed(session: Session, bot: Bot, code: str, cause: str = "") -> None:
    """A bot cannot go on until a person acts (``code`` of ``FATAL``): it is stopped at once. Again changes nothing."""
    if bot.desired == "stopped":
        return
    row = watch_of(session, bot)
    row.last_error = (cause or code)[:255]
    _stop_for_good(session, bot, row, FATAL[code])


def failed_user(session: Session, user_id: int, code: str, cause: str = "") -> None:
    """``failed`` for the bot of a user, when the code is one that no restart heals."""
    if code not in FATAL:
        return
    bot = session.exec(select(Bot).where(Bot.user_id == user_id)).first()
    if bot is not None:
        failed(session, bot, code, cause)


def healthy(session: Session, bot: Bot) -> None:
    """A person starts the bot: what was is forgotten."""
    row = session.get(BotWatch, bot.user_id)
    if row is not None:
        row.crashes_ms, row.retry_at, row.last_error = [], None, ""
        session.add(row)


def resting(session: Session) -> set[int]:
    """User ids of the bots that are not asked now."""
    return set(session.exec(select(BotWatch.user_id).where(col(BotWatch.retry_at) > utcnow())).all())


def beat(session: Session, owner: str, token: int) -> int:
    """The engine that holds ``token`` looks after every bot that is wanted. Returns how many."""
    rows = session.exec(select(Bot.user_id, Bot.tenant_id).where(Bot.desired != "stopped")).all()
    wanted = {int(user_id): int(tenant_id) for user_id, tenant_id in rows}
    if not wanted:
        return 0
    known = set(session.exec(select(BotWatch.user_id)).all())
    session.add_all(BotWatch(user_id=number, tenant_id=wanted[number]) for number in sorted(wanted.keys() - known))
    session.flush()
    session.connection().execute(
        update(BotWatch)
        # A successor's token is larger: a holder that was paused past its lease cannot take a bot back.
        .where(col(BotWatch.user_id).in_(select(Bot.user_id).where(Bot.desired != "stopped")), col(BotWatch.token) <= token)
        .values(owner=owner, token=token, heartbeat_at=utcnow())
    )
    return len(wanted)


def recovering(session: Session) -> None:
    """An engine takes over: nothing is known of the bots until their next scan."""
    rests = resting(session)
    for bot in session.exec(select(Bot).where(Bot.desired != "stopped").order_by(col(Bot.id))).all():
        if bot.user_id not in rests:
            bot.observed = "paused" if bot.desired == "paused" else "starting"
            session.add(bot)


def watched(row: BotWatch | None) -> bool:
    """Whether somebody looked after the bot lately."""
    return row is not None and row.heartbeat_at is not None and utcnow() - row.heartbeat_at < STALE_AFTER


def _stop_for_good(session: Session, bot: Bot, row: BotWatch, what_to_do: str) -> None:
    row.retry_at = None
    bot.desired, bot.observed, bot.reason, bot.updated_at = "stopped", "error", what_to_do[:255], utcnow()
    session.add_all((row, bot))
    for audience, user_id, link in (("agent", bot.user_id, "/agent/bot"), ("tenant", None, "/tenant/users")):
        session.add(
            Notification(
                audience=audience, tenant_id=bot.tenant_id, user_id=user_id, type="bot_error", title="The bot has stopped",
                message=what_to_do if user_id else f"Bot of user {bot.user_id}: {what_to_do}", link=link,
            )
        )  # fmt: skip
    log.error("bot stopped for good", user=bot.user_id, cause=row.last_error)
