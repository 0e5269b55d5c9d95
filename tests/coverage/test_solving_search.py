"""The search with site costs: never over budget, as good as enumeration on small parks."""

import itertools

import numpy as np
import pytest

from parkwacht_coverage.solving.search import SiteCosts, search_with_sites


def test_one_mast_for_two_cameras_by_hand() -> None:
    # site 0 (cost 10) carries columns 0 and 1 (2 each, 3 rows each); site 1 (cost 4) column 2
    # (2, 4 rows). With 14: site 0 with both sees 6; site 1 alone sees 4.
    dense = np.zeros((10, 3))
    dense[0:3, 0] = dense[3:6, 1] = dense[6:10, 2] = 1.0
    costs = SiteCosts(np.full(3, 2.0), np.array([0, 0, 1]), np.array([10.0, 4.0]))
    assert search_with_sites(dense, np.ones(10), costs, budget=14) == [0, 1]
    assert search_with_sites(dense, np.ones(10), costs, budget=6) == [2]
    assert search_with_sites(dense, np.ones(10), costs, budget=5) == []


@pytest.mark.parametrize("seed", range(10))
def test_agrees_with_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dense = (rng.random((25, 12)) < 0.25).astype(np.float64)
    weight = np.floor(rng.uniform(1, 5, size=(25,)))
    site = rng.integers(0, 5, size=(12,))
    costs = SiteCosts(rng.uniform(1, 4, size=(12,)), site, rng.uniform(2, 8, size=(5,)))
    best = 0.0
    for bits in itertools.product((False, True), repeat=12):
        chosen = np.array(bits)
        spent = costs.cost[chosen].sum() + costs.site_cost[np.unique(site[chosen])].sum()
        if spent <= 20:
            best = max(best, float(weight[dense[:, chosen].any(axis=1)].sum()))
    found = search_with_sites(dense, weight, costs, budget=20.0, seed=seed)
    spent = costs.cost[found].sum() + costs.site_cost[np.unique(site[found])].sum()
    assert spent <= 20 + 1e-6
    assert weight[dense[:, found].any(axis=1)].sum() == best
    assert found == search_with_sites(dense, weight, costs, budget=20.0, seed=seed)
