"""The preview from end to end: who stands where, what is refused, what is warned of."""

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from coverage_builders import X, Y, block, bullet, camera, small_site
from PIL import Image
from preview_builders import need_screen
from rich.console import Console
from shapely.geometry import Point

from parkwacht_config.errors import ConfigError, CoverageError
from parkwacht_config.site import Camera, Lens, Site
from parkwacht_config.text import Language
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.preview.casting import Role, cast, places_at, shown_classes
from parkwacht_coverage.preview.choosing import choose_camera, with_camera_file
from parkwacht_coverage.preview.command import PreviewRequest, make_preview, run_preview
from parkwacht_coverage.preview.picture import LightMode
from parkwacht_coverage.visibility import Scene

TODAY = date(2026, 11, 25)
IMAGINED: dict[str, float | str | None] = {
    "type_id": "bullet",
    "x_m": X + 20.0,
    "y_m": Y + 24.0,
    "height_m": 5.0,
    "azimuth_deg": 90.0,
    "tilt_deg": 15.0,
}


def model_of(site: Site, one: Camera) -> CameraModel:
    return CameraModel.of(one, site.camera_types[one.type_id])


def test_people_stand_where_the_density_is_that_of_the_class() -> None:
    """f = 4 mm / 2 um = 2000 px, so at depths of 2000 / 62.5, / 125 and / 250 = 32, 16 and 8 m."""
    site = small_site(cameras=(camera(y_m=Y + 24.0, tilt_deg=12.0, height_m=4.0),))
    model = model_of(site, site.cameras[0])
    edition = find_edition("2014")
    players = cast(site, Scene(site.buildings), model, edition)
    people = {one.wanted.id: one for one in players.figurants if one.role is Role.PERSON}
    assert set(people) == {"observe", "recognise", "identify"}
    for class_id, depth in (("observe", 32.0), ("recognise", 16.0), ("identify", 8.0)):
        one = people[class_id]
        assert one.density_px_per_m == pytest.approx(2000.0 / depth)
        _, depths = model.project(np.array([[*one.xy_m, 1.5]]))
        assert depths[0] == pytest.approx(depth)
        assert one.is_public
        assert site.public_areas[0].polygon.contains(Point(one.xy_m))
    assert any(one.role is Role.CAR for one in players.figurants)
    assert [one.id for one in shown_classes(find_edition("2025"))] == [
        "discern",
        "perceive",
        "characterise",
    ]


def test_faces_before_an_f_theta_lens_stand_at_the_slant_distance() -> None:
    model = CameraModel("f", 10.0, 20.0, 4.0, 0.0, 80.0, 900.0, 3000, 3000, Lens.F_THETA)
    places = places_at(model, 9.0)
    slant = np.linalg.norm(
        np.column_stack((places, np.full(len(places), 1.5))) - [10, 20, 4], axis=1
    )
    assert slant == pytest.approx(np.full(len(places), 9.0))
    assert len(places_at(model, 2.0)) == 0  # nearer than the face is below the camera


def test_nobody_stands_in_or_behind_a_building() -> None:
    wall = block(X + 12, Y + 10, 30, 8.0, name="hal")
    site = small_site(buildings=(wall,), cameras=(camera(y_m=Y + 24.0),))
    model = model_of(site, site.cameras[0])
    scene = Scene(site.buildings)
    players = cast(site, scene, model, find_edition("2014"))
    assert "observe" in [one.id for one in players.missing]
    for one in players.figurants:
        assert not wall.polygon.contains(Point(one.xy_m))
        eye = (model.x_m, model.y_m, model.height_m)
        assert scene.is_visible(eye, scene.targets(np.array([[*one.xy_m, 1.2]])))[0]


def test_an_unknown_camera_is_answered_with_the_likeliest() -> None:
    with pytest.raises(ConfigError, match="did you mean c1"):
        choose_camera(small_site(cameras=(camera("c1"), camera("x9"))), "c11", {}, "test")


def test_an_imagined_camera_names_what_is_missing() -> None:
    given = {key: value for key, value in IMAGINED.items() if key not in {"x_m", "tilt_deg"}}
    with pytest.raises(ConfigError, match="--x-m, --tilt-deg is missing"):
        choose_camera(small_site(), "plan", given, "test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type_id": "bulet"}, "did you mean bullet"),
        ({"height_m": -0.5}, "height_m = -0.5 is wrong"),
        ({"tilt_deg": 140.0}, "tilt_deg = 140.0 is wrong"),
        ({"focal_length_mm": 25.0}, "4 mm is what the lens of bullet can do"),
    ],
    ids=["type", "under ground", "tilt", "lens"],
)
def test_a_wrong_description_is_refused(
    changes: dict[str, float | str | None], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_camera(small_site(), "plan", IMAGINED | changes, "test")


def test_a_camera_of_the_park_can_be_tried_at_another_aim() -> None:
    chosen = choose_camera(small_site(), "c1", {"azimuth_deg": 45.0, "tilt_deg": None}, "test")
    assert chosen.azimuth_deg == 45.0
    assert chosen.tilt_deg == 25.0


def test_a_camera_file_goes_before_the_park(tmp_path: Path) -> None:
    path = tmp_path / "cameras.toml"
    path.write_text(
        '[[cameras]]\nid = "c1"\nname = "Nieuw"\ntype_id = "bullet"\nx_m = 255010.0\n'
        "y_m = 469024.0\nheight_m = 5.0\nazimuth_deg = 90.0\ntilt_deg = 20.0\n"
    )
    site = with_camera_file(small_site(), path)
    assert [one.name for one in site.cameras] == ["Nieuw"]
    path.write_text(path.read_text().replace('"bullet"', '"bulet"'))
    with pytest.raises(ConfigError, match=r"cameras\[c1\].type_id.*did you mean bullet"):
        with_camera_file(small_site(), path)


def request_of(site: Site, one: Camera, out: Path, **changes: object) -> PreviewRequest:
    request = PreviewRequest(site, one, out, TODAY, width_px=320, language=Language.EN)
    return replace(request, **changes)  # type: ignore[arg-type]


def test_a_camera_inside_a_building_is_refused(tmp_path: Path) -> None:
    one = camera(x_m=X + 20, y_m=Y + 40)
    with pytest.raises(CoverageError, match="inside building hal"):
        make_preview(request_of(small_site(), one, tmp_path / "a.png"))


def test_a_thermal_camera_is_refused(tmp_path: Path) -> None:
    types = {"bullet": bullet().model_copy(update={"is_thermal": True})}
    site = small_site(camera_types=types)
    with pytest.raises(CoverageError, match="thermal"):
        make_preview(request_of(site, site.cameras[0], tmp_path / "a.png"))


def test_a_wall_at_twenty_centimetres_is_drawn_and_said(tmp_path: Path) -> None:
    need_screen()
    one = camera(x_m=X + 9.8, y_m=Y + 40.0, height_m=4.0, azimuth_deg=90.0, tilt_deg=0.0)
    console = Console(file=io.StringIO(), width=200)
    request = request_of(
        small_site(), one, tmp_path / "wall.png", modes=(LightMode.DAY,), language=Language.NL
    )
    preview = run_preview(request, console)
    assert isinstance(console.file, io.StringIO)
    assert "kijkt tegen een muur op 0,2 m" in console.file.getvalue()
    assert preview.cast.figurants == ()
    picture = preview.sheet[40:170].astype(float)
    assert picture[..., 2].mean() < 200  # a wall, no sky
    assert picture.std() < 45


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    need_screen()
    site = small_site()
    written = []
    for name in ("one.png", "two.png"):
        request = request_of(site, site.cameras[0], tmp_path / name)
        run_preview(request, Console(file=io.StringIO()))
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    with Image.open(tmp_path / "one.png") as sheet:
        assert sheet.width == 2 * 320 + 4  # day and night side by side, a gap in between
