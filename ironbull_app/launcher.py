"""Serves everything in this process, on one port."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ironbull_app.web_build import ROOT, ensure_build

STOP_S = 4


def prepare(web: Path | None = None) -> Path:
    """Set what Reflex reads from the environment. Call before importing ``ironbull_app.ironbull_app``."""
    web = web or ensure_build()
    # The working directory changes below: a path the user gave is relative to where the user is.
    os.environ["IRONBULL_HOME"] = str(Path(os.environ.get("IRONBULL_HOME", "./var")).resolve())
    os.environ.update(
        REFLEX_ENV_MODE="prod",
        REFLEX_WEB_WORKDIR=str(web),
        REFLEX_TELEMETRY_ENABLED="false",
        REFLEX_CHECK_LATEST_VERSION="false",
        __REFLEX_SKIP_COMPILE="true",
        __REFLEX_MOUNT_FRONTEND_COMPILED_APP="true",
    )
    os.chdir(ROOT)
    return web


def serve(host: str, port: int, *, on_app: Callable[[Any], None] | None = None) -> None:
    """Run until SIGINT or SIGTERM; open sockets are closed and the process ends within five seconds.

    ``on_app`` receives the Reflex app before it starts, to register lifespan tasks (scheduler, simulated exchange).
    """
    prepare()
    import uvicorn

    from ironbull_app.ironbull_app import app

    if on_app is not None:
        on_app(app)
    uvicorn.run(
        app(), host=host, port=port, ws_per_message_deflate=False, access_log=False, log_level="warning",
        timeout_graceful_shutdown=STOP_S, server_header=False,
    )  # fmt: skip
