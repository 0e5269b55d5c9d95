"""
The zones and lines one camera watches, and whether they are armed.

`polygon_px` of a zone is in pixels of the camera's type and is scaled to the picture; `polygon_m`
is in metres of the park map and needs a calibrated camera; lines alike. A camera the site does not
know watches its whole picture on the site's default calendar.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Literal

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box

from parkwacht_config.schedule import is_armed
from parkwacht_config.site import (
    Arming,
    Camera,
    Line,
    ObjectClass,
    Severity,
    Site,
    Zone,
    ZoneRule,
)
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.ground import MAX_RANGE_M, anchor_px, ground_position_m

WHOLE_PICTURE_ID = "hele_beeld"
TOLERANCE_DEG = 45.0
NEAREST_M = 0.1  # what is less deep before the lens has no place in the picture
OUTLINE_STEP_M = 1.0  # a straight edge on the map is curved through a wide lens
_SEVERITIES = list(Severity)


@dataclass(frozen=True, slots=True)
class WatchedZone:
    """A zone as one camera sees it; without a polygon it is the whole picture."""

    id: str
    arming: Arming
    severity: Severity
    classes: frozenset[ObjectClass]
    polygon_px: Polygon | None = None
    polygon_m: Polygon | None = None
    rule: ZoneRule = ZoneRule.INTRUSION
    dwell_s: float = 0.0
    heading_deg: float = 0.0
    tolerance_deg: float = TOLERANCE_DEG
    min_count: int = 1

    def contains(self, xyxy: Sequence[float], view: "View", *, if_nowhere: bool = False) -> bool:
        """
        Return whether the anchor of a box lies in the zone; its border belongs to it.

        `if_nowhere` is the answer where the anchor has no place on the map; by a calibration in
        doubt that is anywhere.
        """
        foot_px = anchor_px(xyxy)
        if self.polygon_px is not None:
            # The foot of a box cut off by the lower edge lies on that edge.
            return bool(self.polygon_px.covers(Point(foot_px[0], min(foot_px[1], view.height_px))))
        # Where no place on the map is known, anywhere may be in the zone: nobody is missed.
        if self.polygon_m is not None and view.model is not None:
            position_m = ground_position_m(view.model, foot_px)
            if position_m is None:
                return if_nowhere or view.trust.is_doubted
            return bool(self.polygon_m.covers(Point(position_m)))
        return True


@dataclass(frozen=True, slots=True)
class WatchedLine:
    """An oriented line as one camera sees it: its points are pixels of the picture, or metres."""

    id: str
    arming: Arming
    severity: Severity
    classes: frozenset[ObjectClass]
    shape: LineString
    is_on_map: bool
    crossing: Literal["both", "left_to_right", "right_to_left"] = "both"

    def foot(self, xyxy: Sequence[float], view: "View") -> tuple[float, float] | None:
        """Return where a box stands, in the line's own metres or pixels."""
        foot_px = anchor_px(xyxy)
        return ground_position_m(view.model, foot_px) if self.is_on_map else foot_px

    def distance_left(self, point: tuple[float, float]) -> float:
        """Return how far a point lies to the left of the line; less than 0 on its right."""
        here = Point(point)
        # Where a corner is nearest, the segment that the point lies most squarely beside decides.
        begin, end = min(
            pairwise(self.shape.coords),
            key=lambda one: (
                round(LineString(one).distance(here), 6),
                -abs(_turn(one[0], one[1], point)),
            ),
        )
        turn = _turn(begin, end, point)
        # Seen from above north is up, in a picture y runs down.
        side = turn if self.is_on_map else -turn
        away = float(self.shape.distance(here))
        return away if side > 0 else -away


Watched = WatchedZone | WatchedLine


@dataclass(slots=True)
class SizeTrust:
    """Whether a calibration may judge sizes; `calibration_doubt` finds out."""

    is_doubted: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """One camera at the size of the pictures it gives."""

    width_px: int
    height_px: int
    model: CameraModel | None = None
    trust: SizeTrust = field(default_factory=SizeTrust, compare=False)

    @property
    def sizing(self) -> CameraModel | None:
        """The calibration by which sizes and speeds in metres are judged; None where by none."""
        return None if self.trust.is_doubted else self.model

    @classmethod
    def of(cls, model: CameraModel | None, width_px: int, height_px: int) -> "View":
        """Scale a camera to its pictures."""
        scaled = None if model is None else model.scaled_to(width_px, height_px)
        return cls(width_px, height_px, scaled)


def camera_model(site: Site, camera: Camera | None) -> CameraModel | None:
    """Return the calibration of a camera of the site; None for a camera it does not know."""
    return None if camera is None else CameraModel.of(camera, site.camera_types[camera.type_id])


def watched_zones(site: Site, camera: Camera | None, view: View) -> tuple[WatchedZone, ...]:
    """
    List the zones a camera watches, the most severe first.

    Parameters
    ----------
    site
        The park.
    camera
        The camera; None for one the site does not know.
    view
        The camera at the size of its pictures.
    """
    if camera is None:
        arming = site.armings[site.default_arming_id]
        return (WatchedZone(WHOLE_PICTURE_ID, arming, Severity.HIGH, frozenset(ObjectClass)),)
    camera_type = site.camera_types[camera.type_id]
    scale = (view.width_px / camera_type.width_px, view.height_px / camera_type.height_px)
    zones = [one for one in site.zones if one.polygon_m is not None or one.camera_id == camera.id]
    zones.sort(key=lambda one: -_SEVERITIES.index(one.severity))
    return tuple(_watched(site, zone, scale) for zone in zones)


def watched_lines(site: Site, camera: Camera | None, view: View) -> tuple[WatchedLine, ...]:
    """
    List the lines a camera watches, the most severe first.

    Parameters
    ----------
    site
        The park.
    camera
        The camera; None for one the site does not know: it watches none.
    view
        The camera at the size of its pictures.
    """
    if camera is None:
        return ()
    camera_type = site.camera_types[camera.type_id]
    scale = (view.width_px / camera_type.width_px, view.height_px / camera_type.height_px)
    lines = [one for one in site.lines if one.line_m is not None or one.camera_id == camera.id]
    lines.sort(key=lambda one: -_SEVERITIES.index(one.severity))
    return tuple(_watched_line(site, one, scale) for one in lines)


def watched(site: Site, camera: Camera | None, view: View) -> tuple[Watched, ...]:
    """List all a camera watches: its zones, then its lines, the most severe of each first."""
    return (*watched_zones(site, camera, view), *watched_lines(site, camera, view))


def projected_px(zone: WatchedZone, view: View) -> Polygon | None:
    """
    Outline a zone in the picture.

    Parameters
    ----------
    zone
        A zone of the map or of the image.
    view
        The camera at the size of its pictures.

    Returns
    -------
    outline
        What of it lies in the picture, the largest piece; None where nothing does. A zone of the
        map that meets a camera without calibration is the whole picture.
    """
    picture = box(0, 0, view.width_px, view.height_px)
    if zone.polygon_px is not None:
        return _largest(zone.polygon_px.intersection(picture))
    model = view.model
    if zone.polygon_m is None or model is None:
        return picture
    largest = _largest(zone.polygon_m.intersection(_ground_ahead(model)))
    if largest is None:
        return None
    corners = np.array(shapely.segmentize(largest, OUTLINE_STEP_M).exterior.coords)[:, :2]
    pixels, _ = model.project(np.column_stack((corners, np.zeros(len(corners)))))
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if len(pixels) < 4:  # noqa: PLR2004 - a ring of three corners
        return None
    return _largest(shapely.make_valid(Polygon(pixels)).intersection(picture))


def _ground_ahead(model: CameraModel) -> Polygon:
    """Return the ground that lies in front of the lens: the rest has no place in a picture."""
    azimuth, tilt = np.radians(model.azimuth_deg), np.radians(model.tilt_deg)
    ahead = np.array([np.sin(azimuth), np.cos(azimuth)])
    side = np.array([ahead[1], -ahead[0]]) * MAX_RANGE_M
    begin_m = (NEAREST_M - np.sin(tilt) * model.height_m) / max(1e-6, float(np.cos(tilt)))
    foot = np.array([model.x_m, model.y_m])
    near, far = foot + ahead * max(-MAX_RANGE_M, float(begin_m)), foot + ahead * MAX_RANGE_M
    return Polygon([near - side, near + side, far + side, far - side])


def _largest(shape: shapely.Geometry) -> Polygon | None:
    parts = [one for one in shapely.get_parts(shape) if isinstance(one, Polygon) and one.area > 0]
    return max(parts, key=lambda one: float(one.area), default=None)


def _turn(a: Sequence[float], b: Sequence[float], point: Sequence[float]) -> float:
    """Return how far a point is beside the straight line a-b: above 0 on its left, y upwards."""
    across, up = b[0] - a[0], b[1] - a[1]
    return (across * (point[1] - a[1]) - up * (point[0] - a[0])) / max(1e-9, math.hypot(across, up))


def _watched_line(site: Site, line: Line, scale: tuple[float, float]) -> WatchedLine:
    shape = LineString(line.line_px or line.line_m or ())
    if line.line_px is not None:
        shape = affinity.scale(shape, xfact=scale[0], yfact=scale[1], origin=(0, 0))
    return WatchedLine(
        id=line.id,
        arming=site.armings[line.arming_id],
        severity=line.severity,
        classes=frozenset(line.classes),
        shape=shape,
        is_on_map=line.line_px is None,
        crossing=line.crossing,
    )


def _watched(site: Site, zone: Zone, scale: tuple[float, float]) -> WatchedZone:
    polygon_px = None
    if zone.polygon_px is not None:
        polygon_px = affinity.scale(
            Polygon(zone.polygon_px), xfact=scale[0], yfact=scale[1], origin=(0, 0)
        )
    return WatchedZone(
        id=zone.id,
        arming=site.armings[zone.arming_id],
        severity=zone.severity,
        classes=frozenset(zone.classes),
        polygon_px=polygon_px,
        polygon_m=None if zone.polygon_m is None else Polygon(zone.polygon_m),
        rule=zone.rule,
        dwell_s=zone.dwell_s or 0.0,
        heading_deg=zone.heading_deg or 0.0,
        tolerance_deg=zone.tolerance_deg or TOLERANCE_DEG,
        min_count=zone.min_count or 1,
    )


class Calendar:
    """Which zones are armed; asked for every frame, worked out once a second per calendar."""

    def __init__(self, timezone: str) -> None:
        self._timezone = timezone
        self._known: dict[str, tuple[int, bool]] = {}

    def is_armed(self, zone: Watched, at: datetime) -> bool:
        """Return whether a zone or line is armed at an instant."""
        second = int(at.timestamp())
        known = self._known.get(zone.arming.id)
        if known is None or known[0] != second:
            known = (second, is_armed(zone.arming, at, timezone=self._timezone))
            self._known[zone.arming.id] = known
        return known[1]
