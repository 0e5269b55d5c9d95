"""
Which class of IEC 62676-4 a pixel density reaches, in the 2014 and in the 2025 edition.

Densities are pixels per metre across the target plane. The thresholds and where each was read
stand in `classes.toml`; a report always names the edition.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text

# A density that reaches a threshold but for rounding counts as reaching it.
RELATIVE_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class DensityClass:
    """One class: what can be done with an image of at least this pixel density."""

    id: str
    name: Text
    min_px_per_m: float
    source: str

    @property
    def threshold_px_per_m(self) -> float:
        """The density from which the class holds, less the slack for rounding."""
        return self.min_px_per_m * (1 - RELATIVE_SLACK)

    def reach_m(self, f_px: float) -> float:
        """
        Compute how deep the class reaches: f_px / density (design/coverage.md, section 4).

        Parameters
        ----------
        f_px
            Focal length in pixels.

        Returns
        -------
        reach_m
            Depth along the optical axis, in metres.
        """
        return f_px / self.min_px_per_m


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of the standard: its classes, ascending, and the one a study aims at."""

    id: str
    title: str
    classes: tuple[DensityClass, ...]
    default_class_id: str

    def find(self, class_id: str | None = None) -> DensityClass:
        """
        Return the class of this id; None returns the edition's default.

        Raises
        ------
        CoverageError
            The edition has no such class.
        """
        wanted = self.default_class_id if class_id is None else class_id
        for one in self.classes:
            if one.id == wanted:
                return one
        known = ", ".join(one.id for one in self.classes)
        raise CoverageError(
            Text(
                nl=f"{self.title} heeft geen klasse {wanted!r}; wel: {known}",
                en=f"{self.title} has no class {wanted!r}; it has: {known}",
            )
        )

    def class_at(self, density_px_per_m: float) -> DensityClass | None:
        """Return the highest class this density reaches, or None below the lowest."""
        index = int(self.ranks(np.array([density_px_per_m]))[0])
        return self.classes[index - 1] if index else None

    def ranks(self, density_px_per_m: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """
        Find the class of each density.

        Parameters
        ----------
        density_px_per_m
            Pixels per metre, shape (N,).

        Returns
        -------
        ranks
            0 for none, else 1 + the index in `classes`; shape (N,).
        """
        thresholds = np.array([one.threshold_px_per_m for one in self.classes])
        return np.searchsorted(thresholds, density_px_per_m, side="right").astype(np.int64)


@cache
def load_editions() -> dict[str, Edition]:
    """Read both editions from `classes.toml`, by id."""
    text = files("parkwacht_coverage").joinpath("classes.toml").read_text(encoding="utf-8")
    editions: dict[str, Edition] = {}
    for table in tomllib.loads(text)["editions"]:
        classes = tuple(
            DensityClass(
                id=row["id"],
                name=Text(nl=row["nl"], en=row["en"]),
                min_px_per_m=row["min_px_per_m"],
                source=row["source"],
            )
            for row in table["classes"]
        )
        editions[table["id"]] = Edition(
            id=table["id"],
            title=table["title"],
            classes=classes,
            default_class_id=table["default_class"],
        )
    return editions


def find_edition(edition_id: str) -> Edition:
    """
    Return the edition of this id ("2014" or "2025").

    Raises
    ------
    CoverageError
        There is no such edition.
    """
    editions = load_editions()
    if edition_id not in editions:
        known = ", ".join(editions)
        raise CoverageError(
            Text(
                nl=f"uitgave {edition_id!r} van IEC 62676-4 is onbekend; wel: {known}",
                en=f"edition {edition_id!r} of IEC 62676-4 is unknown; there are: {known}",
            )
        )
    return editions[edition_id]
