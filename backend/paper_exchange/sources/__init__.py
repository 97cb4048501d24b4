"""Where prices come from: simulated, replayed from files, or polled from a live exchange."""

from __future__ import annotations

from backend.paper_exchange.config import PaperConfig
from backend.paper_exchange.sources.base import Source


def make_source(config: PaperConfig) -> Source:
    """The price source a config names. Nothing is loaded before ``open()``."""
    kind, _, rest = config.source.partition(":")
    if kind == "replay":
        from backend.paper_exchange.sources.replay import ReplaySource

        return ReplaySource(config, rest)
    if kind == "exchange":
        from backend.paper_exchange.sources.live import LiveSource

        return LiveSource(config, rest)
    from backend.paper_exchange.sources.simulated import SimulatedSource

    return SimulatedSource(config)
