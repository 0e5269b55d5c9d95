"""What masks will hide of candidates, against the masks that are made of the same cameras."""

import numpy as np
import pytest
from coverage_builders import X, Y, small_site
from shapely.geometry import box

from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.masks import MaskGround, area_behind_masks, make_masks
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.privacy_ground import find_areas
from parkwacht_coverage.unmasked import FutureMasks
from parkwacht_coverage.visibility import Scene

OBSERVE = find_edition("2014").find("observe")


def model(azimuth_deg: float, *, x_m: float = X + 50, y_m: float = Y + 29) -> CameraModel:
    return CameraModel(
        id="n1", x_m=x_m, y_m=y_m, height_m=6.0, azimuth_deg=azimuth_deg, tilt_deg=25.0,
        f_px=2000.0, width_px=2688, height_px=1520,
    )  # fmt: skip


@pytest.mark.parametrize("azimuth_deg", range(0, 360, 30))
def test_targets_said_to_be_hidden_are_those_that_the_masks_hide(azimuth_deg: float) -> None:
    site = small_site()
    scene = Scene(site.buildings)
    points = lay_grid(site, step_m=1.0, target_height_m=1.5).points_m
    camera = model(azimuth_deg)
    seen = scene.is_visible((camera.x_m, camera.y_m, 6.0), scene.targets(points))
    seen &= camera.is_in_view(points) & (camera.pixel_density_px_per_m(points) >= 62.5)
    hits = np.flatnonzero(seen)
    future = FutureMasks(scene, find_areas(site).private, OBSERVE)
    (left,) = future.unmasked([camera], [hits], points)
    masks = make_masks(camera, MaskGround.of(site), OBSERVE).masks
    truly = hits[~area_behind_masks(camera, masks, points[hits])]
    # Masks are grown by up to 0.4 % of the image's width, 11 px, so a few more are hidden.
    assert not np.setdiff1d(truly, left).size
    assert len(left) - len(truly) <= 0.1 * max(10, len(hits))


def test_a_target_is_hidden_by_the_ground_behind_it_only() -> None:
    # Eye 6 m high, target at 1.5 m and 20 m away: the line of sight ends at 20 x 6 / 4.5 = 26.7 m.
    camera = model(90.0, x_m=X, y_m=Y + 24)
    points = np.array([[X + 20.0, Y + 24.0, 1.5]])
    scene = Scene([])
    for near_m, is_left in ((26.0, False), (27.0, True)):
        strip = box(X + near_m, Y, X + near_m + 3, Y + 60)
        future = FutureMasks(scene, strip, OBSERVE)
        (left,) = future.unmasked([camera], [np.array([0])], points)
        assert (left.size == 1) is is_left


def test_ground_too_far_to_observe_is_not_masked() -> None:
    # f 2000 px: observe, 62.5 px/m, reaches 32 m deep; the ground behind lies 40 m away.
    camera = model(90.0, x_m=X, y_m=Y + 24)
    points = np.array([[X + 30.0, Y + 24.0, 1.5]])
    future = FutureMasks(Scene([]), small_site().boundary, OBSERVE)
    (left,) = future.unmasked([camera], [np.array([0])], points)
    assert left.tolist() == [0]
