"""
Make the sample recordings and their ground truth.

Run `python sample_media/generate.py [--only NAME] [--out DIR]`. The same seeds give the
same pictures.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from light import Canvas, Light, add_glare, add_rain, develop, irradiance
from rich.progress import track
from scenarios import CLIPS, FPS, Clip, LightMode, Move
from scipy.ndimage import gaussian_filter1d
from stage import AMBIENT, SIZE, Stage, contact, darken, reflectance, set_stage, to_scene
from truth import Trace, note, parked_traces, truth_of, visible_of

from parkwacht_config.loader import load_site
from parkwacht_config.site import Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.preview.people import walker
from parkwacht_coverage.preview.raster import Crop, Mesh, draw, place
from parkwacht_coverage.preview.surfaces import SUPERSAMPLING, shrink, window
from parkwacht_coverage.preview.vehicles import VAN, vehicle

Floats = npt.NDArray[np.float64]
HERE = Path(__file__).parent
SITE = HERE.parent / "config" / "sites" / "josink_es.toml"


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
        darken(frame, one, mesh, light, view)
    contact(frame, mesh, view)


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
            note(traces[k], number, mesh, stage, (share, xy))
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
