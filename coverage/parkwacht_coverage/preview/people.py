"""
People, faceless and made by us.

Everyone stands in a frame of their own: x ahead, y left, z up, metres, the ground at z = 0. `place`
of `raster` puts them into the scene. Colours are linear reflectances in 0..1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parkwacht_coverage.preview.raster import Mesh
from parkwacht_coverage.preview.solids import surface_of

Floats = npt.NDArray[np.float64]
Colour = tuple[float, float, float]

STANCE = 0.62  # share of the gait cycle a foot stands on the ground
STRIDE_M = 1.44  # ground covered in a cycle of two steps
HIP_M, THIGH_M, SHANK_M, ANKLE_M = 0.93, 0.44, 0.43, 0.085
SKIN = (0.42, 0.24, 0.16)


@dataclass(frozen=True, slots=True)
class Clothes:
    """What a walker wears, as linear reflectances."""

    jacket: Colour
    trousers: Colour
    hair: Colour = (0.04, 0.03, 0.02)
    shoes: Colour = (0.03, 0.03, 0.03)
    bag: Colour | None = None


def walker(clothes: Clothes, walked_m: float, *, height_m: float = 1.78) -> Mesh:
    """
    Model a person in mid-walk.

    Parameters
    ----------
    clothes
        Colours.
    walked_m
        Ground covered so far: it alone sets the pose, so that standing feet never slide.
    height_m
        Stature.
    """
    scale = height_m / 1.78
    cycle = (walked_m / scale / STRIDE_M) % 1.0
    body = _Body()
    bob = 0.018 * math.cos(4 * math.pi * (cycle - 0.06))
    lift = np.array([0.0, 0.0, bob])
    _add_legs(body.add, clothes, cycle, bob)
    _add_trunk(body.add, clothes, lift)
    _add_arms(body.add, clothes, cycle, lift)
    mesh = body.mesh()
    return Mesh(mesh.points_m * scale, mesh.normals, mesh.rgb, mesh.triangles)


def stander(clothes: Clothes, *, height_m: float = 1.8) -> Mesh:
    """
    Model a person who stands still, exactly as tall as asked, soles on the ground.

    Parameters
    ----------
    clothes
        Colours.
    height_m
        Stature.
    """
    body = _Body()
    for side in (1.0, -1.0):
        hip, ankle = _v(0.0, side * 0.09, HIP_M - 0.02), _v(0.0, side * 0.12, ANKLE_M)
        knee = _v(0.015, side * 0.105, 0.50)
        body.add((hip, knee), (0.095, 0.074), clothes.trousers)
        body.add((knee, ankle + _v(0, 0, 0.02)), (0.076, 0.062), clothes.trousers)
        sole = _v(0.0, side * 0.125, 0.045)
        ends = (sole - _v(0.04, 0, 0), sole + _v(0.17, side * 0.04, 0))
        body.add(ends, (0.048, 0.040), clothes.shoes, (1.0, 1.05, 0.95))
        shoulder, elbow = _v(0.01, side * 0.195, 1.41), _v(0.0, side * 0.245, 1.13)
        wrist = _v(0.05, side * 0.255, 0.89)
        body.add((shoulder, elbow), (0.068, 0.058), clothes.jacket)
        body.add((elbow, wrist), (0.058, 0.046), clothes.jacket)
        hand = _v(0.06, side * 0.255, 0.80)
        body.add((wrist, hand), (0.04, 0.034), SKIN, (1.1, 0.75, 1))
    _add_trunk(body.add, clothes, _v(0, 0, 0))
    mesh = body.mesh()
    low, high = mesh.points_m[:, 2].min(), mesh.points_m[:, 2].max()
    points = (mesh.points_m - [0.0, 0.0, low]) * (height_m / (high - low))
    return Mesh(points, mesh.normals, mesh.rgb, mesh.triangles)


class _Body:
    """A body in the making: primitives and their colours."""

    def __init__(self) -> None:
        self._rows: list[list[float]] = []
        self._colours: list[Colour] = []

    def add(
        self,
        ends: tuple[Floats, Floats],
        radii: tuple[float, float],
        rgb: Colour,
        stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> None:
        """Add one primitive."""
        self._rows.append([*ends[0], *ends[1], *radii, *stretch])
        self._colours.append(rgb)

    def mesh(self) -> Mesh:
        """Melt the primitives into one surface."""
        rows = np.array(self._rows)
        points, normals, triangles, part = surface_of(rows, step_m=0.019, blend_m=0.012)
        return Mesh(points, normals, np.array(self._colours)[part], triangles)


def _v(x: float, y: float, z: float) -> Floats:
    return np.array([x, y, z])


def _add_legs(add: Callable[..., None], clothes: Clothes, cycle: float, bob: float) -> None:
    """Add legs whose standing foot stays where it stands."""
    for side, shift in ((1.0, 0.0), (-1.0, 0.5)):
        phase = (cycle + shift) % 1.0
        reach = STANCE * STRIDE_M / 2
        if phase < STANCE:
            ahead, raised = reach - phase * STRIDE_M, 0.0
            roll = max(0.0, (phase / STANCE - 0.65) / 0.35)
            pitch, raised = -0.75 * roll, 0.075 * roll
        else:
            swing = (phase - STANCE) / (1 - STANCE)
            smooth = swing * swing * (3 - 2 * swing)
            ahead = -reach + 2 * reach * smooth
            raised = 0.075 * (1 - swing) + 0.09 * math.sin(math.pi * swing)
            pitch = -0.75 * (1 - swing) ** 2 + 0.25 * math.sin(math.pi * swing)
        hip = _v(0.0, side * 0.09, HIP_M + bob - 0.02)
        ankle = _v(ahead, side * 0.075, ANKLE_M + raised)
        knee = _knee(hip, ankle)
        add((hip, knee), (0.095, 0.074), clothes.trousers)
        add((knee, ankle + _v(0, 0, 0.02)), (0.076, 0.062), clothes.trousers)
        toe = _v(math.cos(pitch), 0.0, math.sin(pitch))
        sole = ankle - _v(0, 0, 0.04)
        add(
            (sole - 0.04 * toe, sole + 0.17 * toe), (0.048, 0.040), clothes.shoes, (1.0, 1.05, 0.95)
        )


def _knee(hip: Floats, ankle: Floats) -> Floats:
    """Find the knee between hip and ankle, bent forward."""
    span = ankle - hip
    reach = min(float(np.linalg.norm(span)), 0.995 * (THIGH_M + SHANK_M))
    along = span / np.linalg.norm(span)
    foot = (THIGH_M**2 - SHANK_M**2 + reach**2) / (2 * reach)
    bend = math.sqrt(max(THIGH_M**2 - foot**2, 0.0))
    forward = np.cross(_v(0, 1, 0), -along)
    forward = -forward if forward[0] < 0 else forward
    knee: Floats = hip + along * foot + forward / np.linalg.norm(forward) * bend
    return knee


def _add_trunk(add: Callable[..., None], clothes: Clothes, lift: Floats) -> None:
    """Add hips, belly, chest, shoulders, neck, head and hair."""
    flat = (0.84, 1.12, 1.0)
    add((_v(0, 0, 0.93) + lift, _v(0, 0, 0.99) + lift), (0.148, 0.145), clothes.trousers, flat)
    add((_v(0, 0, 0.97) + lift, _v(0.01, 0, 1.14) + lift), (0.164, 0.152), clothes.jacket, flat)
    add((_v(0.01, 0, 1.14) + lift, _v(0.02, 0, 1.34) + lift), (0.150, 0.160), clothes.jacket, flat)
    for side in (-1, 1):
        ends = (_v(0.01, side * 0.06, 1.44) + lift, _v(0.01, side * 0.165, 1.42) + lift)
        add(ends, (0.085, 0.075), clothes.jacket)
    add((_v(0.02, 0, 1.45) + lift, _v(0.035, 0, 1.56) + lift), (0.062, 0.055), SKIN)
    add(
        (_v(0.045, 0, 1.60) + lift, _v(0.04, 0, 1.68) + lift),
        (0.075, 0.092),
        SKIN,
        (1.04, 0.88, 1.0),
    )
    add(
        (_v(0.0, 0, 1.655) + lift, _v(0.015, 0, 1.695) + lift),
        (0.088, 0.095),
        clothes.hair,
        (1.05, 0.93, 1),
    )
    if clothes.bag is not None:
        add(
            (_v(-0.18, 0, 1.12) + lift, _v(-0.17, 0, 1.36) + lift),
            (0.12, 0.12),
            clothes.bag,
            (0.7, 1.1, 1),
        )


def _add_arms(add: Callable[..., None], clothes: Clothes, cycle: float, lift: Floats) -> None:
    """Add arms that swing against the legs."""
    for side, shift in ((1.0, 0.5), (-1.0, 0.0)):
        swing = 0.42 * math.cos(2 * math.pi * (cycle + shift)) - 0.05
        shoulder = _v(0.01, side * 0.195, 1.41) + lift
        upper = _v(math.sin(swing), side * 0.12, -math.cos(swing))
        bend = swing + 0.28 + 0.18 * math.cos(2 * math.pi * (cycle + shift))
        lower = _v(math.sin(bend), side * 0.02, -math.cos(bend))
        elbow = shoulder + 0.29 * upper
        wrist = elbow + 0.25 * lower
        add((shoulder, elbow), (0.068, 0.058), clothes.jacket)
        add((elbow, wrist), (0.058, 0.046), clothes.jacket)
        add((wrist + 0.02 * lower, wrist + 0.11 * lower), (0.04, 0.032), SKIN, (1.1, 0.75, 1))
