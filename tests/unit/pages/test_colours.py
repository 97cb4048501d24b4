"""Colour literals live in one file; text on its grounds is readable (WCAG AA) in both themes and all money pairs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path("assets/tokens.css").read_text()
LITERAL = re.compile(r"#[0-9A-Fa-f]{6}\b|#[0-9A-Fa-f]{3}\b|\brgba?\(|\bhsla?\(")


def _files() -> list[Path]:
    found = [*Path("assets").glob("*.css"), *Path("assets/js").glob("*"), *Path("pages").rglob("*.py"), *Path("state").rglob("*.py")]
    return [path for path in found if path.name != "tokens.css"]


@pytest.mark.parametrize("path", _files(), ids=str)
def test_no_colour_literal_outside_the_tokens(path: Path) -> None:
    assert not LITERAL.findall(re.sub(r'href: "#|"#[a-z]+"', "", path.read_text()))


def _block(selector: str) -> dict[str, str]:
    text = re.search(re.escape(selector) + r"\s*\{(.*?)\n?\}", TOKENS, re.S)
    assert text, selector
    return dict(re.findall(r"(--[\w-]+): (#[0-9A-Fa-f]{6})", text[1]))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, two: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


DARK, LIGHT = _block(":root, .dark"), _block(".light")
PAIRS = [
    (text, ground)
    for text in ("--text", "--text-2", "--text-3", "--accent-text", "--warn-text", "--up-text", "--down-text")
    for ground in ("--bg", "--bg-side", "--raised", "--field", "--selected")
]
MONEY = [
    (DARK, '[data-money="cn"]'), (DARK, '[data-money="colourblind"]'),
    (LIGHT, '.light[data-money="cn"]'), (LIGHT, '.light[data-money="colourblind"]'),
]  # fmt: skip


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_is_readable(theme: dict[str, str], text: str, ground: str) -> None:
    assert _contrast(theme[text], theme[ground]) >= 4.5


@pytest.mark.parametrize(("theme", "selector"), MONEY)
def test_other_money_pairs_are_readable(theme: dict[str, str], selector: str) -> None:
    pair = _block("\n" + selector)
    for name in ("--up-text", "--down-text"):
        assert _contrast(pair[name], theme["--bg"]) >= 4.5
        assert _contrast(pair[name], theme["--raised"]) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_borders_of_fields_can_be_seen(theme: dict[str, str]) -> None:
    assert _contrast(theme["--line-ctl"], theme["--bg"]) >= 3
    assert _contrast(theme["--accent-ink"], theme["--accent"]) >= 4.5
