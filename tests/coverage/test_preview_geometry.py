"""What the preview draws lies where the camera model, and a computation by hand, say it does."""

import math

import numpy as np
import pytest
from preview_builders import (
    FISHEYE,
    NARROW,
    PINHOLE,
    STEEP,
    TILTED_FISHEYE,
    at,
    board,
    floor,
    hand_pixel,
    need_screen,
    shot_of,
)

from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.people import Clothes, stander
from parkwacht_coverage.preview.raster import Mesh, draw, place
from parkwacht_coverage.preview.render import Part, render

PERSON_M = 1.8
CLOTHES = Clothes((0.3, 0.05, 0.05), (0.06, 0.07, 0.12))
PLACES = [
    (PINHOLE, 0.0, 9.0),
    (PINHOLE, -4.5, 12.0),
    (PINHOLE, 8.0, 20.0),
    (PINHOLE, -20.0, 45.0),
    (PINHOLE, 3.0, 80.0),
    (NARROW, 0.0, 25.0),
    (NARROW, -5.0, 40.0),
    (NARROW, 7.0, 80.0),
    (STEEP, 0.0, 6.0),
    (STEEP, 3.0, 12.0),
    (STEEP, -5.0, 20.0),
    (FISHEYE, 0.0, 5.0),
    (FISHEYE, 4.0, 6.0),
    (FISHEYE, -7.0, 12.0),
    (FISHEYE, 12.0, -3.0),
    (TILTED_FISHEYE, 1.0, 5.0),
    (TILTED_FISHEYE, -9.0, 14.0),
    (TILTED_FISHEYE, 2.0, 25.0),
]
IDS = [f"{model.id} {right:g} {ahead:g}" for model, right, ahead in PLACES]


@pytest.fixture(scope="module", autouse=True)
def screen() -> None:
    need_screen()


@pytest.fixture(scope="module")
def person() -> Mesh:
    return stander(CLOTHES, height_m=PERSON_M)


@pytest.fixture(scope="module")
def masks(person: Mesh) -> dict[tuple[str, float, float], np.ndarray]:
    """Take one picture per camera, with a person at every place of it, and cut them out."""
    cut: dict[tuple[str, float, float], np.ndarray] = {}
    for model in (PINHOLE, NARROW, STEEP, FISHEYE, TILTED_FISHEYE):
        places = [(right, ahead) for one, right, ahead in PLACES if one is model]
        meshes = [place(person, at(model, *there), 70.0) for there in places]
        shot = shot_of([floor()], model, meshes)
        cut |= {(model.id, *there): shot.mask_of(k) for k, there in enumerate(places)}
    return cut


def rod(model: CameraModel, xy: tuple[float, float]) -> Mesh:
    """Build an upright ribbon of 1.8 m, 1.3 px wide and square to the view, of 60 slices."""
    heights = np.linspace(0, PERSON_M, 61)
    half = 0.65 / float(model.pixel_density_px_per_m(np.array([[*xy, 0.9]]))[0])
    aside = np.array([xy[1], -xy[0]]) / math.hypot(*xy) * half
    points = np.array([[*(xy + side * aside), z] for z in heights for side in (-1, 1)])
    first = 2 * np.arange(60)[:, None]
    triangles = np.vstack((first + np.array([0, 1, 3]), first + np.array([0, 3, 2])))
    grey = np.full(points.shape, 0.5)
    return Mesh(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)), grey, triangles)


def extent(mask: np.ndarray, axis: int) -> tuple[int, int]:
    """Return the first and the last-plus-one row (axis 0) or column (axis 1) that is drawn."""
    drawn = np.flatnonzero(mask.any(axis=1 - axis))
    return int(drawn[0]), int(drawn[-1]) + 1


def pixels_of(model: CameraModel, mesh: Mesh) -> np.ndarray:
    return np.array([hand_pixel(model, point) for point in mesh.points_m])


@pytest.mark.parametrize(("model", "right", "ahead"), PLACES, ids=IDS)
def test_a_person_is_as_tall_in_the_picture_as_predicted(
    model: CameraModel,
    right: float,
    ahead: float,
    person: Mesh,
    masks: dict[tuple[str, float, float], np.ndarray],
) -> None:
    mesh = place(person, at(model, right, ahead), 70.0)
    mask = masks[model.id, right, ahead]
    # feet and head of the body, projected by the camera model and, apart from it, by hand
    is_end = (mesh.points_m[:, 2] < 0.2) | (mesh.points_m[:, 2] > 1.4)
    ends = Mesh(mesh.points_m[is_end], mesh.normals, mesh.rgb, mesh.triangles)
    by_model, _ = model.project(mesh.points_m)
    by_hand = pixels_of(model, ends)
    top, bottom = extent(mask, 0)
    tall = by_model[:, 1].max() - by_model[:, 1].min()
    assert bottom - top == pytest.approx(tall, abs=1.0)
    if model in {PINHOLE, NARROW, STEEP}:  # upright there: feet and head are its ends
        assert (top, bottom) == pytest.approx((by_hand[:, 1].min(), by_hand[:, 1].max()), abs=1.0)
    left, far_right = extent(mask, 1)
    assert (left, far_right) == pytest.approx((by_model[:, 0].min(), by_model[:, 0].max()), abs=1)


@pytest.mark.parametrize(("model", "right", "ahead"), PLACES, ids=IDS)
def test_the_axis_of_a_person_runs_from_foot_to_head(
    model: CameraModel, right: float, ahead: float
) -> None:
    x, y = at(model, right, ahead)
    mesh = rod(model, (x, y))
    foot, head = hand_pixel(model, np.array([x, y, 0.0])), hand_pixel(model, np.array([x, y, 1.8]))
    by_model, _ = model.project(np.array([[x, y, 0.0], [x, y, 1.8]]))
    assert by_model == pytest.approx(np.array([foot, head]), abs=1e-6)
    crop = draw(mesh, model, supersampling=2)
    assert crop is not None
    v, u = np.nonzero(np.isfinite(crop.depth_m))
    pixels = np.column_stack((u + crop.left + 0.5, v + crop.top + 0.5)) / 2
    along = np.array(head) - foot
    length = float(np.linalg.norm(along))
    way = (pixels - foot) @ along / length
    assert way.min() == pytest.approx(0.0, abs=1.0)
    assert way.max() == pytest.approx(length, abs=1.0)


@pytest.mark.parametrize(("model", "right", "ahead"), PLACES[5::8], ids=IDS[5::8])
def test_the_graphics_library_draws_a_person_as_tall_as_the_rasteriser(
    model: CameraModel,
    right: float,
    ahead: float,
    person: Mesh,
    masks: dict[tuple[str, float, float], np.ndarray],
) -> None:
    mesh = place(person, at(model, right, ahead), 70.0)
    grey = np.full((2, 2, 3), 200, dtype=np.uint8)
    part = Part(mesh.points_m, mesh.triangles, np.zeros((len(mesh.points_m), 2)), grey)
    drawn = np.isfinite(render([part], model).depth_m)
    mask = masks[model.id, right, ahead]
    assert extent(drawn, 0) == pytest.approx(extent(mask, 0), abs=1.5)
    assert extent(drawn, 1) == pytest.approx(extent(mask, 1), abs=1.5)


@pytest.mark.parametrize(
    ("model", "right", "ahead", "height"),
    [
        (PINHOLE, 3.0, 22.0, 5.0),
        (NARROW, -4.0, 50.0, 6.0),
        (STEEP, 2.0, 11.0, 3.0),
        (FISHEYE, 5.0, 7.0, 4.0),
        (TILTED_FISHEYE, -3.0, 9.0, 6.0),
    ],
    ids=lambda value: getattr(value, "id", f"{value}"),
)
def test_the_corner_of_a_building_lies_on_its_pixel(
    model: CameraModel, right: float, ahead: float, height: float
) -> None:
    x, y = at(model, right, ahead)
    corner = np.array([x, y, height])
    azimuth = math.radians(model.azimuth_deg)
    aside = np.array([math.cos(azimuth), -math.sin(azimuth), 0.0])
    # a wall square to the view, its lower left corner at the point looked for
    middle = corner + 1.5 * aside + [0.0, 0.0, 1.0]
    wall = board(middle, 1.5 * aside, np.array([0.0, 0.0, 1.0]), (200, 200, 200))
    big = model.scaled_to(2 * model.width_px, 2 * model.height_px)
    drawn = np.isfinite(render([wall], big).depth_m)
    u, v = hand_pixel(big, corner)
    rows, columns = np.nonzero(drawn)
    away = np.hypot(columns + 0.5 - u, rows + 0.5 - v)
    assert away.min() < 1.5  # three quarters of a pixel of the camera's own
    beside = hand_pixel(big, corner - 0.04 * (aside * 3 + [0.0, 0.0, 2.0]))
    assert not drawn[int(beside[1]), int(beside[0])]


def test_who_stands_behind_a_wall_is_not_drawn(person: Mesh) -> None:
    azimuth = math.radians(PINHOLE.azimuth_deg)
    aside = np.array([math.cos(azimuth), -math.sin(azimuth), 0.0])
    x, y = at(PINHOLE, 0.0, 20.0)
    wall = board(np.array([x, y, 4.0]), 6.0 * aside, np.array([0.0, 0.0, 4.0]), (150, 150, 150))
    behind = place(person, at(PINHOLE, 1.0, 26.0), 210.0)
    before = place(person, at(PINHOLE, -2.0, 17.0), 210.0)
    shot = shot_of([floor(), wall], PINHOLE, [behind, before])
    assert not shot.mask_of(0).any()
    assert shot.mask_of(1).sum() > 300


def test_a_wall_of_one_metre_hides_the_legs_only(person: Mesh) -> None:
    """A wall of b = 1 m at D = 19 m hides at 20 m up to H - (H - b) 20 / 19 = 0.737 m."""
    azimuth = math.radians(PINHOLE.azimuth_deg)
    aside = np.array([math.cos(azimuth), -math.sin(azimuth), 0.0])
    x, y = at(PINHOLE, 0.0, 19.0)
    wall = board(np.array([x, y, 0.5]), 6.0 * aside, np.array([0.0, 0.0, 0.5]), (150, 150, 150))
    there = at(PINHOLE, 0.0, 20.0)
    mask = shot_of([floor(), wall], PINHOLE, [place(person, there, 210.0)]).mask_of(0)
    hidden_to = hand_pixel(PINHOLE, np.array([*there, 6.0 - 5.0 * 20 / 19]))
    assert extent(mask, 0)[1] == pytest.approx(hidden_to[1], abs=2.0)
