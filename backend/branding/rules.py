"""Checks of what a tenant may put on its users' screens. Pure.

An accent colour must be seen on both themes (3:1 against each background, as WCAG asks of controls); the shades used
for words are moved until they reach 4.5:1 on every surface, which is 5.2:1 on the background. A logo is a PNG, JPEG or WebP whose own header says so: never SVG, which
may hold script.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backend.errors import Conflict, InvalidInput

DARK, LIGHT = "#0b0e13", "#fcfbf9"
"""Page backgrounds of the two themes, as in ``assets/tokens.css``."""
DARK_INK, LIGHT_INK = "#081020", "#ffffff"
MIN_CONTROL, MIN_WORDS = 3.0, 5.2

MAX_LOGO = 48_000
MIN_SIDE, MAX_SIDE, MAX_RATIO = 32, 1024, 6

_HEX = re.compile(r"#[0-9a-f]{6}")
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class BadAccent(InvalidInput):
    """This colour cannot be used. Give it as #rrggbb."""

    code = "bad_accent"


class BadLogo(InvalidInput):
    """This picture cannot be used. Give a PNG, JPEG or WebP."""

    code = "bad_logo"


class BadHost(InvalidInput):
    """This is no host name. Give it without http:// and without a path, such as trade.example.com."""

    code = "bad_host"


class HostTaken(Conflict):
    """This host name is in use. Choose another one."""

    code = "host_taken"


_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")


def check_host(text: str, own: frozenset[str]) -> str | None:
    """A host name in lower case; None for nothing. ``own``: names of the platform. Raises ``BadHost``, ``HostTaken``."""
    host = text.strip().lower().rstrip(".")
    if not host:
        return None
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise BadHost
    if host in own or host.endswith(".localhost"):
        raise HostTaken
    return host


@dataclass(frozen=True, slots=True)
class Accent:
    """A colour and what is derived from it; contrasts are against the backgrounds of the themes."""

    colour: str
    ink: str
    words_dark: str
    words_light: str
    on_dark: float
    on_light: float

    @property
    def usable(self) -> bool:
        """Whether controls of this colour are seen on both themes."""
        return self.on_dark >= MIN_CONTROL and self.on_light >= MIN_CONTROL


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two ``#rrggbb`` colours, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def accent_of(text: str) -> Accent:
    """A colour with its shades and contrasts, usable or not. Raises ``BadAccent`` for what is no colour."""
    colour = text.strip().lower()
    if not _HEX.fullmatch(colour):
        raise BadAccent
    ink = max((DARK_INK, LIGHT_INK), key=lambda one: contrast(one, colour))
    return Accent(
        colour, ink, _towards(colour, LIGHT_INK, DARK), _towards(colour, DARK_INK, LIGHT),
        contrast(colour, DARK), contrast(colour, LIGHT),
    )  # fmt: skip


def check_accent(text: str) -> str:
    """The colour as it is stored, "" for none. Raises ``BadAccent`` saying against which theme it is not seen."""
    if not text.strip():
        return ""
    found = accent_of(text)
    for name, ratio in (("dark", found.on_dark), ("light", found.on_light)):
        if ratio < MIN_CONTROL:
            way = "lighter" if name == "dark" else "darker"
            raise BadAccent(
                f"This colour has a contrast of {ratio:.1f}:1 on the {name} theme; 3:1 is needed. Take a {way} one."
            )
    return found.colour


def check_words(text: str, longest: int, name: str, lines: bool = False) -> str:
    """Trimmed text without control or direction characters. Raises ``InvalidInput``."""
    clean = text.replace("\r\n", "\n").strip()
    if len(clean) > longest or _UNSEEN.search(clean) or ("\n" in clean and not lines):
        raise InvalidInput(f"The {name} must have at most {longest} visible characters.")
    return clean


def read_logo(data: bytes) -> tuple[str, int, int]:
    """(media type, width, height) as the picture's own header says. Raises ``BadLogo`` saying what is wrong."""
    if len(data) > MAX_LOGO:
        raise BadLogo(f"The picture has {len(data) // 1000} kB; at most {MAX_LOGO // 1000} kB are possible.")
    sizes = {"image/png": _png(data), "image/jpeg": _jpeg(data), "image/webp": _webp(data)}
    kind, size = next(((kind, size) for kind, size in sizes.items() if size is not None), ("", None))
    if size is None:
        raise BadLogo
    width, height = size
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise BadLogo(f"The picture is {width} × {height} pixels; each side must have {MIN_SIDE} to {MAX_SIDE}.")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise BadLogo(f"The picture is too long: one side may be at most {MAX_RATIO} times the other.")
    return kind, width, height


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _towards(colour: str, end: str, background: str) -> str:
    """The first of twenty-one mixtures of ``colour`` and ``end`` that can be read on the background."""
    mixed = colour
    for step in range(21):
        pairs = ((int(colour[place : place + 2], 16), int(end[place : place + 2], 16)) for place in (1, 3, 5))
        mixed = "#" + "".join(f"{round(own + (other - own) * step / 20):02x}" for own, other in pairs)
        if contrast(mixed, background) >= MIN_WORDS:
            break
    return mixed


def _png(data: bytes) -> tuple[int, int] | None:
    if len(data) < 33 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg(data: bytes) -> tuple[int, int] | None:
    if data[:3] != b"\xff\xd8\xff":
        return None
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        mark = data[place + 1]
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(data[place + 5 : place + 7], "big")
        place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4], "big"))
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None
