"""A real simulated exchange on a free port, and real ccxt clients pointed at it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support as ccxt_async
import httpx

from tests.support.canaries import watch

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "paper-control-token"


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """The child's environment. Compiled modules are kept, or every start would compile the whole stack."""
    out = {**os.environ, "PYTHONPATH": str(ROOT)}
    if out.pop("PYTHONDONTWRITEBYTECODE", None):
        out["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / f"paper-pycache-{os.getuid()}")
    return out


class PaperServer:
    """The simulated exchange as a child process; use as ``with PaperServer(tmp_path) as server:``.

    By default stepped, on a database in ``folder``, with no slippage and five symbols so that it starts fast.
    ``args`` are further command line arguments (``--source``, ``--symbols``, ...), later ones win.
    """

    def __init__(self, folder: Path, *args: str, mode: str = "stepped", db: bool = True) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.token = TOKEN
        self.log_path = Path(folder) / f"paper-{self.port}.log"
        self.db_path = Path(folder) / f"paper-{self.port}.sqlite" if db else None
        self._args = ["--mode", mode, "--slippage-bps", "0", "--max-symbols", "5"]
        if self.db_path:
            self._args += ["--db", str(self.db_path)]
        self._args += list(args)
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=self.base_url, headers={"X-Paper-Token": TOKEN}, timeout=60)

    def __enter__(self) -> PaperServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        command = [sys.executable, "-m", "backend.paper_exchange", "--port", str(self.port), "--token", TOKEN]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._args],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=_environment(),
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"paper exchange ended:\n{self.log_path.read_text()[-3000:]}")
            try:
                if httpx.get(self.base_url + "/fapi/v1/ping", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.03)
        raise RuntimeError(f"paper exchange did not answer:\n{self.log_path.read_text()[-3000:]}")

    def stop(self) -> None:
        """Ends the process in an orderly way."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the process at once, as a crash would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Starts again on the same port and database; call after ``kill`` or ``stop``."""
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    # --- control routes ---------------------------------------------------------------------------
    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A control request; its JSON answer."""
        reply = self._http.request(method, path, json=body)
        if reply.status_code != 200:
            raise AssertionError(f"{method} {path}: {reply.status_code} {reply.text}")
        return reply.json()

    def clock(self, **change: Any) -> dict[str, Any]:
        """The market clock; ``mode=`` and ``speed=`` change it."""
        if change:
            return dict(self.control("POST", "/paper/clock", change))
        return dict(self.control("GET", "/paper/clock"))

    def step(self, ticks: int = 1) -> dict[str, Any]:
        """Advances the market by ticks; 4 make a bar. Returns the clock."""
        return dict(self.control("POST", "/paper/step", {"ticks": ticks}))

    def prices(self) -> dict[str, str]:
        """Present price of every symbol."""
        return dict(self.control("GET", "/paper/prices")["prices"])

    def account(self, name: str = "trader", balance_usdt: str = "10000") -> dict[str, Any]:
        """{account_id, api_key, api_secret}; the same name gives the same account."""
        made = dict(self.control("POST", "/paper/accounts", {"name": name, "balance_usdt": balance_usdt}))
        watch(made["api_secret"])
        return made

    def dump(self, account_id: int) -> dict[str, Any]:
        """Everything the exchange has on one account."""
        return dict(self.control("GET", f"/paper/accounts/{account_id}/dump"))

    def faults(self, *faults: dict[str, Any]) -> list[dict[str, Any]]:
        """Switches faults on; returns all active ones with their ``hits``."""
        return list(self.control("POST", "/paper/faults", {"faults": list(faults)})["faults"])

    def clear_faults(self) -> None:
        """Switches all faults off."""
        self.control("DELETE", "/paper/faults")


def sim_urls(base_url: str) -> dict[str, Any]:
    """ccxt's URL table of Binance with every host replaced by ``base_url``."""

    def turn(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turn(part) for key, part in value.items()}
        return re.sub(r"^(https?|wss?)://[^/]+", base_url, value)

    return {key: turn(value) for key, value in ccxt.binanceusdm().urls["api"].items()}


def ccxt_config(base_url: str, key: str | None, secret: str | None, **options: Any) -> dict[str, Any]:
    """Configuration for an unmodified ccxt binanceusdm that talks to the simulated exchange."""
    config: dict[str, Any] = {
        "urls": {"api": sim_urls(base_url)},
        "enableRateLimit": False,
        "timeout": 10_000,
        "options": {
            "fetchCurrencies": False,
            "fetchOpenOrders": {"warnWithoutSymbol": False},
            "setMarginMode": {"throwMarginModeAlreadySet": False},
            **options,
        },
        "exceptions": {"exact": ccxt.binanceusdm().exceptions["linear"]["exact"]},
    }
    if key is not None:
        config |= {"apiKey": key, "secret": secret}
    return config


def make_ccxt(base_url: str, key: str | None = None, secret: str | None = None, **options: Any) -> Any:
    """An asynchronous ccxt client; close it with ``await client.close()``."""
    return ccxt_async.binanceusdm(ccxt_config(base_url, key, secret, **options))


def make_ccxt_sync(base_url: str, key: str | None = None, secret: str | None = None, **options: Any) -> Any:
    """A synchronous ccxt client."""
    return ccxt.binanceusdm(ccxt_config(base_url, key, secret, **options))


@asynccontextmanager
async def own_hand(paper: PaperServer, name: str) -> AsyncIterator[Any]:
    """The client of an account's owner, who trades past the platform."""
    keys = paper.account(name)
    client = make_ccxt(paper.base_url, keys["api_key"], keys["api_secret"])
    try:
        yield client
    finally:
        await client.close()
