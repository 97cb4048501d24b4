"""Help answers every reason, limit and key error, in both languages, and its search finds by words of either."""

from __future__ import annotations

import re
from pathlib import Path

from backend.risk.limit_rules import RULES
from pages.components.i18n import LANGS, catalogue
from state.agent_common import REASONS, reason_key
from state.help import ARTICLES, BY_ID, GROUPS, found


def test_every_article_has_words_in_both_languages() -> None:
    for lang in LANGS:
        words = catalogue(lang)
        assert not [
            one for one in ARTICLES if not words.get(one.question, "").strip() or not words.get(one.answer, "").strip()
        ]
    assert len(BY_ID) == len(ARTICLES), "an address names one article"
    assert {one.group for one in ARTICLES} == set(GROUPS)


def test_no_article_waits_for_a_figure() -> None:
    texts = [catalogue(lang)[key] for lang in LANGS for one in ARTICLES for key in (one.question, one.answer)]
    assert not [text for text in texts if re.search(r"\{\w+", text)]


def test_every_reason_limit_and_key_error_is_answered() -> None:
    assert {reason_key(reason) for reason in (*REASONS, "85+ LONG skip", "unheard of")} <= BY_ID.keys()
    assert {f"limit.name.{rule.name}" for rule in RULES} <= BY_ID.keys()
    codes = set(
        re.findall(r'"([A-Z_]{6,})"', Path("backend/onboarding/rules.py").read_text().split("_TOLD")[1].split("}")[0])
    )
    assert len(codes) > 10
    assert {f"keyc.{code.lower()}" for code in codes} <= BY_ID.keys()


def test_search_reads_both_languages() -> None:
    assert "reason.cooldown" in [one.question for one in found("Cooldown")]
    assert "reason.cooldown" in [one.question for one in found("冷却")]
    assert [one.question for one in found("cooldown minutes drawer")] == ["reason.cooldown"]
    assert {one.group for one in found("", "word")} == {"word"}
    assert found("no such word anywhere") == []
