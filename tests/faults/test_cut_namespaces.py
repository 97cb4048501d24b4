"""Two network namespaces, a real cable between centre and node, pulled in the middle of an execution for 60 s.

Needs a machine that lets a user make namespaces; elsewhere ``test_cut_link.py`` cuts between processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.namespaces import ROOT
from tests.support.faults import FULL
from tests.support.programs import program

CUT_S = float(os.environ.get("IRONBULL_CUT_S", "60"))


@pytest.mark.skipif(not FULL, reason="make faults: the cable stays out for a minute")
@pytest.mark.timeout(600)
def test_the_cable_to_a_node_is_pulled_in_the_middle_of_an_execution(tmp_path: Path) -> None:
    unshare, _, _ = (program(name) for name in ("unshare", "nsenter", "ip"))
    if subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("the kernel lets this user make no network namespaces; test_cut_link.py cuts between processes instead")
    done = subprocess.run(
        [unshare, "-rn", sys.executable, "-m", "tests.faults.namespaces", str(tmp_path), str(CUT_S)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "IRONBULL_HOME": str(tmp_path), "PATH": f"{os.environ['PATH']}:/usr/sbin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
