"""Privacy masks: against the ray of every pixel, by hand, and through the camera file."""

import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from coverage_builders import X, Y, camera, random_buildings, small_site
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from parkwacht_config.kinds import ID_PATTERN
from parkwacht_config.loader import CameraFileTable
from parkwacht_config.reading import parse_toml
from parkwacht_config.site import (
    AreaKind,
    Building,
    BuildingUse,
    Lens,
    Preset,
    PrivacyMask,
    PrivateArea,
    PublicArea,
    Site,
)
from parkwacht_config.text import Language
from parkwacht_config.validation import check_table
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.masks import (
    MAX_PURPOSE_LOSS,
    CameraMasks,
    MaskGround,
    area_behind_masks,
    make_masks,
    mask_id,
    to_camera_toml,
)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
OBSERVE = find_edition("2014").find("observe")


def park(buildings: tuple[Building, ...] = (), **changes: object) -> Site:
    """Return a road of 60 x 8 m (purpose) with a garden on its north side."""
    values: dict[str, object] = {
        "boundary": box(X, Y, X + 60, Y + 60),
        "public_areas": (PublicArea("road", AreaKind.CARRIAGEWAY, box(X, Y, X + 60, Y + 8)),),
        "buildings": buildings,
        "lamp_posts": (),
        "private_areas": (PrivateArea("garden", box(X, Y + 8, X + 60, Y + 60)),),
    }
    return small_site(**(values | changes))


def covered(found: CameraMasks) -> BaseGeometry:
    return shapely.union_all([Polygon(one.polygon_px) for one in found.masks])


# --- by hand


def test_a_garden_behind_a_road_is_a_band_of_the_image() -> None:
    # H = 4, level, f = 1000, 2000 x 1000 px, from the south edge of the road looking north: the
    # road ends 8 m away at v = 500 + 4000 / 8 = 1000, the edge of the image; the garden is seen at
    # observe (62.5 px/m) up to 16 m: v = 500 + 4000 / 16 = 750. A band of 2000 x 250 px.
    site = park(boundary=box(X - 50, Y, X + 110, Y + 60))
    wide = PrivateArea("garden", box(X - 50, Y + 8, X + 110, Y + 60))
    site = replace(site, private_areas=(wide,))
    model = CameraModel("c", X + 30, Y, 4.0, 0.0, 0.0, 1000.0, 2000, 1000)
    found = make_masks(model, MaskGround.of(site), OBSERVE)
    assert found.hidden.area == pytest.approx(2000 * 250, rel=1e-6)
    assert found.hidden.bounds == pytest.approx((0, 750, 2000, 1000))
    (mask,) = found.masks
    assert (mask.id, mask.camera_id, mask.reason) == ("c_mask_1", "c", "privéterrein")
    assert len(mask.polygon_px) == 4
    assert found.purpose_lost_m2 == 0.0  # the road is below the image


def test_a_dwelling_wall_at_10_m_is_a_rectangle_of_the_image() -> None:
    # wall of 10 x 6 m, 10 m from a level camera at 3 m, f = 700: 70 px/m, so 700 px wide, from
    # (3 - 6) x 70 = 210 px above to 210 px below the axis
    home = Building("h", box(X + 25, Y + 18, X + 35, Y + 26), 6.0, use=BuildingUse.DWELLING)
    site = park(
        (home,),
        private_areas=(),
        public_areas=(PublicArea("all", AreaKind.GREEN, box(X, Y, X + 60, Y + 60)),),
    )
    model = CameraModel("c", X + 30, Y + 8, 3.0, 0.0, 0.0, 700.0, 2000, 1000)
    found = make_masks(model, MaskGround.of(site), OBSERVE, language=Language.EN)
    assert found.hidden.bounds == pytest.approx((650, 290, 1350, 710))
    assert found.hidden.area == pytest.approx(700 * 420)
    (mask,) = found.masks
    assert mask.reason == "facade of a dwelling"
    business = replace(home, use=BuildingUse.BUSINESS)
    assert (
        make_masks(model, MaskGround.of(replace(site, buildings=(business,))), OBSERVE).masks == ()
    )


def test_what_stands_in_front_is_taken_out() -> None:
    # as above, and a shed 4 m wide, 3 m high, 5 m away: 140 px/m, 560 px wide, up to the axis: it
    # hides the lower 210 px of the wall over 560 of its 700 px
    home = Building("h", box(X + 25, Y + 18, X + 35, Y + 26), 6.0, use=BuildingUse.DWELLING)
    shed = Building("s", box(X + 28, Y + 13, X + 32, Y + 14), 3.0)
    site = park(
        (home, shed),
        private_areas=(),
        public_areas=(PublicArea("all", AreaKind.GREEN, box(X, Y, X + 60, Y + 60)),),
    )
    model = CameraModel("c", X + 30, Y + 8, 3.0, 0.0, 0.0, 700.0, 2000, 1000)
    found = make_masks(model, MaskGround.of(site), OBSERVE)
    assert found.hidden.area == pytest.approx(700 * 420 - 560 * 210)


# --- against the ray of every pixel


def first_hits(
    model: CameraModel, pixels: Floats, buildings: list[Building]
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """
    Cast the ray of every pixel; return how far it goes and what it meets.

    What is -1 for nothing, 0 for the ground, 1 + 2 i for the walls of building i and 2 + 2 i for
    its roof or underside.
    """
    eye = np.array([model.x_m, model.y_m, model.height_m])
    rays = model.rays(pixels)
    nearest = np.full(len(rays), np.inf)
    what = np.full(len(rays), -1, dtype=np.int64)

    def meet(reach: Floats, is_met: Bools, code: int) -> None:
        closer = is_met & (reach > 0) & (reach < nearest)
        nearest[closer] = reach[closer]
        what[closer] = code

    with np.errstate(divide="ignore", invalid="ignore"):
        meet(-eye[2] / rays[:, 2], rays[:, 2] < 0, 0)
        for index, one in enumerate(buildings):
            for ring in (one.polygon.exterior, *one.polygon.interiors):
                for start, end in pairwise(np.asarray(ring.coords)):
                    along, to = end - start, start - eye[:2]
                    cross = rays[:, 0] * along[1] - rays[:, 1] * along[0]
                    reach = (to[0] * along[1] - to[1] * along[0]) / cross
                    share = (to[0] * rays[:, 1] - to[1] * rays[:, 0]) / cross
                    z = eye[2] + reach * rays[:, 2]
                    on_wall = (share >= 0) & (share <= 1) & (z >= one.base_m) & (z <= one.height_m)
                    meet(reach, on_wall, 1 + 2 * index)
            for plane_m in (one.base_m, one.height_m):
                reach = (plane_m - eye[2]) / rays[:, 2]
                at = eye[:2] + np.where(np.isfinite(reach), reach, 0.0)[:, None] * rays[:, :2]
                meet(reach, shapely.contains_xy(one.polygon, at[:, 0], at[:, 1]), 2 + 2 * index)
    return nearest, what


def random_park(seed: int, lens: Lens) -> tuple[Site, list[Building], CameraModel]:
    """Make a park of turned blocks, half of them dwellings, with a road through its middle."""
    rng = np.random.default_rng(seed)
    blocks = random_buildings(seed, n=30)
    buildings = [
        replace(
            one,
            polygon=shapely.affinity.translate(one.polygon, X, Y),
            use=BuildingUse.DWELLING if index % 2 else BuildingUse.BUSINESS,
        )
        for index, one in enumerate(blocks)
        if not one.polygon.buffer(0.5).contains(Point(100, 100))
    ]
    road = Polygon([(X, Y + 88), (X + 200, Y + 96), (X + 200, Y + 110), (X, Y + 104)])
    site = park(
        tuple(buildings),
        boundary=box(X, Y, X + 200, Y + 200),
        public_areas=(PublicArea("road", AreaKind.CARRIAGEWAY, road),),
        private_areas=(PrivateArea("rest", box(X, Y, X + 200, Y + 200)),),
    )
    azimuth_deg, tilt_deg = float(rng.uniform(0, 360)), float(rng.uniform(8, 40))
    where = ("c", X + 100, Y + 100)
    if lens is Lens.RECTILINEAR:
        return site, buildings, CameraModel(*where, 6.5, azimuth_deg, tilt_deg, 450.0, 320, 180)
    f_px = 300 / math.pi  # 180 degrees over 300 px
    fisheye = CameraModel(*where, 3.5, azimuth_deg, tilt_deg, f_px, 300, 300, Lens.F_THETA)
    return site, buildings, fisheye


@pytest.mark.parametrize("lens", list(Lens))
@pytest.mark.parametrize("seed", range(4))
def test_masks_hide_what_the_ray_of_a_pixel_meets(seed: int, lens: Lens) -> None:
    site, buildings, model = random_park(seed, lens)
    density = 11.25 if lens is Lens.RECTILINEAR else 6.0  # reaching 40 m, and 15.9 m
    density_class = replace(OBSERVE, min_px_per_m=density)
    ground = MaskGround.of(site)
    found = make_masks(model, ground, density_class)
    u, v = np.meshgrid(np.arange(model.width_px) + 0.5, np.arange(model.height_px) + 0.5)
    pixels = np.column_stack((u.ravel(), v.ravel()))
    if lens is Lens.F_THETA:
        pixels = pixels[np.hypot(*(pixels - 150).T) < 149.5]
    slant, what = first_hits(model, pixels, buildings)
    rays = model.rays(pixels)
    depth = slant if lens is Lens.F_THETA else slant * (rays @ model.axes()[2])
    at = (
        np.array([model.x_m, model.y_m])
        + np.where(np.isfinite(slant), slant, 0)[:, None] * rays[:, :2]
    )
    on_ground = what == 0
    private = on_ground & shapely.contains_xy(ground.private, at[:, 0], at[:, 1])
    dwelling = np.isin(
        what, [1 + 2 * i for i, one in enumerate(buildings) if one.use == "dwelling"]
    )
    must_hide = (private | dwelling) & (depth <= model.f_px / density)
    assert found.hidden.area == pytest.approx(must_hide.sum(), rel=0.02, abs=100)
    pixels, must_hide = pixels[::4], must_hide[::4]
    points = np.asarray(shapely.points(pixels))
    inside = np.asarray(shapely.contains(found.hidden, points))
    clear = np.asarray(shapely.distance(found.hidden.boundary, points)) > 1.0
    assert must_hide.sum() > 50
    assert (inside[clear] == must_hide[clear]).all()
    masked = np.asarray(shapely.intersects(covered(found), points))
    assert masked[inside].all()
    assert found.purpose_lost_m2 <= MAX_PURPOSE_LOSS * found.purpose_shown_m2 + 1e-9


# --- laws


@pytest.mark.parametrize("seed", range(4))
def test_masks_lie_in_the_image_have_few_corners_and_no_holes(seed: int) -> None:
    site, _, model = random_park(seed, Lens.RECTILINEAR)
    found = make_masks(model, MaskGround.of(site), replace(OBSERVE, min_px_per_m=11.25))
    for mask in found.masks:
        polygon = Polygon(mask.polygon_px)
        assert polygon.is_valid
        assert box(0, 0, model.width_px, model.height_px).covers(polygon)
    n_corners = sum(len(one.polygon_px) for one in found.masks)
    n_before = len(shapely.get_coordinates(found.hidden))
    assert n_corners < n_before
    assert shapely.difference(found.hidden, covered(found)).area < 1.0 * max(1, len(found.masks))


def test_a_hole_is_cut_open_not_filled() -> None:
    # purpose ground that is an island in private ground stays in the image
    site = park(
        public_areas=(PublicArea("island", AreaKind.PARKING, box(X + 27, Y + 27, X + 33, Y + 33)),),
        private_areas=(PrivateArea("rest", box(X, Y, X + 60, Y + 60)),),
    )
    model = CameraModel("c", X + 30, Y + 20, 8.0, 0.0, 40.0, 1200.0, 1600, 1200)
    found = make_masks(model, MaskGround.of(site), OBSERVE)
    assert len(found.masks) >= 2
    island = np.array([[X + 30, Y + 30, 0.0]])
    assert not area_behind_masks(model, found.masks, island).any()
    around = np.array([[X + 26, Y + 30, 0.0], [X + 34, Y + 30, 0.0], [X + 30, Y + 26, 0.0]])
    assert area_behind_masks(model, found.masks, around).all()
    assert found.purpose_lost_m2 <= 0.01 * 36


def test_a_camera_that_shows_nothing_private_has_no_masks() -> None:
    model = CameraModel("c", X + 30, Y + 7, 6.0, 180.0, 45.0, 2000.0, 2688, 1520)
    found = make_masks(model, MaskGround.of(park()), OBSERVE)
    assert found.masks == ()
    assert found.hidden.is_empty
    assert found.purpose_shown_m2 > 0


def test_the_same_camera_has_the_same_masks() -> None:
    site, _, model = random_park(1, Lens.RECTILINEAR)
    first = make_masks(model, MaskGround.of(site), OBSERVE)
    assert make_masks(model, MaskGround.of(site), OBSERVE).masks == first.masks


def test_the_masks_of_a_camera_with_a_long_id_have_ids_too() -> None:
    long = "a" * 63
    found = [mask_id(one, 12) for one in ("g1_gate", long, "a" * 62 + "b")]
    assert found[0] == "g1_gate_mask_12"
    assert all(re.fullmatch(ID_PATTERN, one) for one in found)
    assert len(set(found)) == 3


# --- behind masks, and the file


@pytest.mark.parametrize(
    ("x_m", "height_m", "expected"),
    [  # level at 3 m, f = 1000: 10 m away, 1 m aside is 100 px; the mask is the left half
        pytest.param(-1.0, 0.0, True, id="left of the axis"),
        pytest.param(1.0, 0.0, False, id="right of the axis"),
        pytest.param(0.0, 0.0, True, id="on the edge of the mask"),
        pytest.param(-11.0, 0.0, False, id="outside the image is not behind a mask"),
    ],
)
def test_points_behind_a_mask(x_m: float, height_m: float, expected: bool) -> None:
    model = CameraModel("c", 0.0, 0.0, 3.0, 0.0, 0.0, 1000.0, 2000, 1000)
    half = ((0.0, 0.0), (1000.0, 0.0), (1000.0, 1000.0), (0.0, 1000.0))
    masks = (PrivacyMask(id="m", camera_id="c", polygon_px=half),)
    point = np.array([[x_m, 10.0, height_m]])
    assert area_behind_masks(model, masks, point).tolist() == [expected]
    assert area_behind_masks(model, (), point).tolist() == [False]
    assert area_behind_masks(model, masks, point * [1, -1, 1]).tolist() == [False]  # behind it


def test_heads_before_a_masked_garden_are_counted() -> None:
    # the band of the garden begins 8 m away (v = 1000 px, H = 4, f = 1000, 1200 px high); a face
    # at 1.5 m is in it from 2.5 x 8 / 4 = 5 m away to the end of the road, 8 m: 3 m of road
    site = park(
        boundary=box(X - 50, Y, X + 110, Y + 60),
        private_areas=(PrivateArea("garden", box(X - 50, Y + 8, X + 110, Y + 60)),),
    )
    model = CameraModel("c", X + 30, Y, 4.0, 0.0, 0.0, 1000.0, 2000, 1200)
    found = make_masks(model, MaskGround.of(site), OBSERVE)
    assert 0 < found.purpose_lost_m2 < found.heads_lost_m2
    # image 2 x distance wide: from 5 to 8 m that is 39 m2, and a little more by growing the mask
    assert found.heads_lost_m2 == pytest.approx(39.0, rel=0.05)


def test_the_camera_file_reads_back_as_written() -> None:
    cameras = [
        camera("n1", name='Hoek "A" \\ é', focal_length_mm=12.5, stream_env="PARKWACHT_STREAM_N1"),
        camera("n2", presets=(Preset(name="poort", azimuth_deg=12.5, tilt_deg=3.0),)),
    ]
    masks = [
        PrivacyMask(
            id="n1_mask_1",
            camera_id="n1",
            polygon_px=((0.0, 0.0), (10.5, 0.0), (0.0, 20.1)),
            reason="privéterrein",
        )
    ]
    path = Path("cameras.toml")
    text = to_camera_toml(cameras, masks)
    table = check_table(CameraFileTable, parse_toml(text.encode(), path), path)
    assert table.cameras == tuple(cameras)
    assert table.privacy_masks == tuple(masks)
    assert to_camera_toml(cameras, masks) == text
