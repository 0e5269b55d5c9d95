"""What the process of HiGHS and its parent tell each other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Request:
    """
    One problem for HiGHS; `start` and `is_integer` are None for an LP.

    The matrix is column-wise: `starts` shape (n + 1,), `rows` and `entries` shape (nonzeros,).
    """

    is_maximising: bool
    cost: Floats
    col_lower: Floats
    col_upper: Floats
    row_lower: Floats
    row_upper: Floats
    starts: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    entries: Floats
    is_integer: npt.NDArray[np.bool_] | None
    start: Floats | None
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """The best solution so far where it is new (else None), and what HiGHS proved."""

    values: Floats | None
    bound: float


@dataclass(frozen=True, slots=True)
class Final:
    """How HiGHS ended: its own word for it, the last solution, bound and duals."""

    status: str
    values: Floats | None
    bound: float
    row_duals: Floats | None
