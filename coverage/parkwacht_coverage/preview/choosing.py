"""Which camera is asked for: one of the park, one of a camera file, or one described in words."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from parkwacht_config.errors import ConfigError
from parkwacht_config.loader import CameraFileTable
from parkwacht_config.reading import parse_toml, read_bytes
from parkwacht_config.site import Camera, Lens, Site
from parkwacht_config.text import Text
from parkwacht_config.validation import check_table, one_of

NEW_NAME = Text(nl="Bedachte camera", en="Imagined camera")
NEEDED = ("type_id", "x_m", "y_m", "height_m", "azimuth_deg", "tilt_deg")


def with_camera_file(site: Site, path: Path) -> Site:
    """
    Take cameras and masks from a camera file; they go before those of the park.

    Parameters
    ----------
    site
        The park.
    path
        The camera file, as `parkwacht study` writes it.

    Raises
    ------
    ConfigError
        It cannot be read, or something in it is wrong.
    """
    table = check_table(CameraFileTable, parse_toml(read_bytes(path), path), path)
    for camera in table.cameras:
        _check_type(site, str(path), f"cameras[{camera.id}].type_id", camera.type_id)
    ids = {camera.id for camera in table.cameras}
    kept = [camera for camera in site.cameras if camera.id not in ids]
    masks = [mask for mask in site.privacy_masks if mask.camera_id not in ids]
    return replace(
        site,
        cameras=(*table.cameras, *kept),
        privacy_masks=(*table.privacy_masks, *masks),
    )


def choose_camera(
    site: Site, camera_id: str, changes: Mapping[str, float | str | None], source: str
) -> Camera:
    """
    Find a camera, with what the user wants different about it; or build one that does not exist.

    Parameters
    ----------
    site
        The park.
    camera_id
        Id of a camera, or of the one to imagine.
    changes
        Fields of `Camera`; None leaves one as it is.
    source
        What the user typed the changes into, for messages.

    Raises
    ------
    ConfigError
        There is no such camera, or a field is wrong or missing.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    known = site.camera(camera_id)
    if known is None and not given:
        raise ConfigError.at(
            str(site.path), "camera", camera_id, one_of([one.id for one in site.cameras], camera_id)
        )
    if "type_id" in given:
        _check_type(site, source, "--type", str(given["type_id"]))
    if known is None:
        absent = [key for key in NEEDED if key not in given]
        if absent:
            raise _incomplete(site, camera_id, absent)
        values = {"id": camera_id, "name": NEW_NAME.nl} | given
    else:
        values = known.model_dump() | given
    table = check_table(Camera, values, Path(source))
    _check_focal_length(site, table, source)
    return table


def _incomplete(site: Site, camera_id: str, absent: list[str]) -> ConfigError:
    """Say what is missing to imagine a camera."""
    options = ", ".join(option_of(key) for key in absent)
    right = one_of([one.id for one in site.cameras], camera_id)
    return ConfigError(
        Text(
            nl=f"{camera_id}: geen camera van {site.name} ({right.nl}); voor een bedachte camera "
            f"ontbreekt {options}",
            en=f"{camera_id}: no camera of {site.name} ({right.en}); for an imagined camera "
            f"{options} is missing",
        )
    )


def option_of(key: str) -> str:
    """Return the command line's option for a field of a camera."""
    return "--type" if key == "type_id" else f"--{key.replace('_', '-')}"


def _check_type(site: Site, where: str, key: str, type_id: str) -> None:
    if type_id not in site.camera_types:
        raise ConfigError.at(where, key, type_id, one_of(list(site.camera_types), type_id))


def _check_focal_length(site: Site, camera: Camera, source: str) -> None:
    """Refuse a focal length that the type's lens does not have."""
    kind, wanted = site.camera_types[camera.type_id], camera.focal_length_mm
    if wanted is None:
        return
    low, high = kind.focal_length_mm, kind.focal_length_max_mm or kind.focal_length_mm
    if not low <= wanted <= high or (kind.lens is Lens.F_THETA and wanted != low):
        span = f"{low:g}" if low == high else f"{low:g}-{high:g}"
        right = Text(
            nl=f"{span} mm is wat de lens van {kind.id} kan",
            en=f"{span} mm is what the lens of {kind.id} can do",
        )
        raise ConfigError.at(source, "--focal-length-mm", wanted, right)
