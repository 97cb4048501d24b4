"""The wizard: from a new account to a running bot. Progress is in the database; this is only what is shown."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import reflex as rx

from backend.bots.rules import BotConfig
from backend.clock import now_ms
from backend.errors import InvalidInput
from backend.execution.nodes import egress_of
from backend.onboarding import asking, service
from backend.onboarding.rules import Check, judge_key, may_store, worst_case
from backend.settings import get_settings
from node_service.venues import VENUES
from state.base import needs, read, signed_in, write
from state.ui import say
from state.words import figure

_FIELDS = ("max_positions", "max_position_usdt", "stop_loss_roi", "daily_loss_limit")
_CAPITAL = Decimal(10_000)
_KEY_LIMIT = 256


class Onboarding(rx.State):
    """``checks`` are {name, state, why, p}: catalogue keys and figures, never an exchange's own words or a key."""

    ready: bool = False
    step: str = ""
    mode: str = ""
    exchange: str = ""
    exchange_name: str = ""
    passphrase: bool = False
    venues: list[dict[str, Any]] = []
    account: int = 0
    key_hint: str = ""
    desired: str = ""
    checking: bool = False
    verdict: str = ""
    checks: list[dict[str, Any]] = []
    addresses: list[str] = []
    offers: list[dict[str, Any]] = []
    limits: dict[str, str] = {}
    worst: dict[str, str] = {}
    paper_days: int = 7
    has_paper: bool = True
    live_now: bool = False
    _picked: list[int] = []
    _allowed: ClassVar[tuple[str, ...]] = ("agent",)

    @rx.event
    @needs("agent")
    async def load(self) -> None:
        """Where the person was."""
        await self._show()

    @rx.event
    @needs("agent")
    async def go(self, step: str) -> None:
        """To another step; remembered. Limits and start need a connected account."""
        who = await signed_in(self)
        if str(step) in ("limits", "start") and not self.account:
            await say(self, "begin.first_account", bad=True)
            return
        await write(lambda session: service.go_to(session, who, str(step)))
        await self._show()

    @rx.event
    @needs("agent")
    async def choose(self, mode: str) -> None:
        """Live, test market or a key of the simulated exchange."""
        who = await signed_in(self)
        following = "paste" if mode == "simulated" else "futures"
        first = service.FIRST_EXCHANGE  # the test market and the simulated exchange speak its language
        await write(lambda session: service.go_to(session, who, following, str(mode), first))
        self.checks, self.verdict = [], ""
        await self._show()

    @rx.event
    @needs("agent")
    async def choose_venue(self, exchange: str) -> None:
        """A live key of one of the exchanges shown."""
        who = await signed_in(self)
        following = "futures" if str(exchange) == service.FIRST_EXCHANGE else "key"
        await write(lambda session: service.go_to(session, who, following, "live", str(exchange)))
        self.checks, self.verdict = [], ""
        await self._show()

    @rx.event
    @needs("agent")
    async def paper(self) -> None:
        """Simulated money, without any key."""
        who, settings = await signed_in(self), get_settings()
        account_id = await write(lambda session: service.reserve_paper(session, who))
        key, secret = await asking.open_paper_account(settings, account_id)
        await write(lambda session: service.keep_paper(session, who, account_id, key, secret))
        await self._show()

    @rx.event
    @needs("agent")
    async def check(self, form: dict[str, Any]) -> AsyncGenerator[None, None]:
        """Ask the exchange about the pasted key; keep it only when every check passes."""
        who, settings = await signed_in(self), get_settings()
        key, secret, words = (str(form.get(name, "")).strip()[:_KEY_LIMIT] for name in ("api_key", "api_secret", "passphrase"))
        if not key or not secret:
            raise InvalidInput("Paste both the key and the secret.")
        if self.passphrase and not words:
            raise InvalidInput("Paste the passphrase of the key, too.")
        mode = self.mode if self.mode in service.MODES else "live"
        exchange = self.exchange or service.FIRST_EXCHANGE
        self.checking, self.verdict, self.checks = True, "", []
        yield
        try:
            facts = await asking.ask_about_key(settings, key, secret, mode=mode, exchange=exchange, passphrase=words)
            checks = judge_key(facts, strict=settings.production, testnet=mode == "testnet", now_ms=now_ms())
        finally:
            self.checking = False
        self.checks = [_shown(check) for check in checks]
        if not may_store(checks):
            await write(lambda session: service.note_refusal(session, who, checks))
            self.verdict = "begin.refused"
            return
        await write(
            lambda s: service.keep_key(s, who, key, secret, mode=mode, checks=checks, exchange=exchange, passphrase=words)
        )
        self.verdict = "begin.accepted"
        kept = self.checks
        await self._show()
        # The result stays to be read; the next step is one press away.
        self.step, self.checks = "paste", kept

    @rx.event
    @needs("agent")
    async def pick(self, strategy_id: int) -> None:
        """Follow a strategy or not."""
        if isinstance(strategy_id, bool) or not isinstance(strategy_id, int):
            return
        self._picked = [i for i in self._picked if i != strategy_id] if strategy_id in self._picked else [*self._picked, strategy_id]
        self.offers = [{**offer, "on": offer["id"] in self._picked} for offer in self.offers]

    @rx.event(supersedes=True)
    @needs("agent")
    async def preview(self, name: str, value: str) -> None:
        """The worst case of a limit being typed."""
        if name in _FIELDS:
            self.limits = {**self.limits, name: str(value)[:20]}
            self.worst = _worst(self.limits)

    @rx.event
    @needs("agent")
    async def save_limits(self) -> None:
        """Keep strategies and limits."""
        who, picked, limits = await signed_in(self), list(self._picked), dict(self.limits)
        await write(lambda session: service.choose(session, who, picked, limits))
        await self._show()

    @rx.event
    @needs("agent")
    async def say_live(self, on: bool) -> None:
        """The explicit word for live trading before the paper days are over."""
        self.live_now = on is True

    @rx.event
    @needs("agent")
    async def start(self) -> None:
        """Start the bot."""
        who, live_now = await signed_in(self), self.live_now
        days = get_settings().paper_days
        await write(lambda session: service.start(session, who, paper_days=days, live_now=live_now))
        await self._show()
        await say(self, "bot.started")

    async def _show(self) -> None:
        who, settings = await signed_in(self), get_settings()
        found, offers, self.addresses = await read(
            lambda s: (service.progress(s, who), service.offered(s, who), egress_of(s, service.account_of(s, who.id)))
        )
        self.step, self.mode, self.account = found["step"], found["mode"], found["account"] or 0
        venues = service.venues()
        self.venues = [{"code": venue.code, "name": venue.name, "new": not venue.proven} for venue in venues]
        chosen = next((venue for venue in venues if venue.code == found["exchange"]), VENUES[service.FIRST_EXCHANGE])
        self.exchange, self.exchange_name, self.passphrase = chosen.code, chosen.name, chosen.passphrase
        self.key_hint, self.desired = found["key_hint"], found["desired"]
        self.paper_days = settings.paper_days
        self.has_paper = not settings.market.startswith("exchange:") or bool(settings.paper_base_url)
        self._picked = found["strategies"] or [offer.id for offer in offers[:1] if offer.id]
        self.offers = [
            {"id": offer.id, "name": offer.name, "timeframe": offer.timeframe, "on": offer.id in self._picked}
            for offer in offers
        ]
        config = BotConfig.from_mapping(found["config"]).as_json()
        # A newcomer starts small; what somebody already set is theirs.
        first = {} if found["config"] else {"max_positions": 4, "max_position_usdt": "250"}
        self.limits = {name: str((config | first)[name] or "") for name in _FIELDS}
        self.worst = _worst(self.limits)
        self.ready = True


def _shown(check: Check) -> dict[str, Any]:
    why = f"keyc.{check.code}" if check.code else ""
    fact = f"keyf.{check.name}" if check.name in ("clock", "wallet") else ""
    if check.name == "mode":
        fact = "keyf.hedge" if check.figures.get("hedge") == "1" else "keyf.one_way"
    passed = check.state == "pass"
    return {
        "name": f"keyn.{check.name}", "state": check.state, "why": why, "do": f"{why}_do" if why else "",
        "fact": fact if passed else "", "p": check.figures,
    }  # fmt: skip


def _worst(limits: dict[str, str]) -> dict[str, str]:
    try:
        positions, size = int(limits["max_positions"]), Decimal(limits["max_position_usdt"])
        stop = Decimal(limits["stop_loss_roi"]) if limits["stop_loss_roi"] else None
    except (InvalidOperation, ValueError):
        return {}
    if not size.is_finite() or not 0 < positions <= 100 or not 0 < size <= 10_000_000 or (stop is not None and not stop > 0):
        return {}
    found = worst_case(_CAPITAL, max_positions=positions, max_position=size, stop_roi=stop)
    return {name: figure(value, 1 if name == "share" else 2) for name, value in found.items()} | {"capital": figure(_CAPITAL, 0)}
