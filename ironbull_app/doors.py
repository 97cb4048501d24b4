"""The front door: static public pages, cache and security headers, and no guarded page without a session."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from backend.db import AWAY, get_db, is_away
from backend.portfolio.record_rules import Record
from ironbull_app.branded import ADDRESS, Face, dressed, face_of, tenant_at
from ironbull_app.finding import robots, site_map, with_addresses
from ironbull_app.record import latest, with_record

log = structlog.get_logger("web")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

STATIC = {
    "/": "landing",
    "/login": "sign_in",
    "/login/second": "second",
    "/setup": "set_up",
    "/join": "join",
    "/sent": "sent",
    "/confirm": "confirm",
    "/forgot": "forgot",
    "/reset": "reset",
    "/terms": "terms",
}
_MOST_ADDRESSED = 64
FOR_SEARCH = ("/robots.txt", "/sitemap.xml")
GUARDED = {"admin": "/admin", "tenant": "/tenant", "agent": "/agent"}
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"content-security-policy", b"frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"),
)


def http_doors() -> list[Any]:
    """What stands in front of the pages: the API, then this door. Nothing while the front end is being built."""
    if os.environ.get("IRONBULL_EXPORT") == "1":
        return []
    from backend.api.app import create_api
    from backend.settings import PAPER_PREFIX, get_settings

    static = Path(os.environ["REFLEX_WEB_WORKDIR"]) / "static"
    doors: list[Any] = [create_api(get_db()), lambda app: FrontDoor(app, static)]
    if not get_settings().paper_url:
        # Outermost: the simulated exchange is a service of its own that only shares the port. Where it runs elsewhere,
        # importing it would only cost memory.
        from backend.runtime import embedded_paper

        paper = embedded_paper()
        doors.append(lambda app: Beside(app, PAPER_PREFIX, paper))
    return doors


class Beside:
    """Another application under a prefix; everything else passes on."""

    def __init__(self, app: App, prefix: str, other: App) -> None:
        self.app = app
        self.prefix = prefix
        self.other = other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route by prefix."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(self.prefix + "/"):
            inner = path[len(self.prefix) :]
            await self.other({**scope, "path": inner, "raw_path": inner.encode()}, receive, send)
        else:
            await self.app(scope, receive, send)


class _StaticPage:
    """One page kept in memory, plain and, once it was asked for so, compressed."""

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._gzipped: bytes | None = None

    async def gzipped(self) -> bytes:
        """Compressed once, beside the event loop."""
        if self._gzipped is None:
            self._gzipped = await asyncio.to_thread(gzip.compress, self.plain, 9)
        return self._gzipped


class FrontDoor:
    """ASGI wrapper around everything the process serves."""

    def __init__(self, app: App, static: Path) -> None:
        self.app = app
        self._has_admin = False
        self._landings: dict[str, tuple[Record, _StaticPage]] = {}
        from backend.settings import get_settings

        self._public = get_settings().public_url.rstrip("/")
        self._pages = {path.stem: _StaticPage(path.read_bytes()) for path in sorted(static.glob("*.html"))}
        self._addressed: dict[tuple[int, str], tuple[_StaticPage, _StaticPage]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a public page, turn away a stranger, or pass on with headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = _Request(scope)
        try:
            passed = await self._served(scope, send, request)
        except AWAY as error:
            if not is_away(error):
                raise
            log.error("database_away", path=request.path, error=type(error).__name__)
            await self._away(send, request)
            return
        if passed is not None:
            await self._pass_on(passed, receive, send, request)

    async def _served(self, scope: Scope, send: Send, request: _Request) -> Scope | None:
        """Answer from here, or say what is passed on."""
        if request.method in ("GET", "HEAD"):
            path = request.path.rstrip("/") or "/"
            lang = "zh" if path == "/zh" or path.startswith("/zh/") else "en"
            bare = path.removeprefix("/zh") or "/" if lang == "zh" else path
            if path in FOR_SEARCH:
                base = self._public or request.base()
                words, form = (robots(base), b"text/plain") if path == "/robots.txt" else (site_map(base), b"application/xml")
                await self._send(send, request, _StaticPage(words.encode()), 200, form)
                return None
            own = ADDRESS.fullmatch(bare)
            if own is not None and await self._branded(send, request, int(own[1]), own[2] or "/", lang):
                return None
            if bare in STATIC:
                if lang == "en" and request.wants_chinese():
                    target = "/zh" if bare == "/" else "/zh" + bare
                    await _redirect(send, 302, target + request.query_string(), vary=True)
                    return None
                if bare == "/login" and await self._empty():
                    await _redirect(send, 303, "/zh/setup" if lang == "zh" else "/setup")
                    return None
                if await self._at_home(send, request, bare, lang):
                    return None
                name = f"{STATIC[bare]}-{lang}"
                await self._send(send, request, await self._landing(lang) if bare == "/" else self._pages[name], 200)
                return None
            kind = path.split("/", 2)[1] if path != "/" else ""
            if kind in GUARDED and "." not in path.rsplit("/", 1)[1]:
                refused = await _refusal(request, kind)
                if refused:
                    await _redirect(send, 303, refused)
                    return None
                scope = {**scope, "path": path + "/"}
        return scope

    async def _branded(self, send: Send, request: _Request, tenant_id: int, bare: str, lang: str) -> bool:
        """A public page in a merchant's face; False when there is no such merchant."""
        face = await face_of(tenant_id)
        if face is None:
            return False
        if lang == "en" and request.wants_chinese():
            await _redirect(send, 302, f"/zh/t/{tenant_id}{'' if bare == '/' else bare}{request.query_string()}", vary=True)
            return True
        await self._send(send, request, await self._face(bare, lang, face), 200)
        return True

    async def _at_home(self, send: Send, request: _Request, bare: str, lang: str) -> bool:
        """A public page under a merchant's own host name; False under any other."""
        tenant_id = await tenant_at(request.header(b"host").decode("latin-1"))
        face = await face_of(tenant_id) if tenant_id is not None else None
        if face is None:
            return False
        if bare == "/join" and b"tenant=" not in request.scope.get("query_string", b""):
            more = request.query_string().replace("?", "&", 1)
            await _redirect(send, 303, f"{'/zh' if lang == 'zh' else ''}/join?tenant={face.tenant_id}{more}")
            return True
        await self._send(send, request, await self._face(bare, lang, face, at_home=True), 200, base=request.base())
        return True

    async def _face(self, bare: str, lang: str, face: Face, *, at_home: bool = False) -> _StaticPage:
        page = dressed(self._pages[f"{STATIC[bare]}-{lang}"].plain.decode(), face, at_home=at_home)
        if bare == "/":
            page = with_record(page, await latest(), lang)
        return await asyncio.to_thread(_StaticPage, page.encode())

    async def _landing(self, lang: str) -> _StaticPage:
        """The landing page with the recorded figures; made once for each reading of them."""
        record, name = await latest(), f"landing-{lang}"
        if record is None:
            return self._pages[name]
        kept = self._landings.get(lang)
        if kept is None or kept[0] is not record:
            page = with_record(self._pages[name].plain.decode(), record, lang)
            kept = self._landings[lang] = (record, await asyncio.to_thread(_StaticPage, page.encode()))
        return kept[1]

    async def _empty(self) -> bool:
        """Whether nobody can sign in yet: a platform without demo data before its first admin."""
        if self._has_admin:
            return False
        from backend.identity.service import first_admin_needed
        from backend.settings import get_settings

        self._has_admin = get_settings().demo or not await get_db().aread(first_admin_needed)
        return not self._has_admin

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, request: _Request) -> None:
        started = False
        lost = ""

        async def answer(message: Message) -> None:
            nonlocal started, lost
            if message["type"] == "http.response.start":
                started = True
                headers = list(message.get("headers", []))
                kind = dict(headers).get(b"content-type", b"")
                if message["status"] == 404 and kind.startswith(b"text/html"):
                    lost = "not_found"
                    return
                if message["status"] == 503 and b"text/html" in request.header(b"accept") and request.path != "/api/health":
                    lost = "away"
                    return
                message = {**message, "headers": [*headers, *_cache(request.path, message["status"], kind, headers), *_HEADERS]}
            elif lost:
                if not message.get("more_body"):
                    await (self._away(send, request) if lost == "away" else self._static(send, request, f"not_found-{request.lang()}", 404))
                return
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception:  # the edge of a page request: the visitor gets a page that says so
            if started:
                raise
            log.exception("request_failed", path=request.path)
            await self._static(send, request, f"crash-{request.lang()}", 500)

    async def _away(self, send: Send, request: _Request) -> None:
        """The database does not answer: said in words; a page that was only asked for comes by itself later."""
        again = ((b"refresh", b"10"),) if request.method == "GET" else ()
        await self._send(send, request, self._pages[f"away-{request.lang()}"], 503, more=again)

    async def _static(self, send: Send, request: _Request, name: str, status: int) -> None:
        await self._send(send, request, self._pages[name], status)

    def _at(self, page: _StaticPage, base: str) -> _StaticPage:
        """The page with the full addresses that search engines want; the last ones made are kept."""
        kept = self._addressed.get((id(page), base))
        if kept is None or kept[0] is not page:
            if len(self._addressed) >= _MOST_ADDRESSED:
                self._addressed.clear()
            kept = self._addressed[id(page), base] = page, _StaticPage(with_addresses(page.plain.decode(), base).encode())
        return kept[1]

    async def _send(
        self, send: Send, request: _Request, page: _StaticPage, status: int, kind: bytes = b"text/html", *,
        base: str = "", more: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:  # fmt: skip
        """``base``: where the site is, for full addresses; the one of the settings, else as the request has it."""
        if kind == b"text/html":
            page = self._at(page, base or self._public or request.base())
        zipped = b"gzip" in request.header(b"accept-encoding")
        body = await page.gzipped() if zipped else page.plain
        headers = [
            (b"content-type", kind + b"; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-cache"),
            (b"vary", b"Accept-Encoding, Accept-Language, Cookie"),
            *_HEADERS,
            *more,
        ]
        if zipped:
            headers.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})


class _Request:
    """The few things the door asks of a request."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]

    def header(self, name: bytes) -> bytes:
        return next((bytes(value) for key, value in self.scope["headers"] if key == name), b"")

    def cookies(self) -> SimpleCookie:
        jar = SimpleCookie()
        try:
            jar.load(self.header(b"cookie").decode("latin-1"))
        except CookieError:
            return SimpleCookie()
        return jar

    def base(self) -> str:
        """Where this site is, by the request itself; "" when what it names cannot be a host: it will stand in a page."""
        host = self.header(b"host").decode("latin-1")
        return f"{self.scope.get('scheme', 'http')}://{host}" if _HOST.fullmatch(host) else ""

    def lang(self) -> str:
        chosen = self.cookies().get("ib_lang")
        if chosen is not None:
            return "zh" if chosen.value == "zh" else "en"
        first = self.header(b"accept-language").split(b",")[0].strip().lower()
        return "zh" if first.startswith(b"zh") else "en"

    def wants_chinese(self) -> bool:
        return self.lang() == "zh"

    def query_string(self) -> str:
        query = bytes(self.scope.get("query_string", b"")).decode("latin-1")
        return f"?{query}" if query else ""


async def _refusal(request: _Request, kind: str) -> str:
    """Where to send someone who may not see pages of ``kind``; "" when they may."""
    from backend.identity.sessions import resolve_session

    cookie = request.cookies().get("sid")
    who = await asyncio.to_thread(resolve_session, cookie.value) if cookie else None
    if who is None:
        target = quote(request.path + request.query_string(), safe="")
        return f"/login?{'error=signed_out&' if cookie else ''}kind={kind}&next={target}"
    return "" if who.kind == kind else GUARDED[who.kind]


async def _redirect(send: Send, status: int, target: str, *, vary: bool = False) -> None:
    headers = [(b"location", target.encode("latin-1", "ignore")), (b"cache-control", b"no-store"), *_HEADERS]
    if vary:
        headers.append((b"vary", b"Accept-Language, Cookie"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _cache(path: str, status: int, kind: bytes, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    if any(key == b"cache-control" for key, _ in headers):
        return []
    if path.startswith(("/assets/", "/fonts/")) and status == 200:
        return [(b"cache-control", b"public, max-age=31536000, immutable")]
    if kind.startswith(b"text/html"):
        return [(b"cache-control", b"no-store")]
    return [(b"cache-control", b"no-cache")]
