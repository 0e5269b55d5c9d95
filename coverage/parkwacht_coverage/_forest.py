"""
Sites and trenches as a forest, solved exactly from the leaves at given prices.

Each view has a profit, each site one of its own beside what its views bring, money and cameras
have a price. A site is opened where its profits outweigh what it costs, an edge of a trench where
what lies behind it does.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from parkwacht_coverage.choices import Choices

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_BISECTIONS = 30
CHEAPEST_RATE = 1e-12  # below that a resource is as good as free


class Forest(NamedTuple):
    """Sites, trenches and what they and their views cost, as compiled loops want them."""

    site_of: Ints
    view_eur: Floats
    counted: Floats
    site_eur: Floats
    leaf_edge: Ints
    edge_eur: Floats
    edge_parent: Ints

    @classmethod
    def of(cls, choices: Choices) -> "Forest":
        """Return the forest of choices."""
        return cls(
            choices.site_of.astype(np.int64),
            choices.view_eur.astype(np.float64),
            choices.is_counted.astype(np.float64),
            choices.site_eur.astype(np.float64),
            choices.leaf_edge.astype(np.int64),
            choices.edge_eur.astype(np.float64),
            choices.edge_parent.astype(np.int64),
        )


class Opened(NamedTuple):
    """
    What is best opened: its worth, what it uses, and which views and sites.

    `views` and `sites` are ones, zeros and, where a resource binds, fractions between them.
    """

    worth: float
    eur: float
    number: float
    views: Floats
    sites: Floats


def open_within(
    forest: Forest,
    profit: tuple[Floats, Floats],
    rates: tuple[float, float],
    limit: tuple[int, float],
) -> tuple[float, Opened, float]:
    """
    Find the rate of a resource at which what is opened just keeps to its limit.

    Parameters
    ----------
    forest
        What there is to open.
    profit
        Of each view, shape (views,), and of each site, shape (sites,).
    rates
        What a euro and a camera cost; that of the limited resource is where to begin.
    limit
        Which resource is limited (0 money, 1 cameras) and how much of it there is.

    Returns
    -------
    value, opened, rate
        The bound at that rate, the limit's own worth included.
    """
    which, most = limit

    def at(rate: float) -> Opened:
        money, counted = (rate, rates[1]) if which == 0 else (rates[0], rate)
        return open_best(forest, *profit, money, counted)

    def used(one: Opened) -> float:
        return one.eur if which == 0 else one.number

    low, high = 0.0, max(rates[which] * 2.0, CHEAPEST_RATE)
    over = at(low)
    if used(over) <= most:
        return over.worth, over, low
    within = at(high)
    while used(within) > most:
        low, over = high, within
        high *= 4
        within = at(high)
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        found = at(middle)
        if used(found) > most:
            low, over = middle, found
        else:
            high, within = middle, found
    span = used(over) - used(within)
    share = (most - used(within)) / span if span > 0 else 0.0
    value, rate = min((within.worth + high * most, high), (over.worth + low * most, low))
    return value, _mixed(over, within, share), rate


def _mixed(one: Opened, other: Opened, share: float) -> Opened:
    rest = 1.0 - share
    return Opened(
        share * one.worth + rest * other.worth,
        share * one.eur + rest * other.eur,
        share * one.number + rest * other.number,
        share * one.views + rest * other.views,
        share * one.sites + rest * other.sites,
    )


def open_best(
    forest: Forest, profit: Floats, bonus: Floats, money: float, counted: float
) -> Opened:
    """Open what is worth most at given prices."""
    return Opened(*_open(forest, profit, bonus, money, counted))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _grow(
    forest: Forest, profit: Floats, bonus: Floats, money: float, counted: float
) -> tuple[Floats, Floats, float]:
    """Return what each site and each edge is worth when opened, and all together."""
    of_site = bonus - money * forest.site_eur
    for view in range(len(profit)):
        net = profit[view] - money * forest.view_eur[view] - counted * forest.counted[view]
        if net > 0:
            of_site[forest.site_of[view]] += net
    of_edge = -money * forest.edge_eur
    total = 0.0
    for site in range(len(of_site)):
        if of_site[site] > 0:
            if forest.leaf_edge[site] >= 0:
                of_edge[forest.leaf_edge[site]] += of_site[site]
            else:
                total += of_site[site]
    for edge in range(len(of_edge) - 1, -1, -1):
        if of_edge[edge] > 0:
            if forest.edge_parent[edge] >= 0:
                of_edge[forest.edge_parent[edge]] += of_edge[edge]
            else:
                total += of_edge[edge]
    return of_site, of_edge, total


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _open(
    forest: Forest, profit: Floats, bonus: Floats, money: float, counted: float
) -> tuple[float, float, float, Floats, Floats]:
    """Return the best worth, its cost, number of cameras, views and sites."""
    of_site, of_edge, total = _grow(forest, profit, bonus, money, counted)
    eur = 0.0
    is_dug = np.zeros(len(of_edge), dtype=np.bool_)
    for edge in range(len(of_edge)):
        parent = forest.edge_parent[edge]
        if of_edge[edge] > 0 and (parent < 0 or is_dug[parent]):
            is_dug[edge] = True
            eur += forest.edge_eur[edge]
    sites = np.zeros(len(of_site))
    for site in range(len(of_site)):
        leaf = forest.leaf_edge[site]
        if of_site[site] > 0 and (leaf < 0 or is_dug[leaf]):
            sites[site] = 1.0
            eur += forest.site_eur[site]
    views = np.zeros(len(profit))
    number = 0.0
    for view in range(len(profit)):
        net = profit[view] - money * forest.view_eur[view] - counted * forest.counted[view]
        if net > 0 and sites[forest.site_of[view]] > 0:
            views[view] = 1.0
            eur += forest.view_eur[view]
            number += forest.counted[view]
    return total, eur, number, views, sites


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def site_losses(
    forest: Forest, profit: Floats, bonus: Floats, money: float, counted: float
) -> Floats:
    """Return what forcing each site with its trench takes off the worth, shape (sites,)."""
    of_site, of_edge, _ = _grow(forest, profit, bonus, money, counted)
    for edge in range(len(of_edge)):
        parent = forest.edge_parent[edge]
        above = of_edge[parent] if parent >= 0 else 0.0
        of_edge[edge] = above + max(0.0, -of_edge[edge])
    losses = np.zeros(len(of_site))
    for site in range(len(of_site)):
        leaf = forest.leaf_edge[site]
        losses[site] = (of_edge[leaf] if leaf >= 0 else 0.0) + max(0.0, -of_site[site])
    return losses
