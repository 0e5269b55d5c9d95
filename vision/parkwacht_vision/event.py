"""
What the worker hands over: an event when it is confirmed, its ending, and a report of the watch.

Times are aware UTC. Boxes are xyxy in pixels of the frame they were found in, origin top left,
not clipped to the image. Positions are metres in EPSG:28992 where the camera is calibrated.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from parkwacht_config.site import ObjectClass, Severity

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ShortText = Annotated[str, Field(max_length=300)]


class Record(BaseModel):
    """Base of what crosses the spool and HTTP: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DetectorInfo(Record):
    """Which detector ran: stored with every event, so that nobody has to guess later."""

    name: ShortText  # "ultralytics" or "embedded"
    model: ShortText  # file or folder name of the weights, or the embedded detector's version
    sha256: Sha256 | None = None  # of the weights
    is_fallback: bool = False  # True where it runs because something better could not
    reason: ShortText = ""  # why it is a fallback


class Box(Record):
    """The best view of the object."""

    xyxy_px: tuple[float, float, float, float]
    image_width_px: Annotated[int, Field(gt=0)]
    image_height_px: Annotated[int, Field(gt=0)]
    at: AwareDatetime


class Position(Record):
    """Where the object stood on the park map at the moment of the box."""

    x_m: float
    y_m: float


class MediaFile(Record):
    """A file that belongs to a record, by its name inside the record's folder."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.(jpg|mp4|mp4\.enc|json)$")]
    sha256: Sha256
    size: Annotated[int, Field(gt=0)]
    content_type: Literal["image/jpeg", "video/mp4", "application/octet-stream", "application/json"]


class SourceInfo(Record):
    """What was being watched; a URL stands here without its credentials."""

    kind: Literal["recording", "stream"]
    name: ShortText
    media_time_s: float  # of the first frame in which the object was seen


# What happened: the rule of the zone or line that was met.
EventKind = Literal[
    "intrusion",
    "line_crossing",
    "loitering",
    "stopped_vehicle",
    "direction",
    "arrival",
    "departure",
    "count",
]


class FlaggedEvent(Record):
    """One event, at the moment it is confirmed."""

    schema_version: Literal[1] = 1
    id: UUID
    site_id: ShortText
    camera_id: ShortText
    zone_id: ShortText
    kind: EventKind = "intrusion"
    severity: Severity
    object_class: ObjectClass
    confidence: Annotated[float, Field(ge=0, le=1)]
    started_at: AwareDatetime  # first frame in which the object was seen
    confirmed_at: AwareDatetime  # frame in which the rule was met
    wall_first_frame_at: AwareDatetime  # machine's clock when that first frame was read
    box: Box
    position: Position | None
    detector: DetectorInfo
    source: SourceInfo
    snapshot: MediaFile  # the best view so far, with the box
    still: MediaFile | None = None  # the same without it


class EventEnding(Record):
    """The end of an event: when it was last seen, the best class, and the clip."""

    schema_version: Literal[1] = 1
    event_id: UUID
    ended_at: AwareDatetime
    end_reason: Literal["left", "recording_ended", "stream_lost", "stopped"]
    object_class: ObjectClass
    confidence: Annotated[float, Field(ge=0, le=1)]
    path_m: tuple[tuple[float, float, float], ...] = ()  # (seconds since started_at, x, y)
    is_at_vehicle: bool = False  # a person lingered at a parked vehicle
    clip: MediaFile | None
    clip_started_at: AwareDatetime | None = None  # its true bounds: it begins at a key frame
    clip_ended_at: AwareDatetime | None = None
    original: MediaFile | None = None  # of a masked clip: unmasked and sealed, where kept
    manifest: MediaFile | None = None


TroubleCause = Literal[
    "covered",
    "moved",
    "defocused",
    "black",
    "over_exposed",
    "frozen",
    "clock_drift",
    "bitrate_collapse",
    "half_lost",
    "lost",
]


class CameraTrouble(Record):
    """
    Something that keeps a camera from watching well; sent when it begins and when it is over.

    The second record has the same id and an `ended_at`.
    """

    schema_version: Literal[1] = 1
    id: UUID
    site_id: ShortText
    camera_id: ShortText
    cause: TroubleCause
    severity: Severity
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    measure: float | None = None  # how bad it is, such as the pixels it moved
    unit: ShortText = ""  # of the measure
    event_id: UUID | None = None  # an event that was going on
    source: SourceInfo


class BlindSpell(Record):
    """Time that could not be analysed, and why."""

    cause: ShortText
    seconds: Annotated[float, Field(ge=0)]


class Decoding(Record):
    """How much of a source was decoded at last, and why: chosen by what was measured on it."""

    tier: Literal["full", "key_frames", "substream"]
    nl: ShortText
    en: ShortText


class WatchReport(Record):
    """What one run of the worker watched, and where it was blind."""

    schema_version: Literal[1] = 1
    id: UUID
    site_id: ShortText
    camera_id: ShortText
    source: SourceInfo
    started_at: datetime
    ended_at: datetime
    watched_s: Annotated[float, Field(ge=0)]
    armed_s: Annotated[float, Field(ge=0)]
    n_frames: Annotated[int, Field(ge=0)]
    n_events: Annotated[int, Field(ge=0)]
    blind: tuple[BlindSpell, ...] = ()
    detector: DetectorInfo
    decoding: Decoding | None = None  # None where too little was seen to choose
