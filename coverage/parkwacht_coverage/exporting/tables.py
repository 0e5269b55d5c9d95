"""A study as CSV: what is seen, the schedule of cameras and the sheet for Camera in Beeld."""

import csv
import io
from collections.abc import Iterable
from typing import Any

import numpy as np

from parkwacht_config.text import Language
from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.reporting.register import DEGREE_DIGITS, register_row
from parkwacht_coverage.reporting.story import Story, focal_length_mm, to_wgs84
from parkwacht_coverage.results import Study
from parkwacht_coverage.storage import bandwidth_mbit_per_s


def coverage_csv(study: Study) -> str:
    """Return ground per kind, class, condition and scenario, in m2 and per cent."""
    rows = []
    for kind in (*study.ground.polygons, None):
        whole = float(study.ground.area_m2[study.ground.of_kind(kind)].sum())
        for one in study.edition.classes:
            for condition in Condition:
                for scenario in study.scenarios.values():
                    m2 = study.seen_m2(scenario, condition, kind=kind, density_class=one)
                    rows.append(
                        {
                            "area_kind": kind.value if kind else "all",
                            "edition": study.edition.id,
                            "class": one.id,
                            "min_px_per_m": f"{one.min_px_per_m:g}",
                            "condition": condition.value,
                            "scenario": scenario.id.value,
                            "seen_m2": f"{m2:.1f}",
                            "area_m2": f"{whole:.1f}",
                            "seen_percent": f"{100 * m2 / whole if whole else 0:.2f}",
                        }
                    )
    return to_csv(rows)


def schedule_csv(study: Study) -> str:
    """Return one row per camera and scenario, those of today first, then proposed in order."""
    rows = []
    for scenario in study.scenarios.values():
        for one in scenario.cameras:
            values = {"scenario": scenario.id.value, **camera_values(one)}
            rows.append({key: _cell(value) for key, value in values.items()})
    return to_csv(rows)


def register_csv(story: Story) -> str:
    """Return the sheet for Camera in Beeld in the reader's language, contact left open."""
    keys = {
        Language.NL: (
            "camera", "breedtegraad", "lengtegraad", "hoogte", "kijkrichting", "ziet",
            "bewaartermijn", "contact",
        ),
        Language.EN: (
            "camera", "latitude", "longitude", "height", "direction", "sees", "retention",
            "contact",
        ),
    }[story.words.language]  # fmt: skip
    rows = [
        dict(zip(keys, (*register_row(story, one), ""), strict=True))
        for one in story.study.recommended.cameras
    ]
    return to_csv({key: value.replace("\u00a0", " ") for key, value in row.items()} for row in rows)


def camera_values(camera: StudyCamera) -> dict[str, Any]:
    """Return what a table or map says of one camera: place, aim, lens, use and price."""
    model = camera.model
    latitude, longitude = to_wgs84(model.x_m, model.y_m)
    return {
        "id": camera.id,
        "name": camera.name,
        "is_proposed": camera.is_proposed,
        "mount": camera.mount_kind.value,
        "mount_id": camera.mount_id,
        "type_id": camera.camera_type.id,
        "x_m": round(model.x_m, 2),
        "y_m": round(model.y_m, 2),
        "latitude": round(latitude, DEGREE_DIGITS),
        "longitude": round(longitude, DEGREE_DIGITS),
        "height_m": round(model.height_m, 2),
        "azimuth_deg": round(model.azimuth_deg, 1),
        "tilt_deg": round(model.tilt_deg, 1),
        "focal_length_mm": round(focal_length_mm(camera), 2),
        "hfov_deg": round(model.hfov_deg, 1),
        "blind_to_m": _finite(model.nearest_visible_m()),
        "added_day_m2": round(camera.added_m2.get(Condition.DAY, 0.0), 1),
        "added_night_m2": round(camera.added_m2.get(Condition.NIGHT, 0.0), 1),
        "bandwidth_mbit_per_s": round(bandwidth_mbit_per_s(camera.camera_type), 2),
        "price_eur": camera.camera_type.price_eur if camera.is_proposed else 0.0,
    }


def _finite(value: float) -> float | None:
    return round(value, 1) if np.isfinite(value) else None


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def to_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Write rows with a header line; the columns are those of the first row."""
    text = io.StringIO()
    listed = list(rows)
    writer = csv.DictWriter(text, fieldnames=list(listed[0]) if listed else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue()
