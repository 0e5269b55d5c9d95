"""
Search a good choice of columns when opening a site costs, too: a start for the exact program.

A column pays its own cost, and the first column of a site pays for the site (mast, power, trench).
No bound comes out: that is the program's business (`milp`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage.solving import _tabu
from parkwacht_coverage.solving.reduce import as_ones

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SiteCosts:
    """
    What columns and sites cost.

    `cost` per column, shape (columns,); `site` the site of each column, shape (columns,), from 0;
    `site_cost` per site, shape (sites,); 0 for a site that stands already.
    """

    cost: Floats
    site: npt.NDArray[np.int64]
    site_cost: Floats


def search_with_sites(  # noqa: PLR0913 (keywords, most with a default)
    matrix: sparse.sparray | sparse.spmatrix | npt.ArrayLike,
    weight: Floats,
    costs: SiteCosts,
    *,
    budget: float,
    start: npt.ArrayLike = (),
    n_steps: int = 20_000,
    seed: int = 0,
) -> list[int]:
    """
    Search columns that cover the most weight within a budget, sites included.

    Parameters
    ----------
    matrix
        Shape (rows, columns); what is not 0 covers.
    weight
        Per row, shape (rows,), all >= 0; 0 for what is covered already.
    costs
        Of columns and sites.
    budget
        What columns and the sites they open may cost together.
    start
        Columns to begin with, within the budget.
    n_steps
        Moves of the tabu search: the answer depends on it and the seed alone, not on time.
    seed
        Of the random choices.

    Returns
    -------
    chosen
        Column indices, sorted; empty when nothing that adds is affordable.
    """
    limits = _tabu.Budget(budget, costs.cost, costs.site, costs.site_cost)
    state = _tabu.new_state(as_ones(matrix), weight, limits, start, seed)
    _tabu.search(state, n_steps)
    return [int(one) for one in np.flatnonzero(state.best)]
