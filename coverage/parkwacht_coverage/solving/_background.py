"""Something long beside the main work: a thread that waits for a process, and its answer."""

import threading
from collections.abc import Callable
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
        self._answer: Answer | None = None
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._answer = function(self._stop.is_set)
            except BaseException as error:  # noqa: BLE001 (raised again in `join`)
                self._error = error

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether the function has returned or failed."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Tell the function to stop; does not wait."""
        self._stop.set()

    def join(self) -> Answer:
        """Wait for the answer, and raise here what was raised there."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._answer is not None  # noqa: S101 (for the type: no error, so an answer)
        return self._answer
