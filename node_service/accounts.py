"""From the account of a request to the venue adapter that acts for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from .binance import BinanceAccount
from .dialects import DIALECTS
from .exchange import Gateway, Gateways
from .figures import Market
from .messages import AccountRef
from .orders import Adapter, Session
from .protocol import NodeKey, ProtocolError
from .venue_account import VenueAccount

_ADAPTERS: Final[dict[str, Callable[[Session], Adapter]]] = {
    "binance": BinanceAccount,
    **{code: partial(VenueAccount, dialect=dialect) for code, dialect in DIALECTS.items()},
}


class Accounts:
    """Opens credentials and picks the venue; keeps no key beyond the request."""

    def __init__(
        self, *, node_code: str, allow_venue_url: bool, venues: frozenset[str] = frozenset(), key: NodeKey | None
    ) -> None:
        self.node_code = node_code
        self.key = key
        self.gateways = Gateways()
        self.seen: set[int] = set()
        self._allow_venue_url = allow_venue_url
        self._venues = venues

    def adapter(self, account: AccountRef) -> Adapter:
        """The venue adapter of an account; raises `ProtocolError` for a refused address or box."""
        gateway = self.gateway(account)
        key = (account.api_key, account.api_secret, account.passphrase)
        if account.sealed:
            if self.key is None:
                raise ProtocolError("SEALED_UNSUPPORTED", 422, "This executor opens no sealed credentials.")
            opened = self.key.open(account.sealed, account_id=account.account_id, node_code=self.node_code)
            key = (
                str(opened["api_key"] or ""),
                str(opened["api_secret"] or ""),
                str(opened["passphrase"] or ""),
            )
        if not key[0] or not key[1]:
            raise ProtocolError("KEY_INVALID", 422, "The account has no exchange key.")
        self.seen.add(account.account_id)
        session = Session(gateway, self.gateways.state(gateway, key[0]), key)
        return _ADAPTERS[account.venue.code](session)

    def gateway(self, account: AccountRef) -> Gateway:
        """The gateway to the account's venue; raises `ProtocolError` when we do not go there."""
        if account.base_url and not self._allow_venue_url and account.base_url not in self._venues:
            raise ProtocolError("VENUE_URL_REFUSED", 403, "This node does not accept another exchange address.")
        if account.venue.code not in _ADAPTERS:
            raise ProtocolError("UNKNOWN_EXCHANGE", 422, f"{account.venue.code} is not traded by this node.")
        return self.gateways.gateway(account.venue, sandbox=account.sandbox, base_url=account.base_url)

    async def market(self, account: AccountRef, symbol: str) -> Market:
        """The trading rules of a symbol on the account's venue."""
        return await self.gateway(account).market(symbol)
