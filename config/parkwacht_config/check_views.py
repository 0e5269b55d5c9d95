"""What must hold for cameras and for what they watch: zones, lines and privacy masks."""

from collections.abc import Sequence
from types import MappingProxyType

from shapely.geometry import LineString, Point, Polygon
from shapely.validation import explain_validity

from parkwacht_config.errors import ConfigError
from parkwacht_config.features import coordinate_problem
from parkwacht_config.site import (
    Camera,
    CameraType,
    Line,
    PrivacyMask,
    Site,
    Zone,
    ZoneRule,
)
from parkwacht_config.text import Text
from parkwacht_config.validation import one_of

NEAR_PARK_M = 1000.0  # what belongs to the park and lies farther from it is a typing error
MIN_CORNERS = 3
MIN_POINTS = 2
Corners = Sequence[tuple[float, float]]
# What a rule must say and what it may; the same key with another rule would do nothing.
RULE_KEYS = MappingProxyType(
    {
        ZoneRule.LOITERING: ("dwell_s",),
        ZoneRule.STOPPED_VEHICLE: ("dwell_s",),
        ZoneRule.DIRECTION: ("heading_deg",),
        ZoneRule.COUNT: ("min_count",),
    }
)
MAY_KEYS = MappingProxyType({ZoneRule.DIRECTION: ("tolerance_deg",)})
_VEHICLE_RULES = frozenset({ZoneRule.STOPPED_VEHICLE, ZoneRule.ARRIVAL_DEPARTURE})


def far_text() -> Text:
    """Say that something lies far from the park."""
    return Text(
        f"ligt meer dan {NEAR_PARK_M:.0f} m van de terreingrens",
        f"lies more than {NEAR_PARK_M:.0f} m from the park's outline",
    )


def check_camera(site: Site, camera: Camera, where: str) -> None:
    """
    Check type, place, lens and presets of a camera.

    Parameters
    ----------
    site
        The park.
    camera
        One of its cameras.
    where
        The file it stands in, for the message.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    key = f"cameras[{camera.id}]"
    camera_type = site.camera_types.get(camera.type_id)
    if camera_type is None:
        right = one_of(list(site.camera_types), camera.type_id)
        raise ConfigError.at(where, f"{key}.type_id", camera.type_id, right)
    place = (camera.x_m, camera.y_m)
    problem = coordinate_problem(*place)
    if problem is None and site.boundary.distance(Point(place)) > NEAR_PARK_M:
        problem = far_text()
    if problem is not None:
        raise ConfigError.at(where, f"{key}.x_m, y_m", place, problem)
    _check_focal_length(camera_type, camera.focal_length_mm, where, key)
    _check_presets(camera_type, camera, where, key)


def _check_focal_length(
    camera_type: CameraType, chosen_mm: float | None, where: str, key: str
) -> None:
    """Check that a zoom lens has the focal length that is asked of it."""
    shortest, longest = camera_type.focal_length_mm, camera_type.focal_length_max_mm
    if longest is not None and chosen_mm is not None and not shortest <= chosen_mm <= longest:
        right = Text(
            f"in millimeters, {shortest:g} tot {longest:g} voor {camera_type.id}",
            f"in millimetres, {shortest:g} to {longest:g} for {camera_type.id}",
        )
        raise ConfigError.at(where, f"{key}.focal_length_mm", chosen_mm, right)


def _check_presets(camera_type: CameraType, camera: Camera, where: str, key: str) -> None:
    """Check that only a pan-tilt-zoom camera has presets, each with a name and lens of its own."""
    if camera.presets and not camera_type.is_ptz:
        right = Text(
            f"alleen bij een draaibare camera (is_ptz); {camera_type.id} staat vast",
            f"only with a pan-tilt-zoom camera (is_ptz); {camera_type.id} is fixed",
        )
        raise ConfigError.at(where, f"{key}.presets", [one.name for one in camera.presets], right)
    seen: set[str] = set()
    for number, preset in enumerate(camera.presets, 1):
        place = f"{key}.presets[#{number}]"
        if not preset.name.strip() or preset.name in seen:
            right = Text(
                "een naam die bij deze camera één keer voorkomt",
                "a name that occurs once at this camera",
            )
            raise ConfigError.at(where, f"{place}.name", preset.name, right)
        seen.add(preset.name)
        _check_focal_length(camera_type, preset.focal_length_mm, where, place)


def check_zone(site: Site, zone: Zone, where: str, key: str) -> None:
    """
    Check calendar, classes and polygon of a zone.

    Parameters
    ----------
    site
        The park.
    zone
        One of its zones.
    where, key
        File and key it stands at, for the message.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    _check_watched(site, zone, where, key)
    _check_rule(zone, where, key)
    polygon = zone.polygon_px or zone.polygon_m
    name = _name_of_one(zone, ("polygon_px", "polygon_m"), where, key)
    if polygon is None:
        return
    if zone.polygon_px is not None:
        camera = _camera_of(site, zone.camera_id, where, key)
        _check_inside_image(site, camera, polygon, where, f"{key}.polygon_px")
    else:
        _check_on_map(zone, polygon, where, f"{key}.polygon_m")
    _check_shape(polygon, where, f"{key}.{name}")


def check_line(site: Site, line: Line, where: str) -> None:
    """
    Check calendar, classes and points of a line.

    Parameters
    ----------
    site
        The park.
    line
        One of its lines.
    where
        The file it stands in, for the message.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    key = f"lines[{line.id}]"
    _check_watched(site, line, where, key)
    points = line.line_px or line.line_m
    name = _name_of_one(line, ("line_px", "line_m"), where, key)
    if points is None:
        return
    if line.line_px is not None:
        camera = _camera_of(site, line.camera_id, where, key)
        _check_inside_image(site, camera, points, where, f"{key}.line_px")
    else:
        _check_on_map(line, points, where, f"{key}.line_m")
    if len(set(points)) < MIN_POINTS or not LineString(points).is_simple:
        right = Text(
            "minstens twee verschillende punten, en een lijn die zichzelf niet kruist",
            "at least two different points, and a line that does not cross itself",
        )
        raise ConfigError.at(where, f"{key}.{name}", points, right)


def _check_watched(site: Site, watched: Zone | Line, where: str, key: str) -> None:
    """Check calendar and classes of a zone or line."""
    if watched.arming_id not in site.armings:
        right = one_of(list(site.armings), watched.arming_id)
        raise ConfigError.at(where, f"{key}.arming_id", watched.arming_id, right)
    if not watched.classes:
        right = Text("minstens één klasse", "at least one class")
        raise ConfigError.at(where, f"{key}.classes", [], right)


def _name_of_one(watched: Zone | Line, names: tuple[str, str], where: str, key: str) -> str:
    """Return which of two keys is given; exactly one must be."""
    given = [name for name in names if getattr(watched, name)]
    if len(given) != 1:
        in_image, on_map = names
        right = Text(
            f"precies één van {in_image} (met camera_id) en {on_map}",
            f"exactly one of {in_image} (with camera_id) and {on_map}",
        )
        raise ConfigError.at(where, key, given, right)
    return given[0]


def _check_rule(zone: Zone, where: str, key: str) -> None:
    """Check that a zone says what its rule asks for, and nothing that another rule asks for."""
    needed = RULE_KEYS.get(zone.rule, ())
    allowed = (*needed, *MAY_KEYS.get(zone.rule, ()))
    for name in ("dwell_s", "heading_deg", "tolerance_deg", "min_count"):
        value = getattr(zone, name)
        if value is None and name in needed:
            right = Text(
                f'moet er staan bij rule = "{zone.rule}"', f'is needed with rule = "{zone.rule}"'
            )
            raise ConfigError.at(where, f"{key}.{name}", "-", right)
        if value is not None and name not in allowed:
            rules = [
                str(rule)
                for rule in ZoneRule
                if name in (*RULE_KEYS.get(rule, ()), *MAY_KEYS.get(rule, ()))
            ]
            right = Text(
                f"alleen bij rule = {', '.join(rules)}", f"only with rule = {', '.join(rules)}"
            )
            raise ConfigError.at(where, f"{key}.{name}", value, right)
    is_vehicle = any(one.is_vehicle for one in zone.classes)
    if zone.rule in _VEHICLE_RULES and not is_vehicle:
        right = Text(
            f'minstens één voertuig bij rule = "{zone.rule}"',
            f'at least one vehicle with rule = "{zone.rule}"',
        )
        raise ConfigError.at(where, f"{key}.classes", [str(one) for one in zone.classes], right)


def check_mask(site: Site, mask: PrivacyMask, where: str) -> None:
    """
    Check camera and polygon of a privacy mask.

    Parameters
    ----------
    site
        The park.
    mask
        One of its privacy masks.
    where
        The file it stands in, for the message.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    key = f"privacy_masks[{mask.id}]"
    camera = _camera_of(site, mask.camera_id, where, key)
    _check_inside_image(site, camera, mask.polygon_px, where, f"{key}.polygon_px")
    _check_shape(mask.polygon_px, where, f"{key}.polygon_px")


def _camera_of(site: Site, camera_id: str | None, where: str, key: str) -> Camera:
    """Return the camera an image polygon names."""
    camera = site.camera(camera_id) if camera_id is not None else None
    if camera is None:
        right = one_of([one.id for one in site.cameras], camera_id)
        raise ConfigError.at(where, f"{key}.camera_id", camera_id, right)
    return camera


def _check_inside_image(site: Site, camera: Camera, corners: Corners, where: str, key: str) -> None:
    """Check that a polygon or line lies inside its camera's image."""
    image = site.camera_types[camera.type_id]
    for x_px, y_px in corners:
        if not (0 <= x_px <= image.width_px and 0 <= y_px <= image.height_px):
            right = Text(
                f"binnen het beeld van {camera.id}: 0 tot {image.width_px} en "
                f"0 tot {image.height_px} pixels",
                f"inside the image of {camera.id}: 0 to {image.width_px} and "
                f"0 to {image.height_px} pixels",
            )
            raise ConfigError.at(where, key, (x_px, y_px), right)


def _check_on_map(watched: Zone | Line, points: Corners, where: str, key: str) -> None:
    """Check that a zone or line of the map names no camera and lies in the Netherlands."""
    if watched.camera_id is not None:
        table, name = key.rsplit(".", 1)
        in_image = name.replace("_m", "_px")
        right = Text(
            f"alleen bij {in_image}; wat op de kaart staat geldt voor alle camera's",
            f"only with {in_image}; what is on the map holds for every camera",
        )
        raise ConfigError.at(where, f"{table}.camera_id", watched.camera_id, right)
    for x_m, y_m in points:
        problem = coordinate_problem(x_m, y_m)
        if problem is not None:
            raise ConfigError.at(where, key, (x_m, y_m), problem)


def _check_shape(corners: Corners, where: str, key: str) -> None:
    """Check that corners enclose a valid polygon with an area."""
    if len(set(corners)) < MIN_CORNERS:
        right = Text("minstens drie verschillende hoeken", "at least three different corners")
        raise ConfigError.at(where, key, corners, right)
    shape = Polygon(corners)
    if not shape.is_valid or shape.area <= 0:
        reason = explain_validity(shape)
        right = Text(
            f"de vorm kruist of raakt zichzelf, of heeft geen oppervlak ({reason})",
            f"the shape crosses or touches itself, or has no area ({reason})",
        )
        raise ConfigError.at(where, key, corners, right)
