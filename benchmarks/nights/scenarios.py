"""What happens in each drawn night; everything is invented and seeded."""

from dataclasses import dataclass
from enum import StrEnum

from parkwacht_coverage.preview.people import Clothes
from parkwacht_coverage.preview.vehicles import HATCHBACK, SEDAN, VAN, Body

FPS = 10
SMALL, MIDDLE, LARGE = (640, 360), (1280, 720), (1920, 1080)
# In near infrared dyes, hair and leather are far brighter than to the eye.
PALE = Clothes((0.50,) * 3, (0.30,) * 3, hair=(0.22,) * 3, shoes=(0.24,) * 3)
DULL = Clothes((0.26,) * 3, (0.20,) * 3, hair=(0.15,) * 3, shoes=(0.12,) * 3)
PINE = Clothes((0.10, 0.16, 0.10), (0.07, 0.07, 0.09))
GREY = (0.34, 0.35, 0.36)
Point = tuple[float, float]


class Look(StrEnum):
    """What the night is lit by, and so whether the camera sees colour."""

    INFRARED = "infrared"
    LAMPS = "lamps"


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Somebody or something that moves: its path, when it starts and how fast it goes.

    `clothes` None: a vehicle. `waits` stands at its beginning before it starts; `stops` comes to
    a halt at its speed times three seconds.
    """

    path: tuple[Point, ...]
    start_s: float
    speed_m_s: float
    clothes: Clothes | None = PALE
    body: Body = HATCHBACK
    waits: bool = False
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Adversity:
    """Something that must wake nobody, from when to when, and how much of it."""

    kind: str
    start_s: float = 0.0
    end_s: float = 1e9
    amount: float = 1.0


@dataclass(frozen=True, slots=True)
class Coding:
    """How the stream is encoded: `rate` is a QP or bits per second."""

    mode: str = "cqp"  # or "vbr", "cbr"
    rate: int = 27
    gop_s: float = 2.0
    codec: str = "libx264"


@dataclass(frozen=True, slots=True)
class Night:
    """One drawn recording; a camera's night with about as much weather in little time."""

    name: str
    seed: int
    actors: tuple[Actor, ...] = ()
    adversities: tuple[Adversity, ...] = ()
    look: Look = Look.INFRARED
    seconds: float = 40.0
    size: tuple[int, int] = SMALL
    noise: float = 2.2  # standard deviation in dark pixels, grey levels
    gain: float = 1.0  # of the scene's light
    coding: Coding = Coding()
    accepts_moving: bool = False

    @property
    def condition(self) -> str:
        """What scores are told apart by."""
        kinds = {one.kind for one in self.adversities}
        return ", ".join(sorted(kinds)) or ("dark" if self.gain < 0.5 else "clear")  # noqa: PLR2004


def across(ahead: float, *, start_s: float = 12.0, speed_m_s: float = 1.4, **more: object) -> Actor:
    """Walk from left to right at a distance from the camera's foot."""
    half = 0.72 * ahead + 1.5
    path = ((-half, ahead), (0.0, ahead - 0.5), (half, ahead + 0.8))
    return Actor(path, start_s, speed_m_s, **more)  # type: ignore[arg-type]


def _walks() -> tuple[Night, ...]:
    nearer = Actor(((-7.0, 17.0), (0.0, 13.5), (9.5, 11.0)), 12.0, 1.4)
    approach = Actor(((6.0, 30.0), (3.0, 20.0), (-1.0, 8.0), (-3.0, 4.0)), 12.0, 1.5, clothes=DULL)
    return (
        Night("walk_near", 11, (across(10.0),)),
        Night("walk_mid", 12, (across(15.0, clothes=DULL),), coding=Coding("vbr", 400_000, 4.0)),
        Night("walk_far", 13, (across(19.0),), seconds=50.0, coding=Coding("cqp", 25, 1.0)),
        Night("walk_distant", 14, (across(30.0),), seconds=55.0, accepts_moving=True),
        Night("walk_lamps", 15, (across(14.0, clothes=PINE),), look=Look.LAMPS),
        Night("approach", 16, (approach,), coding=Coding("cbr", 500_000, 10.0)),
        Night("run", 17, (across(14.0, speed_m_s=4.5),), coding=Coding(codec="libx265")),
        Night("two_persons", 18, (across(13.0), nearer)),
        Night("walk_dark", 19, (across(12.0),), noise=4.5, gain=0.22),
    )


def _vehicles() -> tuple[Night, ...]:
    passing = Actor(((-30.0, 27.0), (0.0, 24.0), (30.0, 26.0)), 12.0, 7.0, None, SEDAN)
    arriving = Actor(((-26.0, 22.0), (-3.0, 21.0), (8.0, 21.0)), 12.0, 9.0, None, stops=True)
    leaving = Actor(((4.0, 19.0), (16.0, 20.0), (40.0, 22.0)), 15.0, 4.0, None, VAN, waits=True)
    return (
        Night("car_passes", 21, (passing,), look=Look.LAMPS),
        Night("car_arrives", 22, (arriving,), coding=Coding("vbr", 500_000, 2.0)),
        Night("van_leaves", 23, (leaving,), seconds=45.0),
    )


def _weather() -> tuple[Night, ...]:
    rain, snow = Adversity("rain", 8.0), Adversity("snow", 8.0)
    insects = Adversity("insects", 6.0)
    return (
        Night("quiet", 31, seconds=60.0, coding=Coding("cqp", 27, 4.0)),
        Night("quiet_noisy", 32, seconds=40.0, noise=4.0, coding=Coding("cbr", 600_000, 2.0)),
        Night("rain", 33, adversities=(rain,)),
        Night("rain_walker", 34, (across(12.0, start_s=16.0),), (rain,), seconds=45.0),
        Night("snow", 35, adversities=(snow,)),
        Night("snow_walker", 36, (across(12.0, start_s=16.0),), (snow,), seconds=45.0),
        Night("insects", 37, adversities=(insects,)),
        Night("spider", 38, adversities=(Adversity("spider", 10.0),)),
        Night("tree", 39, adversities=(Adversity("tree"),), look=Look.LAMPS),
        Night("tree_walker", 40, (across(13.0),), (Adversity("tree"),), look=Look.LAMPS),
    )


def _lights() -> tuple[Night, ...]:
    sweep = (Adversity("headlights", 12.0, 17.0), Adversity("headlights", 25.0, 29.0))
    return (
        Night("headlights", 51, adversities=sweep),
        Night("lamp", 52, adversities=(Adversity("lamp", 12.0, 26.0),), look=Look.LAMPS),
        Night("infrared_switch", 53, adversities=(Adversity("infrared_switch", 15.0, 30.0),)),
        Night("flicker", 54, adversities=(Adversity("flicker"),)),
    )


def _tampers() -> tuple[Night, ...]:
    return tuple(
        Night(f"tamper_{kind}", 60 + k, adversities=(Adversity(kind, 15.0, 30.0),))
        for k, kind in enumerate(("covered", "moved", "defocused", "frozen"))
    )


# One light and one size: setting a stage and modelling a walker's poses is what takes time.
_QUICK_NAMES = {
    "walk_near", "walk_far", "walk_dark", "van_leaves", "quiet", "rain_walker", "snow", "insects",
    "spider", "headlights",
}  # fmt: skip
MEDIUM = (*_walks(), *_vehicles(), *_weather(), *_lights(), *_tampers())
QUICK = tuple(one for one in MEDIUM if one.name in _QUICK_NAMES)


def _heavy() -> tuple[Night, ...]:
    """Return nights that nothing was tuned on: drawn once the others were right."""
    rain, snow = Adversity("rain", 8.0, amount=1.6), Adversity("snow", 8.0, amount=1.6)
    insects = Adversity("insects", 4.0, amount=1.5)
    sweep = (Adversity("headlights", 12.0, 17.0), Adversity("headlights", 22.0, 26.0))
    snowed = across(14.0, start_s=16.0, clothes=DULL)
    buzzed = across(15.0, start_s=14.0, clothes=DULL)
    return (
        Night("heavy_rain_walker", 173, (across(12.0, start_s=16.0),), (rain,)),
        Night("heavy_snow_walker", 174, (snowed,), (snow,)),
        Night("insects_walker", 175, (buzzed,), (insects,), seconds=36.0),
        Night("headlights_walker", 176, (across(15.0, start_s=14.0),), sweep, seconds=36.0),
    )


def _full() -> tuple[Night, ...]:
    rain, snow = Adversity("rain", 20.0, 500.0, 1.6), Adversity("snow", 20.0, 500.0, 1.6)
    long = Adversity("insects", 30.0, 900.0, 0.6)
    stroll = tuple(across(13.0 + 2 * k, start_s=30.0 + 60 * k) for k in range(5))
    return (
        Night("long_quiet", 71, seconds=1200.0, coding=Coding("cqp", 27, 2.0)),
        Night("long_quiet_hevc", 72, seconds=300.0, coding=Coding("vbr", 300_000, 4.0, "libx265")),
        Night("long_rain", 73, (across(12.0, start_s=200.0),), (rain,), seconds=600.0),
        Night("long_snow", 74, (across(12.0, start_s=200.0),), (snow,), seconds=600.0),
        Night("long_insects", 75, adversities=(long,), seconds=600.0),
        Night("long_tree", 76, adversities=(Adversity("tree"),), look=Look.LAMPS, seconds=600.0),
        Night("strolls", 77, stroll, seconds=330.0, coding=Coding("cbr", 500_000, 10.0)),
        Night("walk_720p", 78, (across(26.0),), size=MIDDLE, seconds=60.0),
        Night("walk_1080p", 79, (across(36.0),), size=LARGE, seconds=75.0),
        Night("rain_1080p", 80, (across(18.0, start_s=20.0),), (Adversity("rain", 8.0),),
              size=LARGE, seconds=60.0),
        Night("quiet_1080p", 81, size=LARGE, seconds=120.0, coding=Coding("vbr", 2_000_000, 2.0)),
    )  # fmt: skip


FULL = (*MEDIUM, *_heavy(), *_full())
