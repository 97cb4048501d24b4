"""Who is asking, and whether they may. Every public handler of every state goes through here.

A state handler can be called by anyone who can open a socket, whatever page is shown. So each one carries
``@needs(...)``, which resolves the session cookie of the socket's handshake against the session store.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeVar

import reflex as rx
import structlog
from sqlmodel import Session

from backend.db import get_db, is_away
from backend.errors import IronBullError, NotAllowed
from backend.identity import rights
from backend.identity.principal import Principal
from backend.identity.rights import READ
from backend.identity.sessions import remembered, resolve_session

COOKIE = "sid"
log = structlog.get_logger("pages")
HOME = {"admin": "/admin", "tenant": "/tenant", "agent": "/agent"}
T = TypeVar("T")
Handler = TypeVar("Handler", bound=Callable[..., Any])
_asking: ContextVar[tuple[Principal, str] | None] = ContextVar("asking", default=None)
"""Who the running handler acts for, and the right it names."""


def cookie_of(state: rx.State) -> str:
    """The session cookie this socket was opened with ("" when it had none)."""
    header = state.router.headers.cookie or ""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


async def principal_of(state: rx.State) -> Principal | None:
    """Who is behind this socket now; None when the session is missing, expired or revoked."""
    sid = cookie_of(state)
    if not sid:
        return None
    # Every handler asks several times; a page asks some ten times before it shows anything.
    known, who = remembered(sid)
    return who if known else await asyncio.to_thread(resolve_session, sid)


async def signed_in(state: rx.State) -> Principal:
    """The principal inside a handler guarded by ``needs``. Raises ``PermissionError`` if it ended meanwhile."""
    who = await principal_of(state)
    if who is None:
        raise PermissionError("the session ended")
    return who


def needs(*kinds: str, may: str = READ) -> Callable[[Handler], Handler]:
    """Let only these kinds of principal run the handler; ``"anyone"`` needs no sign-in.

    Without arguments the class attribute ``_allowed`` of the state decides (for mixins). Put it below ``@rx.event``.
    ``may`` is the right an admin's role must have; a handler that writes names one (``write`` refuses an admin's change
    under "read"). Refused callers are sent away: to sign in, or to their own home. Errors become a toast.
    """

    def decorate(fn: Handler) -> Handler:
        if inspect.isasyncgenfunction(fn):

            @functools.wraps(fn)
            async def stream(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
                if not await _admit(self, kinds, may):
                    return
                try:
                    async for item in fn(self, *args, **kwargs):
                        yield item
                except Exception as error:  # the edge of a handler: logged, and a toast says so
                    await _tell(self, error, fn.__qualname__)

            wrapped: Any = stream
        else:

            @functools.wraps(fn)
            async def once(self: Any, *args: Any, **kwargs: Any) -> Any:
                if not await _admit(self, kinds, may):
                    return None
                try:
                    result = fn(self, *args, **kwargs)
                    return await result if inspect.isawaitable(result) else result
                except Exception as error:  # the edge of a handler: logged, and a toast says so
                    await _tell(self, error, fn.__qualname__)
                    return None

            wrapped = once
        wrapped._roles = kinds or ("by class",)
        wrapped._right = may
        return wrapped

    return decorate


async def _admit(state: rx.State, kinds: tuple[str, ...], right: str) -> bool:
    allowed = kinds or tuple(getattr(state, "_allowed", ()))
    if "anyone" in allowed:
        return True
    try:
        who = await principal_of(state)
    except Exception as error:  # nobody is let in whose session cannot be asked for
        await _tell(state, error, "session")
        return False
    if who is not None and who.kind in allowed:
        _asking.set((who, right))
        try:
            rights.require(who, right, changing=False)
        except NotAllowed as refused:
            await _tell(state, refused, "")
            return False
        return True
    from state.session import Session as SessionState

    here = await state.get_state(SessionState)
    here.leave_to = HOME[who.kind] if who else here._sign_in_again()
    return False


async def _tell(state: rx.State, error: Exception, where: str) -> None:
    """This is the edge of a handler: an expected error is told in its own words, any other only as such."""
    from state.ui import Ui

    ui = await state.get_state(Ui)
    if isinstance(error, IronBullError):
        ui._say(text=str(error), bad=True)
        return
    if is_away(error):
        log.error("database_away", handler=where)
        ui._say("toast.away", bad=True)
        return
    log.error("handler_failed", handler=where, exc_info=error)
    ui._say("toast.failed", bad=True)


async def read(work: Callable[[Session], T]) -> T:
    """``work(session)`` in a reading session, off the event loop."""
    return await get_db().aread(work)


async def write(work: Callable[[Session], T]) -> T:
    """``work(session)`` as one transaction, off the event loop. Raises ``ReadOnly``, ``RoleMayNot``."""
    check_writing()
    return await get_db().arun(work)


def check_writing() -> None:
    """Whether the person this handler runs for may change anything: not in a read-only session, and as an admin only
    where the handler names the right it needs. Raises ``ReadOnly``, ``RoleMayNot``."""
    asking = _asking.get()
    if asking is None:
        return
    who, right = asking
    if who.kind == "admin" and right == READ:
        raise rights.RoleMayNot
    rights.require(who, right, changing=True)
