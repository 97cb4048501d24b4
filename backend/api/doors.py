"""The doors of the platform itself, in one list."""

from __future__ import annotations

from fastapi import APIRouter

from backend.api.context import ApiContext
from backend.api.session import router as session_router
from backend.live import Hub


def core_routers(context: ApiContext, live: Hub) -> list[APIRouter]:
    """Every router of this package that serves this process."""
    return [session_router]
