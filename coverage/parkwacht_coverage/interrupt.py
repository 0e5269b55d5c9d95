"""
Ctrl-C once stops a search with the best so far; twice stops the program.

Outside the main thread, and where signals are not ours, nothing is caught.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether the user asked to stop searching."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask to stop."""
        self._asked.set()

    def is_asked(self) -> bool:
        """Return whether it was asked to stop."""
        return self._asked.is_set()


@contextmanager
def catch_interrupt(on_first: Callable[[], None]) -> Iterator[Interrupt]:
    """
    Turn the first Ctrl-C into a question to stop, and let the second one through.

    Parameters
    ----------
    on_first
        Told at the first Ctrl-C.

    Yields
    ------
    interrupt
        What a search asks.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        if interrupt.is_asked():
            raise KeyboardInterrupt
        interrupt.ask()
        on_first()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
