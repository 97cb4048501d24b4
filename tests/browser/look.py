"""What is looked at on every page: words, reach by assistive technology, width."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
# Rows of a table are alike: the first three are looked at. Nothing may be halfway between two colours.
_RUN = """(only) => {
  if (!document.querySelector("#still")) {
    const still = document.head.appendChild(document.createElement("style"));
    still.id = "still";
    still.textContent = "*, *::before, *::after { transition: none !important; animation: none !important; }";
  }
  const options = {resultTypes: ["violations"], preload: false, iframes: false, performanceTimer: false};
  if (only.length) options.runOnly = {type: "rule", values: only};
  return axe.run({exclude: ["tbody tr:nth-child(n+4)", "option:nth-child(n+4)"]}, options).then((r) => r.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .flatMap((v) => v.nodes.map((n) => v.id + " " + n.target.join(" ") + ":" + n.failureSummary.split("\\n")[1])));
}"""
_TEXTS = """() => {
  const found = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const at = node.parentElement, text = node.data.trim();
    if (text && !at.closest("script, style, noscript, code, pre, [translate=no], [lang=en]")) found.add(text);
  }
  for (const at of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]"))
    if (!at.closest("[translate=no], [lang=en]"))
      for (const name of ["aria-label", "title", "placeholder", "alt"]) if (at.getAttribute(name)) found.add(at.getAttribute(name).trim());
  return [...found];
}"""
_SENTENCE = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[A-Za-z]{2,}){3,}")


@cache
def _catalogue(lang: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in ("assets/i18n", "pages/public/i18n"):
        found |= json.loads((ROOT / folder / f"{lang}.json").read_text(encoding="utf-8"))
    return found


_WEIGH = """() => axe.run(document, {preload: false, iframes: false, resultTypes: ["violations", "passes"]}).then((found) =>
  [found.passes, found.violations].map((rules) => rules.map((rule) => [rule.id, rule.impact || "", rule.tags.includes("best-practice")])))"""
_WEIGHTS = {"critical": 10, "serious": 7, "moderate": 3, "minor": 1}


def axe_score(page: Page) -> tuple[float, list[str]]:
    """Out of a hundred: the part of all applicable axe-core rules that hold, each failing one by its weight; and what fails."""
    _with_axe(page)
    passed, failed = page.evaluate(_WEIGH)
    lost = sum(_WEIGHTS.get(impact, 7) for _, impact, _ in failed)
    # A rule that holds says nothing of its impact: it counts as a serious one.
    return 100 * (1 - lost / (lost + 7 * len(passed))), [f"{rule} ({impact})" for rule, impact, _ in failed]


def _with_axe(page: Page) -> None:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))


def barriers(page: Page, *rules: str) -> list[str]:
    """Serious and critical findings of axe-core, one line for each element; only of ``rules`` when some are named."""
    _with_axe(page)
    found: list[str] = page.evaluate(_RUN, list(rules))
    return found


@contextmanager
def in_theme(page: Page, theme: str) -> Iterator[None]:
    """The page in another theme for a moment, without a click."""
    before = page.evaluate("document.documentElement.className")
    page.evaluate("(theme) => { document.documentElement.className = theme }", theme)
    yield
    page.evaluate("(theme) => { document.documentElement.className = theme }", before)


def keys_shown(page: Page) -> list[str]:
    """Catalogue keys that stand on the page in place of their words."""
    first = {key.split(".")[0] for key in _catalogue("en")}
    return [text for text in _texts(page) if re.fullmatch(r"[a-z]\w*(\.\w+)+", text) and text.split(".")[0] in first]


def english_left(page: Page) -> list[str]:
    """On a Chinese page: words that have a Chinese text, and whole sentences. What people named themselves may stand."""
    chinese = _catalogue("zh")
    same = {text for key, text in _catalogue("en").items() if chinese[key] != text and re.search("[A-Za-z]{2}", text)}
    fixed = {text for text in same if not re.search(r"[{*]", text)} - set(chinese.values())
    return [text for text in _texts(page) if text in fixed or _SENTENCE.search(text)]


def too_wide(page: Page, width: int) -> int:
    """How many pixels the page is wider than a window of ``width``."""
    page.set_viewport_size({"width": width, "height": 844})
    over = 0
    for _ in range(20):
        over = max(0, int(page.evaluate("document.documentElement.scrollWidth - innerWidth")))
        if not over:
            break
        page.wait_for_timeout(150)  # charts follow the window a moment later
    return over


def _texts(page: Page) -> list[str]:
    found: list[str] = page.evaluate(_TEXTS)
    return found
