"""Every page of the signed-in app: address, module, title, icon. The app, the menus and the palette read this table.

A page module has ``page() -> rx.Component`` and ``ON_LOAD`` (the state handlers that fill it). Its guard key is
"<kind>.<name>", made from the module's path. One module per page: components of a module share one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """``group`` is the heading it stands under in the side bar ("" = top, None = not in menus); ``tab`` = phone bar."""

    path: str
    module: str
    title: str
    icon: str = ""
    group: str | None = None
    keys: str = ""
    tab: bool = False
    count_cell: str = ""

    @property
    def kind(self) -> str:
        """admin | tenant | agent."""
        return self.path.split("/")[1]

    @property
    def key(self) -> str:
        """Guard key, such as ``agent.bot``."""
        return self.module.removeprefix("pages.")


ROUTES: tuple[Route, ...] = (
    Route("/agent", "pages.agent.dashboard", "nav.dashboard", "dashboard", "", "g d", tab=True),
    Route("/agent/positions", "pages.agent.positions", "nav.positions", "layers", "", "g p", tab=True, count_cell="open"),
    Route("/agent/positions/[pid]", "pages.agent.position", "nav.positions"),
    Route("/agent/bot", "pages.agent.bot", "nav.bot", "bot", "", "g b", tab=True),
    Route("/tenant", "pages.tenant.overview", "nav.overview", "dashboard", "", "g d", tab=True),
    Route("/admin", "pages.admin.dashboard", "nav.dashboard", "dashboard", "", "g d", tab=True),
)  # fmt: skip


def menu_of(kind: str) -> list[Route]:
    """Routes of a kind of person that stand in its menus, in order."""
    return [route for route in ROUTES if route.kind == kind and route.group is not None]


def route_of(path: str) -> Route:
    """The route with this address. Raises ``StopIteration`` for an unknown one."""
    return next(route for route in ROUTES if route.path == path)
