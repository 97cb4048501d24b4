"""The visitor's doors: sign up, confirm the address, a forgotten password, the second step of signing in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from backend.api.context import context_of, peer, require_same_origin, run, user_agent
from backend.api.session import SECOND, PasswordsDiffer, back_to, entered, form_of
from backend.errors import IronBullError
from backend.identity import second_factor, sign_up
from backend.identity.mail import Letter, deliver
from backend.identity.principal import Kind
from backend.identity.service import open_session
from backend.identity.sign_up import Wish
from backend.security.passwords import check_strength, hash_password
from backend.settings import Settings

router = APIRouter(tags=["session"])
START = "/agent/start"


@router.post("/api/session/join", status_code=303, response_class=RedirectResponse)
async def join(request: Request) -> RedirectResponse:
    """Form ``email``, ``password``, ``again``, ``invite`` (optional), ``terms``, ``lang``: a confirmation link by mail.

    The answer is the same whether or not the address has an account.
    """
    form, settings = await form_of(request), context_of(request).settings
    front, email = _front(form), form.get("email", "")
    try:
        require_same_origin(request)
        await run(request, lambda session: sign_up.throttle(session, "sign_up", email, peer(request)))
        password = form.get("password", "")
        if form.get("again", password) != password:
            raise PasswordsDiffer
        check_strength(password, email, "ironbull")
        hashed = await asyncio.to_thread(hash_password, password)
        wish = Wish(
            email, hashed, form.get("invite", ""), _number(form.get("tenant", "")), form.get("lang", "en"),
            terms=bool(form.get("terms")),
        )  # fmt: skip
        made = await run(
            request, lambda session: sign_up.ask(session, settings, wish, base=_base(settings), ip=peer(request))
        )
        return _posted(settings, [made], f"{front}/sent")
    except IronBullError as error:
        return back_to(f"{front}/join", _told(error), invite=form.get("invite", ""))


@router.post("/api/session/confirm", status_code=303, response_class=RedirectResponse)
async def confirm(request: Request) -> RedirectResponse:
    """Form ``token``: makes the account of a confirmed address and signs it in."""
    form, settings = await form_of(request), context_of(request).settings
    try:
        require_same_origin(request)

        def make(session: Session) -> str:
            user = sign_up.confirm(session, settings, form.get("token", ""), ip=peer(request))
            assert user.id is not None
            agent: Kind = "agent"
            opened = open_session(
                session, agent, user.id, purpose="cookie", ip=peer(request), user_agent=user_agent(request)
            )
            return opened[1]

        return entered(request, "agent", await run(request, make), START)
    except IronBullError as error:
        return back_to(f"{_front(form)}/confirm", error.code)


@router.post("/api/session/forgot", status_code=303, response_class=RedirectResponse)
async def forgot(request: Request) -> RedirectResponse:
    """Form ``email``, ``lang``: a link to set a new password, if the address has an account. The answer never says."""
    form, settings = await form_of(request), context_of(request).settings
    front, email, lang = _front(form), form.get("email", ""), form.get("lang", "en")
    try:
        require_same_origin(request)
        await run(request, lambda session: sign_up.throttle(session, "reset", email, peer(request)))
        letters = await run(
            request, lambda session: sign_up.ask_reset(session, email, lang, base=_base(settings), ip=peer(request))
        )
        return _posted(settings, letters, f"{front}/sent")
    except IronBullError as error:
        return back_to(f"{front}/forgot", _told(error))


@router.post("/api/session/reset", status_code=303, response_class=RedirectResponse)
async def reset(request: Request) -> RedirectResponse:
    """Form ``token``, ``password``, ``again``: the new password; every session ends, sign in with the new one."""
    form = await form_of(request)
    front, token, password = _front(form), form.get("token", ""), form.get("password", "")
    try:
        require_same_origin(request)
        if form.get("again", password) != password:
            raise PasswordsDiffer
        check_strength(password, "ironbull")
        await run(request, lambda session: sign_up.reset(session, token, password, ip=peer(request)))
        return back_to(f"{front}/login", "password_set")
    except IronBullError as error:
        return back_to(f"{front}/reset", error.code, token=token)


@router.post("/api/session/second", status_code=303, response_class=RedirectResponse)
async def second(request: Request) -> RedirectResponse:
    """Form ``code``, ``next``: the second step of a sign-in whose first step set the cookie."""
    form = await form_of(request)
    try:
        require_same_origin(request)

        def finish(session: Session) -> tuple[Kind, str] | None:
            found = second_factor.finish_sign_in(
                session, request.cookies.get(SECOND, ""), form.get("code", ""),
                ip=peer(request), user_agent=user_agent(request),
            )  # fmt: skip
            return (found[0].kind, found[1]) if found else None

        found = await run(request, finish)
        if found is None:
            raise second_factor.WrongCode
        answer = entered(request, found[0], found[1], form.get("next", ""))
        answer.delete_cookie(SECOND, path="/")
        return answer
    except IronBullError as error:
        page = "/login/second" if error.code in ("wrong_code", "foreign_origin") else "/login"
        return back_to(f"{_front(form)}{page}", error.code, next=form.get("next", ""))


def _posted(settings: Settings, letters: Iterable[Letter], page: str) -> RedirectResponse:
    """The answer first, the mail after it: how long a mail server takes must not tell whether there was a mail."""
    tasks = BackgroundTasks()
    for letter in letters:
        tasks.add_task(deliver, settings, letter)
    kept = "" if settings.smtp_url.get_secret_value() else "?note=outbox"
    return RedirectResponse(page + kept, 303, background=tasks)


def _told(error: IronBullError) -> str:
    """An hour's wait has words of its own."""
    return "too_many" if error.code == "too_many_tries" else error.code


def _base(settings: Settings) -> str:
    return (settings.public_url or settings.base_url).rstrip("/")


def _front(form: dict[str, str]) -> str:
    return "/zh" if form.get("lang", "").startswith("zh") else ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
