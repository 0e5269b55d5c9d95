"""What tests of the coverage floor share."""

import signal
from collections.abc import Iterator

import pytest
from signal_stack import usual_signal_stack


@pytest.fixture
def listening_to_ctrl_c() -> Iterator[None]:
    """Python's own answer to SIGINT: a run begun in the background inherits that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with usual_signal_stack():
        yield
    signal.signal(signal.SIGINT, before)
