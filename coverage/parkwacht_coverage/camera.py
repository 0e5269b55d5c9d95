"""
The one camera model, for planning and for watching: ground to pixel and back.

Ground coordinates are metres in EPSG:28992 (x east, y north), heights are metres above the ground,
azimuth is clockwise from grid north, tilt is downward from the horizontal, pixels have their origin
top left (the centre of the top-left pixel is 0.5, 0.5). Formulas: design/coverage.md, section 4.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from shapely.geometry import MultiPolygon, Polygon

from parkwacht_config.site import Camera, CameraType, Lens
from parkwacht_coverage import _footprint

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Heights above the ground at which something is to be seen (design/coverage.md, section 12.1).
FEET_HEIGHT_M = 0.0
TORSO_HEIGHT_M = 1.0
HEAD_HEIGHT_M = 1.5  # the face of an adult, lower edge of the 1.5-1.8 m of that section
HEAD_TOP_HEIGHT_M = 1.8
PLATE_HEIGHT_M = 0.5


@dataclass(frozen=True, slots=True)
class CameraModel:
    """
    One aimed camera.

    `f_px` is the focal length in pixels; for an f-theta lens it is pixels per radian. A wide lens
    whose datasheet names its field of view is a pinhole of that field: its real image is denser in
    the middle than computed here. `up` of the image is up in the world: fixed cameras are mounted
    level, roll is not modelled.
    """

    id: str
    x_m: float
    y_m: float
    height_m: float
    azimuth_deg: float
    tilt_deg: float
    f_px: float
    width_px: int
    height_px: int
    lens: Lens = Lens.RECTILINEAR

    @classmethod
    def of(cls, camera: Camera, camera_type: CameraType) -> "CameraModel":
        """Build the model of a camera of the site from its catalogue type."""
        return cls(
            id=camera.id,
            x_m=camera.x_m,
            y_m=camera.y_m,
            height_m=camera.height_m,
            azimuth_deg=camera.azimuth_deg,
            tilt_deg=camera.tilt_deg,
            f_px=focal_length_px(camera_type, camera.focal_length_mm),
            width_px=camera_type.width_px,
            height_px=camera_type.height_px,
            lens=camera_type.lens,
        )

    def scaled_to(self, width_px: int, height_px: int) -> "CameraModel":
        """Return the same camera read out at another image size, e.g. its substream."""
        return replace(
            self,
            f_px=self.f_px * width_px / self.width_px,
            width_px=width_px,
            height_px=height_px,
        )

    @property
    def hfov_deg(self) -> float:
        """Horizontal field of view."""
        return self._fov_deg(self.width_px)

    @property
    def vfov_deg(self) -> float:
        """Vertical field of view."""
        return self._fov_deg(self.height_px)

    def _fov_deg(self, size_px: int) -> float:
        half = size_px / 2 / self.f_px
        return 2 * math.degrees(half if self.lens is Lens.F_THETA else math.atan(half))

    def axes(self) -> Floats:
        """
        Return the camera's axes in the world, shape (3, 3): rows right, down, forward.

        Each is a unit vector (east, north, up).
        """
        azimuth, tilt = math.radians(self.azimuth_deg), math.radians(self.tilt_deg)
        sin_a, cos_a = math.sin(azimuth), math.cos(azimuth)
        sin_t, cos_t = math.sin(tilt), math.cos(tilt)
        return np.array(
            [
                [cos_a, -sin_a, 0.0],
                [-sin_t * sin_a, -sin_t * cos_a, -cos_t],
                [cos_t * sin_a, cos_t * cos_a, -sin_t],
            ]
        )

    def project(self, points_m: Floats) -> tuple[Floats, Floats]:
        """
        Project points of the world into the image.

        Parameters
        ----------
        points_m
            Points (x, y, height above ground), shape (N, 3), in metres.

        Returns
        -------
        pixels, depth
            Pixels (u, v), shape (N, 2), NaN where the lens cannot image a point: behind a
            rectilinear camera, or exactly opposite to the aim of an f-theta lens; depth along the
            optical axis in metres, shape (N,).
        """
        offset = np.asarray(points_m, dtype=np.float64) - [self.x_m, self.y_m, self.height_m]
        right, down, forward = (offset @ self.axes().T).T
        if self.lens is Lens.F_THETA:
            radial = np.hypot(right, down)
            angle = np.arctan2(radial, forward)
            scale = self.f_px * np.divide(angle, radial, out=np.zeros_like(angle), where=radial > 0)
            scale[(radial == 0) & (forward <= 0)] = np.nan
            u, v = right * scale, down * scale
        else:
            ahead = np.where(forward > 0, forward, np.nan)
            u, v = self.f_px * right / ahead, self.f_px * down / ahead
        pixels = np.column_stack((u + self.width_px / 2, v + self.height_px / 2))
        return pixels, forward

    def is_in_image(self, pixels: Floats) -> Bools:
        """Return which pixels (u, v), shape (N, 2), lie inside the image, shape (N,)."""
        u, v = pixels[:, 0], pixels[:, 1]
        with np.errstate(invalid="ignore"):
            return (u >= 0) & (u <= self.width_px) & (v >= 0) & (v <= self.height_px)

    def rays(self, pixels: Floats) -> Floats:
        """Return unit vectors (east, north, up) through pixels (u, v), both shape (N, ...)."""
        u = np.asarray(pixels, dtype=np.float64)[:, 0] - self.width_px / 2
        v = np.asarray(pixels, dtype=np.float64)[:, 1] - self.height_px / 2
        if self.lens is Lens.F_THETA:
            radius = np.hypot(u, v)
            angle = radius / self.f_px
            scale = np.divide(np.sin(angle), radius, out=np.zeros_like(angle), where=radius > 0)
            directions = np.column_stack((u * scale, v * scale, np.cos(angle)))
        else:
            directions = np.column_stack((u, v, np.full_like(u, self.f_px)))
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions @ self.axes()

    def ground_at(self, pixels: Floats, *, at_height_m: float = 0.0) -> Floats:
        """
        Find where the rays through pixels meet a horizontal plane.

        Parameters
        ----------
        pixels
            Pixels (u, v), shape (N, 2).
        at_height_m
            Height of the plane above the ground.

        Returns
        -------
        points_m
            Ground points (x, y), shape (N, 2), in metres; NaN at or above the horizon.
        """
        rays = self.rays(pixels)
        drop = at_height_m - self.height_m
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = drop / rays[:, 2]
        reach = np.where(np.isfinite(reach) & (reach > 0), reach, np.nan)
        return np.array([self.x_m, self.y_m]) + rays[:, :2] * reach[:, None]

    def pixel_density_px_per_m(self, points_m: Floats) -> Floats:
        """
        Compute the pixel density across the scene at points of the world.

        For a rectilinear lens this is f_px / depth; for an f-theta lens f_px / slant distance.

        Parameters
        ----------
        points_m
            Points (x, y, height above ground), shape (N, 3), in metres.

        Returns
        -------
        density
            Pixels per metre, shape (N,); 0 behind the camera.
        """
        offset = np.asarray(points_m, dtype=np.float64) - [self.x_m, self.y_m, self.height_m]
        if self.lens is Lens.F_THETA:
            reach: Floats = np.linalg.norm(offset, axis=1)
        else:
            reach = offset @ self.axes()[2]
        density: Floats = np.divide(self.f_px, reach, out=np.zeros_like(reach), where=reach > 0)
        return density

    def upright_density_px_per_m(self, points_m: Floats) -> Floats:
        """
        Compute the pixel density along an upright person or pole.

        rho cos(depression), design/coverage.md section 4: exact on the optical axis; elsewhere
        `upright_height_px` is.

        Parameters
        ----------
        points_m
            Points (x, y, height above ground), shape (N, 3), in metres.

        Returns
        -------
        density
            Pixels per metre of height, shape (N,); 0 behind the camera and straight below it.
        """
        offset = np.asarray(points_m, dtype=np.float64) - [self.x_m, self.y_m, self.height_m]
        slant = np.linalg.norm(offset, axis=1)
        level = np.hypot(offset[:, 0], offset[:, 1])
        cos = np.divide(level, slant, out=np.zeros_like(slant), where=slant > 0)
        density: Floats = self.pixel_density_px_per_m(points_m) * cos
        return density

    def upright_height_px(self, points_m: Floats, height_m: float = HEAD_TOP_HEIGHT_M) -> Floats:
        """
        Compute how long an upright person is in the image, from foot to top of the head.

        Parameters
        ----------
        points_m
            Where they stand: (x, y), further columns are not used; shape (N, 2) or more.
        height_m
            Their height.

        Returns
        -------
        height_px
            Length of the projected line in pixels, shape (N,), whether or not it is inside the
            image; NaN where foot or head is behind the camera.
        """
        xy = np.asarray(points_m, dtype=np.float64)[:, :2]
        foot, _ = self.project(np.column_stack((xy, np.zeros(len(xy)))))
        head, _ = self.project(np.column_stack((xy, np.full(len(xy), height_m))))
        height: Floats = np.hypot(*(head - foot).T)
        return height

    def is_in_view(self, points_m: Floats) -> Bools:
        """
        Return which points of the world fall inside the image, whatever stands in between.

        An f-theta lens draws a circle: the corners of its image show nothing.

        Parameters
        ----------
        points_m
            Points (x, y, height above ground), shape (N, 3), in metres.

        Returns
        -------
        is_in_view
            Shape (N,), dtype bool.
        """
        pixels, _ = self.project(points_m)
        inside = self.is_in_image(pixels)
        if self.lens is Lens.F_THETA:
            radius = np.hypot(pixels[:, 0] - self.width_px / 2, pixels[:, 1] - self.height_px / 2)
            inside &= radius <= max(self.width_px, self.height_px) / 2
        return inside

    def nearest_visible_m(self, target_height_m: float = 0.0) -> float:
        """
        Compute where the blind zone under the camera ends, straight ahead.

        (H - h) / tan(tilt + V / 2), design/coverage.md section 4; a target above the camera comes
        into view from (h - H) / tan(V / 2 - tilt). Both lenses keep the line straight ahead in the
        middle column of the image, each with its own V.

        Parameters
        ----------
        target_height_m
            Height of the target above the ground: 0 for feet.

        Returns
        -------
        distance_m
            Horizontal distance from the camera; 0 without a blind zone, infinite when that height
            never comes into view.
        """
        above_m = self.height_m - target_height_m
        edge_deg = self.tilt_deg + math.copysign(self.vfov_deg / 2, above_m)
        return _distance_m(abs(above_m), edge_deg if above_m >= 0 else -edge_deg)

    def farthest_visible_m(self, target_height_m: float = 0.0) -> float:
        """
        Compute how far a height stays inside the image, straight ahead.

        (H - h) / tan(tilt - V / 2), infinite when the image shows the horizon.

        Parameters
        ----------
        target_height_m
            Height of the target above the ground.

        Returns
        -------
        distance_m
            Horizontal distance from the camera.
        """
        above_m = self.height_m - target_height_m
        edge_deg = self.tilt_deg - math.copysign(self.vfov_deg / 2, above_m)
        return _distance_m(abs(above_m), edge_deg if above_m >= 0 else -edge_deg)

    def footprint(
        self,
        *,
        at_height_m: float = 0.0,
        max_range_m: float = 200.0,
        min_density_px_per_m: float | None = None,
    ) -> Polygon | MultiPolygon:
        """
        Build the polygon of a horizontal plane that the image shows, walls disregarded.

        Parameters
        ----------
        at_height_m
            Height of the plane above the ground.
        max_range_m
            Horizontal distance at which the polygon ends.
        min_density_px_per_m
            Where the pixel density falls below this, the polygon ends too.

        Returns
        -------
        footprint
            In EPSG:28992, convex for a rectilinear lens, empty when nothing of the plane is in the
            image.
        """
        reach_m = self.f_px / min_density_px_per_m if min_density_px_per_m else math.inf
        return _footprint.build(
            self, at_height_m=at_height_m, max_range_m=max_range_m, reach_m=reach_m
        )


def models_of(camera: Camera, camera_type: CameraType) -> list[CameraModel]:
    """
    Build a model for each aim of a camera: where it stands, and each preset it takes in turn.

    Parameters
    ----------
    camera
        A camera of the site.
    camera_type
        Its type from the catalogue.

    Returns
    -------
    models
        The home aim first, then the presets in their order; all carry the id of the camera. A
        preset without a focal length has the camera's own.
    """
    home = CameraModel.of(camera, camera_type)
    presets = [
        replace(
            home,
            azimuth_deg=one.azimuth_deg,
            tilt_deg=one.tilt_deg,
            f_px=home.f_px
            if one.focal_length_mm is None
            else focal_length_px(camera_type, one.focal_length_mm),
        )
        for one in camera.presets
    ]
    return [home, *presets]


def _distance_m(drop_m: float, depression_deg: float) -> float:
    """Return where a ray this far down from the horizontal has dropped so much."""
    straight_down_deg = 90.0
    if drop_m == 0 or depression_deg >= straight_down_deg:
        return 0.0
    return drop_m / math.tan(math.radians(depression_deg)) if depression_deg > 0 else math.inf


def focal_length_px(camera_type: CameraType, focal_length_mm: float | None = None) -> float:
    """
    Compute the focal length in pixels (pixels per radian for an f-theta lens).

    The datasheet's horizontal field of view goes before the pinhole figure where the lens is at
    the focal length the datasheet speaks of.
    """
    at_datasheet = focal_length_mm is None or focal_length_mm == camera_type.focal_length_mm
    if camera_type.hfov_deg is not None and at_datasheet:
        hfov = math.radians(camera_type.hfov_deg)
        if camera_type.lens is Lens.F_THETA:
            return camera_type.width_px / hfov
        return camera_type.width_px / (2 * math.tan(hfov / 2))
    mm = camera_type.focal_length_mm if focal_length_mm is None else focal_length_mm
    return mm * 1000 / camera_type.pitch_um
