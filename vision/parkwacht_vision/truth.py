"""
What truly happens in labelled recordings: who is in view, from when to when.

Two notations are read. `events.json` is the one of the shared footage: per clip its light and the
intervals of persons and of moving vehicles, in seconds of media time. `events.csv` is one for a
user's own clips: a row per interval, with the columns of `CSV_COLUMNS`. Clips lie beside the file
or in its folder `clips`.
"""

import csv
import json
import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parkwacht_config.errors import ConfigError
from parkwacht_config.site import ObjectClass
from parkwacht_config.text import Text

# A gap shorter than this does not end a visit: nobody wants a second alarm for it.
ONE_VISIT_S = 3.0
SMALL_PX = (320, 240)  # pictures in which a class often cannot be had
CSV_COLUMNS = ("clip", "light", "class", "start_s", "end_s", "px_per_m", "accepts_moving")


class Group(StrEnum):
    """What a visit is made by, as far as truth tells; a cyclist is a person."""

    PERSON = "person"
    VEHICLE = "vehicle"


def group_of(object_class: ObjectClass) -> Group | None:
    """Return the group of a class; None for what was not recognised."""
    if object_class is ObjectClass.MOVING:
        return None
    if object_class in {ObjectClass.PERSON, ObjectClass.BICYCLE}:
        return Group.PERSON
    return Group.VEHICLE


@dataclass(frozen=True, slots=True)
class Visit:
    """
    One stay in view, in seconds of media time; `end_s` is infinite where it lasts to the end.

    `px_per_m` is how large the visitor is seen, where that is known. `is_crowd` marks an interval
    that says only that somebody is there: how many events it deserves is not known.
    """

    group: Group
    start_s: float
    end_s: float
    px_per_m: float | None = None
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """What happens in one recording, and how it was taken."""

    name: str
    path: Path
    light: str  # "day", "night" or a finer word
    condition: str  # what scores are told apart by
    visits: tuple[Visit, ...]
    accepts_moving: bool = False
    camera_id: str | None = None

    @property
    def is_negative(self) -> bool:
        """Whether nothing happens that deserves an event."""
        return not self.visits


Interval = tuple[float, float | None]
Intervals = Literal["all"] | list[Interval]


class _Size(BaseModel):
    width: int = 10_000
    height: int = 10_000


class _Stay(BaseModel):
    model_config = ConfigDict(extra="forbid")

    group: Group
    start_s: Annotated[float, Field(ge=0)]
    end_s: Annotated[float, Field(ge=0)] | None = None
    px_per_m: Annotated[float, Field(gt=0)] | None = None


class _Clip(BaseModel):
    light: str = "night"
    modality: str = ""
    condition: str | None = None
    person_intervals_s: Intervals = []
    moving_vehicle_intervals_s: Intervals = []
    visits: list[_Stay] | None = None  # goes before the intervals
    accepts_moving: bool | None = None
    camera_id: str | None = None
    video: _Size = _Size()


def load_truth(path: Path) -> tuple[ClipTruth, ...]:
    """
    Read the truth of a folder of labelled clips.

    Parameters
    ----------
    path
        An `events.json` or `events.csv`, or the folder that holds one.

    Returns
    -------
    clips
        In the order of their names.

    Raises
    ------
    ConfigError
        There is no such file, it says nothing, or an entry is wrong; names the clip.
    """
    found = _find(path)
    try:
        entries = _read_csv(found) if found.suffix == ".csv" else _read_json(found)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        text = Text(
            nl=f"{found}: niet te lezen als waarheid: {error}",
            en=f"{found}: cannot be read as truth: {error}",
        )
        raise ConfigError(text) from error
    if not entries:
        text = Text(nl=f"{found}: er staan geen opnames in", en=f"{found}: names no recordings")
        raise ConfigError(text)
    return tuple(_clip_truth(found, name, entries[name]) for name in sorted(entries))


def _find(path: Path) -> Path:
    for one in (path, path / "events.json", path / "events.csv", path.parent / "events.json"):
        if one.is_file():
            return one
    text = Text(
        nl=f"{path}: geen events.json of events.csv; zet daarin wat er in de opnames gebeurt",
        en=f"{path}: no events.json or events.csv; write in it what happens in the recordings",
    )
    raise ConfigError(text)


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    clips = content.get("clips") if isinstance(content, dict) else None
    return clips if isinstance(clips, dict) else {}


def _read_csv(path: Path) -> dict[str, Any]:
    clips: dict[str, Any] = {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            name = (row.get("clip") or "").strip()
            if not name:
                continue
            clip = clips.setdefault(name, {"light": row.get("light") or "night", "visits": []})
            if row.get("accepts_moving"):
                clip["accepts_moving"] = row["accepts_moving"]
            if row.get("class"):
                stay = {"group": row["class"], "start_s": row.get("start_s") or 0.0}
                stay |= {key: row[key] for key in ("end_s", "px_per_m") if row.get(key)}
                clip["visits"].append(stay)
    return clips


def _clip_truth(file: Path, name: str, entry: object) -> ClipTruth:
    try:
        clip = _Clip.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in ("clips", name, *first["loc"]))
        right = Text(nl=f"{first['msg']}", en=f"{first['msg']}")
        raise ConfigError.at(str(file), key, first["input"], right) from error
    is_small = clip.video.width <= SMALL_PX[0] and clip.video.height <= SMALL_PX[1]
    beside = file.parent / name
    return ClipTruth(
        name=name,
        path=beside if beside.exists() else file.parent / "clips" / name,
        light=clip.light,
        condition=clip.condition or _condition(clip),
        visits=merge_visits(_visits(clip)),
        accepts_moving=is_small if clip.accepts_moving is None else clip.accepts_moving,
        camera_id=clip.camera_id,
    )


def _condition(clip: _Clip) -> str:
    for word in ("rain", "snow", "near-IR", "very dark", "indoor"):
        if word in clip.modality:
            return f"{clip.light}, {word}"
    return clip.light


def _visits(clip: _Clip) -> list[Visit]:
    if clip.visits is not None:
        return [Visit(one.group, one.start_s, _end(one.end_s), one.px_per_m) for one in clip.visits]
    visits = []
    for group, intervals in (
        (Group.PERSON, clip.person_intervals_s),
        (Group.VEHICLE, clip.moving_vehicle_intervals_s),
    ):
        if intervals == "all":
            visits.append(Visit(group, 0.0, math.inf, is_crowd=True))
        else:
            visits += [Visit(group, start, _end(end)) for start, end in intervals]
    return visits


def _end(end_s: float | None) -> float:
    return math.inf if end_s is None else end_s


def merge_visits(visits: list[Visit]) -> tuple[Visit, ...]:
    """
    Make one visit of stays of the same group less than `ONE_VISIT_S` apart.

    Parameters
    ----------
    visits
        In any order.

    Returns
    -------
    merged
        By their beginning; as large as the largest of their stays.
    """
    merged: list[Visit] = []
    for group in Group:
        of_group: list[Visit] = []
        for visit in sorted((v for v in visits if v.group is group), key=lambda v: v.start_s):
            before = of_group[-1] if of_group else None
            if before is None or visit.start_s - before.end_s >= ONE_VISIT_S:
                of_group.append(visit)
                continue
            sizes = [one for one in (before.px_per_m, visit.px_per_m) if one is not None]
            of_group[-1] = Visit(
                group,
                before.start_s,
                max(before.end_s, visit.end_s),
                max(sizes, default=None),
                before.is_crowd or visit.is_crowd,
            )
        merged += of_group
    return tuple(sorted(merged, key=lambda one: (one.start_s, one.group)))
