"""
What is watched in a picture or on the map, and what is not: zones, lines, privacy masks.

Ground coordinates are metres in EPSG:28992 (RD New), angles are degrees clockwise, pixels have
their origin top left. `parkwacht_config.site` hands these words on.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from parkwacht_config.kinds import Frozen, Id, ObjectClass, Severity


class ZoneRule(StrEnum):
    """
    What makes an event of a zone.

    `intrusion`: who moves in it. `loitering`: who stays for `dwell_s`. `stopped_vehicle`: a vehicle
    that stands for `dwell_s`. `direction`: who moves along `heading_deg`, give or take
    `tolerance_deg`. `arrival_departure`: a vehicle that comes to rest or drives off. `count`:
    `min_count` at once.
    """

    INTRUSION = "intrusion"
    LOITERING = "loitering"
    STOPPED_VEHICLE = "stopped_vehicle"
    DIRECTION = "direction"
    ARRIVAL_DEPARTURE = "arrival_departure"
    COUNT = "count"


class PrivacyMask(Frozen):
    """
    A part of one camera's image that is made black before anything is stored or sent.

    `polygon_px` is in pixels of the camera's type, at the aim of the camera.
    """

    id: Id
    camera_id: Id
    polygon_px: Annotated[tuple[tuple[float, float], ...], Field(min_length=3)]
    reason: str = ""


class Zone(Frozen):
    """
    Where an object raises an event while its calendar is armed, by the zone's rule.

    Exactly one of `polygon_px` (with `camera_id`: an area of that camera's image) and `polygon_m`
    (an area of the map, watched by every calibrated camera) is given. `heading_deg` is clockwise
    from grid north; of a camera without calibration clockwise from the picture's top.
    """

    id: Id
    name: str
    arming_id: Id
    severity: Severity = Severity.HIGH
    classes: tuple[ObjectClass, ...] = tuple(ObjectClass)
    camera_id: Id | None = None
    polygon_px: tuple[tuple[float, float], ...] | None = None
    polygon_m: tuple[tuple[float, float], ...] | None = None
    rule: ZoneRule = ZoneRule.INTRUSION
    dwell_s: Annotated[float, Field(ge=1, le=86_400)] | None = None
    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = None
    tolerance_deg: Annotated[float, Field(ge=5, le=175)] | None = None
    min_count: Annotated[int, Field(ge=1, le=1000)] | None = None


class Line(Frozen):
    """
    A line that raises an event when someone crosses it while its calendar is armed.

    Exactly one of `line_px` (with `camera_id`) and `line_m` is given, of two or more points. Left
    and right are those of someone who walks from its first point to its last, on the map or as
    the picture shows it.
    """

    id: Id
    name: str
    arming_id: Id
    severity: Severity = Severity.HIGH
    classes: tuple[ObjectClass, ...] = tuple(ObjectClass)
    camera_id: Id | None = None
    line_px: tuple[tuple[float, float], ...] | None = None
    line_m: tuple[tuple[float, float], ...] | None = None
    crossing: Literal["both", "left_to_right", "right_to_left"] = "both"
