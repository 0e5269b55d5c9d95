"""What tests fetch by npm, once, into a folder of pytest's cache."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

INSTALL = (
    "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional",
    "--prefix", ".",
)  # fmt: skip


def unpack(package: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the commands that fetch a package alone, without what it needs, into `package/`."""
    return ("npm", "pack", "--silent", package), ("sh", "-c", "tar -xzf *.tgz")


def fetch(request: pytest.FixtureRequest, name: str, *commands: Sequence[str]) -> Path:
    """Return the folder in which the commands were run, all of them; skip where that cannot be."""
    cache = getattr(request.config, "cache", None)
    kept = (
        request.getfixturevalue("tmp_path_factory").mktemp(name)
        if cache is None
        else cache.mkdir(name)
    )
    home: Path = kept / "node"
    if home.exists():
        return home
    work = Path(tempfile.mkdtemp(dir=kept))
    try:
        for command in commands:
            subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(work)
        reason = f"{name} needs node, npm and its registry ({error})"
        if os.environ.get("PARKWACHT_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    work.rename(home)
    return home
