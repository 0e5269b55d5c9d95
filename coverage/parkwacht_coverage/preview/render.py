"""
From surfaces to pixels: draw a scene through a camera, exactly as `CameraModel.project` maps it.

Scene coordinates are metres east, north and up from the foot of the camera, because RD New is too
large for single precision. A rectilinear lens is one pinhole view; an f-theta lens is looked up in
five pinhole views of a quarter turn, the faces of a cube around the camera.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import Lens
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

CLIP_M = (0.5, 500.0)  # nearest and farthest depth drawn
SKY = (178, 190, 204)  # what the edges of things are mixed with where nothing is behind them
FACE_MARGIN = 1.01  # a cube's face is drawn a little wider, so that no seam shows


class Pass(StrEnum):
    """What a pixel of a rendering holds."""

    COLOUR = "colour"  # the surface's own colour, unlit
    NORMALS = "normals"  # (normal + 1) / 2 x 255


@dataclass(frozen=True, slots=True)
class Part:
    """
    One textured surface of the scene.

    `points_m` has shape (N, 3), `faces` (M, 3) or (M, 4), `uv` (N, 2) with v upward; `rgb` is the
    texture, shape (H, W, 3), its first row at v = 1.
    """

    points_m: Floats
    faces: npt.NDArray[np.int64]
    uv: Floats
    rgb: Image


@dataclass(frozen=True, slots=True)
class Rendering:
    """
    A drawn scene.

    `rgb` has shape (H, W, 3); `depth_m` (H, W) is inf at the sky: along the optical axis, for an
    f-theta lens along the ray.
    """

    rgb: Image
    depth_m: Floats


@dataclass(frozen=True, slots=True)
class _View:
    """One pinhole view: rows right, down and forward, shape (3, 3), angle and size."""

    axes: Floats
    angle_deg: float
    size_px: tuple[int, int]


def load_pyvista() -> Any:  # noqa: ANN401
    """
    Import pyvista, with the drawing library's remarks about screens kept off the console.

    Raises
    ------
    CoverageError
        pyvista is not installed or cannot be loaded.
    """
    try:
        import pyvista  # noqa: PLC0415
        from vtkmodules.vtkCommonCore import vtkLogger  # noqa: PLC0415
    except ImportError as error:
        text = Text(
            nl=f"het camerabeeld tekenen vraagt pyvista, en dat laadt niet ({error}): "
            "installeer parkwacht opnieuw",
            en=f"drawing the camera's view needs pyvista, which does not load ({error}): "
            "install parkwacht again",
        )
        raise CoverageError(text) from error
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    return pyvista


def render(
    parts: Sequence[Part],
    model: CameraModel,
    *,
    what: Pass = Pass.COLOUR,
    clip_m: tuple[float, float] = CLIP_M,
) -> Rendering:
    """
    Draw a scene through a camera, exactly as `CameraModel.project` maps it.

    Parameters
    ----------
    parts
        The scene, from `build_scene`.
    model
        The camera at the image size wanted.
    what
        Own colours or normals.
    clip_m
        Nearest and farthest depth drawn.

    Raises
    ------
    CoverageError
        pyvista does not load.
    """
    if model.lens is Lens.F_THETA:
        return _gather(_draw(parts, model.height_m, _faces(model), what, clip_m), model)
    view = _View(model.axes(), model.vfov_deg, (model.width_px, model.height_px))
    return _draw(parts, model.height_m, [view], what, clip_m)[0]


def _draw(
    parts: Sequence[Part],
    height_m: float,
    views: Sequence[_View],
    what: Pass,
    clip_m: tuple[float, float],
) -> list[Rendering]:
    """Draw views of one size from one point above the scene's origin."""
    pyvista = load_pyvista()
    plotter = pyvista.Plotter(off_screen=True, window_size=views[0].size_px, lighting="none")
    drawn = []
    try:
        plotter.set_background([channel / 255 for channel in SKY])
        for part in parts:
            _add_part(pyvista, plotter, part, what)
        _aim(plotter, height_m, views[0], clip_m)
        plotter.show(auto_close=False)
        for view in views:
            _aim(plotter, height_m, view, clip_m)
            plotter.render()
            rgb = np.ascontiguousarray(plotter.screenshot(None, return_img=True)[..., :3])
            depth = -plotter.get_image_depth(fill_value=-np.inf, reset_camera_clipping_range=False)
            drawn.append(Rendering(rgb.astype(np.uint8), depth.astype(np.float64)))
    finally:
        plotter.close()
    return drawn


def _aim(
    plotter: Any,  # noqa: ANN401
    height_m: float,
    view: _View,
    clip_m: tuple[float, float],
) -> None:
    """Set the pinhole: principal point in the middle, angle and axes from the view."""
    eye = np.array([0.0, 0.0, height_m])
    camera = plotter.camera
    camera.position = tuple(eye)
    camera.focal_point = tuple(eye + view.axes[2])
    camera.up = tuple(-view.axes[1])
    camera.view_angle = view.angle_deg
    plotter.camera_set = True
    camera.clipping_range = clip_m


def _faces(model: CameraModel) -> list[_View]:
    """Return the cube's faces around an f-theta camera: ahead, right, left, below, above."""
    right, down, ahead = model.axes()
    n = math.ceil(model.f_px * 2.0)  # no coarser than the picture, which is densest per radian
    angle = 2 * math.degrees(math.atan(FACE_MARGIN))
    sides = (
        (right, down, ahead),
        (-ahead, down, right),
        (ahead, down, -right),
        (right, -ahead, down),
        (right, ahead, -down),
    )
    return [_View(np.array(axes), angle, (n, n)) for axes in sides]


def _gather(faces: Sequence[Rendering], model: CameraModel) -> Rendering:
    """Look every ray of an f-theta image up in the face it goes through; beyond its circle: sky."""
    v, u = np.mgrid[0 : model.height_px, 0 : model.width_px] + 0.5
    pixels = np.column_stack((u.ravel(), v.ravel()))
    rays = model.rays(pixels)
    rgb = np.zeros((len(pixels), 3), dtype=np.uint8)
    depth = np.full(len(pixels), np.inf)
    middle = np.array([model.width_px, model.height_px]) / 2
    inside = np.linalg.norm(pixels - middle, axis=1) <= middle.max()
    for face, view in zip(faces, _faces(model), strict=True):
        across, ahead = rays @ view.axes[:2].T, rays @ view.axes[2]
        mine = inside & (ahead > 0) & (np.abs(across).max(axis=1) <= ahead * (1 + 1e-9))
        n = view.size_px[0]
        where = across[mine] / ahead[mine, None] / FACE_MARGIN
        columns, rows = np.clip(((where + 1) * n / 2).astype(int), 0, n - 1).T
        rgb[mine] = face.rgb[rows, columns]
        depth[mine] = face.depth_m[rows, columns] / ahead[mine]
    shape = (model.height_px, model.width_px)
    return Rendering(rgb.reshape(*shape, 3), depth.reshape(shape))


def _add_part(pyvista: Any, plotter: Any, part: Part, what: Pass) -> None:  # noqa: ANN401
    """Add one surface in the colours that a pass wants."""
    per_face = part.faces.shape[1]
    cells = np.column_stack((np.full(len(part.faces), per_face), part.faces)).ravel()
    mesh = pyvista.PolyData(part.points_m.astype(np.float32), faces=cells)
    if what is Pass.NORMALS:
        corners = part.points_m[part.faces[:, :3]]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        mesh.cell_data["normal"] = np.round((normals + 1) * 127.5).astype(np.uint8)
        plotter.add_mesh(mesh, scalars="normal", rgb=True, lighting=False)
        return
    mesh.active_texture_coordinates = part.uv.astype(np.float32)
    texture = pyvista.Texture(part.rgb)
    texture.interpolate = True
    texture.mipmap = True
    plotter.add_mesh(mesh, texture=texture, lighting=False)
