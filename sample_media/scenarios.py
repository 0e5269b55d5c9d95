"""
What happens in each sample recording, told in metres right of and ahead of its camera.

Everything is invented: an illustrative park, faceless actors, no plates.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from parkwacht_config.site import ObjectClass
from parkwacht_coverage.preview.people import Clothes
from parkwacht_coverage.preview.vehicles import HATCHBACK, SEDAN, VAN, Body

FPS = 10
NAVY = Clothes((0.06, 0.08, 0.16), (0.05, 0.055, 0.075))
# In near infrared dyes, hair and leather are far brighter than to the eye.
INFRARED = Clothes((0.50,) * 3, (0.30,) * 3, hair=(0.22,) * 3, shoes=(0.24,) * 3)
RED = Clothes((0.32, 0.04, 0.04), (0.05, 0.06, 0.12))
OLIVE = Clothes((0.15, 0.16, 0.09), (0.09, 0.08, 0.07), bag=(0.05, 0.05, 0.06))
WHITE, SILVER, BLUE, DARK = (0.62, 0.62, 0.60), (0.34, 0.35, 0.36), (0.05, 0.10, 0.24), (0.06,) * 3
WINE = (0.24, 0.03, 0.03)


class LightMode(StrEnum):
    """What a recording is lit by."""

    INFRARED = "infrared"
    LAMPS = "lamps"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Move:
    """One actor: its path right and ahead of the camera, when it starts and how fast it goes."""

    path: tuple[tuple[float, float], ...]
    start_s: float
    speed_m_s: float
    slows_to_m_s: float | None = None  # with a time constant of three seconds
    clothes: Clothes | None = None  # None: a van with its lights on

    @property
    def object_class(self) -> ObjectClass:
        """What the actor is."""
        return ObjectClass.TRUCK if self.clothes is None else ObjectClass.PERSON


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked car: near which point right and ahead of the camera, or exactly there."""

    body: Body
    paint: tuple[float, float, float]
    at: tuple[float, float]
    heading_deg: float | None = None  # right of the camera's azimuth; None: in the nearest bay


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording."""

    camera_id: str
    started_at: datetime
    seconds: float
    mode: LightMode
    moves: tuple[Move, ...]
    parked: tuple[Parked, ...]
    seed: int
    noise: float
    crf: int
    is_armed: bool = True
    rain: int = 0  # streaks per frame
    flickering_lamp_id: str | None = None

    @property
    def name(self) -> str:
        """File name without its ending: camera and local start."""
        return f"{self.camera_id}_{self.started_at:%Y%m%dT%H%M%S%z}"


P1_CARS = (
    Parked(SEDAN, SILVER, (-3.0, 33.0)),
    Parked(HATCHBACK, WINE, (3.0, 41.0)),
    Parked(VAN, WHITE, (13.0, 36.0)),
    Parked(HATCHBACK, BLUE, (-15.0, 31.0)),
)
CLIPS = (
    Clip(
        "p1_parking",
        datetime.fromisoformat("2026-11-23T02:13:00+01:00"),
        22.0,
        LightMode.INFRARED,
        (Move(((-16.0, 18.5), (0.0, 17.0), (16.0, 19.0)), 1.0, 1.45, clothes=INFRARED),),
        P1_CARS,
        seed=1,
        noise=2.2,
        crf=27,
    ),
    Clip(
        "g1_gate",
        datetime.fromisoformat("2026-11-23T03:40:00+01:00"),
        16.0,
        LightMode.LAMPS,
        (Move(((-21.5, 69.5), (-2.0, 30.8), (6.8, 3.0)), 1.0, 9.5, slows_to_m_s=3.4),),
        (),
        seed=2,
        noise=2.0,
        crf=27,
    ),
    Clip(
        "p1_parking",
        datetime.fromisoformat("2026-11-24T02:30:00+01:00"),
        18.0,
        LightMode.INFRARED,
        (),
        P1_CARS,
        seed=3,
        noise=2.6,
        crf=29,
        rain=70,
        flickering_lamp_id="lp089",
    ),
    Clip(
        "p2_parking",
        datetime.fromisoformat("2026-11-23T15:40:00+01:00"),
        18.0,
        LightMode.DAY,
        (Move(((15.5, 20.0), (2.0, 18.0), (-14.0, 18.5)), 0.5, 1.45, clothes=RED),),
        (
            Parked(SEDAN, DARK, (-3.0, 30.0)),
            Parked(HATCHBACK, SILVER, (-3.0, 36.0)),
            Parked(SEDAN, BLUE, (3.0, 33.0)),
            Parked(HATCHBACK, WHITE, (15.0, 33.0)),
        ),
        seed=4,
        noise=1.0,
        crf=26,
        is_armed=False,
    ),
    Clip(
        "r1_road",
        datetime.fromisoformat("2026-11-22T23:15:00+01:00"),
        24.0,
        LightMode.LAMPS,
        (
            Move(((17.5, 21.0), (2.5, 22.0), (1.5, 19.0), (2.5, 6.0)), 0.5, 1.45, clothes=OLIVE),
            Move(((-14.5, 18.0), (0.0, 18.0), (16.0, 19.0)), 9.0, 1.6, clothes=NAVY),
        ),
        (
            Parked(HATCHBACK, SILVER, (1.3, 29.0), -10.8),
            Parked(SEDAN, WINE, (0.1, 35.5), -10.8),
        ),
        seed=5,
        noise=1.9,
        crf=27,
    ),
)
