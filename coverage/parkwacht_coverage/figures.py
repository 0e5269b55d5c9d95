"""
The map of a study: what is seen with the proposal by night, at which class, and by which cameras.

Colours are ColorBrewer YlGnBu for the classes and Okabe and Ito's vermillion for the proposal, both
safe for colour-blind readers. Drawn with matplotlib's objects (no pyplot state); the same study
gives the same bytes.
"""

import math
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from shapely.geometry import MultiPoint, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import AreaKind
from parkwacht_config.text import Language, Text
from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.export import class_polygons
from parkwacht_coverage.study import Plan, Study

WIDTH_MM, HEIGHT_MM, DPI = 182.0, 124.0, 300
MAP_SHARE = 0.815  # of the width; the legend has the rest
UNSEEN, BUILDING, INK = "#e9e5dd", "#a9a9a9", "#222222"
PROPOSED = "#d55e00"
CLASS_COLOURS = ("#ffffcc", "#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#0c2c84")
HALO = [withStroke(linewidth=1.6, foreground="white")]


def draw_map(study: Study, path: FilePath, language: Language) -> None:
    """
    Draw the map of a study as PNG, to be printed 182 mm wide.

    Parameters
    ----------
    study
        What was computed.
    path
        Where the PNG is written.
    language
        Of the legend.
    """
    figure = Figure(figsize=(WIDTH_MM / 25.4, HEIGHT_MM / 25.4), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, MAP_SHARE, 1.0))
    _fit(axes, study)
    _draw_ground(axes, study)
    _draw_names(axes, study)
    for camera in study.cameras:
        _draw_camera(axes, camera)
    _label_cameras(axes, study.cameras)
    _draw_scale(axes)
    _draw_legend(figure, study, language)
    figure.savefig(path, format="png", metadata={"Software": None}, facecolor="white")


def _fit(axes: Axes, study: Study) -> None:
    """Show the whole park with a margin, one metre as long east as north."""
    left, bottom, right, top = study.site.boundary.bounds
    for camera in study.cameras:
        left, right = min(left, camera.model.x_m), max(right, camera.model.x_m)
        bottom, top = min(bottom, camera.model.y_m), max(top, camera.model.y_m)
    margin = 0.02 * max(right - left, top - bottom)
    ratio = WIDTH_MM * MAP_SHARE / HEIGHT_MM
    width = max(right - left + 2 * margin, (top - bottom + 2 * margin) * ratio)
    middle_x, middle_y = (left + right) / 2, (bottom + top) / 2
    axes.set_xlim(middle_x - width / 2, middle_x + width / 2)
    axes.set_ylim(middle_y - width / ratio / 2, middle_y + width / ratio / 2)
    axes.set_axis_off()


def _draw_ground(axes: Axes, study: Study) -> None:
    for polygon in study.ground.polygons.values():
        _fill(axes, polygon, facecolor=UNSEEN, edgecolor="none", zorder=1)
    for class_id, area in class_polygons(study, Plan.PROPOSAL, Condition.NIGHT).items():
        colour = _colours(study)[class_id]
        _fill(axes, area, facecolor=colour, edgecolor="none", zorder=2)
    for building in study.site.buildings:
        _fill(
            axes,
            building.polygon,
            facecolor=BUILDING,
            edgecolor="#7d7d7d",
            linewidth=0.3,
            alpha=1.0 if building.base_m <= 0 else 0.6,
            zorder=3,
        )
    ring = np.asarray(study.site.boundary.exterior.coords)
    axes.plot(ring[:, 0], ring[:, 1], color="#666666", linewidth=0.7, dashes=(5, 3), zorder=2.5)


def _draw_names(axes: Axes, study: Study) -> None:
    """Write the names of roads along their longest piece, and of gates beside them."""
    longest: dict[str, Polygon] = {}
    for area in study.site.public_areas:
        if area.kind is AreaKind.CARRIAGEWAY and area.name:
            known = longest.get(area.name)
            if known is None or area.polygon.area > known.area:
                longest[area.name] = area.polygon
    feet = [(one.model.x_m, one.model.y_m) for one in study.cameras]
    gates = [one.line.interpolate(0.5, normalized=True) for one in study.site.gates]
    busy = MultiPoint([*feet, *((one.x, one.y) for one in gates)])
    for name, polygon in longest.items():
        center, turn = _along(polygon, busy)
        style: dict[str, Any] = {"rotation": turn, "fontstyle": "italic", "color": "#444444"}
        _write(axes, name, center, size=5.0, zorder=6, **style)
    middle = study.site.boundary.centroid
    for gate, point in zip(study.site.gates, gates, strict=True):
        axes.plot([point.x], [point.y], "s", color=INK, markersize=2.6, zorder=7)
        outward = -7 if point.y < middle.y else 7
        place = (point.x, point.y + outward)
        _write(axes, gate.name, place, size=5.0, zorder=7, fontweight="bold", color=INK)


def _along(polygon: Polygon, busy: MultiPoint) -> tuple[tuple[float, float], float]:
    """
    Return where a name is written along a road, and its turn in degrees, -90 to 90.

    Of five places along the road's longest axis the one farthest from cameras and gates.
    """
    frame = shapely.get_coordinates(shapely.minimum_rotated_rectangle(polygon))
    sides = np.hypot(*np.diff(frame, axis=0)[:2].T)
    first = frame[0] if sides[0] >= sides[1] else frame[1]
    along = frame[1] - frame[0] if sides[0] >= sides[1] else frame[2] - frame[1]
    across = frame[2] - frame[1] if sides[0] >= sides[1] else frame[0] - frame[1]
    places = [Point(first + across / 2 + along * part) for part in (0.5, 0.35, 0.65, 0.2, 0.8)]
    inside = [one for one in places if polygon.contains(one)] or [polygon.representative_point()]
    best = max(inside, key=lambda one: min(one.distance(busy), 60.0))
    turn = math.degrees(math.atan2(along[1], along[0]))
    return (best.x, best.y), (turn + 90) % 180 - 90


def _draw_camera(axes: Axes, camera: StudyCamera) -> None:
    colour = PROPOSED if camera.is_proposed else INK
    if not camera.polygon.is_empty:
        _fill(axes, camera.polygon, facecolor=colour, alpha=0.10, edgecolor="none", zorder=4)
        _fill(axes, camera.polygon, facecolor="none", edgecolor=colour, linewidth=0.8, zorder=5)
    model = camera.model
    marker = "o" if camera.is_proposed else "^"
    axes.plot(
        [model.x_m],
        [model.y_m],
        marker,
        color=colour,
        markersize=3.6,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=8,
    )


def _label_cameras(axes: Axes, cameras: Sequence[StudyCamera]) -> None:
    """Write each camera's label behind it, or beside it where another label is in the way."""
    away = 0.017 * (axes.get_xlim()[1] - axes.get_xlim()[0])
    taken = [Point(one.model.x_m, one.model.y_m) for one in cameras]
    for index, camera in enumerate(cameras):
        model = camera.model
        others = MultiPoint([one for at, one in enumerate(taken) if at != index] or [Point(0, 0)])
        turns = [math.radians(model.azimuth_deg + 180 + turn) for turn in (0, 60, -60, 110, -110)]
        places = [
            Point(model.x_m + away * math.sin(turn), model.y_m + away * math.cos(turn))
            for turn in turns
        ]
        best = max(places, key=lambda one: min(one.distance(others), 1.6 * away))
        taken.append(best)
        label = camera.name if camera.is_proposed else camera.id
        style: dict[str, Any] = {"size": 6.5 if camera.is_proposed else 5.0, "zorder": 9}
        style["color"] = PROPOSED if camera.is_proposed else INK
        _write(axes, label, (best.x, best.y), fontweight="bold", **style)


def _draw_scale(axes: Axes) -> None:
    """Draw a scale bar of a round length at the lower left, and north at the upper left."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    rough = (right - left) / 6
    length = max(step for step in (10, 20, 50, 100, 200, 500, 1000) if step <= max(rough, 10))
    x, y = left + 0.02 * (right - left), bottom + 0.025 * (top - bottom)
    for part, colour in enumerate((INK, "white")):
        start = x + part * length / 2
        bar = [(start, y), (start + length / 2, y)]
        axes.plot(*zip(*bar, strict=True), color=INK, linewidth=3.2, solid_capstyle="butt")
        axes.plot(*zip(*bar, strict=True), color=colour, linewidth=2.0, solid_capstyle="butt")
    up = 0.012 * (top - bottom)
    _write(axes, "0", (x, y + up), size=5.5, zorder=9, va="bottom", color=INK)
    _write(axes, f"{length} m", (x + length, y + up), size=5.5, zorder=9, va="bottom", color=INK)
    x, y = left + 0.035 * (right - left), top - 0.04 * (top - bottom)
    tail = y - 0.07 * (top - bottom)
    axes.annotate(
        "",
        xy=(x, y),
        xytext=(x, tail),
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.0},
    )
    _write(axes, "N", (x, tail), size=7.0, zorder=9, va="top", color=INK, fontweight="bold")


def _draw_legend(figure: Figure, study: Study, language: Language) -> None:
    title = Text(nl="Met het voorstel,\n's nachts", en="With the proposal,\nby night")
    legend = figure.legend(
        handles=_handles(study, language),
        loc="upper left",
        bbox_to_anchor=(MAP_SHARE, 0.99),
        fontsize=5.6,
        title=title.to(language),
        title_fontproperties={"size": 6.4, "weight": "bold"},
        frameon=False,
        handlelength=1.4,
        labelspacing=0.75,
        borderaxespad=0.0,
    )
    legend.set_alignment("left")


def _handles(study: Study, language: Language) -> list[Patch | Line2D]:
    """Return what stands in the legend, from top to bottom."""
    wanted = study.target_class.name
    rows: list[tuple[Text, Patch | Line2D]] = [
        (Text("openbaar, niet gezien", "public, not seen"), _patch(UNSEEN)),
        (Text("gebouw", "building"), _patch(BUILDING)),
        (Text("grens van het terrein", "boundary of the park"), _dashes()),
        (Text("toegang", "gate"), _point("s", INK)),
        (Text("camera van nu", "camera of today"), _point("^", INK)),
        (Text("voorgestelde camera", "proposed camera"), _point("o", PROPOSED)),
        (
            Text(
                nl=f"omlijnd: zicht overdag,\nten minste {wanted.nl}",
                en=f"outlined: in view by day,\nat least {wanted.en}",
            ),
            Patch(facecolor="none", edgecolor=PROPOSED, linewidth=0.8),
        ),
    ]
    handles: list[Patch | Line2D] = []
    for one in reversed(study.edition.classes):
        handle = _patch(_colours(study)[one.id])
        density = f"{one.min_px_per_m:g}"
        density = density.replace(".", ",") if language is Language.NL else density
        handle.set_label(f"{one.name.to(language)}, ≥ {density} px/m")
        handles.append(handle)
    for text, row in rows:
        row.set_label(text.to(language))
        handles.append(row)
    return handles


def _patch(colour: str) -> Patch:
    return Patch(facecolor=colour, edgecolor="#888888", linewidth=0.3)


def _dashes() -> Line2D:
    return Line2D([], [], color="#666666", linewidth=0.7, dashes=(5, 3))


def _point(marker: str, colour: str) -> Line2D:
    return Line2D([], [], marker=marker, color=colour, linestyle="", markersize=3.6)


def _colours(study: Study) -> dict[str, str]:
    """Return a colour per class, the darkest for the highest."""
    classes = study.edition.classes
    return dict(zip([one.id for one in classes], CLASS_COLOURS[-len(classes) :], strict=True))


def _write(axes: Axes, text: str, place: tuple[float, float], **style: object) -> None:
    merged: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "path_effects": HALO,
        "clip_on": True,
    } | style
    axes.text(*place, text, **merged)


def _fill(axes: Axes, geometry: BaseGeometry, **style: object) -> None:
    """Fill polygons with their holes left open."""
    parts = [one for one in shapely.get_parts(geometry) if isinstance(one, Polygon)]
    paths = [
        Path.make_compound_path(
            *(Path(np.asarray(ring.coords)[:, :2]) for ring in (one.exterior, *one.interiors))
        )
        for one in map(shapely.orient_polygons, MultiPolygon(parts).geoms)
    ]
    known: dict[str, Any] = dict(style)
    axes.add_collection(PathCollection(paths, **known), autolim=False)
