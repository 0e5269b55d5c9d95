"""Something long beside the main work: a thread that waits for a process, and its answer."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Background(Generic[Answer]):
    """
    Call a function in a thread of its own.

    Parameters
    ----------
    function
        Is given a function that says whether to stop.
    """

    def __init__(self, function: Callable[[Callable[[], bool]], Answer]) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._future = self._pool.submit(function, self._stop.is_set)
        self._pool.shutdown(wait=False)

    @property
    def is_done(self) -> bool:
        """Whether the function has returned or failed."""
        return self._future.done()

    def stop(self) -> None:
        """Tell the function to stop; does not wait."""
        self._stop.set()

    def join(self) -> Answer:
        """Wait for the answer, and raise here what was raised there."""
        return self._future.result()
