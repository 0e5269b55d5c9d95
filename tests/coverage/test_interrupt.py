import signal
import threading

import pytest

from parkwacht_coverage.interrupt import catch_interrupt


@pytest.mark.usefixtures("listening_to_ctrl_c")
def test_the_first_ctrl_c_asks_and_the_second_stops() -> None:
    told = []
    before = signal.getsignal(signal.SIGINT)
    with catch_interrupt(lambda: told.append("once")) as interrupt:
        assert not interrupt.is_asked()
        signal.raise_signal(signal.SIGINT)
        assert interrupt.is_asked()
        assert told == ["once"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    found = []

    def work() -> None:
        with catch_interrupt(lambda: None) as interrupt:
            found.append((interrupt.is_asked(), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, True)]
