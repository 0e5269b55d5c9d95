"""
Loops compiled by numba, and threads to run them in.

The compiled functions release Python's lock, so that plain threads use all cores; numba's own
parallel loops are not used, because their thread pools do not survive a fork and bar callers that
run threads themselves. Work is cut into parts whose answers are joined in order: the number of
cores never changes an answer.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])
Part = TypeVar("Part")
Answer = TypeVar("Answer")


def compiled(function: F) -> F:
    """Compile a function with numba, cached on disk, and keep its type."""
    decorated: F = numba.njit(cache=True, nogil=True)(function)
    return decorated


def inlined(function: F) -> F:
    """
    Compile as `compiled`, into its callers: for innermost steps, where a call costs more.

    Such a function makes no array; so numba need not count who holds one, which is what half of
    its time would go to (measured in `benchmarks/bench_visibility.py`).
    """
    decorated: F = numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)(function)
    return decorated


def n_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_on_cores(function: Callable[[Part], Answer], parts: Sequence[Part]) -> list[Answer]:
    """Call a function that releases Python's lock on every part; answers in the order of parts."""
    if len(parts) <= 1 or n_cores() == 1:
        return [function(part) for part in parts]
    with ThreadPoolExecutor(max_workers=min(n_cores(), len(parts))) as pool:
        return list(pool.map(function, parts))
