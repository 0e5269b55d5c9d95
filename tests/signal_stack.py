"""Signals that a test raises in its own process."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

SS_DISABLE = 2  # of signal.h


class _Stack(ctypes.Structure):
    """stack_t of signal.h."""

    _fields_ = (("sp", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def usual_signal_stack() -> Iterator[None]:
    """
    Have signals of this thread handled on its own stack.

    After a whole run's libraries its signal stack can be one that the kernel cannot write to, and
    it ends the process with SIGSEGV where the signal is raised (seen in a core; whose stack it was
    is not known).
    """
    none, kept = _Stack(None, SS_DISABLE, 0), _Stack()
    libc = ctypes.CDLL(None)
    assert libc.sigaltstack(ctypes.byref(none), ctypes.byref(kept)) == 0
    yield
    libc.sigaltstack(ctypes.byref(kept), None)
