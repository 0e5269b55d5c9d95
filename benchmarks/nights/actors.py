"""
Actors of a drawn night: where they are, how they are drawn, and what is true of them.

A walker's mesh is modelled once per pose of the gait; shadows fall from the nearest lamps only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from generate import add_actor, headlights
from light import Canvas, Light
from scipy.ndimage import gaussian_filter1d
from stage import Stage, contact, darken, to_scene
from truth import visible_of

from nights.scenarios import FPS, Actor
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.people import STRIDE_M, Clothes, walker
from parkwacht_coverage.preview.raster import Mesh, draw, place
from parkwacht_coverage.preview.surfaces import SUPERSAMPLING
from parkwacht_coverage.preview.vehicles import Body, vehicle

Floats = npt.NDArray[np.float64]
N_POSES = 16
N_SHADOWS = 2
HALF_SEEN = 0.5  # a visit is the time in which at least this share of the actor is seen
STANDS_M_S = 0.3


@dataclass(frozen=True, slots=True)
class Course:
    """Where an actor is in every frame: (N, 2) metres from the camera's foot, its heading."""

    actor: Actor
    xy_m: Floats
    azimuth_deg: Floats
    walked_m: Floats

    @classmethod
    def of(cls, actor: Actor, model: CameraModel, n_frames: int) -> "Course":
        """Sample an actor's path; it goes on straight after its end."""
        corners = np.array([to_scene(model, *corner) for corner in actor.path])
        corners = np.vstack((corners, corners[-1] + 6 * (corners[-1] - corners[-2])))
        along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))))
        fine = np.arange(0.0, along[-1], 0.05)
        dense = np.column_stack([np.interp(fine, along, corners[:, k]) for k in range(2)])
        soft = 1.0 if actor.clothes else 3.0
        dense = gaussian_filter1d(dense, soft / 0.05, axis=0, mode="nearest")
        ways = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(dense, axis=0), axis=1))))
        times = np.clip(np.arange(n_frames) / FPS - actor.start_s, 0, None)
        walked = times * actor.speed_m_s
        if actor.stops:
            walked = 3.0 * actor.speed_m_s * (1 - np.exp(-times / 3.0))
        xy = np.column_stack([np.interp(walked, ways, dense[:, k]) for k in range(2)])
        on = np.column_stack([np.interp(walked + 0.2, ways, dense[:, k]) for k in range(2)]) - xy
        return cls(actor, xy, np.degrees(np.arctan2(on[:, 0], on[:, 1])) % 360, walked)

    def is_there(self, number: int) -> bool:
        """Return whether the actor is drawn in a frame."""
        return self.actor.waits or number / FPS >= self.actor.start_s

    def moves(self, number: int) -> bool:
        """Return whether the actor moves in a frame."""
        step_m = self.walked_m[number] - self.walked_m[max(0, number - 1)]
        return bool(step_m * FPS > STANDS_M_S)

    def mesh(self, number: int) -> Mesh:
        """Model the actor as it stands in a frame."""
        if self.actor.clothes is None:
            mesh = _vehicle(self.actor.body, lights_on=self.moves(number))
        else:
            pose = round(float(self.walked_m[number]) / STRIDE_M * N_POSES) % N_POSES
            mesh = _walker(self.actor.clothes, pose)
        x, y = self.xy_m[number]
        return place(mesh, (float(x), float(y)), float(self.azimuth_deg[number]))

    def beams(self, number: int) -> tuple[Light, ...]:
        """Return the headlights of a vehicle that drives."""
        if self.actor.clothes is not None or not self.moves(number):
            return ()
        return headlights(self.xy_m[number], float(self.azimuth_deg[number]))


@lru_cache(maxsize=128)
def _walker(clothes: Clothes, pose: int) -> Mesh:
    return walker(clothes, pose / N_POSES * STRIDE_M)


@lru_cache(maxsize=8)
def _vehicle(body: Body, *, lights_on: bool) -> Mesh:
    return vehicle(body, (0.40, 0.41, 0.42), lights_on=lights_on)


@dataclass(slots=True)
class Trace:
    """What is true of one actor: boxes per frame, and how large it is seen."""

    group: str
    frames: list[int] = field(default_factory=list)
    boxes_px: list[list[float]] = field(default_factory=list)
    px_per_m: list[float] = field(default_factory=list)
    counts: list[bool] = field(default_factory=list)

    def note(
        self, number: int, course: Course, seen: tuple[Mesh, float], model: CameraModel
    ) -> None:
        """Write down one frame: the mesh and which share of it is seen."""
        mesh, share = seen
        if share <= 0:
            return
        pixels, depth_m = model.project(mesh.points_m)
        box = [*pixels.min(axis=0), *pixels.max(axis=0)]
        self.frames.append(number)
        self.boxes_px.append([round(float(value), 1) for value in box])
        self.px_per_m.append(model.f_px / max(0.1, float(depth_m.mean())))
        self.counts.append(share >= HALF_SEEN and course.moves(number))

    def visit(self, n_frames: int) -> dict[str, object] | None:
        """Return the stay that deserves an event; None where the actor is never seen moving."""
        seen = [k for k, counts in enumerate(self.counts) if counts]
        if not seen:
            return None
        last = self.frames[seen[-1]]
        return {
            "group": self.group,
            "start_s": self.frames[seen[0]] / FPS,
            "end_s": None if last >= n_frames - 1 else last / FPS,
            "px_per_m": round(float(np.median([self.px_per_m[k] for k in seen])), 1),
        }


def add_courses(
    frame: Canvas, stage: Stage, lit: Sequence[tuple[Light, Canvas]], meshes: list[Mesh]
) -> list[float]:
    """
    Draw the actors of one frame, far ones first, with their shadows.

    Parameters
    ----------
    frame
        Radiance, shape (H, W, 3), drawn into.
    stage
        What stands still.
    lit
        The lamps that cast shadows and what each sends onto the scene now.
    meshes
        The actors.

    Returns
    -------
    shares
        Which share of each actor is inside the picture and not hidden.
    """
    view = (stage.model, stage.is_ground)
    beams = [light for light in stage.lights if not light.casts_shadow]
    for mesh in meshes:
        x, y = mesh.points_m[:, :2].mean(axis=0)
        near = sorted(lit, key=lambda one: math.hypot(one[0].position_m[0] - x,
                                                      one[0].position_m[1] - y))  # fmt: skip
        for light, one in near[:N_SHADOWS]:
            darken(frame, one, mesh, light, view)
        contact(frame, mesh, view)
    shares = [0.0] * len(meshes)
    ahead = stage.model.axes()[2][:2]
    depths = [float(mesh.points_m[:, :2].mean(axis=0) @ ahead) for mesh in meshes]
    order = sorted(range(len(meshes)), key=lambda k: -depths[k])
    for k in order:
        crop = draw(meshes[k], stage.model, supersampling=SUPERSAMPLING)
        if crop is None:
            continue
        mask, shares[k] = visible_of(crop, stage.seen)
        if shares[k] > 0:
            add_actor(frame, crop, mask, stage, [*beams, *(light for light, _ in lit)])
    return shares
