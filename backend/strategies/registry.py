"""The strategies the platform offers, by code."""

from __future__ import annotations

import threading
from typing import Any

from backend.strategies.base import CandleBatch, ParameterError, Strategy
from backend.strategies.composite_score import CompositeScore
from backend.strategies.market_regime import MarketRegime

_STRATEGIES: dict[str, Strategy] = {
    strategy.code: strategy for strategy in (CompositeScore(), MarketRegime())
}


class UnknownStrategy(ParameterError):
    """No strategy has this code."""


def get_strategy(code: str) -> Strategy:
    """The strategy with this code; raises ``UnknownStrategy`` naming those there are."""
    try:
        return _STRATEGIES[code]
    except KeyError:
        known = ", ".join(sorted(_STRATEGIES))
        raise UnknownStrategy(f"There is no strategy {code!r}. Known strategies: {known}.") from None


def all_strategies() -> tuple[Strategy, ...]:
    """Every strategy, in the order shown to people."""
    return tuple(_STRATEGIES.values())


def warm_up() -> None:
    """Compile (or load from the cache) every strategy's pass. Takes seconds once per machine, then little."""
    import numpy as np

    times = np.arange(2, dtype=np.int64) * 3_600_000
    flat = np.ones((1, 2))
    batch = CandleBatch(("WARM/UP",), 3_600_000, times, flat, flat, flat, flat, flat)
    for strategy in all_strategies():
        strategy.evaluate(batch, None)


def warm_up_in_background() -> threading.Thread:
    """``warm_up`` on a daemon thread, so that the first scan need not wait for the compiler."""
    thread = threading.Thread(target=warm_up, name="strategy-warm-up", daemon=True)
    thread.start()
    return thread


def parse_params(code: str, values: dict[str, Any] | None) -> Any:
    """Validated parameters of a strategy; raises ``ParameterError`` with a text for people."""
    return get_strategy(code).params_type.from_mapping(values)
