"""The words of the venues that share `VenueAccount`: requests and replies, one class per venue."""

from __future__ import annotations

from typing import Final

from .base import Dialect
from .bitget import Bitget
from .bybit import Bybit
from .gate import Gate
from .hyperliquid import Hyperliquid
from .okx import Okx

DIALECTS: Final[dict[str, Dialect]] = {
    dialect.venue.code: dialect for dialect in (Okx(), Gate(), Bybit(), Bitget(), Hyperliquid())
}
