"""What tests of the coverage floor share."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def listening_to_ctrl_c() -> Iterator[None]:
    """Python's own answer to SIGINT: a run begun in the background inherits that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
