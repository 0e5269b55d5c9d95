"""
Ground as cells joined to their sixteen nearest neighbours: for trenches and for ways to drive.

A step is allowed where every cell that it touches is part of the ground; it costs its length times
the mean rate of those cells. Ways along the sixteen directions are at most 2.8 % longer than the
straight line. Coordinates are metres in EPSG:28992.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NO_CELL = -1
SMALLEST = 1e-6  # a sparse graph drops steps that cost nothing

# Steps to neighbours (one way; the other follows) and the cells passed on the way.
_MOVES: tuple[tuple[tuple[int, int], tuple[tuple[int, int], ...]], ...] = (
    ((1, 0), ()),
    ((0, 1), ()),
    ((1, 1), ((1, 0), (0, 1))),
    ((1, -1), ((1, 0), (0, -1))),
    ((2, 1), ((1, 0), (1, 1))),
    ((1, 2), ((0, 1), (1, 1))),
    ((2, -1), ((1, 0), (1, -1))),
    ((1, -2), ((0, -1), (1, -1))),
)


@dataclass(frozen=True, slots=True)
class Cells:
    """
    Ground in cells: centres, shape (C, 2), the rate of each per metre, shape (C,), and where it is.

    `index` is the number of the cell in each column and row of the grid, `NO_CELL` outside.
    """

    xy_m: Floats
    rate: Floats
    index: Ints
    step_m: float

    @classmethod
    def of(cls, xy_m: Floats, rate: Floats, step_m: float) -> "Cells":
        """Gather points of `plan.grid_points`, shape (N, 2), and their rates, shape (N,)."""
        if not len(xy_m):
            return cls(xy_m, rate, np.full((1, 1), NO_CELL, dtype=np.int64), step_m)
        place = np.floor(xy_m / step_m).astype(np.int64)
        _, first = np.unique(place, axis=0, return_index=True)
        place = place[first]
        # A margin of two cells, so that no step leaves the array.
        place -= place.min(axis=0) - 2
        index = np.full(place.max(axis=0) + 3, NO_CELL, dtype=np.int64)
        index[place[:, 0], place[:, 1]] = np.arange(len(place))
        return cls(xy_m[first], rate[first], index, step_m)

    def graph(self, links: Sequence[tuple[int, float]] = ()) -> csr_matrix:
        """
        Join neighbours, and further nodes to the cells.

        Parameters
        ----------
        links
            For each further node the cell it is linked to (`NO_CELL` for none) and the price.

        Returns
        -------
        graph
            Sparse, shape (C + links, C + links), each edge once: to be read as undirected.
        """
        column, row = np.nonzero(self.index >= 0)
        here = self.index[column, row]
        starts, ends, costs = [], [], []
        for (right, up), passed in _MOVES:
            there = self.index[column + right, row + up]
            on_way = [self.index[column + i, row + j] for i, j in passed]
            is_free = np.min([there, *on_way], axis=0) >= 0
            rates = [self.rate[one[is_free]] for one in (here, there, *on_way)]
            starts.append(here[is_free])
            ends.append(there[is_free])
            costs.append(np.mean(rates, axis=0) * self.step_m * float(np.hypot(right, up)))
        linked = [(i, *link) for i, link in enumerate(links) if link[0] != NO_CELL]
        starts.append(np.array([len(here) + i for i, _, _ in linked], dtype=np.int64))
        ends.append(np.array([cell for _, cell, _ in linked], dtype=np.int64))
        costs.append(np.array([cost for _, _, cost in linked]))
        n = len(self.xy_m) + len(links)
        pairs = (np.concatenate(starts), np.concatenate(ends))
        return csr_matrix((np.maximum(np.concatenate(costs), SMALLEST), pairs), shape=(n, n))
