import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from parkwacht_config.site import AreaKind
from parkwacht_coverage.plan import Ground
from parkwacht_coverage.witness import coarsen


def ground_of(n_columns: int, n_rows: int, *, kinds: list[int] | None = None) -> Ground:
    """Targets at 1 m, each of 1 m2, weights 1, 2, 3 ..."""
    east, north = np.meshgrid(np.arange(n_columns) + 0.5, np.arange(n_rows) + 0.5)
    points = np.column_stack((east.ravel(), north.ravel(), np.full(east.size, 1.5)))
    return Ground(
        points_m=points,
        kinds=np.array(kinds or [0] * len(points), dtype=np.int64),
        area_m2=np.ones(len(points)),
        weight=np.arange(1.0, len(points) + 1),
        polygons={AreaKind.CARRIAGEWAY: box(0, 0, n_columns, n_rows)},
        step_m=1.0,
    )


def test_a_cell_is_stood_for_by_one_target_with_all_its_weight() -> None:
    coarse = coarsen(ground_of(4, 2), 2.0)
    # Rows 1 2 3 4 and 5 6 7 8: cells {1, 2, 5, 6} and {3, 4, 7, 8}.
    assert len(coarse.ground.points_m) == 2
    assert sorted(coarse.ground.weight) == [14.0, 22.0]
    assert list(coarse.ground.area_m2) == [4.0, 4.0]


def test_kinds_never_share_a_cell() -> None:
    coarse = coarsen(ground_of(2, 2, kinds=[0, 0, 1, 1]), 2.0)
    assert sorted(coarse.ground.kinds) == [0, 1]
    assert sorted(coarse.ground.weight) == [3.0, 7.0]


def test_only_cells_that_are_half_seen_are_split() -> None:
    coarse = coarsen(ground_of(4, 2), 2.0)
    seen = np.array([True, False, True, True, True, True, True, True])
    found = coarse.disagreeing(seen)
    assert found.sum() == 1
    finer = coarse.split(found)
    assert finer.n_added == 3
    assert not finer.disagreeing(seen).any()


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([2.0, 3.0, 5.0]), st.data())
@settings(max_examples=60, deadline=None)
def test_the_share_on_the_refined_ground_is_that_on_the_fine_one(
    n_columns: int, n_rows: int, step_m: float, data: st.DataObject
) -> None:
    fine = ground_of(n_columns, n_rows)
    bits = data.draw(st.lists(st.booleans(), min_size=len(fine.kinds), max_size=len(fine.kinds)))
    seen = np.array(bits)
    coarse = coarsen(fine, step_m)
    assert coarse.ground.weight.sum() == pytest.approx(fine.weight.sum())
    finer = coarse.split(coarse.disagreeing(seen))
    assert finer.ground.weight.sum() == pytest.approx(fine.weight.sum())
    on_refined = finer.ground.weight[seen[finer.chosen]].sum()
    assert on_refined == pytest.approx(fine.weight[seen].sum())
