"""Draws a night: the stage, its lights of the moment, the actors, the weather, the camera."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from light import Canvas, Light, add_glare, irradiance
from rich.progress import track
from scenarios import P1_CARS, Clip, LightMode
from stage import Stage, reflectance, set_stage

from nights.actors import Course, Trace, add_courses
from nights.scenarios import FPS, Adversity, Look, Night
from nights.sensor import Encoder, Sensor, tampered
from nights.weather import Draw, drawing_of
from parkwacht_config.loader import load_site
from parkwacht_coverage.preview.surfaces import SUPERSAMPLING
from parkwacht_vision.truth import Group

Image = npt.NDArray[np.uint8]
CAMERA_ID = "p1_parking"
SITE = Path(__file__).parents[2] / "config" / "sites" / "josink_es.toml"
TAMPERS = {"covered", "moved", "defocused", "frozen"}
TAMPER_TAKES_S = 1.0


@lru_cache(maxsize=4)
def stage_of(look: Look, size: tuple[int, int]) -> Stage:
    """Set the stage for one light and size; it is the slowest part, and the same for many."""
    mode = LightMode.INFRARED if look is Look.INFRARED else LightMode.LAMPS
    clip = Clip(
        CAMERA_ID, datetime.fromisoformat("2026-11-23T02:13:00+01:00"), 0.0, mode, (), P1_CARS,
        seed=0, noise=0.0, crf=27,
    )  # fmt: skip
    return set_stage(load_site(SITE), clip, size)[0]


@dataclass(slots=True)
class Drawing:
    """One night being drawn."""

    night: Night
    stage: Stage = field(init=False)
    courses: list[Course] = field(init=False)
    traces: list[Trace] = field(init=False)
    lit_key: tuple[int, ...] = ()
    standing: Canvas = field(init=False)

    def __post_init__(self) -> None:
        """Set the stage and sample the actors' paths."""
        self.stage = stage_of(self.night.look, self.night.size)
        self.courses = [
            Course.of(one, self.stage.model, self.n_frames) for one in self.night.actors
        ]
        self.traces = [
            Trace(Group.PERSON if one.clothes else Group.VEHICLE) for one in self.night.actors
        ]

    @property
    def n_frames(self) -> int:
        """How many frames the night has."""
        return round(self.night.seconds * FPS)

    def frames(self) -> Iterator[Image]:
        """Draw every frame as the camera's picture."""
        sensor = Sensor(self.night)
        weather = self._weather()
        frozen: Image | None = None
        for number in range(self.n_frames):
            active = [one for one in self.night.adversities if _is_active(one, number)]
            kinds = {one.kind for one in active}
            if "frozen" in kinds and frozen is not None:
                yield frozen
                continue
            look = self._look(number)
            stage = stage_of(look, self.night.size)
            radiance = self._radiance(stage, number)
            for adversity, draw in weather:
                if _is_active(adversity, number):
                    draw(radiance, number)
            for one in active:
                if one.kind in TAMPERS - {"frozen"}:
                    share = min(1.0, (number / FPS - one.start_s) / TAMPER_TAKES_S)
                    radiance = tampered(one.kind, radiance, share)
            if look is Look.INFRARED:
                radiance = np.ascontiguousarray(radiance[..., 0])
            frozen = sensor.expose(radiance, self._gain(number))
            yield frozen

    def _weather(self) -> list[tuple[Adversity, Draw]]:
        found = []
        for k, one in enumerate(self.night.adversities):
            draw = drawing_of(one, self.stage, np.random.default_rng((self.night.seed, k)))
            if draw is not None:
                found.append((one, draw))
        return found

    def _look(self, number: int) -> Look:
        """Return whether the camera sees colour: the switch turns it over and back."""
        for one in self.night.adversities:
            if one.kind == "infrared_switch" and not _is_active(one, number):
                return Look.LAMPS
        return self.night.look

    def _gain(self, number: int) -> float:
        """Return the exposure: after a switch of the filter it settles within a second."""
        gain = self.night.gain
        for one in self.night.adversities:
            if one.kind != "infrared_switch":
                continue
            for at_s in (one.start_s, one.end_s):
                since_s = number / FPS - at_s
                if 0 <= since_s < 1.5:  # noqa: PLR2004
                    gain *= 0.15 if since_s < 0.3 else 1 + 0.8 * (1.5 - since_s)  # noqa: PLR2004
        return gain

    def _lamps(self, stage: Stage, number: int) -> list[tuple[Light, Canvas]]:
        """Return the lamps that cast shadows, each with what it sends onto the scene now."""
        lights = [one for one in stage.lights if one.casts_shadow]
        shares = [1.0] * len(lights)
        nearest = int(np.argmin([np.hypot(*one.position_m[:2]) for one in lights]))
        for one in self.night.adversities:
            if one.kind == "lamp" and _is_active(one, number):
                shares[nearest] = 0.0
            elif one.kind == "flicker":
                shares[nearest] = 0.1 + 0.9 * float((number * 7919 + number // 9 * 31) % 10 > 4)  # noqa: PLR2004
        return [
            (light, lit if share == 1 else share * lit)
            for light, lit, share in zip(lights, stage.lit, shares, strict=True)
        ]

    def _standing(self, stage: Stage, lit: list[tuple[Light, Canvas]]) -> Canvas:
        """Return the scene as it is lit now; added up again only where a lamp has changed."""
        key = tuple(id(one) for one in (stage, *(one for _, one in lit)))
        if self.lit_key != key:
            self.lit_key, self.standing = key, stage.base + np.sum([one for _, one in lit], axis=0)
        return self.standing

    def _radiance(self, stage: Stage, number: int) -> Canvas:
        lit = self._lamps(stage, number)
        frame: Canvas = self._standing(stage, lit).copy()
        there = [one for one in self.courses if one.is_there(number)]
        beams = [beam for one in there for beam in one.beams(number)]
        _light(frame, stage, beams)
        meshes = [one.mesh(number) for one in there]
        shares = add_courses(frame, stage, lit, meshes)
        for course, mesh, share in zip(there, meshes, shares, strict=True):
            trace = self.traces[self.courses.index(course)]
            trace.note(number, course, (mesh, share), stage.model)
        for beam in beams:
            _glare(frame, stage, beam)
        return frame


def _is_active(one: Adversity, number: int) -> bool:
    return one.start_s <= number / FPS < one.end_s


def _light(frame: Canvas, stage: Stage, beams: Sequence[Light]) -> None:
    every = slice(None, None, SUPERSAMPLING)
    for beam in beams:
        seen = stage.seen
        sent = irradiance(beam, seen.position_m[every, every], seen.normals[every, every])
        frame += reflectance(stage.clip, seen.rgb[every, every]) * sent


def _glare(frame: Canvas, stage: Stage, beam: Light) -> None:
    at = np.array(beam.position_m)
    pixels, depth_m = stage.model.project(at[None])
    if depth_m[0] <= 1 or beam.beam is None:
        return
    view = np.array([0.0, 0.0, stage.model.height_m]) - at
    facing = float(view @ np.array(beam.beam[0]) / np.linalg.norm(view))
    if facing > 0:
        size_px = 0.09 * stage.model.f_px / float(depth_m[0]) + 1.5
        add_glare(frame, pixels[0], size_px, 1.3 * facing**3)


def render(night: Night, folder: Path) -> dict[str, Any]:
    """
    Draw a night as `NAME.mp4`, with the boxes of its actors in `NAME.boxes.json`.

    Parameters
    ----------
    night
        What happens.
    folder
        Where the files go.

    Returns
    -------
    entry
        Its entry for `events.json`.
    """
    drawing = Drawing(night)
    encoder = Encoder(folder / f"{night.name}.mp4", night)
    for image in drawing.frames():
        encoder.write(image)
    encoder.close()
    traces = [
        {"group": one.group, "frames": one.frames, "boxes_px": one.boxes_px, "counts": one.counts}
        for one in drawing.traces
    ]
    boxes = {"fps": FPS, "n_frames": drawing.n_frames, "actors": traces}
    (folder / f"{night.name}.boxes.json").write_text(json.dumps(boxes, separators=(",", ":")))
    visits = [one.visit(drawing.n_frames) for one in drawing.traces]
    width, height = night.size
    return {
        "light": "night",
        "condition": night.condition,
        "camera_id": CAMERA_ID,
        "accepts_moving": night.accepts_moving,
        "visits": [one for one in visits if one is not None],
        "tampers": [
            {"kind": one.kind, "start_s": one.start_s, "end_s": one.end_s}
            for one in night.adversities
            if one.kind in TAMPERS
        ],
        "video": {"width": width, "height": height, "fps": FPS, "duration_s": night.seconds},
    }


def render_set(nights: Sequence[Night], folder: Path) -> None:
    """Draw nights and write their truth; those of one light and size share a stage."""
    folder.mkdir(parents=True, exist_ok=True)
    in_order = sorted(nights, key=lambda one: (one.size, one.look))
    clips = {f"{one.name}.mp4": render(one, folder) for one in track(in_order, "nights")}
    truth = {"tolerance_s": 0.5, "how": "drawn: exact", "clips": clips}
    (folder / "events.json").write_text(json.dumps(truth, indent=1) + "\n")
