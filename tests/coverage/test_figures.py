"""Maps and charts: told apart by colour-blind eyes, legible in print, the same bytes twice."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text as Letters
from report_builders import bare_study, built_study

from parkwacht_config.text import Language
from parkwacht_coverage.density import Edition, load_editions
from parkwacht_coverage.reporting import canvas, charts, maps, palette
from parkwacht_coverage.reporting.charts import draw_class_bars, draw_cost_curve
from parkwacht_coverage.reporting.frames import SKY, WALL, image_colours
from parkwacht_coverage.reporting.maps import draw_all, label_cameras
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.visibility import Scene

# Machado, Oliveira and Fernandes (2009), severity 1.0: what the eye without one kind of cone sees,
# in linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
# CIE 1976 colour distance; about 2.3 is the least that is noticed side by side.
MIN_DISTANCE = 12.0


def lab(colour: str, eye: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert sRGB to CIELAB (D65) as an eye sees it."""
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(eye @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    relative = to_xyz @ seen / np.array([0.95047, 1.0, 1.08883])
    f = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_simulation_makes_red_and_green_alike() -> None:
    red, green = "#c45a3c", "#7f8a2b"
    away = {
        name: float(np.linalg.norm(lab(red, eye) - lab(green, eye))) for name, eye in EYES.items()
    }
    assert away["all cones"] > 50
    assert away["deuteranopia"] < away["all cones"] / 2


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("colours", palette.told_apart(), ids=lambda one: one[0])
def test_colours_on_one_map_are_told_apart(eye: str, colours: list[str]) -> None:
    close = {
        (a, b): away
        for a, b in combinations(colours, 2)
        if (away := np.linalg.norm(lab(a, EYES[eye]) - lab(b, EYES[eye]))) < MIN_DISTANCE
    }
    assert close == {}


@pytest.mark.parametrize("edition", load_editions().values(), ids=lambda one: one.id)
def test_higher_classes_are_darker(edition: Edition) -> None:
    colours = palette.class_colours(edition)
    lightness = [lab(one, EYES["all cones"])[0] for one in colours.values()]
    assert lightness == sorted(lightness, reverse=True)


def draw(folder: Path, language: Language) -> dict[str, Figure]:
    """Draw all pictures and keep the sheets, laid out but not written, which takes longest."""
    sheets: dict[str, Figure] = {}

    def keep(figure: Figure, path: Path) -> None:
        sheets[path.name] = figure
        figure.draw_without_rendering()

    words, study = Words(language), built_study()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "save", keep)
        patch.setattr(charts, "save", keep)
        draw_all(study, words, folder)
        draw_cost_curve(study, words, folder / "cost_curve.png")
        draw_class_bars(study, words, folder / "class_bars.png")
    return sheets


@pytest.fixture(scope="module")
def dutch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    return draw(tmp_path_factory.mktemp("nl"), Language.NL)


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    return draw(tmp_path_factory.mktemp("en"), Language.EN)


@pytest.mark.parametrize("language", ["dutch", "english"])
def test_letters_are_legible_and_inside_the_sheet(
    language: str, request: pytest.FixtureRequest
) -> None:
    sheets = request.getfixturevalue(language)
    assert len(sheets) == 11
    for name, figure in sheets.items():
        renderer = figure.canvas.get_renderer()
        assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180.0), name
        whole = figure.bbox
        shown = [one for one in figure.findobj(Letters) if one.get_text() and one.get_visible()]
        assert len(shown) > 5, name
        for one in shown:
            assert one.get_fontsize() >= canvas.MIN_SIZE_PT, (name, one.get_text())
            if not one.get_clip_on():
                box = one.get_window_extent(renderer)
                assert box.x0 >= whole.x0 - 1, (name, one.get_text())
                assert box.x1 <= whole.x1 + 1, (name, one.get_text())
                assert box.y0 >= whole.y0 - 1, (name, one.get_text())
                assert box.y1 <= whole.y1 + 1, (name, one.get_text())


def test_every_map_has_scale_north_and_legend(english: dict[str, Figure]) -> None:
    for name, figure in english.items():
        if name.startswith("map_"):
            said = [one.get_text() for one in figure.findobj(Letters)]
            assert "N" in said, name
            assert any(one.endswith(" m") for one in said), name
            assert "N1  new camera" in said, name


def test_a_park_with_nothing_in_it_has_maps(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "save", lambda figure, _path: figure.draw_without_rendering())
        assert len(draw_all(bare_study(), Words(Language.NL), tmp_path)) == 9


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    study, words = built_study(), Words(Language.NL)
    contents = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        maker = maps.MapMaker(study, words, folder)
        maker.summary(folder / "map_summary.png")
        maker.sites(folder / "map_sites.png", study.recommended)
        draw_cost_curve(study, words, folder / "cost_curve.png")
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 3
    assert all(one.startswith(b"\x89PNG") for one in contents[0].values())


def test_cameras_of_today_are_lettered_and_new_ones_numbered() -> None:
    assert label_cameras(built_study()) == {"c1": "A", "n1": "N1", "n2": "N2", "n3": "N3"}


def test_the_drawn_image_shows_sky_above_and_the_wall_in_front() -> None:
    study = built_study()
    model = study.today.cameras[0].model
    picture = image_colours(study.site, Scene(study.site.buildings), model)

    def hex_of(pixel: npt.NDArray[np.float64]) -> str:
        return "#" + "".join(f"{round(255 * one):02x}" for one in pixel)

    # The camera at 6 m looks east and 25 degrees down with a vertical field of 41.6 degrees: its
    # upper edge is 4.2 degrees below the horizon, so there is no sky in it.
    colours = {hex_of(one) for one in picture.reshape(-1, 3)}
    assert SKY not in colours
    assert WALL in colours  # the hall stands on the left of the road
    level = replace(model, tilt_deg=0.0)
    upright = image_colours(study.site, Scene(study.site.buildings), level)
    assert hex_of(upright[0, -1]) == SKY
