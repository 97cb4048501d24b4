"""Runs the simulated exchange alone: ``python -m backend.paper_exchange --port 8899``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import uvicorn

from backend.paper_exchange.app import create_app
from backend.paper_exchange.config import PaperConfig


def parser() -> argparse.ArgumentParser:
    """The command line of the standalone runner."""
    out = argparse.ArgumentParser(prog="paper-exchange", description=__doc__)
    out.add_argument("--host", default="127.0.0.1")
    out.add_argument("--port", type=int, default=8899)
    out.add_argument("--source", default="simulated", help="simulated | replay:<path> | exchange:<ccxt id>")
    out.add_argument("--seed", type=int, default=1)
    out.add_argument("--speed", type=float, default=360.0, help="market seconds per wall second")
    out.add_argument("--mode", default="running", choices=("running", "stepped"))
    out.add_argument("--db", type=Path, default=None, help="SQLite file; without it nothing is kept")
    out.add_argument("--token", default=None, help="control token; random when absent, then printed")
    out.add_argument("--slippage-bps", type=Decimal, default=Decimal("2"))
    out.add_argument("--taker-fee-bps", type=Decimal, default=Decimal("5"))
    out.add_argument("--maker-fee-bps", type=Decimal, default=Decimal("2"))
    out.add_argument("--warmup-bars", type=int, default=600)
    out.add_argument("--symbols", default=None, help="comma separated, e.g. BTCUSDT,ETHUSDT")
    out.add_argument("--max-symbols", type=int, default=150)
    out.add_argument("--exchange-url", default=None, help="base URL instead of the live exchange's own")
    out.add_argument("--poll-ms", type=int, default=1000)
    out.add_argument("--live-interval", default="1m")
    out.add_argument("--venue-client-ids", action="store_true", help="client ids unique among open orders only")
    out.add_argument("--log-level", default="warning")
    return out


def config_from(args: argparse.Namespace) -> PaperConfig:
    """The configuration a command line describes."""
    return PaperConfig(
        source=args.source,
        seed=args.seed,
        speed=args.speed,
        mode=args.mode,
        db_path=args.db,
        control_token=args.token,
        slippage_bps=args.slippage_bps,
        taker_fee_bps=args.taker_fee_bps,
        maker_fee_bps=args.maker_fee_bps,
        warmup_bars=args.warmup_bars,
        strict_client_ids=not args.venue_client_ids,
        exchange_url=args.exchange_url,
        symbols=tuple(args.symbols.split(",")) if args.symbols else None,
        max_symbols=args.max_symbols,
        poll_ms=args.poll_ms,
        live_interval=args.live_interval,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Serves until interrupted."""
    args = parser().parse_args(argv)
    app = create_app(config_from(args))
    if args.token is None:
        sys.stdout.write(f"control token: {app.state.exchange.control_token}\n")
        sys.stdout.flush()
    uvicorn.run(app, host=args.host, port=args.port, log_level=args.log_level, access_log=False)


if __name__ == "__main__":
    main()
