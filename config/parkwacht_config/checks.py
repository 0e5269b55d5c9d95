"""What must hold between the parts of a park: references, ids, images, distances."""

from collections.abc import Collection, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from shapely.geometry import Point, Polygon
from shapely.validation import explain_validity

from parkwacht_config.errors import ConfigError
from parkwacht_config.layers import coordinate_problem
from parkwacht_config.site import Camera, CameraType, Site, Zone
from parkwacht_config.text import Text
from parkwacht_config.validation import one_of

FREE_RETENTION_DAYS = 28  # Dutch practice: four weeks at most (Gemeentewet 151c, DPA guidance)
NEAR_PARK_M = 1000.0  # a camera or mount farther from the park is a typing error
MIN_CORNERS = 3


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


def check_site(site: Site, *, zones_path: Path, map_zone_ids: Collection[str]) -> None:
    """
    Check what holds between the parts of a park.

    Parameters
    ----------
    site
        The park.
    zones_path
        The layer of the map zones, for the messages.
    map_zone_ids
        Ids of the zones that stand in that layer.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    _check_process(site)
    _check_ids(site)
    for camera in site.cameras:
        _check_camera(site, camera)
    for zone in site.zones:
        in_layer = zone.id in map_zone_ids
        where = str(zones_path if in_layer else site.path)
        key = f"features[{zone.id}].properties" if in_layer else f"zones[{zone.id}]"
        _check_zone(site, zone, where, key)
    for mount in site.mounts:
        if site.boundary.distance(mount.point) > NEAR_PARK_M:
            raise ConfigError.at(
                str(site.path), f"layers.mounts: features[{mount.id}]", mount.point.wkt, _far_text()
            )


def _far_text() -> Text:
    """Say that a point is far from the park."""
    return Text(
        f"ligt meer dan {NEAR_PARK_M:.0f} m van de terreingrens",
        f"lies more than {NEAR_PARK_M:.0f} m from the park's outline",
    )


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


def _check_ids(site: Site) -> None:
    """Check that no id is used twice among cameras, zones, calendars and receivers."""
    seen: dict[str, str] = {}
    named: list[tuple[str, Sequence[str]]] = [
        ("armings", list(site.armings)),
        ("cameras", [one.id for one in site.cameras]),
        ("zones", [one.id for one in site.zones]),
        ("receivers", [one.id for one in site.receivers]),
    ]
    for table, ids in named:
        for one in ids:
            if one in seen:
                right = Text(
                    f"deze id bestaat al onder {seen[one]}", f"this id exists under {seen[one]}"
                )
                raise ConfigError.at(str(site.path), f"{table}[{one}].id", one, right)
            seen[one] = table


def _check_camera(site: Site, camera: Camera) -> None:
    """Check type, place and lens of a camera."""
    where, key = str(site.path), f"cameras[{camera.id}]"
    camera_type = site.camera_types.get(camera.type_id)
    if camera_type is None:
        right = one_of(list(site.camera_types), camera.type_id)
        raise ConfigError.at(where, f"{key}.type_id", camera.type_id, right)
    place = (camera.x_m, camera.y_m)
    problem = coordinate_problem(*place)
    if problem is None and site.boundary.distance(Point(place)) > NEAR_PARK_M:
        problem = _far_text()
    if problem is not None:
        raise ConfigError.at(where, f"{key}.x_m, y_m", place, problem)
    shortest, longest = camera_type.focal_length_mm, camera_type.focal_length_max_mm
    chosen = camera.focal_length_mm
    if longest is not None and chosen is not None and not shortest <= chosen <= longest:
        right = Text(
            f"in millimeters, {shortest:g} tot {longest:g} voor {camera_type.id}",
            f"in millimetres, {shortest:g} to {longest:g} for {camera_type.id}",
        )
        raise ConfigError.at(where, f"{key}.focal_length_mm", chosen, right)


def _check_zone(site: Site, zone: Zone, where: str, key: str) -> None:
    """Check calendar, classes and polygon of a zone."""
    if zone.arming_id not in site.armings:
        right = one_of(list(site.armings), zone.arming_id)
        raise ConfigError.at(where, f"{key}.arming_id", zone.arming_id, right)
    if not zone.classes:
        right = Text("minstens één klasse", "at least one class")
        raise ConfigError.at(where, f"{key}.classes", [], right)
    polygon = zone.polygon_px or zone.polygon_m
    if polygon is None or (zone.polygon_px is None) == (zone.polygon_m is None):
        right = Text(
            "precies één van polygon_px (met camera_id) en polygon_m",
            "exactly one of polygon_px (with camera_id) and polygon_m",
        )
        given = [name for name in ("polygon_px", "polygon_m") if getattr(zone, name) is not None]
        raise ConfigError.at(where, key, given, right)
    if zone.polygon_px is not None:
        _check_image_zone(site, zone, where, key)
    else:
        _check_map_zone(zone, where, key)
    name = "polygon_m" if zone.polygon_px is None else "polygon_px"
    if len(set(polygon)) < MIN_CORNERS:
        right = Text("minstens drie verschillende hoeken", "at least three different corners")
        raise ConfigError.at(where, f"{key}.{name}", polygon, right)
    shape = Polygon(polygon)
    if not shape.is_valid or shape.area <= 0:
        reason = explain_validity(shape)
        right = Text(
            f"de vorm kruist of raakt zichzelf, of heeft geen oppervlak ({reason})",
            f"the shape crosses or touches itself, or has no area ({reason})",
        )
        raise ConfigError.at(where, f"{key}.{name}", polygon, right)


def _check_image_zone(site: Site, zone: Zone, where: str, key: str) -> None:
    """Check that an image zone lies inside its camera's image."""
    camera = site.camera(zone.camera_id) if zone.camera_id is not None else None
    if camera is None:
        right = one_of([one.id for one in site.cameras], zone.camera_id)
        raise ConfigError.at(where, f"{key}.camera_id", zone.camera_id, right)
    image = site.camera_types[camera.type_id]
    for x_px, y_px in zone.polygon_px or ():
        if not (0 <= x_px <= image.width_px and 0 <= y_px <= image.height_px):
            right = Text(
                f"binnen het beeld van {camera.id}: 0 tot {image.width_px} en "
                f"0 tot {image.height_px} pixels",
                f"inside the image of {camera.id}: 0 to {image.width_px} and "
                f"0 to {image.height_px} pixels",
            )
            raise ConfigError.at(where, f"{key}.polygon_px", (x_px, y_px), right)


def _check_map_zone(zone: Zone, where: str, key: str) -> None:
    """Check that a map zone names no camera and lies in the Netherlands."""
    if zone.camera_id is not None:
        right = Text(
            "alleen bij polygon_px; een kaartzone geldt voor alle camera's",
            "only with polygon_px; a map zone holds for every camera",
        )
        raise ConfigError.at(where, f"{key}.camera_id", zone.camera_id, right)
    for x_m, y_m in zone.polygon_m or ():
        problem = coordinate_problem(x_m, y_m)
        if problem is not None:
            raise ConfigError.at(where, f"{key}.polygon_m", (x_m, y_m), problem)
