"""Help: articles by key, found in either language, and the reader's own last period as the example."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import reflex as rx

from backend.dashboards import help as queries
from backend.errors import NotFound
from backend.risk.limit_rules import RULES
from state.agent_common import REASONS
from state.base import needs, read, signed_in
from state.money_rows import period_detail

LONGEST = 80
GROUPS = ("reason", "limit", "keyc", "botstate", "share", "word")


class Article(NamedTuple):
    """Catalogue keys of a question and its answer; the question's key is the article's address."""

    group: str
    question: str
    answer: str


def _articles() -> tuple[Article, ...]:
    reasons = dict.fromkeys([*REASONS.values(), "reason.hot", "reason.other"])
    keys = [
        "reading",
        "futures",
        "withdrawals",
        "transfers",
        "addresses",
        "wallet",
        "margin",
        "testnet",
        "malformed",
        "unreached",
        "other",
        "key_invalid",
        "secret_wrong",
        "permission",
        "region",
        "account_inactive",
        "clock_skew",
        "rate_limited",
        "blocked",
        "in_liquidation",
        "close_only",
        "cooling_off",
        "multi_assets_mode",
        "position_mode",
        "insufficient_funds",
    ]
    states = ["running", "paused", "stopped", "starting", "restarting", "error", "none"]
    terms = [
        "margin",
        "leverage",
        "roi",
        "sl",
        "trailing",
        "liquidation",
        "funding",
        "scan",
        "node",
        "paper",
        "card",
        "hwm",
        *("equity", "unrealized", "risk", "drawdown", "win", "factor", "net", "return", "sharpe", "sortino", "calmar", "streak"),
        *("fee_share", "notional", "gates", "mark", "score", "slippage", "latency"),
        *("level", "hold", "diff", "peer", "tech", "undist"),
    ]

    def own(group: str, *names: str) -> list[Article]:
        return [Article(group, f"help.q.{name}", f"help.a.{name}") for name in names]

    return (
        *[Article("reason", key, f"help.{key}") for key in reasons],
        *own("reason", "stop"),
        *[Article("limit", f"limit.name.{rule.name}", f"help.limit.{rule.name}") for rule in RULES],
        *[Article("keyc", f"keyc.{code}", f"keyc.{code}_do") for code in keys],
        *own("keyc", "expiry", "empty"),
        *[Article("botstate", f"botstate.{name}", f"help.botstate.{name}") for name in states],
        *own("share", "mark", "carry", "check"),
        *[Article("word", f"help.word.{name}", f"help.word.{name}_is") for name in terms],
    )


ARTICLES = _articles()
BY_ID = {one.question: one for one in ARTICLES}


@cache
def _texts() -> dict[str, str]:
    """All words of an article in both languages, lower case, by its address."""
    root = Path(__file__).parents[1] / "assets" / "i18n"
    both = [json.loads((root / f"{lang}.json").read_text(encoding="utf-8")) for lang in ("en", "zh")]
    return {
        one.question: " ".join(
            words[key] for words in both for key in (one.question, one.answer, f"help.g.{one.group}")
        ).lower()
        for one in ARTICLES
    }


def found(text: str, group: str = "") -> list[Article]:
    """Articles of ``group`` ("" all) that hold every word of ``text`` in either language."""
    wanted = text.lower().split()
    return [
        one for one in ARTICLES if group in ("", one.group) and all(word in _texts()[one.question] for word in wanted)
    ]


class Help(rx.State):
    """``groups`` are {id, title, rows: [{q, a}]}; ``asked`` is the article the address names; ``example`` a statement."""

    text: str = ""
    only: str = ""
    groups: list[dict[str, Any]] = []
    chips: list[dict[str, Any]] = []
    asked: dict[str, str] = {}
    example: dict[str, Any] = {}
    strategies: list[dict[str, Any]] = []
    ready: bool = False
    _offered: list[dict[str, Any]] = []
    _allowed: ClassVar[tuple[str, ...]] = ("admin", "tenant", "agent")

    @rx.event
    @needs()
    async def load(self) -> None:
        """The page was opened; ``?at=`` names an article to show first."""
        who = await signed_in(self)
        named = BY_ID.get(str(dict(self.router.url.query_parameters).get("at", "")))
        self.asked = {"q": named.question, "a": named.answer} if named else {}
        self.text, self.only = "", ""
        try:
            period = await read(lambda session: queries.last_period(session, who))
        except NotFound:
            period = None
        self.example = period_detail(period) | {"lines": []} if period else {}
        self._offered = await read(lambda session: queries.traded_symbols(session, who))
        self._show()
        self.ready = True

    @rx.event
    @needs()
    async def search(self, text: str) -> None:
        """Only what holds these words."""
        self.text = str(text)[:LONGEST]
        self._show()

    @rx.event
    @needs()
    async def choose(self, group: str) -> None:
        """Only one group; "" shows all."""
        self.only = group if group in GROUPS else ""
        self._show()

    def _show(self) -> None:
        hits = found(self.text)
        count = {group: sum(1 for one in hits if one.group == group) for group in GROUPS}
        self.chips = [{"id": "", "k": "help.all", "n": str(len(hits))}] + [
            {"id": group, "k": f"help.g.{group}", "n": str(count[group])} for group in GROUPS
        ]
        self.groups = [
            {
                "id": group, "title": f"help.g.{group}",
                "rows": [{"q": one.question, "a": one.answer} for one in hits if one.group == group],
            }
            for group in GROUPS
            if count[group] and self.only in ("", group)
        ]  # fmt: skip
        named = [one | {"symbols": self._named(one["symbols"])} for one in self._offered]
        self.strategies = [
            one | {"count": str(len(one["symbols"])), "symbols": " · ".join(one["symbols"])}
            for one in named
            if one["symbols"]
        ]

    def _named(self, symbols: list[str]) -> list[str]:
        """Symbols with the searched letters in them; a search for words shows all."""
        word = self.text.strip().upper()
        return [symbol for symbol in symbols if word in symbol] or (symbols if found(self.text) else [])
