"""
A good choice soon: greedy by value per euro, then destroy and repair.

Greedy adds the view with the largest gain per euro that it still costs, its site and trench
counted only where they are not there yet. Destroy and repair takes a few sites that lie together
in the list of sites (so often in the park) or single views out of the choice and fills up again;
what comes out better, or as good and cheaper, is kept. The same seed gives the same choice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_coverage.choices import Choices, Limits

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FREE_EUR = 1.0  # what a view without further cost is divided by
EPS = 1e-9


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a search strives for: the sum over goals of factor x min(value, enough).

    `factor` and `enough` have shape (goals,). With the factors far apart the first goal goes before
    all others; with `enough` finite nothing is gained beyond it.
    """

    factor: Floats
    enough: Floats

    def worth(self, values: Floats) -> float:
        """Return what values of the goals are worth."""
        return float((self.factor * np.minimum(values, self.enough)).sum())


def in_order(choices: Choices, stage: int) -> Wish:
    """Return the wish for the most of goals 0 to `stage`, each before all that follow."""
    factor = np.zeros(len(choices.goals))
    above = 1.0
    for index in range(stage, -1, -1):
        weight = choices.goals[index].weight
        factor[index] = above
        least = weight[weight > 0].min() if (weight > 0).any() else 1.0
        above = 2.0 * (above * float(weight.sum()) + above) / min(least, 1.0)
    return Wish(factor, np.full(len(choices.goals), np.inf))


class Search:
    """
    Searches among choices within limits.

    Parameters
    ----------
    choices
        What there is to choose from.
    limits
        What a choice may cost.
    """

    def __init__(self, choices: Choices, limits: Limits) -> None:
        self.choices = choices
        self.limits = limits
        goals = choices.goals
        sees = sparse.csr_array(sparse.hstack([one.sees for one in goals]))
        self._items = (sees.indptr.astype(np.int64), sees.indices.astype(np.int64))
        self._goal_of = np.repeat(np.arange(len(goals)), [len(one.weight) for one in goals])
        self._weight = np.concatenate([one.weight for one in goals])
        self._need = np.concatenate([one.need for one in goals])
        self._sites = (choices.site_eur, choices.leaf_edge, choices.edge_eur, choices.edge_parent)

    def fill(self, chosen: Ints, wish: Wish) -> Ints:
        """Add views greedily while there is anything to gain within the limits."""
        picked = [int(one) for one in chosen]
        count = self._count(picked)
        spent = self.choices.cost_eur(chosen)
        n_counted = self.choices.n_counted(chosen)
        barred = np.zeros(self.choices.n_views, dtype=np.bool_)
        barred[picked] = True
        cells = [_Seen(one.sees, one.weight, one.limit, picked) for one in self.choices.ceilings]
        while True:
            gains = self._gains(count, wish)
            extra = self._extra_eur(picked)
            self._bar(barred, gains, extra, spent, n_counted)
            best = _best_of(gains, extra, barred)
            if best < 0:
                return np.array(picked, dtype=np.int64)
            if not all(one.has_room(best) for one in cells):
                barred[best] = True
                continue
            picked.append(best)
            barred[best] = True
            spent += extra[best]
            n_counted += int(self.choices.is_counted[best])
            count[self._of_view(best)] += 1
            for one in cells:
                one.add(best)

    def pruned(self, chosen: Ints, floor: Floats) -> Ints:
        """
        Leave out views without which every goal keeps its value or its floor, the dearest first.

        `floor` has shape (goals,): what may be lost down to; infinite to keep the value as it is.
        """
        kept = [int(one) for one in chosen]
        values = np.array(self.choices.values(np.array(kept, dtype=np.int64)))
        wanted = np.minimum(values, floor) - EPS * np.maximum(1.0, values)
        while True:
            whole = self.choices.cost_eur(np.array(kept, dtype=np.int64))
            savings = []
            for one in kept:
                rest = np.array([other for other in kept if other != one], dtype=np.int64)
                if np.all(np.array(self.choices.values(rest)) >= wanted):
                    savings.append((whole - self.choices.cost_eur(rest), one))
            if not savings:
                return np.array(kept, dtype=np.int64)
            kept.remove(max(savings)[1])

    def improved(
        self,
        chosen: Ints,
        judge: Callable[[Ints], tuple[float, ...]],
        repair: Callable[[Ints], Ints],
        *,
        rounds: int,
        seed: int,
        should_stop: Callable[[], bool],
    ) -> Ints:
        """
        Destroy and repair a choice.

        Parameters
        ----------
        chosen
            Where to begin.
        judge
            What a choice is worth: compared entry by entry, larger is better.
        repair
            Completes what was left after destroying.
        rounds
            How many times to try.
        seed
            The same seed gives the same choice.
        should_stop
            Asked before each round.

        Returns
        -------
        chosen
            Never worse than what it began with.
        """
        rng = np.random.default_rng(seed)
        best, best_worth = chosen, judge(chosen)
        for _ in range(rounds):
            if not len(best) or should_stop():
                break
            found = repair(self._destroyed(best, rng))
            worth = judge(found)
            if worth > best_worth:
                best, best_worth = found, worth
        return best

    def _destroyed(self, chosen: Ints, rng: np.random.Generator) -> Ints:
        """Take out one to three sites near each other in the list, or one to three views."""
        n_out = int(rng.integers(1, 4))
        if rng.random() < 0.5:  # noqa: PLR2004
            out = rng.choice(chosen, size=min(n_out, len(chosen)), replace=False)
            return chosen[~np.isin(chosen, out)]
        sites = self.choices.site_of[chosen]
        center = int(rng.choice(sites))
        nearest = np.unique(sites)
        nearest = nearest[np.argsort(np.abs(nearest - center), kind="stable")][:n_out]
        return chosen[~np.isin(sites, nearest)]

    def _count(self, picked: list[int]) -> Ints:
        count = np.zeros(len(self._weight), dtype=np.int64)
        for one in picked:
            count[self._of_view(one)] += 1
        return count

    def _of_view(self, view: int) -> Ints:
        indptr, indices = self._items
        items: Ints = indices[indptr[view] : indptr[view + 1]]
        return items

    def _gains(self, count: Ints, wish: Wish) -> Floats:
        is_met = count >= self._need
        n_goals = len(self.choices.goals)
        values = np.bincount(self._goal_of[is_met], self._weight[is_met], minlength=n_goals)
        room = np.maximum(0.0, wish.enough - values)
        worth = np.where(is_met, 0.0, self._weight / self._need)
        gains: Floats = _gains(*self._items, worth, self._goal_of, wish.factor, room)
        return gains

    def _extra_eur(self, picked: list[int]) -> Floats:
        is_open = np.zeros(len(self.choices.site_eur), dtype=np.bool_)
        is_dug = np.zeros(len(self.choices.edge_eur), dtype=np.bool_)
        sites, edges = self.choices.opened(np.array(picked, dtype=np.int64))
        is_open[sites] = True
        is_dug[edges] = True
        opening = _opening_eur(*self._sites, is_open, is_dug)
        extra: Floats = self.choices.view_eur + opening[self.choices.site_of]
        return extra

    def _bar(
        self, barred: Bools, gains: Floats, extra: Floats, spent: float, n_counted: int
    ) -> None:
        """Bar for good what the limits no longer allow: what is spent only grows."""
        barred |= gains <= 0
        if self.limits.budget_eur is not None:
            slack = EPS * max(1.0, self.limits.budget_eur)
            # A site on the way of a trench dug later becomes cheaper: those stay.
            least = self.choices.view_eur
            barred |= spent + least > self.limits.budget_eur + slack
            gains[spent + extra > self.limits.budget_eur + slack] = 0.0
        if self.limits.max_cameras is not None and n_counted >= self.limits.max_cameras:
            barred |= self.choices.is_counted


class _Seen:
    """Which cells of a ceiling are seen, and what room is left."""

    def __init__(
        self, sees: sparse.csr_array, weight: Floats, limit: float, picked: list[int]
    ) -> None:
        self._sees, self._weight, self._limit = sees, weight, limit + EPS * max(1.0, limit)
        self._is_seen = np.zeros(len(weight), dtype=np.bool_)
        for one in picked:
            self.add(one)

    def _cells(self, view: int) -> npt.NDArray[np.int32]:
        cells: npt.NDArray[np.int32] = self._sees.indices[
            self._sees.indptr[view] : self._sees.indptr[view + 1]
        ]
        return cells

    def has_room(self, view: int) -> bool:
        """Return whether a further view keeps below the limit."""
        seen = self._is_seen.copy()
        seen[self._cells(view)] = True
        return bool(self._weight[seen].sum() <= self._limit)

    def add(self, view: int) -> None:
        """See what a view sees."""
        self._is_seen[self._cells(view)] = True


def _best_of(gains: Floats, extra: Floats, barred: Bools) -> int:
    """Return the view with the largest gain per euro, the lowest of equals, -1 for none."""
    rate = np.where(barred | (gains <= 0), 0.0, gains / np.maximum(extra, FREE_EUR))
    best = int(np.argmax(rate)) if len(rate) else -1
    return best if best >= 0 and rate[best] > 0 else -1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _gains(
    indptr: Ints, indices: Ints, worth: Floats, goal_of: Ints, factor: Floats, room: Floats
) -> Floats:
    """Return what each view would add: per goal no more than there is room for."""
    gains = np.zeros(len(indptr) - 1)
    per_goal = np.zeros(len(factor))
    for view in range(len(gains)):
        per_goal[:] = 0.0
        for at in range(indptr[view], indptr[view + 1]):
            per_goal[goal_of[indices[at]]] += worth[indices[at]]
        for goal in range(len(factor)):
            gains[view] += factor[goal] * min(per_goal[goal], room[goal])
    return gains


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _opening_eur(
    site_eur: Floats,
    leaf_edge: Ints,
    edge_eur: Floats,
    edge_parent: Ints,
    is_open: Bools,
    is_dug: Bools,
) -> Floats:
    """Return what opening each site still costs, shape (sites,)."""
    way = np.zeros(len(edge_eur))
    for edge in range(len(edge_eur)):
        if not is_dug[edge]:
            parent = edge_parent[edge]
            way[edge] = edge_eur[edge] + (way[parent] if parent >= 0 else 0.0)
    opening = np.zeros(len(site_eur))
    for site in range(len(site_eur)):
        if not is_open[site]:
            leaf = leaf_edge[site]
            opening[site] = site_eur[site] + (way[leaf] if leaf >= 0 else 0.0)
    return opening
