"""A13: what notes secrets told by tests does notice one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TELLS = """
import logging
from tests.support.canaries import watch

watch("a-canary-that-sings")

def test_prints():
    print("key a-canary-that-sings!")

def test_logs():
    logging.getLogger("x").warning("key %s", "a-canary-that-sings")

def test_keeps_it():
    print("key …sings")
"""


def test_a_told_secret_fails_its_test(tmp_path: Path) -> None:
    file = tmp_path / "test_tells.py"
    file.write_text(TELLS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.canaries", "-p", "no:cacheprovider", str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "2 failed, 1 passed" in run.stdout, run.stdout
    assert "a secret stands in the Captured stdout call" in run.stdout
