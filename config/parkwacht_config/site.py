"""
The park as frozen, typed models: what one TOML and its layers say.

Ground coordinates are metres in EPSG:28992 (RD New), heights are metres above the ground, angles
are degrees, azimuth is clockwise from grid north, tilt is downward from the horizontal, pixels
have their origin top left. `parkwacht_config.loader` reads these models from files.
"""

from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from shapely.geometry import LineString, Point, Polygon

# The others import these words from here, the park's model.
from parkwacht_config.kinds import ID_PATTERN as ID_PATTERN  # noqa: PLC0414
from parkwacht_config.kinds import AreaKind as AreaKind  # noqa: PLC0414
from parkwacht_config.kinds import Frozen as Frozen  # noqa: PLC0414
from parkwacht_config.kinds import Id as Id  # noqa: PLC0414
from parkwacht_config.kinds import MountKind as MountKind  # noqa: PLC0414
from parkwacht_config.kinds import ObjectClass as ObjectClass  # noqa: PLC0414
from parkwacht_config.kinds import Severity as Severity  # noqa: PLC0414
from parkwacht_config.oidc import Oidc as Oidc  # noqa: PLC0414
from parkwacht_config.partners import Alarms as Alarms  # noqa: PLC0414
from parkwacht_config.partners import Channel as Channel  # noqa: PLC0414
from parkwacht_config.partners import Receiver as Receiver  # noqa: PLC0414
from parkwacht_config.partners import ReceiverRole as ReceiverRole  # noqa: PLC0414
from parkwacht_config.partners import Release as Release  # noqa: PLC0414
from parkwacht_config.study import Costs, StudyGoals
from parkwacht_config.watched import Line as Line  # noqa: PLC0414
from parkwacht_config.watched import PrivacyMask as PrivacyMask  # noqa: PLC0414
from parkwacht_config.watched import Zone as Zone  # noqa: PLC0414
from parkwacht_config.watched import ZoneRule as ZoneRule  # noqa: PLC0414

# RD New is defined for this rectangle (EPSG:28992 area of use); anything else is a mix-up of
# coordinate systems or of x and y.
RD_X_RANGE_M = (482.06, 284182.97)
RD_Y_RANGE_M = (306602.42, 637049.52)


class BuildingUse(StrEnum):
    """What a building is used for, as far as privacy asks."""

    BUSINESS = "business"
    DWELLING = "dwelling"
    OTHER = "other"


class Lens(StrEnum):
    """Projection of a lens."""

    RECTILINEAR = "rectilinear"
    F_THETA = "f_theta"


class CameraType(Frozen):
    """
    One generic type of the catalogue (design figures, not one maker's product).

    `hfov_deg` is the datasheet's horizontal field of view where it is known; it goes before the
    pinhole figure, because wide lenses deviate from it.
    """

    id: Id
    name: str
    lens: Lens = Lens.RECTILINEAR
    width_px: Annotated[int, Field(ge=160, le=16384)]
    height_px: Annotated[int, Field(ge=120, le=16384)]
    pitch_um: Annotated[float, Field(gt=0.5, le=50)]
    focal_length_mm: Annotated[float, Field(gt=0.5, le=1000)]
    focal_length_max_mm: Annotated[float, Field(gt=0.5, le=1000)] | None = None
    hfov_deg: Annotated[float, Field(gt=0.5, le=360)] | None = None
    ir_range_m: Annotated[float, Field(ge=0, le=1000)] = 0.0
    min_illuminance_lux: Annotated[float, Field(ge=0, le=100)] = 0.1
    is_thermal: bool = False
    is_ptz: bool = False
    is_anpr: bool = False
    price_eur: Annotated[float, Field(ge=0, le=1_000_000)]
    yearly_eur: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0


class LightThresholds(Frozen):
    """Least confidence of a detection per class, by the light; what is not named keeps its own."""

    day: dict[ObjectClass, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    night: dict[ObjectClass, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)


class Preset(Frozen):
    """One aim of a pan-tilt-zoom camera; all presets share its time equally."""

    name: str
    azimuth_deg: Annotated[float, Field(ge=0, lt=360)]
    tilt_deg: Annotated[float, Field(ge=-10, le=90)]
    focal_length_mm: Annotated[float, Field(gt=0.5, le=1000)] | None = None


class Camera(Frozen):
    """
    One camera that stands in the park, with the aim it was measured to have.

    `presets` are further aims that a pan-tilt-zoom camera takes in turn; what only presets see is
    seen some of the time.
    """

    id: Id
    name: str
    type_id: Id
    x_m: float
    y_m: float
    height_m: Annotated[float, Field(ge=1.0, le=60.0)]
    azimuth_deg: Annotated[float, Field(ge=0, lt=360)]
    tilt_deg: Annotated[float, Field(ge=-10, le=90)]
    focal_length_mm: Annotated[float, Field(gt=0.5, le=1000)] | None = None
    mount: MountKind = MountKind.MAST
    # Name of the environment variable that holds the URL of the stream, never the URL itself.
    stream_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    # The same of a smaller stream of it: that one is analysed, evidence is cut from the large one.
    substream_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    min_confidence: LightThresholds = LightThresholds()
    presets: tuple[Preset, ...] = ()


class Span(Frozen):
    """
    From one time of day to another; `end <= start` runs over midnight into the next day.

    00:00-24:00 is written as start 00:00, end 00:00: the whole day.
    """

    start: time
    end: time


class ArmingException(Frozen):
    """What holds on one date instead of the weekday's spans."""

    on: date
    armed: tuple[Span, ...]
    reason: str = ""


class Arming(Frozen):
    """
    When zones are armed, as a weekly calendar in the site's time zone.

    A span belongs to the day it starts on. On a public holiday `holidays` says what holds:
    `all_day` arms the whole day, `as_weekday` changes nothing, `as_sunday` uses Sunday's spans.
    """

    id: Id
    name: str
    weekly: tuple[tuple[Span, ...], ...]  # seven entries, Monday first
    holidays: Literal["all_day", "as_weekday", "as_sunday"] = "all_day"
    exceptions: tuple[ArmingException, ...] = ()


class Retention(Frozen):
    """How long images are kept; more than 28 days needs a reason."""

    images_days: Annotated[int, Field(ge=1, le=365)] = 28
    # Shorter by what became of it: "dismissed", "camera_trouble" or a class such as "moving".
    shorter_days: dict[str, Annotated[int, Field(ge=1, le=365)]] = Field(default_factory=dict)
    # Events themselves, without images, are kept for the yearly reports.
    events_days: Annotated[int, Field(ge=28, le=3650)] = 1095
    reason: str = ""


class Evidence(Frozen):
    """
    What is kept of a clip in which parts are masked.

    `key_env` is the name of the secret that seals the unmasked original, never the secret itself.
    """

    keeps_original: bool = False
    key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] = "PARKWACHT_EVIDENCE_KEY"


@dataclass(frozen=True, slots=True)
class PublicArea:
    """A piece of public ground of one kind."""

    id: str
    kind: AreaKind
    polygon: Polygon
    name: str = ""


@dataclass(frozen=True, slots=True)
class Building:
    """
    A prism that blocks sight from `base_m` up to `height_m` above the ground.

    `window_share` is which part of its facade's length is windows; None: as usual for its use.
    """

    id: str
    polygon: Polygon
    height_m: float
    base_m: float = 0.0
    name: str = ""
    use: BuildingUse = BuildingUse.BUSINESS
    window_share: float | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree: its crown hides from `crown_base_m` up to `height_m`, in leaf or evergreen."""

    id: str
    point: Point
    height_m: float
    crown_radius_m: float
    crown_base_m: float = 2.0
    is_evergreen: bool = False


@dataclass(frozen=True, slots=True)
class PrivateArea:
    """Private ground: a yard, garden or other ground that is not public."""

    id: str
    polygon: Polygon
    name: str = ""


@dataclass(frozen=True, slots=True)
class PurposeArea:
    """Ground that surveillance is meant for; without any, the public ground inside the outline."""

    id: str
    polygon: Polygon
    name: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A way along which a vehicle or person should be followed."""

    id: str
    name: str
    line: LineString


@dataclass(frozen=True, slots=True)
class LampPost:
    """A lamp: its point, mounting height and luminous intensity straight down."""

    id: str
    point: Point
    height_m: float
    intensity_cd: float


@dataclass(frozen=True, slots=True)
class PowerCabinet:
    """Where power for new cameras can be taken from."""

    id: str
    point: Point
    name: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """A road into the park: the line where it crosses the boundary."""

    id: str
    name: str
    line: LineString


@dataclass(frozen=True, slots=True)
class Mount:
    """A place where a camera could be fixed."""

    id: str
    kind: MountKind
    point: Point
    height_m: float
    facing_deg: float | None = None  # outward normal of a facade; None where all ways are open


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident of past years."""

    id: str
    on: date
    at: time | None
    kind: str
    point: Point
    loss_eur: float
    description: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """
    One park: everything the other floors know about it.

    `path` is the TOML it was read from; `digest` is the SHA-256 over the TOML and all its layers,
    so that a report can say which inputs it was made from.
    """

    id: str
    name: str
    description: str
    is_illustrative: bool
    path: Path
    digest: str
    timezone: str
    boundary: Polygon
    public_areas: tuple[PublicArea, ...]
    buildings: tuple[Building, ...]
    lamp_posts: tuple[LampPost, ...]
    power_cabinets: tuple[PowerCabinet, ...]
    gates: tuple[Gate, ...]
    mounts: tuple[Mount, ...]
    incidents: tuple[Incident, ...]
    camera_types: dict[str, CameraType]
    cameras: tuple[Camera, ...]
    zones: tuple[Zone, ...]
    armings: dict[str, Arming]
    receivers: tuple[Receiver, ...]
    retention: Retention
    default_arming_id: str
    trees: tuple[Tree, ...] = ()
    private_areas: tuple[PrivateArea, ...] = ()
    purpose_areas: tuple[PurposeArea, ...] = ()
    routes: tuple[Route, ...] = ()
    lines: tuple[Line, ...] = ()
    privacy_masks: tuple[PrivacyMask, ...] = ()
    costs: Costs = field(default_factory=Costs)
    goals: StudyGoals = field(default_factory=StudyGoals)
    evidence: Evidence = field(default_factory=Evidence)
    alarms: Alarms = field(default_factory=Alarms)
    oidc: Oidc | None = None

    def camera(self, camera_id: str) -> Camera | None:
        """Return the camera of this id, or None."""
        return next((camera for camera in self.cameras if camera.id == camera_id), None)

    def zone_name(self, zone_id: str) -> str | None:
        """Return what a zone or line is called, or None."""
        names = {one.id: one.name for one in self.lines} | {one.id: one.name for one in self.zones}
        return names.get(zone_id)

    def receiver(self, receiver_id: str) -> Receiver | None:
        """Return the receiver of this id, or None."""
        return next((one for one in self.receivers if one.id == receiver_id), None)
