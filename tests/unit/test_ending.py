"""How tasks and processes end, whatever holds them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from backend.ending import end_tasks

ROOT = Path(__file__).resolve().parents[2]
BUSY = """
import asyncio, time
from backend.ending import Deadline

async def serve(deadline):
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
    deadline.start(600, code=1)
    deadline.start(0.3, code={code})

asyncio.run(serve(Deadline()))
"""


async def test_a_lost_cancellation_is_said_again() -> None:
    heard = 0

    async def deaf() -> None:
        nonlocal heard
        while heard < 3:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                heard += 1

    async def failing() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            raise ValueError("at its end")

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(failing())]
    await asyncio.sleep(0)
    await end_tasks(tasks, 60.0)
    assert all(task.done() for task in tasks) and heard == 3


async def test_what_does_not_end_is_left() -> None:
    go = asyncio.Event()

    async def stubborn() -> None:
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end_tasks([task], 0.2)
    assert not task.done()
    go.set()
    await task


@pytest.mark.parametrize("code", [0, 1])
def test_a_busy_thread_does_not_keep_the_process(code: int) -> None:
    """In good order nobody waits for it; without it, the log says where every thread stood."""
    ended = subprocess.run([sys.executable, "-c", BUSY.format(code=code)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == code
    assert ("most recent call first" in ended.stderr) == (code == 1)
