"""
Start HiGHS in its own process, follow it, and end it.

highspy and ortools cannot be imported in one process (google/or-tools#5246), HiGHS may crash or run
past its time, and a fork with live numba threads hangs; a process of its own, started afresh, is
none of these. The process ends when its parent does: its connection closes.
"""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from types import TracebackType
from typing import IO, Self

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text
from parkwacht_coverage.solving._highs_messages import Final, Progress, Request

POLL_S = 0.05
# what HiGHS may need to notice the end of its time or the word to stop (long presolve rounds)
GRACE_S = 3.0


class HighsProcess:
    """
    One run of HiGHS in its own process.

    Parameters
    ----------
    request
        The problem.

    Raises
    ------
    CoverageError
        The process cannot be started.
    """

    def __init__(self, request: Request) -> None:
        ours, theirs = socket.socketpair()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        name = "parkwacht_coverage.solving._highs_worker"
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", name, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            self._errors.close()
            raise CoverageError(
                Text(
                    nl=f"het proces van de oplosser start niet: {error}",
                    en=f"the solver's process does not start: {error}",
                )
            ) from error
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())
        self._send(request)

    @property
    def pid(self) -> int:
        """The process id of the solver."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def messages(self) -> Iterator[Progress | Final | None]:
        """
        Yield what HiGHS tells, and None every POLL_S seconds of silence; ends after `Final`.

        Raises
        ------
        CoverageError
            The process ended without an answer.
        """
        while True:
            if not self._connection.poll(POLL_S):
                yield None
                continue
            try:
                message: Progress | Final = self._connection.recv()
            except (EOFError, OSError) as error:
                raise self._crash() from error
            yield message
            if isinstance(message, Final):
                return

    def stop(self) -> None:
        """Ask HiGHS to end with the best so far."""
        self._send("stop")

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._connection.close()
        try:
            self._process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _send(self, message: Request | str) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._crash() from error

    def _crash(self) -> CoverageError:
        """Return the error of a process that ended too early, with its last words."""
        try:
            code: int | None = self._process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            code = None
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        words = f": {lines[-1][:200]}" if lines else ""
        return CoverageError(
            Text(
                nl=f"het proces van de oplosser (HiGHS) is zonder antwoord geëindigd,"
                f" uitgangscode {code}{words}",
                en=f"the solver's process (HiGHS) ended without an answer, exit code {code}{words}",
            )
        )
