"""
Make the sample recordings and their ground truth.

Run `python sample_media/generate.py [--only NAME] [--out DIR]`; it needs the extra `render`. The
same seeds give the same pictures.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from actors import VAN, place, vehicle, walker
from light import (
    SUN_M,
    SUPERSAMPLING,
    Canvas,
    Light,
    Surfaces,
    add_glare,
    add_rain,
    develop,
    irradiance,
    look_at,
    near_infrared,
    shadow,
    shrink,
    window,
)
from raster import Crop, Mesh, draw
from rich.progress import track
from scenarios import CLIPS, FPS, Clip, LightMode, Move
from scipy.ndimage import gaussian_filter1d
from shapely.geometry import Point, Polygon

from parkwacht_config.loader import load_site
from parkwacht_config.site import Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview import bays, build_scene

Floats = npt.NDArray[np.float64]
HERE = Path(__file__).parent
SITE = HERE.parent / "config" / "sites" / "josink_es.toml"
SIZE = (1280, 720)
SKY = {
    LightMode.INFRARED: (0.004, 0.004, 0.004),
    LightMode.LAMPS: (0.012, 0.011, 0.012),
    LightMode.DAY: (0.62, 0.72, 0.9),
}
AMBIENT = {
    LightMode.INFRARED: (0.015, 0.015, 0.015),
    LightMode.LAMPS: (0.10, 0.093, 0.095),
    LightMode.DAY: (0.75, 0.85, 1.05),
}
SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG = 226.0, 13.0
LAMP_REACH_M = 75.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that stands still in a recording."""

    clip: Clip
    model: CameraModel  # its foot at the scene's origin
    origin_m: tuple[float, float]
    seen: Surfaces
    lights: tuple[Light, ...]
    base: Canvas  # ambient light, sky and lights without shadow
    lit: tuple[Canvas, ...]  # one picture per light that casts shadows or flickers
    is_ground: Canvas
    parked: tuple[Mesh, ...]


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


def to_scene(model: CameraModel, right: float, ahead: float) -> tuple[float, float]:
    """Turn metres right of and ahead of a camera into scene coordinates."""
    azimuth = math.radians(model.azimuth_deg)
    sin, cos = math.sin(azimuth), math.cos(azimuth)
    return right * cos + ahead * sin, -right * sin + ahead * cos


def model_of(site: Site, camera_id: str) -> CameraModel:
    """Return the model of a camera at the size of the recordings."""
    camera = site.camera(camera_id)
    if camera is None:
        message = f"{camera_id}: no such camera in {site.path}"
        raise SystemExit(message)
    return CameraModel.of(camera, site.camera_types[camera.type_id]).scaled_to(*SIZE)


def lights_of(site: Site, clip: Clip, model: CameraModel) -> tuple[Light, ...]:
    """Return the standing lights of a recording."""
    if clip.mode is LightMode.DAY:
        azimuth, rise = math.radians(SUN_AZIMUTH_DEG), math.radians(SUN_ELEVATION_DEG)
        flat = SUN_M * math.cos(rise)
        sun = (flat * math.sin(azimuth), flat * math.cos(azimuth), SUN_M * math.sin(rise))
        bright = SUN_M**2
        return (Light(sun, (3.2 * bright, 2.8 * bright, 2.2 * bright)),)
    infrared = clip.mode is LightMode.INFRARED
    power, tint = (0.006, (1.0, 1.0, 1.0)) if infrared else (0.075, (1.0, 0.88, 0.68))
    lights = []
    for lamp in site.lamp_posts:
        x, y = lamp.point.x - model.x_m, lamp.point.y - model.y_m
        if math.hypot(x, y) < LAMP_REACH_M:
            r, g, b = (power * lamp.intensity_cd * share for share in tint)
            flickers = lamp.id == clip.flickering_lamp_id
            lights.append(Light((x, y, lamp.height_m), (r, g, b), flickers=flickers))
    if infrared:
        ahead = model.axes()[2]
        beam = ((float(ahead[0]), float(ahead[1]), float(ahead[2])), 0.75, 0.5)
        eye = (0.0, 0.0, model.height_m - 0.08)
        lights.append(Light(eye, (520.0,) * 3, beam, casts_shadow=False))
    return tuple(lights)


def park_cars(site: Site, clip: Clip, model: CameraModel) -> list[tuple[Mesh, tuple[float, float]]]:
    """Put the parked cars of a recording into the scene, with their ground points."""
    every = [
        bay for area in site.public_areas for bay in bays(area.polygon) if "parking" in area.kind
    ]
    taken = []
    for car in clip.parked:
        x, y = to_scene(model, *car.at)
        heading = model.azimuth_deg + (car.heading_deg or 0.0)
        if car.heading_deg is None:
            bay = min(
                every, key=lambda bay: math.hypot(bay.x_m - model.x_m - x, bay.y_m - model.y_m - y)
            )
            x, y, heading = bay.x_m - model.x_m, bay.y_m - model.y_m, bay.azimuth_deg
        taken.append((place(vehicle(car.body, car.paint), (x, y), heading), (x, y)))
    return taken


def reflectance(clip: Clip, rgb: Canvas) -> Canvas:
    """Return reflectance as the camera's mode sees it."""
    return near_infrared(rgb) if clip.mode is LightMode.INFRARED else rgb


def set_stage(site: Site, clip: Clip) -> tuple[Stage, list[tuple[float, float]]]:
    """Draw and light everything that stands still; also return where the parked cars stand."""
    at_home = model_of(site, clip.camera_id)
    cars = park_cars(site, clip, at_home)
    lights = lights_of(site, clip, at_home)
    parts = build_scene(site, at_home)
    model = replace(at_home, x_m=0.0, y_m=0.0)
    seen = look_at(parts, [mesh for mesh, _ in cars], model)
    rgb = reflectance(clip, seen.rgb)
    sky = ~np.isfinite(seen.depth_m)
    rgb[sky] = 0
    ground = ((seen.position_m[..., 2] < 0.04) & ~sky).astype(np.float32)  # noqa: PLR2004
    is_ground = shrink(ground)
    base = rgb * np.array(AMBIENT[clip.mode], dtype=np.float32)
    base[sky] = SKY[clip.mode]
    lit = []
    for light in lights:
        one = rgb * irradiance(light, seen.position_m, seen.normals)
        if light.casts_shadow:
            picture = shrink(one)
            for mesh, _ in cars:
                _darken(picture, picture.copy(), mesh, light, (model, is_ground))
            lit.append(picture)
        else:
            base += one
    picture = shrink(base)
    for mesh, _ in cars:
        _contact(picture, mesh, (model, is_ground))
    stage = Stage(
        clip,
        model,
        (at_home.x_m, at_home.y_m),
        seen,
        lights,
        picture,
        tuple(lit),
        is_ground,
        tuple(mesh for mesh, _ in cars),
    )
    return stage, [xy for _, xy in cars]


def _darken(
    picture: Canvas, one: Canvas, mesh: Mesh, light: Light, stage: tuple[CameraModel, Canvas]
) -> None:
    """Take a light away where an actor stands in it."""
    found = shadow(mesh, light.position_m, stage, 1.5)
    if found is not None:
        there, depth = found
        picture[there] -= 0.92 * depth[..., None] * one[there]


def _contact(picture: Canvas, mesh: Mesh, stage: tuple[CameraModel, Canvas]) -> None:
    """Darken the ground under an actor: the sky does not reach it."""
    x, y = mesh.points_m[:, :2].mean(axis=0)
    found = shadow(mesh, (float(x), float(y), 40.0), stage, 4.0)
    if found is not None:
        there, depth = found
        picture[there] *= 1 - 0.6 * depth[..., None]


def path_of(move: Move, model: CameraModel, n_frames: int) -> tuple[Floats, Floats, Floats]:
    """
    Sample an actor's path.

    Returns
    -------
    xy_m, azimuth_deg, walked_m
        Shapes (n_frames, 2), (n_frames,) and (n_frames,); the path goes on straight after its end.
    """
    corners = np.array([to_scene(model, *corner) for corner in move.path])
    corners = np.vstack((corners, corners[-1] + 3 * (corners[-1] - corners[-2])))
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))))
    fine = np.arange(0.0, along[-1], 0.05)
    soft = 1.0 if move.clothes else 3.0
    dense = np.column_stack([np.interp(fine, along, corners[:, k]) for k in range(2)])
    dense = gaussian_filter1d(dense, soft / 0.05, axis=0, mode="nearest")
    ways = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(dense, axis=0), axis=1))))
    times = np.clip(np.arange(n_frames) / FPS - move.start_s, 0, None)
    last = move.slows_to_m_s or move.speed_m_s
    walked = times * last + (move.speed_m_s - last) * 3.0 * (1 - np.exp(-times / 3.0))
    xy = np.column_stack([np.interp(walked, ways, dense[:, k]) for k in range(2)])
    ahead = np.column_stack([np.interp(walked + 0.2, ways, dense[:, k]) for k in range(2)]) - xy
    return xy, np.degrees(np.arctan2(ahead[:, 0], ahead[:, 1])) % 360, walked


def actor_at(move: Move, xy: Floats, azimuth_deg: float, walked_m: float) -> Mesh:
    """Model one actor at one instant."""
    if move.clothes is None:
        mesh = vehicle(VAN, (0.62, 0.62, 0.60), lights_on=True)
    else:
        mesh = walker(move.clothes, walked_m)
    return place(mesh, (float(xy[0]), float(xy[1])), azimuth_deg)


def headlights(xy: Floats, azimuth_deg: float) -> tuple[Light, Light]:
    """Return the two headlights of the van."""
    azimuth = math.radians(azimuth_deg)
    sin, cos = math.sin(azimuth), math.cos(azimuth)
    axis = (0.998 * sin, 0.998 * cos, -0.06)
    lamps = []
    for side in (-0.72, 0.72):
        at = (float(xy[0]) + 2.72 * sin + side * cos, float(xy[1]) + 2.72 * cos - side * sin, 0.78)
        lamps.append(Light(at, (150.0, 146.0, 130.0), (axis, 0.30, 0.075)))
    return lamps[0], lamps[1]


def visible_of(crop: Crop, seen: Surfaces) -> tuple[npt.NDArray[np.bool_], float]:
    """Return which drawn pixels inside the image are not hidden, and their share of all."""
    there, here = window(crop, seen.depth_m.shape)
    drawn = np.isfinite(crop.depth_m)
    mask = drawn[here] & (crop.depth_m[here] < seen.depth_m[there])
    return mask, float(mask.sum()) / max(1, int(drawn.sum()))


def add_actor(
    frame: Canvas, crop: Crop, mask: npt.NDArray[np.bool_], stage: Stage, lights: Sequence[Light]
) -> None:
    """Light one actor and put it into the frame."""
    there, here = window(crop, stage.seen.depth_m.shape)
    values = crop.values[here]
    rgb = reflectance(stage.clip, values[..., 6:9])
    position, normals = values[..., :3], values[..., 3:6]
    colour = rgb * np.array(AMBIENT[stage.clip.mode], dtype=np.float32)
    for light in lights:
        colour += rgb * irradiance(light, position, normals)
    glows = values[..., 6:9] > 1
    colour = np.where(glows, np.maximum(colour, 0.25 * values[..., 6:9]), colour) * mask[..., None]
    share = shrink(mask.astype(np.float32))
    top, left = there[0].start // SUPERSAMPLING, there[1].start // SUPERSAMPLING
    area = frame[top : top + share.shape[0], left : left + share.shape[1]]
    area *= 1 - share[..., None]
    area += shrink(colour)


Course = tuple[Move, tuple[Floats, Floats, Floats]]


def draw_frame(stage: Stage, courses: list[Course], number: int, traces: list[Trace]) -> Canvas:
    """Draw one frame, without rain and noise, and write down what is true in it."""
    frame: Canvas = stage.base + np.sum(stage.lit, axis=0)
    actors = []
    for k, (move, (xy, azimuth, walked)) in enumerate(courses):
        if number / FPS >= move.start_s:
            mesh = actor_at(move, xy[number], float(azimuth[number]), float(walked[number]))
            actors.append((k, mesh, xy[number], float(azimuth[number])))
    for _, mesh, _, _ in actors:
        _shade_ground(stage, frame, mesh)
    _add_actors(stage, frame, actors, number, traces)
    return frame


def draw_frames(stage: Stage, traces: list[Trace]) -> Iterator[npt.NDArray[np.uint8]]:
    """Draw every frame of a recording as the camera's pictures."""
    clip = stage.clip
    n_frames = round(clip.seconds * FPS)
    generator = np.random.default_rng(clip.seed)
    flicker = np.clip(1 + 0.5 * generator.standard_normal(n_frames), 0.1, 1.3)
    courses = [(move, path_of(move, stage.model, n_frames)) for move in clip.moves]
    shadowing = [light for light in stage.lights if light.casts_shadow]
    for number in range(n_frames):
        frame = draw_frame(stage, courses, number, traces)
        for light, one in zip(shadowing, stage.lit, strict=True):
            if light.flickers:
                frame += one * np.float32(flicker[number] - 1)
        if clip.rain:
            add_rain(frame, generator, clip.rain)
        yield develop(frame, generator, noise=clip.noise, mono=clip.mode is LightMode.INFRARED)


def _shade_ground(stage: Stage, frame: Canvas, mesh: Mesh) -> None:
    """Draw the shadows of one actor."""
    view = (stage.model, stage.is_ground)
    shadowing = [light for light in stage.lights if light.casts_shadow]
    for light, one in zip(shadowing, stage.lit, strict=True):
        _darken(frame, one, mesh, light, view)
    _contact(frame, mesh, view)


def _add_actors(
    stage: Stage,
    frame: Canvas,
    actors: list[tuple[int, Mesh, Floats, float]],
    number: int,
    traces: list[Trace],
) -> None:
    """Add the actors of one frame, far ones first, with their headlights."""
    model = stage.model
    lights = list(stage.lights)
    beams: list[Light] = []
    for k, _, xy, azimuth in actors:
        if stage.clip.moves[k].clothes is None:
            beams += headlights(xy, azimuth)
    for beam in beams:
        every = slice(None, None, SUPERSAMPLING)
        seen = stage.seen
        sent = irradiance(beam, seen.position_m[every, every], seen.normals[every, every])
        frame += reflectance(stage.clip, seen.rgb[every, every]) * sent
    for k, mesh, xy, _ in sorted(actors, key=lambda one: -float(one[2] @ model.axes()[2][:2])):
        crop = draw(mesh, model, supersampling=SUPERSAMPLING)
        if crop is None:
            continue
        mask, share = visible_of(crop, stage.seen)
        if share > 0:
            add_actor(frame, crop, mask, stage, lights)
            _note(traces[k], number, mesh, stage, (share, xy))
    for beam in beams:
        _add_beam_glare(stage, frame, beam)


def _add_beam_glare(stage: Stage, frame: Canvas, beam: Light) -> None:
    """Add the glare of a headlight that looks into the camera."""
    model = stage.model
    at = np.array(beam.position_m)
    pixels, depth = model.project(at[None])
    if depth[0] <= 1 or beam.beam is None:
        return
    view = np.array([0.0, 0.0, model.height_m]) - at
    facing = float(view @ np.array(beam.beam[0]) / np.linalg.norm(view))
    if facing > 0:
        size = 0.09 * model.f_px / float(depth[0]) + 1.5
        add_glare(frame, pixels[0], size, 1.3 * facing**3)


def _note(trace: Trace, number: int, mesh: Mesh, stage: Stage, seen: tuple[float, Floats]) -> None:
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
            _note(trace, 0, mesh, stage, (share, np.array(xy)))
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


def make(site: Site, clip: Clip, folder: Path) -> None:
    """Make one recording and its truth."""
    stage, grounds = set_stage(site, clip)
    moving = [
        Trace(k + 1, move.object_class.value, False, 0, [], [], [])
        for k, move in enumerate(clip.moves)
    ]
    path = folder / f"{clip.name}.mp4"
    total = round(clip.seconds * FPS)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        container.metadata["creation_time"] = (
            f"{clip.started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.gop_size = 2 * FPS
        stream.codec_context.thread_count = 1
        stream.options = {"crf": str(clip.crf), "preset": "slow", "bf": "0"}
        for number, image in enumerate(track(draw_frames(stage, moving), clip.name, total=total)):
            rgb = np.broadcast_to(image, (*image.shape[:2], 3))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    traces = moving + parked_traces(stage, grounds, len(moving) + 1)
    truth = truth_of(site, clip, traces)
    path.with_suffix(".json").write_text(json.dumps(truth, separators=(",", ":")) + "\n")


def main() -> None:
    """Make the recordings asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="name, or a part of it, of one recording")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the files")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    site = load_site(SITE)
    for clip in CLIPS:
        if chosen.only is None or chosen.only in clip.name:
            make(site, clip, chosen.out)


if __name__ == "__main__":
    main()
