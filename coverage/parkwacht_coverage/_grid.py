"""
Things of the plane put into square cells, so that an eye meets the near ones first.

A `Grid` holds no things itself: the things are sorted by the cell of their middle, `starts` says
where each cell's things begin and `boxes` how far they reach, over the border of the cell where
they are long. Coordinates are metres in EPSG:28992.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parkwacht_coverage._compiled import compiled, inlined

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SMALLEST_CELL_M = 8.0
THINGS_PER_CELL = 4.0


class Grid(NamedTuple):
    """
    Cells of equal size.

    `frame` is (left, bottom, cell size, overhang) in metres, the overhang being how far a thing
    can reach over the border of its cell; `size` is (columns, rows); `starts` has shape (C + 1,);
    `boxes` is (left, bottom, right, top) of each cell's things, shape (C, 4).
    """

    frame: Floats
    size: Ints
    starts: Ints
    boxes: Floats


def make_grid(boxes: Floats, *, per_cell: float = THINGS_PER_CELL) -> tuple[Grid, Ints]:
    """
    Sort things into cells.

    Parameters
    ----------
    boxes
        (left, bottom, right, top) of each thing, shape (M, 4), in metres.
    per_cell
        How many things a cell should hold on average.

    Returns
    -------
    grid, order
        The cells, and the order in which the things must be stored, shape (M,).
    """
    if not len(boxes):
        frame, size = np.array([0.0, 0.0, 1.0, 0.0]), np.array([0, 0])
        return Grid(frame, size, np.zeros(1, dtype=np.int64), np.zeros((0, 4))), np.zeros(0, int)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    corner, extent = middles.min(axis=0), np.ptp(middles, axis=0)
    cells = max(1.0, len(boxes) / per_cell)
    cell_m = max(SMALLEST_CELL_M, float(np.sqrt(extent[0] * extent[1] / cells)))
    cell_m = max(cell_m, float(extent.max()) / cells)
    size = np.floor(extent / cell_m).astype(np.int64) + 1
    column, row = np.floor((middles - corner) / cell_m).astype(np.int64).T
    cell = row * size[0] + column
    order = np.argsort(cell, kind="stable")
    n_cells = int(size[0] * size[1])
    starts = np.searchsorted(cell[order], np.arange(n_cells + 1))
    limits = np.full((n_cells, 4), np.inf)
    limits[:, 2:] = -np.inf
    np.minimum.at(limits[:, 0], cell, boxes[:, 0])
    np.minimum.at(limits[:, 1], cell, boxes[:, 1])
    np.maximum.at(limits[:, 2], cell, boxes[:, 2])
    np.maximum.at(limits[:, 3], cell, boxes[:, 3])
    overhang = float((boxes[:, 2:] - boxes[:, :2]).max()) / 2
    frame = np.array([corner[0], corner[1], cell_m, overhang])
    return Grid(frame, size, starts.astype(np.int64), limits), order


@inlined
def box_distance_m(box: Floats, x: float, y: float) -> float:
    """Return the distance of a point to a box (left, bottom, right, top), 0 inside."""
    across = max(box[0] - x, 0.0, x - box[2])
    along = max(box[1] - y, 0.0, y - box[3])
    return float(np.sqrt(across * across + along * along))


@compiled
def farthest_m(grid: Grid, x: float, y: float) -> float:
    """Return a distance within which everything of a grid lies."""
    left, bottom, cell_m, overhang = grid.frame[0], grid.frame[1], grid.frame[2], grid.frame[3]
    across = max(abs(x - left), abs(left + grid.size[0] * cell_m - x)) + overhang
    along = max(abs(y - bottom), abs(bottom + grid.size[1] * cell_m - y)) + overhang
    return float(np.sqrt(across * across + along * along))


@compiled
def cells_around(grid: Grid, x: float, y: float, reach_m: float, found: Ints) -> int:
    """
    List the cells that hold something within reach, square ring after square ring.

    Parameters
    ----------
    grid
        The cells.
    x, y
        The eye.
    reach_m
        How far things matter.
    found
        Filled with the cells, shape (C,).

    Returns
    -------
    n_found
        How many of `found` are filled.
    """
    cell_m, n_columns, n_rows = grid.frame[2], grid.size[0], grid.size[1]
    if n_columns == 0:
        return 0
    column = int(np.floor((x - grid.frame[0]) / cell_m))
    row = int(np.floor((y - grid.frame[1]) / cell_m))
    last = max(column, n_columns - 1 - column, row, n_rows - 1 - row)
    first = max(0, -column, column - n_columns + 1, -row, row - n_rows + 1)
    if np.isfinite(reach_m):
        last = min(last, int((reach_m + grid.frame[3]) / cell_m) + 1)
    n = 0
    for ring in range(first, last + 1):
        for j in range(max(0, row - ring), min(n_rows, row + ring + 1)):
            is_end = abs(j - row) == ring
            step = 1 if is_end else max(1, 2 * ring)
            begin = column - ring
            if begin < 0 and is_end:
                begin = 0
            for i in range(begin, min(n_columns, column + ring + 1), step):
                cell = j * n_columns + i
                if i < 0 or grid.starts[cell] == grid.starts[cell + 1]:
                    continue
                if box_distance_m(grid.boxes[cell], x, y) <= reach_m:
                    found[n] = cell
                    n += 1
    return n
