"""What must hold between the parts of a park: references, ids, distances, the process."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from parkwacht_config.check_goals import check_goals
from parkwacht_config.check_views import (
    NEAR_PARK_M,
    check_camera,
    check_line,
    check_mask,
    check_zone,
    far_text,
)
from parkwacht_config.errors import ConfigError
from parkwacht_config.site import CameraType, Site
from parkwacht_config.text import Text
from parkwacht_config.validation import one_of

FREE_RETENTION_DAYS = 28  # Dutch practice: four weeks at most (Gemeentewet 151c, DPA guidance)
# Layers of which every object belongs to the park, and how each keeps its shape. A layer of
# buildings or lamp posts may be a whole town's: what stands far away does no harm.
NEAR_LAYERS = MappingProxyType(
    {
        "public_areas": "polygon",
        "private_areas": "polygon",
        "purpose_areas": "polygon",
        "trees": "point",
        "routes": "line",
        "gates": "line",
        "mounts": "point",
    }
)


@dataclass(frozen=True, slots=True)
class Origins:
    """
    Which file each part of a park was read from, so that a message can name it.

    `layers` are the paths of the layers by key; of the cameras and masks the first `n_cameras` and
    `n_masks` stand in the TOML, the others in the camera file; `map_zone_ids` are the ids of the
    zones in the zones layer.
    """

    toml: Path
    layers: dict[str, Path]
    camera_file: Path
    n_cameras: int
    n_masks: int
    map_zone_ids: Collection[str]

    def of_camera(self, number: int) -> str:
        """Return the file of a camera, by its number from 0."""
        return str(self.toml if number < self.n_cameras else self.camera_file)

    def of_mask(self, number: int) -> str:
        """Return the file of a mask, by its number from 0."""
        return str(self.toml if number < self.n_masks else self.camera_file)

    def of_zone(self, zone_id: str) -> tuple[str, str]:
        """Return file and key of a zone."""
        if zone_id in self.map_zone_ids:
            return str(self.layers["zones"]), f"features[{zone_id}].properties"
        return str(self.toml), f"zones[{zone_id}]"


def check_catalogue(camera_types: Sequence[CameraType], path: Path) -> None:
    """
    Check that ids are unique and zoom lenses run upwards.

    Parameters
    ----------
    camera_types
        The types, in the order of the file.
    path
        The file, for the message.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    seen: set[str] = set()
    for one in camera_types:
        key = f"camera_types[{one.id}]"
        if one.id in seen:
            right = Text("elke id komt één keer voor", "every id occurs once")
            raise ConfigError.at(str(path), f"{key}.id", one.id, right)
        seen.add(one.id)
        longest = one.focal_length_max_mm
        if longest is not None and longest < one.focal_length_mm:
            right = Text(
                f"in millimeters, niet minder dan focal_length_mm ({one.focal_length_mm:g})",
                f"in millimetres, not less than focal_length_mm ({one.focal_length_mm:g})",
            )
            raise ConfigError.at(str(path), f"{key}.focal_length_max_mm", longest, right)


def check_site(site: Site, origins: Origins) -> None:
    """
    Check what holds between the parts of a park.

    Parameters
    ----------
    site
        The park.
    origins
        The files it was read from, for the messages.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    _check_process(site)
    _check_ids(site, origins)
    for number, camera in enumerate(site.cameras):
        check_camera(site, camera, origins.of_camera(number))
    for zone in site.zones:
        where, key = origins.of_zone(zone.id)
        check_zone(site, zone, where, key)
    for line in site.lines:
        check_line(site, line, str(site.path))
    for number, mask in enumerate(site.privacy_masks):
        check_mask(site, mask, origins.of_mask(number))
    for layer, attribute in NEAR_LAYERS.items():
        _check_near(site, layer, attribute, origins)
    check_goals(site)
    _check_oidc(site)


def _check_process(site: Site) -> None:
    """Check time zone, default calendar and retention."""
    where = str(site.path)
    try:
        ZoneInfo(site.timezone)
    except (ValueError, OSError, KeyError):
        right = Text("een IANA-tijdzone als Europe/Amsterdam", "an IANA zone: Europe/Amsterdam")
        raise ConfigError.at(where, "timezone", site.timezone, right) from None
    if site.default_arming_id not in site.armings:
        right = one_of(list(site.armings), site.default_arming_id)
        raise ConfigError.at(where, "default_arming", site.default_arming_id, right)
    kept = site.retention.images_days
    if kept > FREE_RETENTION_DAYS and not site.retention.reason.strip():
        right = Text(
            f"in dagen, hoogstens {FREE_RETENTION_DAYS}; meer vraagt een retention.reason",
            f"in days, at most {FREE_RETENTION_DAYS}; more needs a retention.reason",
        )
        raise ConfigError.at(where, "retention.images_days", kept, right)


def _check_ids(site: Site, origins: Origins) -> None:
    """Check that no id is used twice among the tables of the TOML and the camera file."""
    toml = str(site.path)
    named = [(toml, "armings", one) for one in site.armings]
    named += [(origins.of_camera(n), "cameras", one.id) for n, one in enumerate(site.cameras)]
    named += [(toml, "zones", one.id) for one in site.zones]
    named += [(toml, "lines", one.id) for one in site.lines]
    named += [(toml, "receivers", one.id) for one in site.receivers]
    named += [
        (origins.of_mask(n), "privacy_masks", one.id) for n, one in enumerate(site.privacy_masks)
    ]
    seen: dict[str, tuple[str, str]] = {}
    for where, table, one in named:
        if one in seen:
            first_where, first_table = seen[one]
            file = "" if where == first_where else f" ({first_where})"
            right = Text(
                f"deze id bestaat al onder {first_table}{file}",
                f"this id exists under {first_table}{file}",
            )
            raise ConfigError.at(where, f"{table}[{one}].id", one, right)
        seen[one] = (where, table)


def _check_oidc(site: Site) -> None:
    """Check that a role of the log-in service is bound to a receiver that there is."""
    known = [one.id for one in site.receivers]
    for n, one in enumerate(site.oidc.roles if site.oidc else ()):
        if one.receiver_id is not None and one.receiver_id not in known:
            right = one_of(known, one.receiver_id)
            key = f"oidc.roles[{n}].receiver_id"
            raise ConfigError.at(str(site.path), key, one.receiver_id, right)


def _check_near(site: Site, layer: str, attribute: str, origins: Origins) -> None:
    """Check that every object of a layer lies near the park."""
    features = getattr(site, layer)
    shapes: list[BaseGeometry] = [getattr(one, attribute) for one in features]
    if not shapes:
        return
    distances_m = shapely.distance(np.array(shapes, dtype=object), site.boundary)
    farthest = int(np.argmax(distances_m))
    if distances_m[farthest] > NEAR_PARK_M:
        middle = shapes[farthest].representative_point()
        place = (round(middle.x, 2), round(middle.y, 2))
        where = str(origins.layers.get(layer, origins.toml))
        raise ConfigError.at(where, f"features[{features[farthest].id}]", place, far_text())
