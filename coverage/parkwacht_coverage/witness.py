"""
Fewer targets to solve on, without losing sight of the fine grid: witnesses, added where needed.

A coarse cell is stood for by one of its fine targets, its witness, that carries the area and weight
of them all. Once a placement is chosen, it is checked on the fine grid; the cells of which some
targets are seen and others not are split into their targets, and the choice is made again. On the
ground refined for a placement its share is exactly that on the fine grid, so what is left is the
fine grid's own error (lazy witness generation, design/coverage.md, sections 9.1 and 12.6).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from parkwacht_coverage.plan import Ground

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Witnesses:
    """
    A coarse ground and the fine ground it stands for.

    `cell` is the coarse cell of each fine target, shape (N,); `is_split` says which cells are
    represented by all of their targets, shape (cells,); `chosen` are the indices of the fine
    targets that make up `ground`, in ascending order.
    """

    fine: Ground
    cell: Ints
    is_split: Bools
    chosen: Ints
    ground: Ground

    @property
    def n_added(self) -> int:
        """How many targets were added to one for each cell."""
        return len(self.chosen) - len(self.is_split)

    def disagreeing(self, seen: Bools) -> Bools:
        """
        Find the cells that their witness stands for badly.

        Parameters
        ----------
        seen
            Which fine targets a placement sees, shape (N,).

        Returns
        -------
        disagrees
            Cells, not split yet, of which some targets are seen and some not, shape (cells,).
        """
        n_seen = np.bincount(self.cell, weights=seen, minlength=len(self.is_split))
        n_all = np.bincount(self.cell, minlength=len(self.is_split))
        found: Bools = (n_seen > 0) & (n_seen < n_all) & ~self.is_split
        return found

    def split(self, cells: Bools) -> "Witnesses":
        """Return the witnesses with these cells, shape (cells,), split into their targets."""
        return _with_cells(self.fine, self.cell, self.is_split | cells)


def coarsen(fine: Ground, step_m: float) -> Witnesses:
    """
    Gather the targets of a fine ground in coarse cells, one witness each.

    Parameters
    ----------
    fine
        The ground to stand for.
    step_m
        Side of a cell; targets of different kinds of ground never share one.

    Returns
    -------
    witnesses
        Their ground has the area and weight of the fine one; at most one target a cell.
    """
    places = np.floor(fine.points_m[:, :2] / step_m).astype(np.int64)
    keys = np.column_stack((fine.kinds, places))
    _, cell = np.unique(keys, axis=0, return_inverse=True)
    cell = cell.reshape(-1).astype(np.int64)
    return _with_cells(fine, cell, np.zeros(int(cell.max()) + 1, dtype=np.bool_))


def _with_cells(fine: Ground, cell: Ints, is_split: Bools) -> Witnesses:
    """Choose the witnesses: of each whole cell the target nearest to the middle of its targets."""
    n_cells = len(is_split)
    count = np.bincount(cell, minlength=n_cells)
    xy = fine.points_m[:, :2]
    middle = np.column_stack([np.bincount(cell, xy[:, i], n_cells) / count for i in (0, 1)])
    away = np.hypot(*(xy - middle[cell]).T)
    order = np.lexsort((np.arange(len(cell)), np.round(away, 6), cell))
    firsts = order[np.concatenate(([True], np.diff(cell[order]) > 0))]
    is_chosen = is_split[cell]
    is_chosen[firsts] = True
    chosen = np.flatnonzero(is_chosen)
    whole = ~is_split[cell[chosen]]
    area, weight = fine.area_m2[chosen].copy(), fine.weight[chosen].copy()
    area[whole] = np.bincount(cell, fine.area_m2, n_cells)[cell[chosen[whole]]]
    weight[whole] = np.bincount(cell, fine.weight, n_cells)[cell[chosen[whole]]]
    ground = replace(
        fine,
        points_m=fine.points_m[chosen],
        kinds=fine.kinds[chosen],
        area_m2=area,
        weight=weight,
    )
    return Witnesses(fine, cell, is_split, chosen, ground)
