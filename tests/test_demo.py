"""The whole job as its first user sees it: `parkwacht demo --once`, study and all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_demo_once_is_right_and_repeatable(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "PARKWACHT_WEIGHTS"}
    told = {"PARKWACHT_STATE_DIR": str(tmp_path), "PARKWACHT_DETECTOR": "embedded"}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "parkwacht_api", "demo", "--once", "--port", "18090"],
            env={**clean, **told},
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "p1_parking" in done.stdout
