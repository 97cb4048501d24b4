"""Every page of the signed-in app: address, module, title, icon. The app, the menus and the palette read this table.

A page module has ``page() -> rx.Component`` and ``ON_LOAD`` (the state handlers that fill it). Its guard key is
"<kind>.<name>", made from the module's path. One module per page: components of a module share one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """``group`` is the heading it stands under in the side bar ("" = top, None = not in menus); ``tab`` = phone bar; ``right`` is
    what an admin's role must have for the page to stand in the menus."""

    path: str
    module: str
    title: str
    icon: str = ""
    group: str | None = None
    keys: str = ""
    tab: bool = False
    count_cell: str = ""
    right: str = ""

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
    Route("/agent/pending", "pages.agent.pending", "nav.pending", "clock", "", "g t"),
    Route("/agent/bot", "pages.agent.bot", "nav.bot", "bot", "", "g b", tab=True),
    Route("/agent/bot/settings", "pages.agent.bot_settings", "nav.bot_settings"),
    Route("/agent/history", "pages.agent.history", "nav.history", "history", "", "g h", tab=True),
    Route("/agent/analytics", "pages.agent.analytics", "nav.analytics", "analytics", "", "g y"),
    Route("/agent/cards", "pages.agent.cards", "nav.cards", "card", "nav.g.money", "g c"),
    Route("/agent/rewards", "pages.agent.rewards", "nav.rewards", "gift", "nav.g.money", "g r"),
    Route("/agent/withdrawals", "pages.agent.withdrawals", "nav.withdrawals", "wallet", "nav.g.money", "g w"),
    Route("/agent/statements", "pages.agent.statements", "nav.statements", "receipt", "nav.g.money", "g s"),
    Route("/agent/stops", "pages.agent.stops", "nav.stops", "close", "", "g k"),
    Route("/agent/limits", "pages.agent.limits", "nav.limits", "shield", "", "g l"),
    Route("/agent/start", "pages.agent.start", "nav.start", "play", "nav.g.account", "g a"),
    Route("/agent/exports", "pages.agent.exports", "nav.exports", "download", "nav.g.account", "g x"),
    Route("/agent/settings", "pages.agent.settings", "nav.safety", "shield", "nav.g.account", "g e"),
    Route("/agent/notifications", "pages.agent.notifications", "nav.notices", "bell", "nav.g.account", "g n", tab=True),
    Route("/agent/help", "pages.agent.help", "nav.help", "help", "nav.g.account", "g g"),
    Route("/agent/notifications/settings", "pages.agent.reach", "nav.reach"),
    Route("/tenant", "pages.tenant.overview", "nav.overview", "dashboard", "", "g d", tab=True),
    Route("/tenant/users", "pages.tenant.users", "nav.users", "users", "", "g u", tab=True),
    Route("/tenant/tree", "pages.tenant.tree", "nav.tree", "tree", "", "g i"),
    Route("/tenant/strategies", "pages.tenant.strategies", "nav.strategies", "bot", "", "g s"),
    Route("/tenant/bindings", "pages.tenant.bindings", "nav.bindings", "link", "", "g b"),
    Route("/tenant/orders", "pages.tenant.orders", "nav.orders", "orders", "nav.g.trading", "g o", tab=True),
    Route("/tenant/positions", "pages.tenant.positions", "nav.positions", "layers", "nav.g.trading", "g p", tab=True),
    Route("/tenant/pending", "pages.tenant.pending", "nav.pending", "clock", "nav.g.trading", "g t"),
    Route("/tenant/exchange-accounts", "pages.tenant.exchange_accounts", "nav.exchange_accounts", "key", "nav.g.trading", "g j"),
    Route("/tenant/differences", "pages.tenant.differences", "nav.differences", "check", "nav.g.trading", "g v"),
    Route("/tenant/stops", "pages.tenant.stops", "nav.stops", "close", "nav.g.trading", "g z"),
    Route("/tenant/limits", "pages.tenant.limits", "nav.limits", "shield", "nav.g.trading", "g n"),
    Route("/tenant/cards", "pages.tenant.cards", "nav.cards", "card", "nav.g.money", "g c", tab=True),
    Route("/tenant/simulator", "pages.tenant.simulator", "nav.simulator", "signal", "nav.g.money", "g m"),
    Route("/tenant/statements", "pages.tenant.statements", "nav.statements", "receipt", "nav.g.money", "g f"),
    Route("/tenant/withdrawals", "pages.tenant.withdrawals", "nav.withdrawals", "wallet", "nav.g.money", "g x"),
    Route("/tenant/rewards", "pages.tenant.rewards", "nav.rewards", "gift", "nav.g.money", "g r"),
    Route("/tenant/keys", "pages.tenant.keys", "nav.keys", "key", "nav.g.develop", "g k"),
    Route("/tenant/try", "pages.tenant.tryout", "nav.try", "code", "nav.g.develop", "g y"),
    Route("/tenant/webhooks", "pages.tenant.webhooks", "nav.webhooks", "link", "nav.g.develop", "g w"),
    Route("/tenant/quota", "pages.tenant.quota", "nav.quota", "analytics", "nav.g.account", "g q"),
    Route("/tenant/exports", "pages.tenant.exports", "nav.exports", "download", "nav.g.account", "g l"),
    Route("/tenant/notifications", "pages.tenant.notifications", "nav.notices", "bell", "nav.g.account", "g h"),
    Route("/tenant/security", "pages.tenant.security", "nav.safety", "shield", "nav.g.account", "g a"),
    Route("/tenant/settings", "pages.tenant.settings", "nav.settings", "sliders", "nav.g.account", "g e"),
    Route("/tenant/help", "pages.tenant.help", "nav.help", "help", "nav.g.account", "g g"),
    Route("/admin", "pages.admin.dashboard", "nav.dashboard", "dashboard", "", "g d", tab=True),
    Route("/admin/orders", "pages.admin.orders", "nav.orders", "orders", "nav.g.trading", "g o", tab=True),
    Route("/admin/fills", "pages.admin.fills", "nav.fills", "check", "nav.g.trading", "g f"),
    Route("/admin/positions", "pages.admin.positions", "nav.positions", "layers", "nav.g.trading", "g p", tab=True),
    Route("/admin/signals", "pages.admin.signals", "nav.signals", "signal", "nav.g.trading", "g s"),
    Route("/admin/trace", "pages.admin.trace", "nav.trace", "history", "nav.g.trading", "g g"),
    Route("/admin/strategies", "pages.admin.strategies", "nav.strategies", "bot", "nav.g.trading", "g h"),
    Route("/admin/backtests", "pages.admin.backtests", "nav.backtests", "analytics", "nav.g.trading", "g ]"),
    Route("/admin/nodes", "pages.admin.nodes", "nav.nodes", "nodes", "nav.g.trading", "g e"),
    Route("/admin/pending", "pages.admin.pending", "nav.pending", "clock", "nav.g.trading", "g 2"),
    Route("/admin/exchange-accounts", "pages.admin.exchange_accounts", "nav.exchange_accounts", "key", "nav.g.trading", "g 1"),
    Route("/admin/differences", "pages.admin.differences", "nav.differences", "check", "nav.g.trading", "g v"),
    Route("/admin/stops", "pages.admin.stops", "nav.stops", "close", "nav.g.trading", "g k"),
    Route("/admin/limits", "pages.admin.limits", "nav.limits", "shield", "nav.g.trading", "g n"),
    Route("/admin/desk", "pages.admin.desk", "nav.desk", "sliders", "nav.g.trading", "g 3", right="trading"),
    Route("/admin/control", "pages.admin.control", "nav.control", "play", "nav.g.trading", "g 4"),
    Route("/admin/tenants", "pages.admin.tenants", "nav.tenants", "home", "nav.g.people", "g t"),
    Route("/admin/users", "pages.admin.users", "nav.users", "users", "nav.g.people", "g u", tab=True),
    Route("/admin/bindings", "pages.admin.bindings", "nav.bindings", "link", "nav.g.people", "g 6"),
    Route("/admin/plans", "pages.admin.plans", "nav.plans", "columns", "nav.g.people", "g q"),
    Route("/admin/withdrawals", "pages.admin.withdrawals", "nav.withdrawals", "wallet", "nav.g.money", "g w", tab=True),
    Route("/admin/pools", "pages.admin.pools", "nav.pools", "tree", "nav.g.money", "g y"),
    Route("/admin/rewards", "pages.admin.rewards", "nav.rewards", "gift", "nav.g.money", "g r"),
    Route("/admin/cards", "pages.admin.cards", "nav.cards", "card", "nav.g.money", "g c"),
    Route("/admin/statements", "pages.admin.statements", "nav.statements", "receipt", "nav.g.money", "g i"),
    Route("/admin/trial-balance", "pages.admin.trial_balance", "nav.trial_balance", "check", "nav.g.money", "g b"),
    Route("/admin/ledger", "pages.admin.ledger", "nav.ledger", "receipt", "nav.g.money", "g l"),
    Route("/admin/corrections", "pages.admin.corrections", "nav.corrections", "history", "nav.g.money", "g z"),
    Route("/admin/accounts", "pages.admin.accounts", "nav.accounts"),
    Route("/admin/ranking", "pages.admin.ranking", "nav.ranking", "analytics", "nav.g.people", "g ."),
    Route("/admin/instances", "pages.admin.instances", "nav.instances", "layers", "nav.g.people", "g ,"),
    Route("/admin/broadcast", "pages.admin.broadcast", "nav.broadcast", "bell", "nav.g.people", "g '", right="people"),
    Route("/admin/incidents", "pages.admin.incidents", "nav.incidents", "alert", "nav.g.system", "g ["),
    Route("/admin/windows", "pages.admin.windows", "nav.windows"),
    Route("/admin/monitor", "pages.admin.monitor", "nav.monitor", "monitor", "nav.g.system", "g m"),
    Route("/admin/queue", "pages.admin.queue", "nav.queue", "layers", "nav.g.system", "g 5"),
    Route("/admin/admins", "pages.admin.admins", "nav.admins", "shield", "nav.g.system", "g j", right="admins"),
    Route("/admin/exports", "pages.admin.exports", "nav.exports", "download", "nav.g.system", "g x"),
    Route("/admin/notifications", "pages.admin.notifications", "nav.notices", "bell", "nav.g.system", "g 9"),
    Route("/admin/notifications/settings", "pages.admin.reach", "nav.reach"),
    Route("/admin/settings", "pages.admin.settings", "nav.safety", "shield", "nav.g.system", "g 7"),
    Route("/admin/audit", "pages.admin.audit", "nav.audit", "eye", "nav.g.system", "g a"),
    Route("/admin/help", "pages.admin.help", "nav.help", "help", "nav.g.system", "g 8"),
)  # fmt: skip


def menu_of(kind: str) -> list[Route]:
    """Routes of a kind of person that stand in its menus, in order."""
    return [route for route in ROUTES if route.kind == kind and route.group is not None]


def route_of(path: str) -> Route:
    """The route with this address. Raises ``StopIteration`` for an unknown one."""
    return next(route for route in ROUTES if route.path == path)
