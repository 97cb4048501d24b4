"""Builds the browser side once and reuses it while its sources are unchanged.

The build runs in its own copy of the sources, so nothing appears in the project folder. The result is free of a host and a
port: it follows the address it is served from. A release may carry a finished build beside this file (``_web``).
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = Path(__file__).with_name("_web")
SOURCES = ("ironbull_app", "pages", "state", "assets", "reflex.lock", "rxconfig.py")
# States import these; a change there that matters to the bundle shows up in states, too. They are not hashed.
_BESIDE = ("backend", "node_service")
# The front door's own modules serve the bundle; nothing of them is in it.
_NOT_BUNDLED = {"branded.py", "cli.py", "doors.py", "finding.py", "launcher.py", "lock.py", "run.py"}
# Reflex without the garbage collector: a quarter of its time goes into looking at components that all stay.
_REFLEX = "import gc; gc.disable(); from reflex.reflex import cli; cli()"
_PUBLIC = re.compile(r"public-(\w+)-(en|zh)")
_KEEP_BUILDS = 3
FONT = "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"


class WebBuildFailed(RuntimeError):
    """The front end could not be built. The message ends with the builder's last lines."""


def cache_dir() -> Path:
    """Where builds are kept: ``IRONBULL_WEB_CACHE``, else ``.cache/web`` in the project, else below ``IRONBULL_HOME``."""
    chosen = os.environ.get("IRONBULL_WEB_CACHE")
    if chosen:
        return Path(chosen).resolve()
    if os.access(ROOT, os.W_OK):
        return ROOT / ".cache" / "web"
    return (Path(os.environ.get("IRONBULL_HOME", "./var")) / "web").resolve()


def digest() -> str:
    """Hash of everything the bundle is made from."""
    total = hashlib.sha256()
    for package in ("reflex", "reflex-base"):
        total.update(f"{package}={importlib.metadata.version(package)}\n".encode())
    for path in _source_files():
        if path.parent.name == "ironbull_app" and path.name in _NOT_BUNDLED:
            continue
        total.update(str(path.relative_to(ROOT)).encode() + b"\0")
        total.update(path.read_bytes() + b"\0")
    return total.hexdigest()[:20]


def _source_files() -> Iterator[Path]:
    for name in SOURCES:
        top = ROOT / name
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        for path in files:
            skip = {"__pycache__", "external", "node_modules", "_web"} & set(path.relative_to(ROOT).parts)
            if path.is_file() and not skip and path.suffix != ".pyc":
                yield path


def ensure_build() -> Path:
    """Folder to serve from (``build/client``, ``backend``, ``static``); builds when sources changed."""
    if (SHIPPED / "static").is_dir():
        return SHIPPED
    cache = cache_dir()
    target = cache / digest()
    if (target / "static" / "landing-en.html").exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "static" / "landing-en.html").exists():
            _build(cache, target)
            _forget_old(cache, target)
    return target


def _build(cache: Path, target: Path) -> None:
    work = cache / "work"
    _copy_sources(work)
    web = work / ".web"
    for trap in ("postcss.config.js", "build"):
        path = web / trap
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    _export(work)
    fresh = cache / f"new-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(web / "build" / "client", fresh / "build" / "client")
    shutil.copytree(web / "backend", fresh / "backend")
    fonts = fresh / "build" / "client" / "fonts"
    fonts.mkdir()
    shutil.copyfile(web / "node_modules" / FONT, fonts / "inter-latin.woff2")
    _free_of_port(fresh / "build" / "client" / "assets")
    _strip_public(fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def _copy_sources(work: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    wanted = {path.relative_to(ROOT) for path in _source_files()}
    for name in SOURCES:
        old = work / name
        for path in [p for p in old.rglob("*") if p.is_file()] if old.is_dir() else []:
            if path.relative_to(work) not in wanted:
                path.unlink()
    for relative in wanted:
        copy = work / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = (ROOT / relative).read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            copy.write_bytes(content)
    for name in _BESIDE:
        link = work / name
        if not link.exists():
            link.symlink_to(ROOT / name, target_is_directory=True)


def _export(work: Path) -> None:
    scripts = sysconfig.get_path("scripts")
    env = {
        **os.environ,
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]),
        "IRONBULL_EXPORT": "1",
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_API_URL": "http://localhost:0",
        "REFLEX_WEB_WORKDIR": ".web",
        "NO_COLOR": "1",
    }
    command = [sys.executable, "-c", _REFLEX, "export", "--frontend-only", "--no-zip"]
    done = subprocess.run(  # noqa: S603 - a fixed command
        command, cwd=work, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode or not any((work / ".web" / "build" / "client").glob("public-*")):
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise WebBuildFailed(f"The front end could not be built. Node 22 and the npm registry are needed.\n{tail}")


def _free_of_port(assets: Path) -> None:
    """The address of the server is baked into one chunk; make it the page's own."""
    found = list(assets.glob("reflex-env-*.js"))
    if len(found) != 1:
        raise WebBuildFailed(f"Expected one reflex-env chunk, found {len(found)}.")
    text = found[0].read_text()
    text, sockets = re.subn(r"ws://localhost:\d+", '${location.protocol.replace("http","ws")}//${location.host}', text)
    text, pages = re.subn(r"http://localhost:\d+", "${location.origin}", text)
    if not sockets or not pages or "`${location" not in text:
        raise WebBuildFailed("The address in the reflex-env chunk has a new form.")
    found[0].write_text(text)
    packed = found[0].with_suffix(".js.gz")
    if packed.exists():
        packed.write_bytes(gzip.compress(text.encode(), 9))


def _strip_public(fresh: Path) -> None:
    """Public pages become single static files: no framework script, stylesheets inside."""
    from pages.components.head import public_head_script

    client = fresh / "build" / "client"
    styles = "".join(_lean(client / name) for name in ("tokens.css", "kit.css", "public.css"))
    (fresh / "static").mkdir()
    for folder in sorted(client.glob("public-*")):
        match = _PUBLIC.fullmatch(folder.name.removesuffix(".html"))
        source = folder / "index.html" if folder.is_dir() else folder
        if match and source.exists():
            page = _stripped(source.read_text(encoding="utf-8"), match[2], styles, public_head_script())
            (fresh / "static" / f"{match[1]}-{match[2]}.html").write_text(page, encoding="utf-8")
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def _lean(path: Path) -> str:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", text)).replace(";}", "}").strip()


def _stripped(page: str, lang: str, styles: str, script: str) -> str:
    page = re.sub(r"<script\b.*?</script>", "", page, flags=re.S)
    page = re.sub(r"<link\b[^>]*(modulepreload|__reflex_global_styles|as=\"style\")[^>]*>", "", page)
    page = re.sub(r"<style data-emotion.*?</style>", "", page, flags=re.S)
    page = re.sub(r"<!--.*?-->", "", page, flags=re.S)
    page = re.sub(r"<html\b[^>]*>", f'<html lang="{"zh-Hans" if lang == "zh" else "en"}" class="dark">', page)
    # A place on the page itself must stay on it, whatever address the page is served under.
    page = re.sub(r'href="/public-[\w-]+/?(#[\w-]+)"', r'href="\1"', page)
    head = f"<script>{script}</script><style>{styles}</style>" '<script src="/js/public.js" defer></script></head>'
    return page.replace("</head>", head, 1)


def _forget_old(cache: Path, keep: Path) -> None:
    builds = [p for p in cache.iterdir() if (p / "static").is_dir() and p != keep]
    for path in sorted(builds, key=lambda p: p.stat().st_mtime, reverse=True)[_KEEP_BUILDS - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.write(f"{ensure_build()}\n")
