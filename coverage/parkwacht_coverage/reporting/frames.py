"""
What a camera's image shows according to the map, with its privacy masks over it.

Every pixel's ray ends on the ground, on a building or in the sky; seen coarsely, so that a reader
recognises the place. This is no preview (`parkwacht preview` renders one), only a drawing that says
what the masks cover.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon as PolygonPatch

from parkwacht_config.site import AreaKind, Site
from parkwacht_coverage._inside import points_inside
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.reporting.canvas import new_figure, save
from parkwacht_coverage.results import Scenario
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]

WIDTH_MM = 56.0
WIDE_PX = 200  # of the drawing; the camera has more
FAR_M = 250.0
SKY, WALL, GROUND, PRIVATE = "#dfe9f2", "#a58b74", "#ddd8c8", "#e7bfd3"
KIND_COLOURS = {
    AreaKind.CARRIAGEWAY: "#9a9a9a",
    AreaKind.PARKING: "#b3b3b3",
    AreaKind.FOOTPATH: "#cfcabd",
    AreaKind.GREEN: "#a9c28a",
}


def draw_frames(site: Site, scenario: Scenario, folder: Path) -> list[Path]:
    """
    Draw the image of each camera with masks.

    Parameters
    ----------
    site
        The park.
    scenario
        Whose cameras and masks.
    folder
        Where `mask_<camera>.png` is written.

    Returns
    -------
    paths
        One per camera with masks, in the order of the cameras.
    """
    scene, written = Scene(site.buildings), []
    for camera in scenario.cameras:
        masks = [one.polygon_px for one in scenario.masks if one.camera_id == camera.id]
        if masks:
            path = folder / f"mask_{camera.id}.png"
            draw_frame(site, scene, camera.model, masks, path)
            written.append(path)
    return written


def draw_frame(
    site: Site,
    scene: Scene,
    model: CameraModel,
    masks: list[tuple[tuple[float, float], ...]],
    path: Path,
) -> None:
    """Draw one camera's image with its masks in black."""
    height_mm = WIDTH_MM * model.height_px / model.width_px
    figure = new_figure(WIDTH_MM, height_mm)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    picture = image_colours(site, scene, model)
    axes.imshow(
        picture, extent=(0, model.width_px, model.height_px, 0), interpolation="nearest",
        aspect="auto",
    )  # fmt: skip
    for corners in masks:
        axes.add_patch(PolygonPatch(np.array(corners), closed=True, facecolor="black", linewidth=0))
    axes.set_axis_off()
    save(figure, path)


def image_colours(site: Site, scene: Scene, model: CameraModel) -> Floats:
    """
    Return what the image shows, coarsely: a colour per pixel, shape (rows, columns, 3).

    A ray that meets the ground nearer than `FAR_M` shows the ground, if in sight, else a building;
    one that does not shows the sky, if nothing stands in the way as far as that.
    """
    rows = max(1, round(WIDE_PX * model.height_px / model.width_px))
    u = (np.arange(WIDE_PX) + 0.5) * model.width_px / WIDE_PX
    v = (np.arange(rows) + 0.5) * model.height_px / rows
    pixels = np.column_stack([axis.ravel() for axis in np.meshgrid(u, v)])
    rays = model.rays(pixels)
    level = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-9)
    with np.errstate(divide="ignore"):
        to_ground = np.where(rays[:, 2] < 0, -model.height_m / rays[:, 2], np.inf)
    is_ground = to_ground * level <= FAR_M
    reach = np.where(is_ground, to_ground, FAR_M / level)
    eye = np.array([model.x_m, model.y_m, model.height_m])
    ends = eye + rays * reach[:, None]
    ends[:, 2] = np.maximum(ends[:, 2], 0.0)
    free = scene.is_visible((model.x_m, model.y_m, model.height_m), scene.targets(ends))
    colours = np.where(is_ground[:, None], np.array(to_rgb(GROUND)), np.array(to_rgb(SKY)))
    _paint(colours, ends, is_ground & free, site)
    colours[~free] = to_rgb(WALL)
    return colours.reshape(rows, WIDE_PX, 3)


def _paint(colours: Floats, ends: Floats, wanted: npt.NDArray[np.bool_], site: Site) -> None:
    """Colour the pixels whose ray ends on private or public ground, in place."""
    which = np.flatnonzero(wanted)
    layers = [(one.polygon, PRIVATE) for one in site.private_areas]
    layers += [
        (one.polygon, KIND_COLOURS[one.kind])
        for kind in reversed(AreaKind)
        for one in site.public_areas
        if one.kind is kind
    ]
    found = points_inside([polygon for polygon, _ in layers], ends[which])
    for (_, colour), inside in zip(layers, found, strict=True):
        colours[which[inside]] = to_rgb(colour)
