"""The agent's bot settings: kept, tried with a preview, saved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.bots import service as bots
from backend.bots.preview import preview
from backend.bots.rules import BadBotConfig, BotConfig
from backend.dashboards import agent
from backend.dashboards.marks import marks
from backend.identity.principal import Principal
from backend.onboarding.rules import worst_case
from state.base import needs, read, signed_in, write
from state.ui import say
from state.words import figure

NUMBERS = (
    "min_score", "long_min_score", "long_skip_from_score", "max_opened_per_scan", "max_positions", "max_position_usdt", "max_leverage",
    "cooldown_minutes", "stop_loss_roi", "take_profit_roi", "trailing_start_roi", "trailing_distance_roi", "max_hold_hours",
    "daily_loss_limit", "max_drawdown_pct",
)  # fmt: skip
FILTERS = ("gap", "slope", "off")
LONGEST = 4000


class AgentSettings(rx.State):
    """``kept`` is what is stored, ``seen`` what the form would do; figures are text."""

    kept: dict[str, str] = {}
    seen: dict[str, str] = {}
    wrong: str = ""
    version: int = 0
    ready: bool = False
    _allowed: ClassVar[tuple[str, ...]] = ("agent",)

    @rx.event
    @needs("agent")
    async def load(self) -> None:
        """The page."""
        await self._show()

    @rx.event(supersedes=True)
    @needs("agent")
    async def try_out(self, form: dict[str, Any]) -> None:
        """What the settings in the form would do; nothing is kept."""
        who = await signed_in(self)
        try:
            config = BotConfig.from_mapping(_changes(form))
        except BadBotConfig as error:
            self.wrong, self.seen = str(error), {}
            return
        self.wrong = ""
        self.seen = await read(lambda session: _seen(session, who, config))

    @rx.event
    @needs("agent", may="own")
    async def save(self, form: dict[str, Any]) -> None:
        """Keep the settings; they hold from the next scan."""
        who, changes = await signed_in(self), _changes(form)
        await write(lambda session: bots.configure(session, who, who.id, changes) and None)
        await self._show()
        await say(self, "botset.saved", version=self.kept["version"])

    async def _show(self) -> None:
        who = await signed_in(self)
        bot = await read(lambda session: agent.bot_state(session, who))
        config = bot["config"]
        self.kept = {name: "" if config[name] is None else str(config[name]) for name in NUMBERS}
        self.kept |= {"ma_filter": config["ma_filter"], "skip_list": ", ".join(config["skip_list"]), "version": str(bot["version"])}
        stored = BotConfig.from_mapping(config)
        self.seen = await read(lambda session: _seen(session, who, stored))
        self.wrong, self.ready = "", True
        self.version += 1


def _changes(form: dict[str, Any]) -> dict[str, Any]:
    text = {name: str(form.get(name, "")).strip()[:24] for name in NUMBERS}
    symbols = [part.strip().upper() for part in str(form.get("skip_list", ""))[:LONGEST].replace("\n", ",").split(",")]
    return text | {"ma_filter": str(form.get("ma_filter", "")), "skip_list": [part for part in symbols if part]}


def _seen(session: Session, who: Principal, config: BotConfig) -> dict[str, str]:
    panel = agent.latest_panel(session, who)
    found = preview(panel.decisions if panel else [], config)
    money = agent.money(session, who, agent.open_positions(session, who), marks())
    capital = max(Decimal(0), money["equity"])
    worst = worst_case(capital, max_positions=config.max_positions, max_position=config.max_position_usdt, stop_roi=config.stop_loss_roi)
    return {
        "signals": str(found.signals), "fit": str(found.fit), "opened": str(found.opened),
        "symbols": ", ".join(symbol.split("/")[0] for symbol in found.symbols),
        "loss": figure(worst["loss"]), "share": figure(worst["share"], 1), "margin": figure(worst["margin"]), "left": figure(worst["left"]),
        "capital": figure(capital),
    }  # fmt: skip
