"""Requests to addresses people typed: only to the public internet, and only to the address that was checked."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from backend.errors import InvalidInput

MAX_URL = 500


class BadAddress(InvalidInput):
    """This address cannot be used. Give an https:// address on the public internet."""

    code = "bad_address"


class PrivateAddress(OSError):
    """A name that leads to this machine, a private network or nowhere."""


def is_public(address: str) -> bool:
    """Whether an IP address (of either version) is one of the public internet; an IPv4 inside an IPv6 counts as itself."""
    try:
        ip = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
        if isinstance(ip, ipaddress.IPv6Address) and ip in _NAT64:
            ip = ipaddress.IPv4Address(ip.packed[-4:])
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def check_url(url: str, *, allow_private: bool = False) -> str:
    """The address in its normal form. Raises ``BadAddress`` saying what is wrong with it.

    A host name is not looked up here: what it leads to can change, so ``PublicResolver`` checks it at each connection.
    """
    url = url.strip()
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadAddress(f"The address must have at most {MAX_URL} plain characters and no spaces.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadAddress from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)) or not host:
        raise BadAddress
    if parts.username is not None or parts.password is not None:
        raise BadAddress("The address must not hold a user name or a password.")
    if port == 0:
        raise BadAddress("The port must lie between 1 and 65535.")
    if not allow_private and (
        _literal_private(host) or host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    ):
        raise BadAddress("This address is private. Give one on the public internet.")
    return parts._replace(fragment="").geturl()


def _literal_private(host: str) -> bool:
    # inet_aton also reads the shortened, octal and hexadecimal forms a resolver would accept.
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return ":" in host and not is_public(host)


class PublicResolver(AbstractResolver):
    """Looks a name up and hands the connection only public addresses, so what was checked is what is connected to."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Raises ``PrivateAddress`` when any of the name's addresses is not public."""
        found = await self._inner.resolve(host, port, family)
        if not found or not all(is_public(one["host"]) for one in found):
            raise PrivateAddress(f"{host} leads to an address that is not public")
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()
