"""The sample park: what it must offer to the other floors, and that its script makes it again."""

import math
import runpy
import tomllib
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Point, Polygon

from parkwacht_config.loader import load_catalogue, load_site
from parkwacht_config.schedule import armed_seconds
from parkwacht_config.site import (
    AreaKind,
    BuildingUse,
    Camera,
    Lens,
    MountKind,
    ReceiverRole,
    Release,
    Site,
)
from parkwacht_config.study import Costs
from parkwacht_coverage.camera import CameraModel

SITES = Path(__file__).parents[2] / "config" / "sites"


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(SITES / "josink_es.toml")


@pytest.fixture(scope="module")
def public(site: Site) -> shapely.Geometry:
    return shapely.union_all([area.polygon for area in site.public_areas])


@pytest.fixture(scope="module")
def walls(site: Site) -> shapely.Geometry:
    return shapely.union_all([building.polygon for building in site.buildings])


def test_the_script_makes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SITES))
    script = runpy.run_path(str(SITES / "make_josink_es.py"))
    script["write"](tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(made) == 14
    for name in made:
        assert (tmp_path / name).read_bytes() == (SITES / name).read_bytes(), name


def test_it_says_that_it_is_illustrative(site: Site) -> None:
    assert site.is_illustrative
    assert "geen opmeting" in site.description
    for path in (SITES / "josink_es").glob("*.geojson"):
        assert "not a survey" in path.read_text(encoding="utf-8")[:300]


def test_the_size_of_the_park(site: Site) -> None:
    # Asked: about 50 ha, 60 buildings, 4 km of road, 150 lamps, 4 cabinets, 4 gates.
    assert 45 <= site.boundary.area / 10_000 <= 55
    assert len([one for one in site.buildings if one.use is BuildingUse.BUSINESS]) >= 60
    assert len([one for one in site.buildings if one.use is BuildingUse.DWELLING]) == 11
    assert 200 <= len(site.trees) <= 400
    assert 3 <= len(site.routes) <= 5
    assert len(site.lamp_posts) >= 150
    assert len(site.power_cabinets) >= 4
    assert len(site.gates) == 4
    assert 250 <= len(site.mounts) <= 400
    assert {mount.kind for mount in site.mounts} == set(MountKind)
    assert {area.kind for area in site.public_areas} == set(AreaKind)
    carriageway_m2 = sum(
        area.polygon.area for area in site.public_areas if area.kind is AreaKind.CARRIAGEWAY
    )
    assert carriageway_m2 / 7 >= 4000  # carriageways are 7 m wide
    assert all(4 <= building.height_m <= 14 for building in site.buildings)
    assert 60 <= len(site.incidents) <= 100
    assert max(one.on for one in site.incidents) - min(one.on for one in site.incidents) < (
        date(2026, 11, 1) - date(2023, 11, 1)
    )


def test_the_park_lies_at_enschede(site: Site) -> None:
    # RD New (255500, 469500) is 52.204 N, 6.857 E: the south-west of Enschede.
    centre = site.boundary.centroid
    assert math.hypot(centre.x - 255_500, centre.y - 469_500) < 50


def test_ground_does_not_overlap(
    site: Site, public: shapely.Geometry, walls: shapely.Geometry
) -> None:
    assert shapely.distance(public, walls) > 1
    total_m2 = sum(area.polygon.area for area in site.public_areas)
    # Rounding to centimetres may cost a sliver of 1 cm along 8 km of shared edges.
    assert total_m2 - shapely.area(public) < 80
    assert sum(one.polygon.area for one in site.buildings) == pytest.approx(shapely.area(walls))
    inside = site.boundary.buffer(0.05)
    assert all(inside.contains(area.polygon) for area in site.public_areas)
    assert all(
        inside.contains(building.polygon)
        for building in site.buildings
        if building.use is BuildingUse.BUSINESS
    )


def test_points_stand_where_they_can(
    site: Site, public: shapely.Geometry, walls: shapely.Geometry
) -> None:
    roads = shapely.union_all(
        [one.polygon for one in site.public_areas if one.kind is AreaKind.CARRIAGEWAY]
    )
    for lamp in site.lamp_posts:
        assert shapely.distance(roads, lamp.point) > 0.4, lamp.id
        assert shapely.distance(walls, lamp.point) > 0.5, lamp.id
    for mount in site.mounts:
        assert not shapely.contains(walls, mount.point), mount.id
        if mount.kind is MountKind.FACADE:
            assert shapely.distance(walls, mount.point) == pytest.approx(0.3, abs=0.02)
            assert mount.facing_deg is not None
        if mount.kind is MountKind.MAST:
            assert shapely.distance(public, mount.point) < 0.02
    for incident in site.incidents:
        assert not shapely.contains(shapely.buffer(walls, -0.05), incident.point), incident.id


def test_a_camera_on_a_lamp_post_is_on_one(site: Site) -> None:
    cameras = [one for one in site.cameras if one.mount is MountKind.LAMP_POST]
    assert cameras
    for camera in cameras:
        here = Point(camera.x_m, camera.y_m)
        assert min(lamp.point.distance(here) for lamp in site.lamp_posts) < 0.05


def test_facades_face_away_from_their_wall(site: Site, walls: shapely.Geometry) -> None:
    # One metre along the outward normal is one metre farther from the wall.
    for mount in site.mounts:
        if mount.facing_deg is not None:
            angle = math.radians(mount.facing_deg)
            ahead = Point(mount.point.x + math.sin(angle), mount.point.y + math.cos(angle))
            assert shapely.distance(walls, ahead) == pytest.approx(1.3, abs=0.05), mount.id


def test_gates_cross_the_boundary_on_a_road(site: Site) -> None:
    roads = shapely.union_all(
        [one.polygon for one in site.public_areas if one.kind is AreaKind.CARRIAGEWAY]
    )
    for gate in site.gates:
        assert 6.9 <= gate.line.length <= 8.5, gate.id  # a carriageway of 7 m, crossed aslant
        assert shapely.distance(site.boundary.exterior, gate.line) < 0.05
        assert shapely.distance(roads, gate.line) < 0.05


# Cameras whose recordings are part of the repository.
RECORDED = ["p1_parking", "g1_gate", "r1_road", "p2_parking"]


@pytest.mark.parametrize("camera_id", RECORDED)
def test_nothing_new_stands_in_a_recorded_view(site: Site, camera_id: str) -> None:
    # Points all over each crown and each home, projected by the camera itself.
    camera = site.camera(camera_id)
    assert camera is not None
    model = CameraModel.of(camera, site.camera_types[camera.type_id])
    solids = [
        (tree.point.buffer(tree.crown_radius_m, quad_segs=4), tree.height_m) for tree in site.trees
    ]
    solids += [
        (one.polygon.segmentize(1.0), one.height_m)
        for one in site.buildings
        if one.use is BuildingUse.DWELLING
    ]
    points = []
    for shape, top_m in solids:
        ring = np.array(shape.exterior.coords)
        levels = np.repeat(np.linspace(0, top_m, 8), len(ring))
        points.append(np.column_stack((np.tile(ring, (8, 1)), levels)))
    every = np.concatenate(points)
    near = np.hypot(every[:, 0] - camera.x_m, every[:, 1] - camera.y_m) < 80
    assert not model.is_in_view(every[near]).any()


def test_trees_stand_free(site: Site, walls: shapely.Geometry) -> None:
    roads = shapely.union_all(
        [one.polygon for one in site.public_areas if one.kind is not AreaKind.GREEN]
    )
    # What hangs on lamp posts, facades and masts does not hang in a crown.
    spots = [one.point for one in site.lamp_posts] + [one.point for one in site.mounts]
    hanging = shapely.multipoints(spots)
    for tree in site.trees:
        assert site.boundary.contains(tree.point), tree.id
        assert shapely.distance(roads, tree.point) > 0.5, tree.id
        assert shapely.distance(walls, tree.point) > 0.6 * tree.crown_radius_m, tree.id
        assert shapely.distance(hanging, tree.point) > tree.crown_radius_m, tree.id
    assert 5 <= sum(tree.is_evergreen for tree in site.trees) <= len(site.trees) / 5


def test_private_ground_is_what_is_neither_public_nor_built(
    site: Site, public: shapely.Geometry, walls: shapely.Geometry
) -> None:
    private = shapely.union_all([one.polygon for one in site.private_areas])
    # Rounding to centimetres moves shared edges by up to 7 mm.
    assert shapely.area(shapely.intersection(private, public)) < 60
    assert shapely.area(shapely.intersection(private, walls)) < 30
    rest = site.boundary.difference(shapely.union_all([private, public, walls]))
    assert rest.area < 0.003 * site.boundary.area  # slivers only
    gardens = [one for one in site.private_areas if one.name.startswith("Tuin")]
    homes = [one for one in site.buildings if one.use is BuildingUse.DWELLING]
    assert len(gardens) == len(homes)
    for garden, home in zip(gardens, homes, strict=True):
        assert shapely.distance(garden.polygon, home.polygon) < 0.05
        assert garden.name == f"Tuin {home.name.lower()}"


def test_the_purpose_is_the_public_ground(site: Site, public: shapely.Geometry) -> None:
    purpose = shapely.union_all([one.polygon for one in site.purpose_areas])
    assert shapely.area(shapely.symmetric_difference(purpose, public)) < 0.01 * shapely.area(public)
    assert site.boundary.buffer(0.05).contains(purpose)


def test_routes_run_from_gate_to_gate_over_the_road(site: Site) -> None:
    roads = shapely.union_all(
        [one.polygon for one in site.public_areas if one.kind is AreaKind.CARRIAGEWAY]
    ).buffer(0.05)
    gates = {gate.name: gate.line for gate in site.gates}
    for route in site.routes:
        assert roads.contains(route.line), route.id
        ends = (Point(route.line.coords[0]), Point(route.line.coords[-1]))
        for name, end in zip(
            (route.name.split(" - ")[0], route.name.split(" - ")[-1]), ends, strict=True
        ):
            assert gates[name].distance(end) < 0.05, (route.id, name)


def test_goals_are_stated_and_costs_are_the_usual_ones(site: Site) -> None:
    assert site.goals.budget_eur == 90_000
    assert site.goals.privacy.dwelling_window_m is not None
    assert site.costs == Costs()
    # The commented lines hold the usual values: without their # nothing changes.
    text = site.path.read_text(encoding="utf-8")
    table = text[text.index("[costs]") : text.index("# What the working group asks")]
    assert tomllib.loads(table.replace("# ", ""))["costs"] == Costs().model_dump()


def half_angle_deg(site: Site, camera: Camera) -> float:
    kind = site.camera_types[camera.type_id]
    focal_mm = camera.focal_length_mm or kind.focal_length_mm
    return math.degrees(math.atan(kind.width_px * kind.pitch_um / 1000 / (2 * focal_mm)))


def offset_deg(camera: Camera, at: Point) -> float:
    bearing = math.degrees(math.atan2(at.x - camera.x_m, at.y - camera.y_m))
    return abs((bearing - camera.azimuth_deg + 180) % 360 - 180)


@pytest.mark.parametrize("camera_id", ["p1_parking", "p2_parking", "g1_gate", "r1_road", "g3_gate"])
def test_cameras_have_a_free_view(site: Site, walls: shapely.Geometry, camera_id: str) -> None:
    camera = site.camera(camera_id)
    assert camera is not None
    here = Point(camera.x_m, camera.y_m)
    for distance_m in (12, 20, 30):
        for aside_deg in (-20, 0, 20):
            angle = math.radians(camera.azimuth_deg + aside_deg)
            there = Point(
                here.x + distance_m * math.sin(angle), here.y + distance_m * math.cos(angle)
            )
            if camera_id != "g1_gate" or site.boundary.contains(there):
                assert not LineString([here, there]).intersects(walls), (distance_m, aside_deg)


@pytest.mark.parametrize(
    ("camera_id", "zone_id", "at_least"),
    [
        # Share of the zone within 10 to 60 m and the horizontal field of view of its camera.
        pytest.param("p1_parking", "z_parking_1", 0.6),
        pytest.param("p2_parking", "z_parking_2", 0.6),
        pytest.param("g1_gate", "z_gate_1", 0.8),
        pytest.param("r1_road", "z_road_1", 0.8),
        pytest.param("g3_gate", "z_gate_3", 0.8),
    ],
)
def test_cameras_see_their_zones(site: Site, camera_id: str, zone_id: str, at_least: float) -> None:
    camera = site.camera(camera_id)
    assert camera is not None
    zone = next(one for one in site.zones if one.id == zone_id)
    assert zone.polygon_m is not None
    here, half = Point(camera.x_m, camera.y_m), half_angle_deg(site, camera)
    corners = [(here.x, here.y)]
    for step in range(21):
        angle = math.radians(camera.azimuth_deg - half + step * half / 10)
        corners.append((here.x + 60 * math.sin(angle), here.y + 60 * math.cos(angle)))
    seen = Polygon(corners).difference(here.buffer(10))
    area = Polygon(zone.polygon_m)
    assert seen.intersection(area).area / area.area >= at_least


def test_gate_cameras_see_their_gate(site: Site) -> None:
    for camera_id, gate_id in (("g1_gate", "gate_1"), ("g3_gate", "gate_3"), ("g2_anpr", "gate_2")):
        camera = site.camera(camera_id)
        gate = next(one for one in site.gates if one.id == gate_id)
        assert camera is not None
        middle = gate.line.centroid
        distance_m = math.hypot(middle.x - camera.x_m, middle.y - camera.y_m)
        assert 15 <= distance_m <= 45, camera_id
        assert offset_deg(camera, middle) < half_angle_deg(site, camera), camera_id


def test_zones_receivers_and_calendar(site: Site) -> None:
    assert [zone.id for zone in site.zones if zone.polygon_px is not None] == ["z_crossing"]
    assert {zone.arming_id for zone in site.zones} == {"night"} == {site.default_arming_id}
    guard, police = site.receiver("meldkamer"), site.receiver("politie")
    assert guard is not None
    assert police is not None
    assert (guard.role, guard.release) == (ReceiverRole.SECURITY_COMPANY, Release.ON_FLAG)
    assert (police.role, police.release) == (ReceiverRole.POLICE, Release.ON_VERIFIED)
    assert site.retention.images_days == 28
    assert site.camera("nobody") is None
    assert site.receiver("nobody") is None


def test_hours_of_an_ordinary_week(site: Site) -> None:
    zone = ZoneInfo(site.timezone)
    armed_s = armed_seconds(
        site.armings["night"],
        datetime(2026, 11, 9, tzinfo=zone),
        datetime(2026, 11, 16, tzinfo=zone),
        timezone=site.timezone,
    )
    # Five working days of 6.5 + 5 h, Saturday and Sunday whole: 105.5 h of 168.
    assert armed_s == 105.5 * 3600


def test_the_catalogue() -> None:
    catalogue = load_catalogue()
    assert len(catalogue) == 16
    assert list(catalogue) == [one.id for one in catalogue.values()]
    fisheye = catalogue["fisheye_12mp"]
    assert (fisheye.lens, fisheye.hfov_deg) == (Lens.F_THETA, 180)
    assert sum(one.is_thermal for one in catalogue.values()) == 2
    assert sum(one.is_ptz for one in catalogue.values()) == 2
    assert sum(one.is_anpr for one in catalogue.values()) == 1
    # f_px = f / pitch, in pixels: 4 mm / 2.0 um = 2000; 32 mm / 2.9 um = 11034.
    bullet, plates = catalogue["bullet_4mp_4mm"], catalogue["anpr_2mp_8_32mm"]
    assert bullet.focal_length_mm / bullet.pitch_um * 1000 == 2000
    assert plates.focal_length_max_mm is not None
    assert round(plates.focal_length_max_mm / plates.pitch_um * 1000) == 11034
