"""
Which views to add: lazy greedy maximal covering, with a bound on what any choice could reach.

Greedy reaches at least 1 - 1/e = 63 % of the best addition (Nemhauser, Wolsey and Fisher 1978);
Minoux' lazy evaluation gives the same choice with far fewer gains computed. How good THIS choice is
says the data-dependent bound: no k views can be worth more than the value of a set plus the k
largest gains over that set; the smallest such figure over all steps is reported.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Choice:
    """
    What was chosen.

    `chosen` are indices of views in the order chosen, `gains` what each added, `value` their sum,
    `bound` what no choice of as many views can exceed.
    """

    chosen: tuple[int, ...]
    gains: tuple[float, ...]
    value: float
    bound: float

    @property
    def share_of_bound(self) -> float:
        """How much of the bound is reached, at most 1; 1 when there was nothing to gain."""
        return min(1.0, self.value / self.bound) if self.bound > 0 else 1.0


def choose_views(views: Sequence[Ints], weight: Floats, *, k: int, covered: Bools) -> Choice:
    """
    Choose the k views that add most, one after the other.

    Parameters
    ----------
    views
        Per view the indices of the targets it sees, each shape (n,), dtype int32.
    weight
        What seeing each target is worth, shape (N,), all >= 0.
    k
        How many views to choose at most; fewer when no view adds anything any more.
    covered
        Targets that are seen already, shape (N,).

    Returns
    -------
    choice
        Equal gains are decided by the lower index, so that the same input gives the same choice.

    Raises
    ------
    CoverageError
        k is below 1.
    """
    if k < 1:
        raise CoverageError(
            Text(
                nl=f"aantal camera's k = {k} klopt niet: ten minste 1",
                en=f"number of cameras k = {k} is wrong: at least 1",
            )
        )
    open_weight = np.where(covered, 0.0, weight)
    table = _Gains(views)
    queue = [(-gain, index) for index, gain in enumerate(table.all(open_weight))]
    bound = _top_sum([-gain for gain, _ in queue], k)
    heapq.heapify(queue)
    chosen: list[int] = []
    gains: list[float] = []
    while queue and len(chosen) < k:
        best = _pop_best(queue, views, open_weight)
        if best is None:
            break
        gain, index = best
        chosen.append(index)
        gains.append(gain)
        open_weight[views[index]] = 0.0
        bound = min(bound, sum(gains) + _top_sum(table.all(open_weight), k))
    value = sum(gains)
    return Choice(tuple(chosen), tuple(gains), value, max(bound, value))


def _pop_best(
    queue: list[tuple[float, int]], views: Sequence[Ints], open_weight: Floats
) -> tuple[float, int] | None:
    """Return the largest gain and its view, or None when nothing is to be gained."""
    while queue:
        _, index = heapq.heappop(queue)
        gain = float(open_weight[views[index]].sum())
        if gain <= 0:
            continue
        if not queue or (-gain, index) <= queue[0]:
            return gain, index
        heapq.heappush(queue, (-gain, index))
    return None


def _top_sum(gains: Sequence[float] | Floats, k: int) -> float:
    values = np.asarray(gains, dtype=np.float64)
    return float(np.sort(values)[::-1][:k].sum())


class _Gains:
    """The gains of all views at once: their targets in one array."""

    def __init__(self, views: Sequence[Ints]) -> None:
        self._members = np.concatenate(views) if views else np.zeros(0, dtype=np.int32)
        self._ends = np.cumsum([len(view) for view in views], dtype=np.int64)

    def all(self, open_weight: Floats) -> Floats:
        """Return what each view would add, shape (number of views,)."""
        if not len(self._ends):
            return np.zeros(0)
        running = np.concatenate(([0.0], np.cumsum(open_weight[self._members])))
        starts = np.concatenate(([0], self._ends[:-1]))
        gains: Floats = running[self._ends] - running[starts]
        # Differences of running sums carry rounding; never below the truth, so that bounds hold.
        return np.where(gains > 0, gains + running[-1] * 1e-12, 0.0)
