"""
What is true in a sample recording: boxes, visible shares, places and the events to expect.

Boxes are pixels of the recording, not clipped to the image; places are metres in EPSG:28992.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scenarios import FPS, Clip
from shapely.geometry import Point, Polygon
from stage import SIZE, Stage

from parkwacht_config.site import Site
from parkwacht_coverage.preview.raster import Crop, Mesh, draw
from parkwacht_coverage.preview.surfaces import SUPERSAMPLING, Surfaces, window

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Trace:
    """The truth about one actor, frame by frame from the first one it is seen in."""

    id: int
    object_class: str
    is_parked: bool
    first_frame: int
    boxes: list[list[float]]
    visible: list[float]
    positions: list[list[float]]


def visible_of(crop: Crop, seen: Surfaces) -> tuple[npt.NDArray[np.bool_], float]:
    """Return which drawn pixels inside the image are not hidden, and their share of all."""
    there, here = window(crop, seen.depth_m.shape)
    drawn = np.isfinite(crop.depth_m)
    mask = drawn[here] & (crop.depth_m[here] < seen.depth_m[there])
    return mask, float(mask.sum()) / max(1, int(drawn.sum()))


def note(trace: Trace, number: int, mesh: Mesh, stage: Stage, seen: tuple[float, Floats]) -> None:
    """Write down one frame of one actor's truth."""
    pixels, _ = stage.model.project(mesh.points_m)
    if not trace.boxes:
        trace.first_frame = number
    while len(trace.boxes) < number - trace.first_frame:  # wholly hidden for a while
        trace.boxes.append(trace.boxes[-1])
        trace.visible.append(0.0)
        trace.positions.append(trace.positions[-1])
    box = [*pixels.min(axis=0), *pixels.max(axis=0)]
    trace.boxes.append([round(float(value), 1) for value in box])
    trace.visible.append(round(seen[0], 3))
    home = stage.origin_m
    trace.positions.append([round(float(seen[1][k]) + home[k], 2) for k in range(2)])


def parked_traces(stage: Stage, grounds: list[tuple[float, float]], first_id: int) -> list[Trace]:
    """Write down the truth of the parked cars: one box that holds for every frame."""
    traces = []
    for k, (mesh, xy) in enumerate(zip(stage.parked, grounds, strict=True)):
        trace = Trace(first_id + k, "car", True, 0, [], [], [])
        crop = draw(mesh, stage.model, supersampling=SUPERSAMPLING)
        if crop is None:
            continue
        there, here = window(crop, stage.seen.depth_m.shape)
        same = crop.depth_m[here] <= stage.seen.depth_m[there] * 1.0001
        share = float((same & np.isfinite(crop.depth_m[here])).sum())
        share /= max(1, int(np.isfinite(crop.depth_m).sum()))
        if share > 0:
            note(trace, 0, mesh, stage, (share, np.array(xy)))
            traces.append(trace)
    return traces


def expected_events(site: Site, clip: Clip, traces: list[Trace]) -> list[dict[str, object]]:
    """Find which actors stand in which armed zones, and when."""
    events: list[dict[str, object]] = []
    if not clip.is_armed:
        return events
    for trace in traces:
        for zone in site.zones:
            if zone.polygon_m is None or trace.is_parked:
                continue
            area = Polygon(zone.polygon_m)
            inside = [
                trace.first_frame + k
                for k, position in enumerate(trace.positions)
                if area.contains(Point(position)) and trace.visible[k] > 0.5  # noqa: PLR2004
            ]
            if inside:
                events.append(
                    {
                        "class": "vehicle" if trace.object_class == "truck" else "person",
                        "zone_id": zone.id,
                        "track_id": trace.id,
                        "start_s": round(inside[0] / FPS, 1),
                        "end_s": round(inside[-1] / FPS, 1),
                    }
                )
    return events


def truth_of(site: Site, clip: Clip, traces: list[Trace]) -> dict[str, object]:
    """Gather the ground truth of a recording."""
    return {
        "schema_version": 1,
        "camera_id": clip.camera_id,
        "started_at": clip.started_at.isoformat(),
        "fps": FPS,
        "n_frames": round(clip.seconds * FPS),
        "width_px": SIZE[0],
        "height_px": SIZE[1],
        "light": clip.mode.value,
        "expected_events": expected_events(site, clip, traces),
        "tracks": [
            {
                "id": trace.id,
                "class": trace.object_class,
                "is_parked": trace.is_parked,
                "first_frame": trace.first_frame,
                "boxes_px": trace.boxes,
                "visible": trace.visible,
                "positions_m": trace.positions,
            }
            for trace in traces
            if trace.boxes
        ],
    }
