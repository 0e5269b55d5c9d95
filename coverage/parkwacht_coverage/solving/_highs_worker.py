"""
The process in which HiGHS runs: one request in, messages out, ends with its parent.

Started by `_highs_process` as `python -P -m` of this module, with a descriptor. It imports neither
numba nor anything of the park, so that no threads are alive in it but its own.
"""

import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

import highspy
import numpy as np

from parkwacht_coverage.solving._highs_messages import Final, Progress, Request

PROGRESS_EVERY_S = 0.25


def main() -> int:
    """Serve one request over the connection whose descriptor is the first argument."""
    # Ctrl-C belongs to the parent: it asks for the best so far
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(int(sys.argv[1]))
    request: Request = connection.recv()
    is_stopped = threading.Event()
    threading.Thread(target=_listen, args=(connection, is_stopped), daemon=True).start()
    connection.send(solve(request, connection, is_stopped))
    return 0


def _listen(connection: Connection, is_stopped: threading.Event) -> None:
    """Wait for the word to stop; a parent that is gone ends this process at once."""
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)
    is_stopped.set()
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)


def solve(request: Request, connection: Connection, is_stopped: threading.Event) -> Final:
    """
    Run HiGHS on a request, telling the parent of every better solution and bound.

    Raises
    ------
    ValueError
        HiGHS refuses an option or the model.
    """
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    for name, value in request.options.items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            message = f"HiGHS refuses option {name} = {value!r}"
            raise ValueError(message)
    if highs.passModel(_model(request)) == highspy.HighsStatus.kError:
        message = "HiGHS refuses the model"
        raise ValueError(message)
    if request.start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = request.start
        highs.setSolution(solution)
    _subscribe(highs, connection, is_stopped)
    highs.run()
    return _final(highs, is_mip=request.is_integer is not None)


def _model(request: Request) -> Any:  # noqa: ANN401 (highspy has no types)
    model = highspy.HighsLp()
    model.num_col_ = len(request.cost)
    model.num_row_ = len(request.row_lower)
    model.sense_ = (
        highspy.ObjSense.kMaximize if request.is_maximising else highspy.ObjSense.kMinimize
    )
    model.col_cost_ = request.cost
    model.col_lower_ = request.col_lower
    model.col_upper_ = request.col_upper
    model.row_lower_ = request.row_lower
    model.row_upper_ = request.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.num_col_ = model.num_col_
    model.a_matrix_.num_row_ = model.num_row_
    model.a_matrix_.start_ = request.starts
    model.a_matrix_.index_ = request.rows
    model.a_matrix_.value_ = request.entries
    if request.is_integer is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(one)] for one in request.is_integer]
    return model


def _subscribe(highs: Any, connection: Connection, is_stopped: threading.Event) -> None:  # noqa: ANN401
    """Send better solutions as they come and the bound now and then; stop when told."""
    sent_at = [time.monotonic()]

    def on_solution(event: Any) -> None:  # noqa: ANN401
        values = np.array(event.data_out.mip_solution, dtype=np.float64)
        connection.send(Progress(values, float(event.data_out.mip_dual_bound)))

    def on_log(event: Any) -> None:  # noqa: ANN401
        if time.monotonic() - sent_at[0] >= PROGRESS_EVERY_S:
            sent_at[0] = time.monotonic()
            connection.send(Progress(None, float(event.data_out.mip_dual_bound)))

    def on_interrupt(event: Any) -> None:  # noqa: ANN401
        if is_stopped.is_set():
            event.data_in.user_interrupt = True

    highs.cbMipImprovingSolution.subscribe(on_solution)
    highs.cbMipLogging.subscribe(on_log)
    for source in (highs.cbMipInterrupt, highs.cbSimplexInterrupt, highs.cbIpmInterrupt):
        source.subscribe(on_interrupt)


def _final(highs: Any, *, is_mip: bool) -> Final:  # noqa: ANN401
    status = highs.getModelStatus().name
    solution, info = highs.getSolution(), highs.getInfo()
    has_values = solution.value_valid and len(solution.col_value) > 0
    values = np.array(solution.col_value, dtype=np.float64) if has_values else None
    if is_mip:
        return Final(status, values, float(info.mip_dual_bound), None)
    duals = np.array(solution.row_dual, dtype=np.float64) if solution.dual_valid else None
    return Final(status, values, float(info.objective_function_value), duals)


if __name__ == "__main__":
    raise SystemExit(main())
