"""A merchant's face on a public page: everything of theirs is text, and links stay with them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ironbull_app.branded import ADDRESS, Face, dressed

PAGE = (
    '<html><head><title>IronBull: trading</title></head><body><a class="p-brand" href="/"><span data-brand="mark"><svg></svg></span>'
    '<span>IronBull</span></a><h1 data-brand="headline">one<br/>two</h1><p data-brand="text">lead</p>'
    '<a href="/login">in</a><a href="/zh">zh</a><a href="/zh/login">zh</a><a href="#how">how</a><a href="/js/x.js">x</a></body></html>'
)


def face(**more: str) -> Face:
    values = {"name": "Quay", "headline": "", "text": "", "logo": "", "look": ""} | more
    return Face(tenant_id=7, **values)


def test_words_logo_colour_and_links() -> None:
    page = dressed(PAGE, face(headline="Calm & <b>loud", text="one\ntwo", logo="/api/brand/7/logo?v=1", look=":root{--accent:#123456}"))
    assert "<title>Quay: trading</title>" in page
    assert '<h1 data-brand="headline">Calm &amp; &lt;b&gt;loud</h1>' in page
    assert "one<br>two" in page and "<svg>" not in page
    assert '<img src="/api/brand/7/logo?v=1"' in page
    assert "<style>:root{--accent:#123456}</style></head>" in page
    assert re.findall(r'href="([^"]+)"', page) == ["/t/7", "/t/7/login", "/zh/t/7", "/zh/t/7/login", "#how", "/js/x.js"]


def test_what_is_not_set_stays_the_platforms() -> None:
    page = dressed(PAGE, face())
    assert "one<br/>two" in page and "lead" in page and "<svg>" in page and "IronBull" not in page


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_words_of_theirs_become_markup(name: str, text: str) -> None:
    page = dressed(PAGE, face(name=name, text=text or "x", headline=text or "x"))
    assert page.count("<script") == 0
    plain = re.sub(r"<[^>]*>", "", page.replace("<br>", ""))
    assert len(re.findall(r"<(\w+)", page.replace("<br>", ""))) == len(re.findall(r"<(\w+)", PAGE)) - 1
    assert plain


def test_addresses() -> None:
    assert ADDRESS.fullmatch("/t/12") and ADDRESS.fullmatch("/t/12/login")
    for wrong in ("/t/0", "/t/x", "/t/12/", "/t/12/setup", "/t/" + "9" * 19, "/t/٣"):
        assert not ADDRESS.fullmatch(wrong)
