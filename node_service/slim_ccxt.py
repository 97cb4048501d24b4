"""Import one exchange of ccxt without paying for the other hundred.

`import ccxt.async_support` executes a package `__init__` that imports every exchange: about 110 MB and half a second.
The node needs one or two of them. A loader in front of the normal one drops exactly those import statements from the
two `__init__` files and turns the names into lazy attributes, so `ccxt.okx` still works for whoever asks later in the
same process. Nothing else of ccxt is touched. If ccxt was already imported, or its layout is not what we expect, the
ordinary import is used: slower and larger, never different.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import sys
import threading
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import Any

import aiohttp

log = logging.getLogger("node_service")

_PACKAGES = ("ccxt", "ccxt.async_support")
_LAZY_NAMES = "__lazy_exchanges__"
_ODD_LAYOUT = (ImportError, SyntaxError, NameError, AttributeError, TypeError, ValueError, LookupError)
_lock = threading.Lock()


class _LazyPackage(ModuleType):
    """A package whose exchange classes are imported at first use."""

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get(_LAZY_NAMES, ()):
            module = importlib.import_module(f"{self.__name__}.{name}")
            value = getattr(module, name)
            ModuleType.__setattr__(self, name, value)
            return value
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system binds a freshly imported submodule on its package; in the full package the class of the
        # same name hides it, and callers rely on that (`ccxt.binanceusdm()`).
        if isinstance(value, ModuleType) and name in self.__dict__.get(_LAZY_NAMES, ()):
            value = getattr(value, name, value)
        ModuleType.__setattr__(self, name, value)


class _SlimLoader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path)
        tree = ast.parse(source, self.path)
        lazy: list[str] = []
        kept: list[ast.stmt] = []
        for node in tree.body:
            name = _exchange_import(node, fullname)
            if name is None:
                kept.append(node)
            else:
                lazy.append(name)
        tree.body = kept
        self.lazy_names = frozenset(lazy)
        return compile(tree, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        module.__dict__[_LAZY_NAMES] = self.lazy_names
        module.__class__ = _LazyPackage
        exec(code, module.__dict__)  # noqa: S102 - the package's own source, minus the exchange imports


def _exchange_import(node: ast.stmt, package: str) -> str | None:
    """The exchange name if `node` is `from <package>.X import X`, else None."""
    if not isinstance(node, ast.ImportFrom) or node.level or len(node.names) != 1:
        return None
    name = node.names[0].name
    if node.module == f"{package}.{name}" and node.names[0].asname is None and name not in ("base", "pro"):
        return name
    return None


class _SlimFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _PACKAGES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        spec.loader = _SlimLoader(spec.loader.name, spec.loader.path)
        return spec


def load_exchange(name: str) -> type[Any]:
    """The class `ccxt.async_support.<name>`, importing only what it needs.

    Raises `LookupError` if ccxt knows no exchange of that name.
    """
    with _lock:
        if "ccxt" not in sys.modules:
            _prepare()
    try:
        package = importlib.import_module("ccxt.async_support")
        found = getattr(package, name)
    except AttributeError:
        raise LookupError(f"ccxt has no exchange named {name!r}") from None
    if not isinstance(found, type):
        raise LookupError(f"ccxt has no exchange named {name!r}")
    return found


def request_failures() -> tuple[type[Exception], ...]:
    """What a request through ccxt may raise: its own errors, those of the network, and plain ones on a reply that it
    cannot take apart. Call it after `load_exchange`."""
    own: type[Exception] = importlib.import_module("ccxt.base.errors").BaseError
    return own, aiohttp.ClientError, OSError, TimeoutError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError


def _prepare() -> None:
    finder = _SlimFinder()
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module("ccxt.async_support")
    except _ODD_LAYOUT as error:  # a future ccxt: take the ordinary import instead
        log.warning("slim ccxt import not possible (%s), using the full package", type(error).__name__)
        for loaded in [key for key in sys.modules if key == "ccxt" or key.startswith("ccxt.")]:
            del sys.modules[loaded]
    finally:
        sys.meta_path.remove(finder)
