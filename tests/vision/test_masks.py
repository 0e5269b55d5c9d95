"""Privacy masks: what lies behind one is black in all that is kept, and raises nothing."""

import io
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import shapely
from rich.console import Console
from shapely.geometry import Polygon, box

from parkwacht_config.loader import load_site
from parkwacht_config.settings import Settings
from parkwacht_config.site import PrivacyMask, Site
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.masks import MaskGround, make_masks, to_camera_toml
from parkwacht_vision.cli import WatchOptions, run_watch
from parkwacht_vision.event import FlaggedEvent
from parkwacht_vision.frames import Frame
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.spool import Spool
from parkwacht_vision.stills import decode_jpeg

ROOT = Path(__file__).parents[2]
SITES = ROOT / "config" / "sites"
RECORDING = ROOT / "sample_media" / "p1_parking_20261123T021300+0100.mp4"
# The camera's type has 2688 x 1520 pixels, the recording 1280 x 720; its width and height are
# scaled each on its own.
SCALE = (2688 / 1280, 1520 / 720)
# Two parked cars behind the walker's way, in pixels of the recording.
CARS_PX = ((440.0, 225.0), (730.0, 205.0), (735.0, 335.0), (450.0, 340.0))
AT = datetime(2026, 11, 24, 1, 13, tzinfo=UTC)


def mask(corners_px: Iterable[tuple[float, ...]], mask_id: str = "mask_1") -> PrivacyMask:
    """Build a mask of the sample camera from corners in pixels of the recording."""
    scaled = tuple(
        (min(2688.0, max(0.0, u * SCALE[0])), min(1520.0, max(0.0, v * SCALE[1])))
        for u, v in corners_px
    )
    return PrivacyMask(id=mask_id, camera_id="p1_parking", polygon_px=scaled)


@dataclass(frozen=True)
class Kept:
    """What a watch of the recording left in the spool."""

    events: tuple[FlaggedEvent, ...]
    snapshots: tuple[npt.NDArray[np.uint8], ...]
    clips: tuple[tuple[npt.NDArray[np.uint8], ...], ...]


def watch(folder: Path, *masks: PrivacyMask) -> Kept:
    settings = Settings(state_dir=folder)
    site = replace(load_site(SITES / "josink_es.toml"), privacy_masks=masks)
    options = WatchOptions(sources=(str(RECORDING),), detector="embedded", fps=5)
    spool = Spool(settings.spool_dir)
    summary = run_watch(options, settings, site, Console(file=io.StringIO()), spool)
    snapshots, clips = [], []
    for entry in spool.entries():
        media = entry.media
        if "snapshot" in media:
            snapshots.append(decode_jpeg(media["snapshot"].read_bytes()))
        elif "clip" in media:
            with av.open(str(media["clip"])) as container:
                clips.append(
                    tuple(one.to_ndarray(format="bgr24") for one in container.decode(video=0))
                )
    return Kept(summary.events, tuple(snapshots), tuple(clips))


@pytest.fixture(scope="module")
def unmasked(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return watch(tmp_path_factory.mktemp("unmasked"))


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    other_camera = PrivacyMask(
        id="mask_2", camera_id="g1_gate", polygon_px=((0, 0), (2688, 0), (2688, 1520), (0, 1520))
    )
    return watch(tmp_path_factory.mktemp("masked"), mask(CARS_PX), other_camera)


def pixels_in(polygon: shapely.Geometry) -> npt.NDArray[np.bool_]:
    """Return which pixels of the recording have their centre in a polygon, shape (720, 1280)."""
    u, v = np.meshgrid(np.arange(1280) + 0.5, np.arange(720) + 0.5)
    return np.asarray(shapely.contains_xy(polygon, u, v))


def test_the_snapshot_is_black_behind_a_mask_and_as_before_beside_it(
    unmasked: Kept, masked: Kept
) -> None:
    (event,), (before,), (after,) = unmasked.events, unmasked.snapshots, masked.snapshots
    assert masked.events[0].box == event.box  # the same moment of the same walker
    # A JPEG mixes colour within blocks of 16 x 16 pixels and, smoothed, with their neighbours.
    inside = pixels_in(Polygon(CARS_PX).buffer(-2))
    outside = ~pixels_in(Polygon(CARS_PX).buffer(36))
    assert before[inside].mean() > 40
    assert after[inside].max() < 24
    assert after[pixels_in(Polygon(CARS_PX).buffer(-24))].max() == 0
    assert np.array_equal(after[outside], before[outside])


def test_every_picture_of_the_clip_is_black_behind_a_mask(unmasked: Kept, masked: Kept) -> None:
    (before,), (after,) = unmasked.clips, masked.clips
    assert len(after) == len(before) > 60
    inside = pixels_in(Polygon(CARS_PX).buffer(-6))
    outside = ~pixels_in(Polygon(CARS_PX).buffer(40))
    for number, (clear, covered) in enumerate(zip(before, after, strict=True)):
        assert covered[inside].max() < 24
        if number % 20 == 0:
            assert clear[inside].mean() > 40
            # H.264 codes both anew: the same picture but for its rounding.
            difference = np.abs(covered[outside].astype(int) - clear[outside].astype(int))
            assert difference.mean() < 2


def test_who_walks_behind_a_mask_raises_no_event(unmasked: Kept, tmp_path: Path) -> None:
    truth = json.loads(RECORDING.with_suffix(".json").read_text())
    (walker,) = [one for one in truth["tracks"] if not one["is_parked"]]
    boxes = np.array(walker["boxes_px"])
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    way = tuple(box(left - 5, top - 5, right + 5, bottom + 5).exterior.coords)[:-1]
    assert len(unmasked.events) == 1
    kept = watch(tmp_path, mask(way))
    assert kept == Kept((), (), ())


def test_a_walker_in_front_of_a_mask_is_still_seen(unmasked: Kept, masked: Kept) -> None:
    (before,), (after,) = unmasked.events, masked.events
    assert (after.id, after.zone_id, after.object_class) == (
        before.id, before.zone_id, before.object_class,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_every_pixel_a_mask_touches_is_black_and_no_other(
    seed: int, make_site: Callable[..., Site]
) -> None:
    # The type has 2560 x 1440 pixels, the picture 64 x 36: shapely says which of them it touches.
    rng = np.random.default_rng(seed)
    drawn = Polygon(rng.uniform((-200, -200), (2760, 1640), (5, 2))).convex_hull
    polygon = drawn.intersection(box(0, 0, 2560, 1440))
    assert isinstance(polygon, Polygon)
    corners = tuple((u, v) for u, v in polygon.exterior.coords[:-1])
    one = PrivacyMask(id="m", camera_id="cam_a", polygon_px=corners)
    site = replace(make_site(), privacy_masks=(one,))
    image = np.full((36, 64, 3), 200, np.uint8)
    covered = PrivacyScreen.of(site, site.cameras[0]).cover_image(image)
    scaled = Polygon([(u / 40, v / 40) for u, v in corners])
    black = (covered == 0).all(axis=2)
    for v, u in np.ndindex(36, 64):
        pixel = box(u, v, u + 1, v + 1)
        if pixel.intersection(scaled).area > 1e-9:
            assert black[v, u], (u, v)
        elif pixel.distance(scaled) > 3:
            assert (covered[v, u] == 200).all(), (u, v)
    assert (image == 200).all()  # the picture that was given stays whole


def test_a_camera_without_masks_gives_its_own_frames(make_site: Callable[..., Site]) -> None:
    site = make_site()
    frame = Frame.of_image(np.zeros((4, 4, 3), np.uint8), 0.0, AT, AT, 0)
    assert PrivacyScreen.of(site, site.cameras[0]).cover(frame) is frame
    assert PrivacyScreen.of(site, None).cover(frame) is frame


def test_generated_masks_hide_private_ground_and_leave_the_parking(tmp_path: Path) -> None:
    # From the study's masks by way of its camera file to the worker's pixels. What a pixel shows
    # is found by its ray to the ground; at observe, 62.5 px/m, private ground must be hidden.
    shutil.copy(SITES / "josink_es.toml", tmp_path)
    shutil.copytree(SITES / "josink_es", tmp_path / "josink_es")
    path = tmp_path / "josink_es.toml"
    before = load_site(path)
    camera = before.cameras[0]
    model = CameraModel.of(camera, before.camera_types[camera.type_id])
    ground = MaskGround.of(before)
    made = make_masks(model, ground, find_edition("2014").find("observe"))
    (tmp_path / "masks.toml").write_text(to_camera_toml((), made.masks), encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[layers]", 'camera_file = "masks.toml"\n[layers]', 1), "utf-8")
    site = load_site(path)
    assert site.privacy_masks == made.masks != ()

    picture = np.full((720, 1280, 3), 90, np.uint8)
    is_black = (PrivacyScreen.of(site, camera).cover_image(picture) == 0).all(axis=2)
    at_home = model.scaled_to(1280, 720)
    u, v = (one.ravel() for one in np.meshgrid(np.arange(2, 1280, 4), np.arange(2, 720, 4)))
    xy = at_home.ground_at(np.column_stack((u, v)).astype(np.float64) + 0.5)
    near = np.hypot(xy[:, 0] - camera.x_m, xy[:, 1] - camera.y_m) < 80
    u, v, points = u[near], v[near], np.column_stack((xy[near], np.zeros(near.sum())))
    scene = ground.scene
    seen = scene.is_visible((camera.x_m, camera.y_m, camera.height_m), scene.targets(points))
    is_private = shapely.contains_xy(ground.private, points[:, 0], points[:, 1])
    is_purpose = shapely.contains_xy(ground.purpose, points[:, 0], points[:, 1])
    dense = model.pixel_density_px_per_m(points) >= 62.5
    to_hide = seen & is_private & dense
    assert to_hide.sum() > 60
    assert is_black[v[to_hide], u[to_hide]].all()
    to_show = seen & is_purpose
    assert to_show.sum() > 4000
    assert is_black[v[to_show], u[to_show]].mean() < 0.05

    kept = watch(tmp_path / "state", *site.privacy_masks)
    assert [one.zone_id for one in kept.events] == ["z_parking_1"]
