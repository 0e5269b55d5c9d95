"""
A good choice soon: greedy by value per euro, then destroy and repair.

Greedy adds the view with the largest gain per euro that it still costs, its site and trench counted
only where they are not there yet. Destroy and repair takes a few views or sites out of the choice,
often without letting them back at once, fills up again and leaves out what nothing needs. The same
seed gives the same choice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage import _ledger
from parkwacht_coverage.choices import Choices, Limits

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SLACK = 0.003  # of the best so far: what a change may be worse and still be followed
N_AT_ONCE = 50  # rounds between two looks at whether to stop


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a search strives for: the sum over goals of factor x min(value, enough).

    `factor` and `enough` have shape (goals,). With the factors far apart the first goal goes before
    all others; with `enough` finite nothing is gained beyond it.
    """

    factor: Floats
    enough: Floats


def in_order(choices: Choices) -> Wish:
    """Return the wish for the most of every goal, each before all that follow."""
    n_goals = len(choices.goals)
    factor = np.zeros(n_goals)
    below = 0.0  # what all goals after this one can be worth together
    for index in range(n_goals - 1, -1, -1):
        weight = choices.goals[index].weight
        least = float(weight.min()) if len(weight) else 1.0
        factor[index] = 2.0 * (below + 1.0) / min(least, 1.0) if below else 1.0
        below += float(factor[index] * weight.sum())
    return Wish(factor, np.full(n_goals, np.inf))


class Search:
    """
    Searches among choices within limits.

    Parameters
    ----------
    choices
        What there is to choose from.
    limits
        What a choice may cost.
    wish
        What to strive for.
    floor
        What each goal may be pruned down to, shape (goals,); None keeps every value.
    """

    def __init__(
        self, choices: Choices, limits: Limits, wish: Wish, *, floor: Floats | None = None
    ) -> None:
        self._floor = np.full(len(choices.goals), np.inf) if floor is None else floor
        self._data = _data(choices, limits, wish)

    def fill(self, chosen: Ints) -> Ints:
        """Add views greedily while there is anything to gain; those added come last, in order."""
        state = self._state(chosen)
        n_views = len(self._data.view_eur)
        barred = np.zeros(n_views, dtype=np.bool_)
        added = _ledger.fill(self._data, state, barred, np.ones(n_views))
        return np.concatenate((chosen, added))

    def pruned(self, chosen: Ints) -> Ints:
        """Leave out views without which every goal keeps its value or its floor."""
        state = self._state(chosen)
        _ledger.prune(self._data, state, self._floor)
        return np.flatnonzero(state.is_chosen)

    def improved(
        self, chosen: Ints, *, rounds: int, seed: int, should_stop: Callable[[], bool]
    ) -> Ints:
        """
        Destroy and repair a choice.

        Parameters
        ----------
        chosen
            Where to begin.
        rounds
            How many times to try.
        seed
            The same seed gives the same choice.
        should_stop
            Asked now and then.

        Returns
        -------
        chosen
            Never worse than what it began with, ascending.
        """
        state = self._state(chosen)
        _ledger.prune(self._data, state, self._floor)
        for start in range(0, rounds, N_AT_ONCE):
            if should_stop():
                break
            n = min(N_AT_ONCE, rounds - start)
            _ledger.improve(self._data, state, self._floor, n, seed + start, SLACK)
        return np.flatnonzero(state.is_chosen)

    def worth(self, chosen: Ints) -> tuple[float, float]:
        """Return what a choice is worth by the wish, and minus what it costs: larger is better."""
        state = self._state(chosen)
        return float(_ledger.worth_of(self._data, state)), -float(state.totals[0])

    def _state(self, chosen: Ints) -> _ledger.State:
        state = _ledger.empty_state(self._data)
        for view in chosen:
            _ledger.change(self._data, state, int(view), 1)
        return state


def _data(choices: Choices, limits: Limits, wish: Wish) -> _ledger.Data:
    """Lay out choices as the compiled loops want them."""
    goals, ceilings = choices.goals, choices.ceilings
    sees = sparse.csr_array(sparse.hstack([one.sees for one in goals]))
    seen = sparse.csc_array(sees)
    cells = sparse.csr_array((choices.n_views, 0))
    if ceilings:
        cells = sparse.csr_array(sparse.hstack([one.sees for one in ceilings]))
    weight = np.concatenate([one.weight for one in goals])
    need = np.concatenate([one.need for one in goals]).astype(np.int64)
    none = np.zeros(0)
    budget, most = limits.budget_eur, limits.max_cameras
    return _ledger.Data(
        indptr=sees.indptr.astype(np.int64),
        indices=sees.indices.astype(np.int64),
        item_indptr=seen.indptr.astype(np.int64),
        item_views=seen.indices.astype(np.int64),
        weight=weight,
        worth=weight / need,
        need=need,
        goal_of=np.repeat(np.arange(len(goals)), [len(one.weight) for one in goals]),
        site_of=choices.site_of.astype(np.int64),
        view_eur=choices.view_eur.astype(np.float64),
        counted=choices.is_counted.astype(np.float64),
        site_eur=choices.site_eur.astype(np.float64),
        leaf_edge=choices.leaf_edge.astype(np.int64),
        edge_eur=choices.edge_eur.astype(np.float64),
        edge_parent=choices.edge_parent.astype(np.int64),
        cell_indptr=cells.indptr.astype(np.int64),
        cell_indices=cells.indices.astype(np.int64),
        cell_weight=np.concatenate([none, *(one.weight for one in ceilings)]),
        ceiling_of=np.repeat(np.arange(len(ceilings)), [len(one.weight) for one in ceilings]),
        ceiling=np.array([one.limit for one in ceilings], dtype=np.float64),
        factor=wish.factor,
        enough=wish.enough,
        tiny=np.array([1e-9 * float(one.weight.sum()) for one in goals]),
        limits=np.array([np.inf if one is None else float(one) for one in (budget, most)]),
    )
