"""
How far a thermal camera detects, recognises and identifies: Johnson's criteria.

A level holds where enough pixels lie over the critical dimension of the target, its smaller one.
Criteria and targets stand in `classes.toml` with their sources; the range of a level is
f_px x critical dimension / pixels. A thermal camera sees warmth: it needs no light, and its images
reach no pixel-density class (design/coverage.md, section 3). Visible cameras are refused here.
Contrast between target and background, weather and lens are not modelled.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import CameraType
from parkwacht_config.text import Text
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import RELATIVE_SLACK

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ThermalTarget:
    """What is to be told apart from its surroundings, as a rectangle."""

    id: str
    name: Text
    width_m: float
    height_m: float
    source: str

    @property
    def critical_m(self) -> float:
        """The smaller dimension, which Johnson's criteria count over."""
        return min(self.width_m, self.height_m)


@dataclass(frozen=True, slots=True)
class ThermalLevel:
    """One level: what half of the observers can do with so many pixels."""

    id: str
    name: Text
    min_px: float
    source: str

    def min_px_per_m(self, target: ThermalTarget) -> float:
        """Return the pixel density from which the level holds for a target."""
        return self.min_px / target.critical_m

    def range_m(self, f_px: float, target: ThermalTarget) -> float:
        """
        Compute how far the level reaches: f_px x critical dimension / pixels.

        Parameters
        ----------
        f_px
            Focal length in pixels.
        target
            What is to be seen.

        Returns
        -------
        range_m
            Depth along the optical axis, in metres.
        """
        return f_px * target.critical_m / self.min_px


@dataclass(frozen=True, slots=True)
class ThermalCriterion:
    """One set of levels, ascending in pixels."""

    id: str
    name: Text
    levels: tuple[ThermalLevel, ...]

    def find(self, level_id: str) -> ThermalLevel:
        """
        Return the level of this id.

        Raises
        ------
        CoverageError
            The criterion has no such level.
        """
        return _find({one.id: one for one in self.levels}, level_id, "thermal level", "niveau")


@cache
def load_criteria() -> dict[str, ThermalCriterion]:
    """Read the criteria from `classes.toml`, by id: Johnson's, and the makers' alternative."""
    found = {}
    for table in _tables()["thermal_criteria"]:
        levels = tuple(
            ThermalLevel(one["id"], Text(one["nl"], one["en"]), one["min_px"], one["source"])
            for one in table["levels"]
        )
        found[table["id"]] = ThermalCriterion(table["id"], Text(table["nl"], table["en"]), levels)
    return found


@cache
def load_targets() -> dict[str, ThermalTarget]:
    """Read the targets from `classes.toml`, by id."""
    return {
        one["id"]: ThermalTarget(
            one["id"], Text(one["nl"], one["en"]), one["width_m"], one["height_m"], one["source"]
        )
        for one in _tables()["thermal_targets"]
    }


def find_criterion(criterion_id: str = "johnson") -> ThermalCriterion:
    """
    Return the criterion of this id.

    Raises
    ------
    CoverageError
        There is no such criterion.
    """
    return _find(load_criteria(), criterion_id, "thermal criterion", "criterium")


def find_target(target_id: str) -> ThermalTarget:
    """
    Return the target of this id.

    Raises
    ------
    CoverageError
        There is no such target.
    """
    return _find(load_targets(), target_id, "thermal target", "doel")


def thermal_ranks(
    model: CameraModel,
    camera_type: CameraType,
    points_m: Floats,
    target: ThermalTarget,
    *,
    criterion: ThermalCriterion | None = None,
) -> Ints:
    """
    Find which level a thermal camera reaches at points, walls disregarded, by day as by night.

    Parameters
    ----------
    model
        The camera.
    camera_type
        Its type, which must be thermal.
    points_m
        Points (x, y, height above ground), shape (N, 3), in metres.
    target
        What is to be seen there.
    criterion
        Whose levels; None means Johnson's.

    Returns
    -------
    ranks
        0 for none or outside the image, else 1 + the index in `criterion.levels`; shape (N,).

    Raises
    ------
    CoverageError
        The camera is not a thermal one.
    """
    require_thermal(camera_type)
    levels = (criterion or find_criterion()).levels
    bounds = [one.min_px_per_m(target) * (1 - RELATIVE_SLACK) for one in levels]
    density = np.where(model.is_in_view(points_m), model.pixel_density_px_per_m(points_m), 0.0)
    return np.searchsorted(np.array(bounds), density, side="right").astype(np.int64)


def require_thermal(camera_type: CameraType) -> None:
    """
    Refuse a camera for visible light.

    Raises
    ------
    CoverageError
        The camera is not a thermal one.
    """
    if not camera_type.is_thermal:
        raise CoverageError(
            Text(
                nl=f"cameratype {camera_type.id!r} is geen warmtebeeldcamera (is_thermal): "
                "de criteria van Johnson gelden daar niet voor, wel de klassen van IEC 62676-4",
                en=f"camera type {camera_type.id!r} is not thermal (is_thermal): "
                "Johnson's criteria do not hold for it, the classes of IEC 62676-4 do",
            )
        )


def _find(known: Mapping[str, T], wanted: str, what: str, what_nl: str) -> T:
    if wanted in known:
        return known[wanted]
    listed = ", ".join(known)
    raise CoverageError(
        Text(
            nl=f"{what_nl} {wanted!r} voor warmtebeeld is onbekend; wel: {listed}",
            en=f"{what} {wanted!r} is unknown; there are: {listed}",
        )
    )


def _tables() -> dict[str, Any]:
    text = files("parkwacht_coverage").joinpath("classes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
