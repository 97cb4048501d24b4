"""What search engines ask for: robots.txt, the site map, and the full address of each public page."""

from __future__ import annotations

import re

OPEN = ("/", "/join", "/login", "/terms")
"""Public pages worth finding; the others are steps of a journey and say ``noindex``."""
_CLOSED = ("/api/", "/admin", "/tenant", "/agent")


def robots(base: str) -> str:
    """``robots.txt`` of the site at ``base``."""
    return "\n".join(("User-agent: *", *(f"Disallow: {path}" for path in _CLOSED), "", f"Sitemap: {base}/sitemap.xml", ""))


def site_map(base: str) -> str:
    """``sitemap.xml``: each open page in both languages, each naming the other."""
    rows = []
    for path in OPEN:
        ways = {"en": base + path, "zh-Hans": f"{base}/zh{path}".rstrip("/")}
        links = "".join(f'<xhtml:link rel="alternate" hreflang="{lang}" href="{href}"/>' for lang, href in ways.items())
        rows += [f"<url><loc>{href}</loc>{links}</url>" for href in ways.values()]
    names = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {names}>{"".join(rows)}</urlset>\n'


def with_addresses(page: str, base: str) -> str:
    """``page`` with full addresses in its canonical and alternate links."""

    def full(link: re.Match[str]) -> str:
        tag = link[0]
        if 'rel="canonical"' not in tag and 'rel="alternate"' not in tag:
            return tag
        return re.sub(r'href="(/[^"]*)"', lambda found: f'href="{(base + found[1]).rstrip("/") if found[1] != "/" else base + "/"}"', tag)

    return re.sub(r"<link\b[^>]*>", full, page)
