"""What search engines ask for: robots.txt, the site map, and the full address of each public page."""

from __future__ import annotations

import re

OPEN = ("/", "/join", "/login", "/terms")
"""Public pages worth finding; the others are steps of a journey and say ``noindex``."""
_WITH_ADDRESS = ('rel="canonical"', 'rel="alternate"', 'property="og:url"', 'property="og:image"')
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
    """``page`` with full addresses in its canonical and alternate links and in what it says to those who share it."""

    def full(found: re.Match[str]) -> str:
        tag = found[0]
        if not any(mark in tag for mark in _WITH_ADDRESS):
            return tag
        return re.sub(r'(href|content)="(/[^"]*)"', lambda at: f'{at[1]}="{base + at[2] if at[2] == "/" else (base + at[2]).rstrip("/")}"', tag)

    return re.sub(r"<(?:link|meta)\b[^>]*>", full, page)
