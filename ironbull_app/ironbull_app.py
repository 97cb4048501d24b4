"""The app: pages from their table, the HTTP doors, cache headers, the state guard."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable

import reflex as rx
import structlog

from ironbull_app.doors import http_doors
from pages.components.head import head_links, head_script
from pages.components.theme import STYLESHEETS
from pages.routes import ROUTES, Route
from state.session import Session, WipeForeign
from state.ui import Ui

PUBLIC = ("landing", "sign_in", "second", "set_up", "join", "sent", "confirm", "forgot", "reset", "terms", "not_found", "crash", "away")
LANGS = ("en", "zh")


def _title(route: Route) -> str:
    from pages.components.i18n import words

    return f"{words('en', route.title)} · IronBull"


def _add_pages(app: rx.App) -> None:
    for route in ROUTES:
        module = importlib.import_module(route.module)
        app.add_page(
            module.page,
            route=route.path,
            title=_title(route),
            description="",
            on_load=[Session.enter(route.key), Ui.count_notices, *module.ON_LOAD],
        )
    if os.environ.get("IRONBULL_EXPORT") == "1":
        # Public pages exist as routes only while the front end is built; they are served as static files.
        for name in PUBLIC:
            module = importlib.import_module(f"pages.public.{name}")
            for lang in LANGS:
                app.add_page(_in(module.page, lang), route=f"/public-{name}-{lang}", **module.head(lang))


def _in(page: Callable[[str], rx.Component], lang: str) -> Callable[[], rx.Component]:
    def shown() -> rx.Component:
        return page(lang)

    shown.__module__ = page.__module__
    return shown


def _failed(exception: Exception) -> None:
    """An unexpected failure outside a guarded handler: logged, its text reaches nobody."""
    structlog.get_logger("pages").error("handler_failed", exc_info=exception)


def make_app() -> rx.App:
    """The Reflex app with everything mounted."""
    app = rx.App(
        stylesheets=list(STYLESHEETS),
        reset_style=False,
        head_components=[rx.el.script(head_script()), *head_links()],
        api_transformer=http_doors(),
        app_wraps={},
        toaster=None,
        backend_exception_handler=_failed,
    )
    app.add_middleware(WipeForeign())
    _add_pages(app)
    return app


app = make_app()
