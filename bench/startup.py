"""Time from `make run` (built) to the first page, and memory at rest of everything, all processes added.

The reference is the limit itself: 5 s and 600 MB.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench._bench import report
from tests.support.paper import free_port

ROOT = Path(__file__).resolve().parents[1]
RUNS = 3
REST_S = 45.0
LIMIT_S, LIMIT_MB = 5.0, 600.0


def children(pid: int) -> list[int]:
    """The process and all its descendants (Linux)."""
    found = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found += children(int(path.parent.name))
    return found


def resident_mb(pid: int) -> float:
    """Proportional set size: shared pages are counted once over all processes."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def start(home: str, port: int) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ, "IRONBULL_HOME": home, "IRONBULL_PORT": str(port), "IRONBULL_NODE_PORT": str(free_port()),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "ironbull_app.cli", "run"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def wait_page(port: int, deadline_s: float = 120.0) -> float:
    """Seconds until the sign-in page answers."""
    started = time.perf_counter()
    with httpx.Client(verify=False, timeout=5) as client:
        while time.perf_counter() - started < deadline_s:
            try:
                if client.get(f"http://127.0.0.1:{port}/login").status_code == 200:
                    return time.perf_counter() - started
            except httpx.HTTPError:
                time.sleep(0.02)
    raise SystemExit("the platform did not start")


def stop(process: subprocess.Popen[bytes]) -> float:
    """Seconds from Ctrl-C to the end."""
    started = time.perf_counter()
    process.send_signal(signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return time.perf_counter() - started


def main() -> None:
    subprocess.run([sys.executable, "-m", "ironbull_app.cli", "build"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    first, stops, memory = [], [], 0.0
    with tempfile.TemporaryDirectory() as home:
        for run in range(RUNS):
            port = free_port()
            process = start(home, port)
            try:
                first.append(wait_page(port))
                if run == RUNS - 1:
                    time.sleep(REST_S)
                    memory = sum(resident_mb(pid) for pid in children(process.pid))
            finally:
                stops.append(stop(process))
    report("start to first page", statistics.median(first), LIMIT_S, unit="s", aim=1.0)
    report("Ctrl-C to the end", statistics.median(stops), LIMIT_S, unit="s", aim=1.0)
    report("memory at rest, all processes", memory, LIMIT_MB, unit="MB", aim=1.0)


if __name__ == "__main__":
    main()
