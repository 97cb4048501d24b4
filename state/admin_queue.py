"""The queue on the operator's page: how it stands; a dead job tried again or forgotten."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx

from backend.queue import queries, service
from backend.settings import get_settings
from state.base import needs, read
from state.lists import Lists
from state.merchant import act, row_id
from state.ui import say
from state.words import MISSING


class AdminQueue(rx.State):
    """``lines`` are kinds with their counts; ``workers`` the processes that take jobs."""

    ready: bool = False
    queued: bool = False
    waiting: str = "0"
    running: str = "0"
    dead: str = "0"
    oldest: str = MISSING
    lead: dict[str, str] = {}
    lines: list[dict[str, str]] = []
    workers: list[dict[str, Any]] = []
    _allowed: ClassVar[tuple[str, ...]] = ("admin",)

    @rx.event(supersedes=True)
    @needs("admin")
    async def load(self) -> None:
        """How it stands now."""
        await self._look()

    @rx.event
    @needs("admin")
    async def again(self) -> None:
        """The same, and the list below."""
        await self._look()
        await (await self.get_state(Lists))._reload()

    @rx.event
    @needs("admin", may="settings")
    async def replay(self, number: str) -> None:
        """Try a dead job again."""
        await act(self, lambda session, who: service.replay(session, who, row_id(number)))
        await self._look()
        await say(self, "queue.replayed", id=str(number))

    @rx.event
    @needs("admin", may="settings")
    async def drop(self, number: str) -> None:
        """Forget a dead job."""
        await act(self, lambda session, who: service.drop(session, who, row_id(number)))
        await self._look()
        await say(self, "queue.dropped", id=str(number))

    async def _look(self) -> None:
        seen = queries.as_dict(await read(queries.overview))
        states = seen["states"]
        self.queued = get_settings().queued
        self.waiting, self.running, self.dead = (f"{states.get(name, 0):,}" for name in ("WAITING", "RUNNING", "DEAD"))
        self.oldest = _age(seen["oldest_s"])
        leader = seen["leader"]
        self.lead = (
            {} if leader is None or not leader["live"] else {"owner": leader["owner"][:8], "token": str(leader["token"])}
        )
        self.lines = [
            {
                "id": f"{one['kind']}:{one['lane']}", "kind": f"queue.kind.{one['kind']}", "lane": f"queue.lane.{one['lane']}",
                "waiting": f"{one['waiting']:,}", "running": f"{one['running']:,}", "dead": f"{one['dead']:,}",
                "oldest": _age(one["oldest_s"]),
            }
            for one in seen["counts"]
        ]  # fmt: skip
        self.workers = [
            {
                "id": one["owner"][:8], "where": f"{one['host']} · {one['pid']}", "running": str(one["running"]),
                "done": f"{one['done']:,}", "since_ms": one["started_at_ms"], "beat_ms": one["beat_at_ms"],
                "wakes": one["wakes"], "leads": one["leads"], "version": one["version"],
            }
            for one in seen["workers"]
        ]  # fmt: skip
        self.ready = True


def _age(seconds: float | None) -> str:
    if seconds is None:
        return MISSING
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
