"""
The sheet a map is drawn on: size in print, park to fit, letters, scale bar, north and legend.

Drawn with matplotlib's objects (no pyplot state); the same study gives the same bytes. Sizes are
millimetres and points in print: a picture is placed in the report as wide as it was drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from parkwacht_coverage.reporting.palette import INK

DPI = 300
MIN_SIZE_PT = 6.0  # smallest letters in print
HALO = [withStroke(linewidth=1.6, foreground="white")]
ROUND_LENGTHS_M = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)

Handle = Patch | Line2D


@dataclass(frozen=True, slots=True)
class Extent:
    """The part of the world that maps show, in metres."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width_m(self) -> float:
        """From west to east."""
        return self.right - self.left

    @property
    def height_m(self) -> float:
        """From south to north."""
        return self.top - self.bottom


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """Make an empty sheet of this size in print."""
    figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def map_axes(figure: Figure, place: tuple[float, float, float, float], extent: Extent) -> Axes:
    """
    Make a map on a part of a sheet, one metre as long east as north, the extent in its middle.

    Parameters
    ----------
    figure
        The sheet.
    place
        Left, bottom, width and height as shares of the sheet.
    extent
        What the map shows at least.
    """
    axes: Axes = figure.add_axes(place)
    width_in, height_in = figure.get_size_inches() * np.array([place[2], place[3]])
    per_inch = max(extent.width_m / width_in, extent.height_m / height_in)
    middle_x = (extent.left + extent.right) / 2
    middle_y = (extent.bottom + extent.top) / 2
    axes.set_xlim(middle_x - per_inch * width_in / 2, middle_x + per_inch * width_in / 2)
    axes.set_ylim(middle_y - per_inch * height_in / 2, middle_y + per_inch * height_in / 2)
    axes.set_axis_off()
    return axes


def metres_per_mm(axes: Axes) -> float:
    """Return how many metres one millimetre of print shows."""
    width_in = axes.bbox.width / DPI
    left, right = axes.get_xlim()
    return float((right - left) / (width_in * 25.4))


def save(figure: Figure, path: FilePath) -> None:
    """Write a sheet as PNG without date or version, so that bytes repeat."""
    figure.savefig(path, format="png", metadata={"Software": None}, facecolor="white")


def compound_path(geometry: BaseGeometry) -> Path:
    """Return polygons with their holes as one path."""
    parts = [one for one in shapely.get_parts(geometry) if isinstance(one, Polygon)]
    rings = [
        Path(np.asarray(ring.coords)[:, :2], closed=True)
        for one in map(shapely.orient_polygons, MultiPolygon(parts).geoms)
        for ring in (one.exterior, *one.interiors)
    ]
    return Path.make_compound_path(*rings) if rings else Path(np.zeros((0, 2)))


def fill(axes: Axes, geometry: BaseGeometry, **style: Any) -> None:  # noqa: ANN401
    """Fill polygons with their holes left open; the style is matplotlib's."""
    path = compound_path(geometry)
    if not geometry.is_empty:
        hatch = style.pop("hatch", None)
        collection = PathCollection([path], **style)
        if hatch:
            collection.set_hatch(hatch)
        axes.add_collection(collection, autolim=False)


def write(axes: Axes, text: str, place: tuple[float, float], **style: Any) -> None:  # noqa: ANN401
    """Write on a map with a white edge around the letters; the style is matplotlib's."""
    known: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "path_effects": HALO,
        "clip_on": True,
        "color": INK,
        "size": MIN_SIZE_PT,
    }
    axes.text(*place, text, **(known | style))


def draw_scale(axes: Axes, *, size_pt: float = MIN_SIZE_PT) -> None:
    """Draw a scale bar of a round length at the lower left, and north at the upper left."""
    per_mm = metres_per_mm(axes)
    left, _ = axes.get_xlim()
    bottom, top = axes.get_ylim()
    rough = 0.22 * (axes.get_xlim()[1] - left)
    length = max(step for step in ROUND_LENGTHS_M if step <= max(rough, ROUND_LENGTHS_M[0]))
    x, y = left + 3 * per_mm, bottom + 2.2 * per_mm
    for part, colour in enumerate((INK, "white")):
        start = x + part * length / 2
        across = ([start, start + length / 2], [y, y])
        axes.plot(*across, color=INK, linewidth=3.2, solid_capstyle="butt", zorder=20)
        axes.plot(*across, color=colour, linewidth=2.0, solid_capstyle="butt", zorder=20)
    up = y + 1.0 * per_mm
    write(axes, "0", (x, up), size=size_pt, zorder=20, va="bottom")
    write(axes, f"{length} m", (x + length, up), size=size_pt, zorder=20, va="bottom")
    x, y = left + 4 * per_mm, top - 2 * per_mm
    arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(x, y), xytext=(x, y - 7 * per_mm), arrowprops=arrow, zorder=20)
    write(axes, "N", (x, y - 7.4 * per_mm), size=7.0, zorder=20, va="top", fontweight="bold")


def draw_legend(
    figure: Figure,
    handles: Sequence[tuple[str, Handle]],
    place: tuple[float, float],
    *,
    title: str = "",
    n_columns: int = 1,
) -> None:
    """
    Draw a legend with its upper left corner at a place of the sheet (shares of it).

    Parameters
    ----------
    figure
        The sheet.
    handles
        What each mark means, from top to bottom.
    place
        Upper left corner, as shares of the sheet.
    title
        Above it, in bold.
    n_columns
        Side by side.
    """
    for text, handle in handles:
        handle.set_label(text)
    legend = figure.legend(
        handles=[handle for _, handle in handles],
        loc="upper left",
        bbox_to_anchor=place,
        fontsize=6.2,
        title=title or None,
        title_fontproperties={"size": 7.0, "weight": "bold"},
        frameon=False,
        handlelength=1.5,
        handleheight=0.9,
        labelspacing=0.75,
        columnspacing=1.4,
        borderaxespad=0.0,
        ncols=n_columns,
    )
    legend.set_alignment("left")


def patch(colour: str, *, hatch: str = "", edge: str = "#888888") -> Patch:
    """Return a filled box for a legend."""
    return Patch(facecolor=colour, edgecolor=edge, linewidth=0.4, hatch=hatch or None)


def line(colour: str, *, width_pt: float = 1.2, style: Any = "-") -> Line2D:  # noqa: ANN401
    """Return a line for a legend."""
    return Line2D([], [], color=colour, linewidth=width_pt, linestyle=style)


def mark(marker: str, colour: str, *, size_pt: float = 4.5, edge: str = "white") -> Line2D:
    """Return a marker for a legend."""
    return Line2D(
        [], [], marker=marker, color=colour, linestyle="", markersize=size_pt,
        markeredgecolor=edge, markeredgewidth=0.5,
    )  # fmt: skip
