"""Whether freed memory leaves the process: by what the kernel says of it."""

import os
import sys
from pathlib import Path

import pytest

from parkwacht_vision.memory import HeapTrimmer

BLOCK, N_BLOCKS = 64_000, 2_000  # 128 MB; the C library maps blocks twice as large by themselves


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_free_between_what_is_used_goes_back() -> None:
    blocks = [bytearray(BLOCK) for _ in range(N_BLOCKS)]
    used = blocks[::20]  # every twentieth stays, the last one on top of the heap
    full = resident_bytes()
    del blocks
    assert full - resident_bytes() < BLOCK * N_BLOCKS / 2  # kept
    HeapTrimmer().trim()
    assert full - resident_bytes() > BLOCK * N_BLOCKS * 0.8
    assert len(used) == N_BLOCKS / 20
