"""
Loops compiled by numba, and threads to run them in.

The compiled functions release Python's lock, so that plain threads use all cores; numba's own
parallel loops are not used, because their thread pools do not survive a fork and bar callers that
run threads themselves. Work is cut into parts whose answers are joined in order: the number of
cores never changes an answer.

numba keeps compiled functions on disk and asks only whether a function's own file has changed, not
the files of what it calls; a kernel would go on with an old version of them. So every one carries
a digest of all files with such functions.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])
Part = TypeVar("Part")
Answer = TypeVar("Answer")


def compiled(function: F) -> F:
    """Compile a function with numba, cached on disk, and keep its type."""
    decorated: F = _with_stamp(numba.njit(cache=True, nogil=True)(function))
    return decorated


def inlined(function: F) -> F:
    """
    Compile as `compiled`, into its callers: for innermost steps, where a call costs more.

    Such a function makes no array; so numba need not count who holds one, which is what half of
    its time would go to.
    """
    decorated: F = _with_stamp(
        numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)(function)
    )
    return decorated


def _with_stamp(dispatcher: F) -> F:
    """Let the cache of a compiled function hold for all sources as they are now, not its own."""
    cache_file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache_file is not None:
        cache_file._source_stamp = _digest_of_sources()
    return dispatcher


@cache
def _digest_of_sources() -> str:
    """Return the SHA-256 of this file and of all that compile with it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("_*.py")):
        content = path.read_bytes()
        if path == Path(__file__) or b"_compiled import" in content:
            digest.update(content)
    return digest.hexdigest()


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
