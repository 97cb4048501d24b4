"""The simulated exchange as an ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from backend.paper_exchange import routes_control, routes_orders, routes_private, routes_public
from backend.paper_exchange.config import PaperConfig
from backend.paper_exchange.exchange import Exchange
from backend.paper_exchange.http import PaperApp

ROUTES = routes_public.ROUTES | routes_private.ROUTES | routes_orders.ROUTES | routes_control.ROUTES


def create_app(config: PaperConfig) -> FastAPI:
    """An application that serves one exchange.

    Run alone, its lifespan starts and stops the exchange. Mounted under a prefix of another application,
    whose lifespan does not reach it, that one calls ``async with app.state.exchange.running():``.
    """
    exchange = Exchange(config)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with exchange.running():
            yield

    app = FastAPI(title="Simulated exchange", lifespan=lifespan, openapi_url=None)
    app.state.exchange = exchange
    app.mount("/", PaperApp(exchange, ROUTES))
    return app
