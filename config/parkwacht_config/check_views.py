"""What must hold for cameras and for what lies in their images: zones and privacy masks."""

from collections.abc import Sequence

from shapely.geometry import Point, Polygon
from shapely.validation import explain_validity

from parkwacht_config.errors import ConfigError
from parkwacht_config.features import coordinate_problem
from parkwacht_config.site import Camera, CameraType, PrivacyMask, Site, Zone
from parkwacht_config.text import Text
from parkwacht_config.validation import one_of

NEAR_PARK_M = 1000.0  # what belongs to the park and lies farther from it is a typing error
MIN_CORNERS = 3
Corners = Sequence[tuple[float, float]]


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
        camera = _camera_of(site, zone.camera_id, where, key)
        _check_inside_image(site, camera, zone.polygon_px, where, key)
    else:
        _check_map_zone(zone, where, key)
    name = "polygon_m" if zone.polygon_px is None else "polygon_px"
    _check_shape(polygon, where, f"{key}.{name}")


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
    _check_inside_image(site, camera, mask.polygon_px, where, key)
    _check_shape(mask.polygon_px, where, f"{key}.polygon_px")


def _camera_of(site: Site, camera_id: str | None, where: str, key: str) -> Camera:
    """Return the camera an image polygon names."""
    camera = site.camera(camera_id) if camera_id is not None else None
    if camera is None:
        right = one_of([one.id for one in site.cameras], camera_id)
        raise ConfigError.at(where, f"{key}.camera_id", camera_id, right)
    return camera


def _check_inside_image(site: Site, camera: Camera, corners: Corners, where: str, key: str) -> None:
    """Check that a polygon lies inside its camera's image."""
    image = site.camera_types[camera.type_id]
    for x_px, y_px in corners:
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
