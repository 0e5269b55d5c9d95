"""
The camera file that the worker reads: the recommended cameras, and the masks of all.

A park takes it over by naming it: `camera_file = "cameras.toml"`. It holds what is added to the
cameras in the park's own file, so that these keep their streams.
"""

from parkwacht_config.site import Camera
from parkwacht_coverage.evaluate import StudyCamera
from parkwacht_coverage.masks import to_camera_toml
from parkwacht_coverage.reporting.story import focal_length_mm
from parkwacht_coverage.results import Study


def as_site_camera(camera: StudyCamera) -> Camera:
    """Return a proposed camera as a park's file has it; its stream comes from the environment."""
    model, kind = camera.model, camera.camera_type
    focal = round(focal_length_mm(camera), 3)
    return Camera(
        id=camera.id,
        name=camera.name,
        type_id=kind.id,
        x_m=round(model.x_m, 2),
        y_m=round(model.y_m, 2),
        height_m=round(model.height_m, 2),
        azimuth_deg=round(model.azimuth_deg, 1) % 360,
        tilt_deg=round(model.tilt_deg, 1),
        focal_length_mm=None if focal == kind.focal_length_mm else focal,
        mount=camera.mount_kind,
        stream_env=f"PARKWACHT_STREAM_{camera.id.upper()}",
    )


def camera_toml(study: Study) -> str:
    """Return the recommended cameras and the masks that are not in the park's file yet."""
    known = {one.id for one in study.site.privacy_masks}
    cameras = [as_site_camera(one) for one in study.recommended.proposed]
    masks = [one for one in study.recommended.masks if one.id not in known]
    return to_camera_toml(cameras, masks)
