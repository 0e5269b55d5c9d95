"""
From any coordinate system to the park's: EPSG:28992 (RD New), in metres.

A missing system is asked for, never guessed. Without transformation grids EPSG:4326 to EPSG:28992
is good to 1 m (design/coverage.md, section 8). Data outside the Netherlands are refused, because
RD New holds nowhere else; for a trial they can be relocated on request: a transverse Mercator
projection around their own middle, shifted to the middle of RD New, has true distances (within
1e-4 up to 80 km from its middle) but the positions are not real.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePath

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from parkwacht_config.errors import ConfigError, CoverageError
from parkwacht_config.features import coordinate_problem
from parkwacht_config.site import RD_X_RANGE_M, RD_Y_RANGE_M
from parkwacht_config.text import Text
from parkwacht_coverage.importing.model import Bools, Floats, Layer, Objects

RD = CRS.from_epsg(28992)
RD_MIDDLE_M = (155_000.0, 463_000.0)  # Amersfoort, the origin of RD New
DEGREES_LIMIT = 360.0
ACCURACY_M = 1.0


@dataclass(frozen=True, slots=True)
class CrsChoice:
    """What the user said about coordinate systems: for files without one, and per file name."""

    default: str | None = None
    by_file: Mapping[str, str] = ()  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Frame:
    """
    Where everything is brought to.

    `target` is RD New, or a relocating projection around `middle_deg` (longitude, latitude).
    """

    target: CRS
    middle_deg: tuple[float, float] | None = None

    @property
    def is_relocated(self) -> bool:
        """Whether positions are not real."""
        return self.middle_deg is not None


def read_crs(written: str, where: str) -> CRS:
    """
    Read a coordinate system; of one with heights the horizontal part.

    Parameters
    ----------
    written
        Such as "EPSG:28992", an urn or WKT.
    where
        Who says so, for the message.

    Raises
    ------
    ConfigError
        There is no such system.
    """
    try:
        crs = CRS.from_user_input(written)
    except CRSError:
        right = Text("een coördinatenstelsel als EPSG:28992", "a coordinate system: EPSG:28992")
        raise ConfigError.at(where, "crs", written[:80], right) from None
    while crs.is_compound or crs.is_bound:
        inner = crs.sub_crs_list[0] if crs.is_compound else crs.source_crs
        crs = inner if inner is not None else crs
    return crs.to_2d()


def parse_crs_options(given: Sequence[str]) -> CrsChoice:
    """Read what `--crs` said: "EPSG:n" for files that name none, "FILE=EPSG:n" for one file."""
    default, by_file = None, {}
    for one in given:
        name, _, code = one.rpartition("=")
        read_crs(code, "--crs")
        if name:
            by_file[PurePath(name).name] = code
        else:
            default = code
    return CrsChoice(default, by_file)


def settle_crs(layer: Layer, choice: CrsChoice) -> Layer:
    """
    Return the layer with the coordinate system that holds for it.

    Raises
    ------
    ConfigError
        The file names none and neither did the user.
    """
    said = choice.by_file.get(PurePath(layer.source).name)
    if said is not None:
        return replace(layer, crs=said)
    bounds = _bounds(layer.geometry)
    if layer.crs is not None and bounds is not None:
        is_degrees = read_crs(layer.crs, layer.source).is_geographic
        # GeoJSON that names no system means degrees by its standard; metres show that it lies
        if is_degrees and np.abs(bounds).max() > DEGREES_LIMIT:
            layer = replace(layer, crs=None)
    if layer.crs is None and bounds is not None:
        if choice.default is None:
            raise _crs_missing(layer, bounds)
        layer = replace(layer, crs=choice.default)
    return layer


def _bounds(geometry: Objects) -> Floats | None:
    """Return (left, bottom, right, top) of what has a place, or None."""
    bounds = shapely.total_bounds(geometry) if len(geometry) else np.full(4, np.nan)
    return bounds if np.isfinite(bounds).all() else None


def _crs_missing(layer: Layer, bounds: Floats) -> ConfigError:
    """Say that the system must be named, and what the numbers look like."""
    middle = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    problem = coordinate_problem(*middle)
    looks = (
        Text(
            "ze lijken op RD New: klopt dat, geef dan --crs EPSG:28992",
            "they look like RD New: if so, give --crs EPSG:28992",
        )
        if problem is None
        else Text(f"zo te zien: {problem.nl}", f"by the look of it: {problem.en}")
    )
    numbers = f"x {bounds[0]:.6g}..{bounds[2]:.6g}, y {bounds[1]:.6g}..{bounds[3]:.6g}"
    where = f"{layer.source} [{layer.name}]"
    return ConfigError(
        Text(
            nl=f"{where}: het bestand noemt geen (kloppend) coördinatenstelsel; noem het met --crs "
            f"EPSG:nummer. De coördinaten zijn {numbers}; {looks.nl}",
            en=f"{where}: the file names no coordinate system (that fits); name it with --crs "
            f"EPSG:number. The coordinates are {numbers}; {looks.en}",
        )
    )


def choose_frame(layers: Sequence[Layer], *, relocate: bool) -> Frame:
    """
    Decide where everything is brought to.

    Parameters
    ----------
    layers
        With their coordinate systems settled.
    relocate
        Whether data from abroad may be moved into RD New, for a trial.

    Raises
    ------
    CoverageError
        A layer lies outside the Netherlands, or its x and y are swapped.
    """
    abroad = [one for one in layers if _is_abroad(one)]
    if not abroad:
        return Frame(RD)
    if not relocate:
        raise _abroad_error(abroad[0])
    return _relocating_frame(layers)


def _middle(layer: Layer) -> tuple[float, float] | None:
    """Return the median place of a layer, in its own coordinates."""
    xy = shapely.get_coordinates(layer.geometry)
    xy = xy[np.isfinite(xy).all(axis=1)]
    return (float(np.median(xy[:, 0])), float(np.median(xy[:, 1]))) if len(xy) else None


def _is_abroad(layer: Layer) -> bool:
    """Whether the middle of a layer is outside the area of use of RD New."""
    middle = _middle(layer)
    if middle is None or layer.crs is None:
        return False
    return coordinate_problem(*_to_rd_point(layer.crs, middle)) is not None


def _to_rd_point(crs: str, point: tuple[float, float]) -> tuple[float, float]:
    x, y = _transformer(crs, RD.to_wkt()).transform(*point)
    return (float(x), float(y)) if np.isfinite([x, y]).all() else (9e9, 9e9)


def _abroad_error(layer: Layer) -> CoverageError:
    """Say where the data lie, or that x and y are swapped."""
    where, middle = f"{layer.source} [{layer.name}]", _middle(layer) or (0.0, 0.0)
    crs = layer.crs or ""
    name = read_crs(crs, layer.source).name
    swapped = coordinate_problem(*_to_rd_point(crs, (middle[1], middle[0]))) is None
    numbers = f"({middle[0]:.7g}, {middle[1]:.7g})"
    if swapped:
        return CoverageError(
            Text(
                nl=f"{where}: x en y lijken verwisseld: {numbers} in {name} ligt buiten Nederland, "
                "omgewisseld erbinnen; herstel het bestand",
                en=f"{where}: x and y look swapped: {numbers} in {name} lies outside the "
                "Netherlands, swapped inside; mend the file",
            )
        )
    longitude, latitude = _transformer(crs, "EPSG:4326").transform(*middle)
    there = (
        f"{latitude:.4f}° N, {longitude:.4f}° E"
        if np.isfinite([latitude, longitude]).all()
        else numbers
    )
    return CoverageError(
        Text(
            nl=f"{where}: ligt buiten Nederland ({there}, gelezen als {name}); RD New "
            "(EPSG:28992) geldt daar niet. Klopt het stelsel niet, geef dan --crs "
            "BESTAND=EPSG:nummer. Alleen om te proberen: --relocate verplaatst alles, met ware "
            "afstanden maar onechte posities",
            en=f"{where}: lies outside the Netherlands ({there}, read as {name}); RD New "
            "(EPSG:28992) does not hold there. If the system is wrong, give --crs "
            "FILE=EPSG:number. For a trial only: --relocate moves everything, with true "
            "distances but unreal positions",
        )
    )


def _relocating_frame(layers: Sequence[Layer]) -> Frame:
    """Lay a transverse Mercator projection around the middle of all layers."""
    middles = []
    for layer in layers:
        middle = _middle(layer)
        if middle is not None and layer.crs is not None:
            middles.append(_transformer(layer.crs, "EPSG:4326").transform(*middle))
    longitude, latitude = np.round(np.median(np.array(middles), axis=0), 4)
    written = (
        f"+proj=tmerc +lat_0={latitude} +lon_0={longitude} +k=1 +x_0={RD_MIDDLE_M[0]} "
        f"+y_0={RD_MIDDLE_M[1]} +ellps=WGS84 +units=m +type=crs"
    )
    return Frame(CRS.from_user_input(written), (float(longitude), float(latitude)))


@lru_cache(maxsize=64)
def _transformer(source: str, target: str) -> Transformer:
    crs = read_crs(source, "crs")
    return Transformer.from_crs(crs, CRS.from_user_input(target), always_xy=True)


def to_frame(layer: Layer, frame: Frame) -> Objects:
    """
    Bring the geometry of a layer to the park's frame, in metres with x east and y north.

    Parameters
    ----------
    layer
        With its coordinate system settled.
    frame
        Where to.

    Returns
    -------
    geometry
        Two-dimensional, rounded to millimetres, None where there was none; shape (N,).
    """
    flat = shapely.force_2d(layer.geometry)
    if layer.crs is None:
        return flat
    source = read_crs(layer.crs, layer.source)
    if source == frame.target or (source.to_epsg() == RD.to_epsg() and not frame.is_relocated):
        return shapely.transform(flat, lambda xy: np.round(xy, 3))
    through = _transformer(layer.crs, frame.target.to_wkt())

    def convert(xy: Floats) -> Floats:
        x, y = through.transform(xy[:, 0], xy[:, 1])
        return np.round(np.column_stack((x, y)), 3)

    return shapely.transform(flat, convert)


def outside_rd(geometry: Objects) -> Bools:
    """Return which shapes are not wholly in the area of use of RD New, shape (N,)."""
    left, bottom, right, top = shapely.bounds(geometry).T
    inside = (left >= RD_X_RANGE_M[0]) & (right <= RD_X_RANGE_M[1])
    inside &= (bottom >= RD_Y_RANGE_M[0]) & (top <= RD_Y_RANGE_M[1])
    found: Bools = ~inside & ~np.isnan(left)
    return found
