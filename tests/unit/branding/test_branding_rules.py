"""What a tenant may put on screens: colours that can be seen, pictures that are pictures."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from backend.branding import rules
from backend.branding.rules import BadAccent, BadLogo, accent_of, check_accent, contrast, read_logo
from backend.branding.service import look_of
from backend.errors import InvalidInput
from backend.models import TenantProfile
from tests.support.pictures import png

TOKENS = Path("assets/tokens.css").read_text()


def jpeg(width: int, height: int) -> bytes:
    """The headers of a JPEG: an application block, then the frame."""
    block = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00" + b"\x01" * 9
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\x01\x22\x00" * 3
    return b"\xff\xd8" + block + frame + b"\xff\xd9"


def webp(width: int, height: int) -> bytes:
    """The header of an extended WebP."""
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x00" * 4
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)
    assert contrast("#123456", "#123456") == 1


def test_the_backgrounds_are_those_of_the_tokens() -> None:
    for colour in (rules.DARK, rules.LIGHT):
        assert f"--bg: {colour.upper()};" in TOKENS


@pytest.mark.parametrize("good", ["#4F8CFF", " #2563eb ", "#e11d48", "#16a34a", "#888888"])
def test_colours_that_are_seen_on_both_themes(good: str) -> None:
    kept = check_accent(good)
    found = accent_of(kept)
    assert kept == good.strip().lower() and found.usable
    assert contrast(found.words_dark, rules.DARK) >= rules.MIN_WORDS
    assert contrast(found.words_light, rules.LIGHT) >= rules.MIN_WORDS
    assert contrast(found.ink, found.colour) >= 3


@pytest.mark.parametrize(("bad", "theme"), [("#000000", "dark"), ("#1a2233", "dark"), ("#ffff00", "light"), ("#fafafa", "light")])
def test_colours_that_disappear_are_refused_with_the_theme(bad: str, theme: str) -> None:
    with pytest.raises(BadAccent, match=f"on the {theme} theme"):
        check_accent(bad)


@pytest.mark.parametrize("bad", ["red", "#12345", "#1234567", "#12345g", "}body{display:none", "#12345é"])
def test_what_is_no_colour_never_reaches_the_style(bad: str) -> None:
    with pytest.raises(BadAccent):
        check_accent(bad)
    with pytest.raises(BadAccent):
        look_of(TenantProfile(tenant_id=1, accent=bad))


def test_the_look_holds_both_themes() -> None:
    look = look_of(TenantProfile(tenant_id=1, accent="#16a34a"))
    assert ":root.light{--accent:#16a34a" in look and ":root,:root.dark{--accent:#16a34a" in look
    assert look_of(TenantProfile(tenant_id=1)) == ""


@pytest.mark.parametrize(("make", "kind"), [(png, "image/png"), (jpeg, "image/jpeg"), (webp, "image/webp")])
def test_pictures_by_their_own_header(make, kind: str) -> None:
    assert read_logo(make(64, 48)) == (kind, 64, 48)
    for width, height in ((16, 64), (64, 2000), (700, 64)):
        with pytest.raises(BadLogo):
            read_logo(make(width, height))


@pytest.mark.parametrize(
    "bad",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"GIF89a" + b"\x40\x00" * 20, b"\x89PNG\r\n\x1a\n",
     b"\xff\xd8\xff\xe0\x00\x10", b"RIFF\x00\x00\x00\x00WEBPVP8X", png(64, 64)[:20], b"\xff\xd8" + b"\xff\xe0\xff\xff" * 9],
)  # fmt: skip
def test_what_is_no_picture_is_refused(bad: bytes) -> None:
    with pytest.raises(BadLogo):
        read_logo(bad)


def test_a_picture_that_is_too_heavy() -> None:
    with pytest.raises(BadLogo, match="48 kB"):
        read_logo(png(64, 64) + b"\x00" * rules.MAX_LOGO)


def test_words_hold_no_control_characters() -> None:
    assert rules.check_words("  Nordlicht \n", 60, "name") == "Nordlicht"
    assert rules.check_words("one\r\n\r\ntwo", 60, "text", lines=True) == "one\n\ntwo"
    for bad in ("a\nb", "a\x00b", "a\u202eb", "x" * 61):
        with pytest.raises(InvalidInput):
            rules.check_words(bad, 60, "name")
