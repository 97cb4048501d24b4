"""Where compiled passes are cached, and the way to load one.

Compiling takes seconds, so machine code is kept between runs. The folder's name is a digest of every source
it was compiled from: numba itself notices a change in a function's own file, not in the files it calls.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

SOURCES = ("kernels.py", "composite_kernel.py", "regime_kernel.py", "../backtest/fast_kernel.py")
_importing = threading.RLock()


@cache
def prepare_cache() -> Path:
    """Point numba at the cache folder for these sources; ``NUMBA_CACHE_DIR`` overrides it.

    The folder lies in the user's cache directory. Where that cannot be written a private temporary folder
    serves this process alone (a shared one could be filled by somebody else).
    """
    import numba

    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    digest = hashlib.sha256(numba.__version__.encode())
    here = Path(__file__).parent
    for name in SOURCES:
        digest.update((here / name).read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "ironbull" / f"kernels-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        folder = Path(tempfile.mkdtemp(prefix="ironbull-kernels-"))
    numba.config.CACHE_DIR = str(folder)
    return folder


def load(module: str) -> ModuleType:
    """A module of compiled functions; imports numba on first use.

    One thread at a time: two that import numba at once may both see half of it, and keep that.
    """
    with _importing:
        prepare_cache()
        return import_module(module)


def load_scan(module: str) -> Callable[..., None]:
    """The compiled ``scan`` of a kernel module beside this one."""
    scan: Callable[..., None] = load(f"backend.strategies.{module}").scan
    return scan
