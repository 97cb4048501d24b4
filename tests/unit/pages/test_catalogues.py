"""English and Chinese are complete and say the same with the same figures."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from pages.components.i18n import LANGS, USED, catalogue
from pages.routes import ROUTES

HOLES = re.compile(r"\{(\w+)")
PUBLIC = ("landing", "sign_in", "second", "set_up", "join", "sent", "confirm", "forgot", "reset", "terms", "not_found", "crash", "away")


def _render_everything() -> None:
    for route in ROUTES:
        importlib.import_module(route.module).page()
        USED.add(route.title)
        if route.group:
            USED.add(route.group)
    for name in PUBLIC:
        module = importlib.import_module(f"pages.public.{name}")
        for lang in LANGS:
            module.page(lang)
            module.head(lang)


def test_both_catalogues_have_the_same_keys() -> None:
    assert catalogue("en").keys() == catalogue("zh").keys()


@pytest.mark.parametrize("key", sorted(catalogue("en")))
def test_both_languages_use_the_same_figures(key: str) -> None:
    english, chinese = set(HOLES.findall(catalogue("en")[key])), set(HOLES.findall(catalogue("zh")[key]))
    assert chinese <= english, "the Chinese text asks for a figure nobody gives"
    assert english - chinese <= {"n"}, "a figure got lost"
    assert catalogue("zh")[key].count("**") == catalogue("en")[key].count("**")


def test_every_word_a_page_asks_for_exists() -> None:
    _render_everything()
    assert not USED - catalogue("en").keys()


def test_no_word_is_left_over() -> None:
    _render_everything()
    sources = [*Path("assets/js").glob("*.js*"), *Path("state").glob("*.py"), *Path("pages/components").glob("*.py")]
    written = "".join(path.read_text() for path in sources)
    unused = {key for key in catalogue("en").keys() - USED if f'"{key}"' not in written}
    assert not unused


def test_chinese_has_no_english_sentences() -> None:
    latin = re.compile(r"[A-Za-z]{3,}(?: [A-Za-z]{3,}){2,}")
    left = {k: v for k, v in catalogue("zh").items() if latin.search(re.sub(r"\{[^}]*\}", "", v)) and "ironbull admin" not in v}
    assert not left
