"""
The zones one camera watches, and whether they are armed.

`polygon_px` of a zone is in pixels of the camera's type and is scaled to the picture; `polygon_m`
is in metres of the park map and needs a calibrated camera. A camera the site does not know watches
its whole picture on the site's default calendar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shapely import affinity
from shapely.geometry import Point, Polygon

from parkwacht_config.schedule import is_armed
from parkwacht_config.site import Arming, Camera, ObjectClass, Severity, Site, Zone
from parkwacht_coverage.camera import CameraModel
from parkwacht_vision.ground import anchor_px, ground_position_m

WHOLE_PICTURE_ID = "hele_beeld"
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

    def contains(self, xyxy: Sequence[float], view: "View") -> bool:
        """Return whether the anchor of a box lies in the zone; its border belongs to it."""
        foot_px = anchor_px(xyxy)
        if self.polygon_px is not None:
            # The foot of a box cut off by the lower edge lies on that edge.
            return bool(self.polygon_px.covers(Point(foot_px[0], min(foot_px[1], view.height_px))))
        if self.polygon_m is not None:
            position_m = ground_position_m(view.model, foot_px)
            return position_m is not None and bool(self.polygon_m.covers(Point(position_m)))
        return True


@dataclass(frozen=True, slots=True)
class View:
    """One camera at the size of the pictures it gives."""

    width_px: int
    height_px: int
    model: CameraModel | None = None

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
    )


class Calendar:
    """Which zones are armed; asked for every frame, worked out once a second per calendar."""

    def __init__(self, timezone: str) -> None:
        self._timezone = timezone
        self._known: dict[str, tuple[int, bool]] = {}

    def is_armed(self, zone: WatchedZone, at: datetime) -> bool:
        """Return whether a zone is armed at an instant."""
        second = int(at.timestamp())
        known = self._known.get(zone.arming.id)
        if known is None or known[0] != second:
            known = (second, is_armed(zone.arming, at, timezone=self._timezone))
            self._known[zone.arming.id] = known
        return known[1]
