"""`ironbull bundle-node`: everything a node needs in one folder that can be copied to another machine.

The folder holds the node's sources, its short list of requirements, a start script, a configuration to fill in and a
systemd unit; nothing of the centre.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import node_service

SOURCE: Final = Path(node_service.__file__).parent

_START: Final = """#!/bin/sh
# Starts the node; the first start makes its environment. Options are passed on: ./start.sh join URL TOKEN --public-url ...
set -eu
cd "$(dirname "$0")"
[ -x venv/bin/python ] || { python3 -m venv venv && venv/bin/pip install -q -r node_service/requirements.txt; }
[ -f node.env ] && [ -z "${IRONBULL_NODE_CONFIG:-}" ] && [ "${1:-}" != join ] && export IRONBULL_NODE_CONFIG=node.env
exec venv/bin/python -m node_service "$@"
"""

_CONFIG: Final = """# Copy to node.env, fill in, chmod 600. `./start.sh join URL TOKEN --public-url URL` writes node.env by itself.
IRONBULL_NODE_AUTH_SECRET=
IRONBULL_NODE_CODE=
IRONBULL_NODE_HOST=0.0.0.0
IRONBULL_NODE_PORT=9101
IRONBULL_NODE_ALLOWED_IPS=
IRONBULL_CENTER_URL=
IRONBULL_NODE_PUBLIC_URL=
"""


class BundleFailed(Exception):
    """The bundle was not made; the message says why."""


def bundle(target: Path) -> Path:
    """Write the folder, replacing an earlier bundle. Raises ``BundleFailed`` when something else is there."""
    if target.exists():
        if any(target.iterdir()) and not (target / "node_service" / "__main__.py").exists():
            raise BundleFailed(f"{target} holds something else; name another folder.")
        shutil.rmtree(target)
    target.mkdir(parents=True)
    shutil.copytree(SOURCE, target / "node_service", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copy(SOURCE / "README.md", target / "README.md")
    start = target / "start.sh"
    start.write_text(_START)
    start.chmod(0o755)
    (target / "node.env.example").write_text(_CONFIG)
    shutil.copy(SOURCE / "ironbull-node.service", target / "ironbull-node.service")
    return target
