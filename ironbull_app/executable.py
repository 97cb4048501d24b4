"""`ironbull bundle-node --executable`: the node as one file that needs no Python on its machine.

PyInstaller packs the node's sources and what they import. The exchange library brings more than a hundred venues; a
copy with only those of the difference table is packed instead, which halves the file and its start. No code of a venue
is changed: whole files are left out, and the two lists that import them are shortened.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from ironbull_app.bundle import SOURCE, BundleFailed
from node_service.venues import VENUES

NAME: Final = "ironbull-node"
BUILD_TIMEOUT_S: Final = 900
_IMPORT: Final = re.compile(r"^from ccxt(?:\.async_support)?\.(\w+) import \1\b.*$", re.MULTILINE)
_PARENT: Final = re.compile(r"^from ccxt\.async_support\.(\w+) import \1\b", re.MULTILINE)
_ENTRY: Final = """import sys

from node_service.__main__ import main

sys.exit(main())
"""
# Found by the packer on a machine that builds the whole platform; the node never imports them.
_LEFT_OUT: Final = [part for name in ("numpy", "PIL", "yaml", "tkinter") for part in ("--exclude-module", name)]
_NEEDED: Final = (
    "PyInstaller is not installed, and --executable needs it. Install it with `make setup-dev`, or with "
    "`.venv/bin/python -m pip install 'pyinstaller>=6.11'`, and run this again."
)


def build(target: Path) -> Path:
    """Write `target/ironbull-node`. Takes about half a minute. Raises ``BundleFailed``."""
    try:
        importlib.import_module("PyInstaller")
    except ImportError:
        raise BundleFailed(_NEEDED) from None
    with tempfile.TemporaryDirectory(prefix="ironbull-node-") as place:
        work = Path(place)
        entry = stage(work / "sources")
        command = [
            sys.executable, "-m", "PyInstaller", "--onefile", "--noconfirm", "--log-level", "ERROR", "--name", NAME,
            "--paths", str(entry.parent), "--distpath", str(target), "--workpath", str(work / "work"),
            "--specpath", str(work), *_LEFT_OUT,
        ]  # fmt: skip
        # The library is imported by name at run time, so the packer cannot see it.
        for module in ["ccxt.async_support", *(f"ccxt.async_support.{venue.ccxt_id}" for venue in VENUES.values())]:
            command += ["--hidden-import", module]
        done = subprocess.run(  # noqa: S603 - our own interpreter and paths
            [*command, str(entry)], cwd=work, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
        )
        if done.returncode != 0:
            raise BundleFailed(f"PyInstaller failed: {done.stderr.strip()[-500:]}")
    return target / NAME


def stage(folder: Path) -> Path:
    """Lay out what is packed: the node, the shortened library, the entry script. Returns the script."""
    shutil.copytree(SOURCE, folder / "node_service", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    found = importlib.util.find_spec("ccxt")
    assert found is not None and found.origin is not None, "the node cannot run without ccxt"
    _slim_library(Path(found.origin).parent, folder / "ccxt")
    entry = folder / "ironbull_node.py"
    entry.write_text(_ENTRY)
    return entry


def _slim_library(source: Path, target: Path) -> None:
    """A copy of ccxt that holds the venues of the table and their parents, asynchronous only."""
    kept, open_names = set[str](), [venue.ccxt_id for venue in VENUES.values()]
    while open_names:
        name = open_names.pop()
        if name not in kept:
            kept.add(name)
            open_names += _PARENT.findall((source / "async_support" / f"{name}.py").read_text())
    listed = set(_IMPORT.findall((source / "async_support" / "__init__.py").read_text())) - {"base"}
    gone = {f"{name}.py" for name in listed}

    def leave_out(place: str, names: list[str]) -> set[str]:
        here = Path(place).relative_to(source)
        out = {name for name in names if name in ("__pycache__", "pro", "test")}
        if here == Path():
            out |= gone & set(names)
        elif here in (Path("async_support"), Path("abstract")):
            out |= {name for name in gone & set(names) if name.removesuffix(".py") not in kept}
        return out

    shutil.copytree(source, target, ignore=leave_out)
    _shorten(target / "__init__.py", listed)
    _shorten(target / "async_support" / "__init__.py", listed - kept)


def _shorten(init: Path, gone: set[str]) -> None:
    """Take the imports of these venues out of a list of imports."""
    init.write_text(_IMPORT.sub(lambda line: "" if line[1] in gone else line[0], init.read_text()))
