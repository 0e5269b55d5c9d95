"""The sample recordings and their ground truth agree with each other, the site and its calendar."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from shapely.geometry import Point, Polygon

from parkwacht_config.loader import load_site
from parkwacht_config.schedule import is_armed
from parkwacht_config.site import Site
from parkwacht_coverage.camera import CameraModel

ROOT = Path(__file__).parents[2]
CLIPS = sorted((ROOT / "sample_media").glob("*.mp4"))
IDS = [clip.stem for clip in CLIPS]
SIZE = (1280, 720)


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(ROOT / "config" / "sites" / "josink_es.toml")


def truth_of(clip: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(clip.with_suffix(".json").read_text())
    return found


def model_of(site: Site, camera_id: str) -> CameraModel:
    camera = site.camera(camera_id)
    assert camera is not None
    return CameraModel.of(camera, site.camera_types[camera.type_id]).scaled_to(*SIZE)


def test_there_are_five_recordings_under_15_mb() -> None:
    assert len(CLIPS) >= 5
    assert sum(clip.stat().st_size for clip in CLIPS) < 15e6


@pytest.mark.parametrize("clip", CLIPS, ids=IDS)
def test_stream_and_truth_say_the_same(clip: Path) -> None:
    truth = truth_of(clip)
    started = datetime.fromisoformat(truth["started_at"])
    assert clip.stem == f"{truth['camera_id']}_{started:%Y%m%dT%H%M%S%z}"
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (truth["width_px"], truth["height_px"]) == SIZE
        assert stream.average_rate == truth["fps"] == 10
        written = datetime.fromisoformat(container.metadata["creation_time"])
        assert written == started
        frames = [frame.key_frame for frame in container.decode(stream)]
    assert len(frames) == truth["n_frames"]
    assert 12 <= len(frames) / truth["fps"] <= 25
    keys = np.flatnonzero(frames)
    assert np.diff(keys).max() <= 2 * truth["fps"]  # a key frame at least every two seconds


@pytest.mark.parametrize("clip", CLIPS, ids=IDS)
def test_boxes_and_positions_fit_the_camera_model(clip: Path, site: Site) -> None:
    truth = truth_of(clip)
    model = model_of(site, truth["camera_id"])
    for track in truth["tracks"]:
        boxes = np.array(track["boxes_px"])
        ground = np.column_stack((np.array(track["positions_m"]), np.zeros(len(boxes))))
        assert len(boxes) == len(ground) == len(track["visible"])
        assert track["first_frame"] + len(boxes) <= truth["n_frames"]
        pixels, _ = model.project(ground)
        if track["class"] == "person":
            # A foot in mid-stride is up to 0.45 m + 0.2 m (toe) away from the point below the hips.
            turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            steps = 0.65 * np.column_stack((np.cos(turns), np.sin(turns), np.zeros(24)))
            reach = np.stack([model.project(ground + step)[0] for step in steps])
            low, high = reach.min(axis=0), reach.max(axis=0)
            middle, bottom = boxes[:, [0, 2]].mean(axis=1), boxes[:, 3]
            assert ((middle > low[:, 0]) & (middle < high[:, 0])).all()
            assert ((bottom > pixels[:, 1] - 3) & (bottom < high[:, 1] + 3)).all()
            away = np.hypot(middle - pixels[:, 0], bottom - pixels[:, 1])
            assert np.median(away) < 10
        else:
            assert ((pixels > boxes[:, :2]) & (pixels < boxes[:, 2:])).all()


@pytest.mark.parametrize("clip", CLIPS, ids=IDS)
def test_events_happen_in_their_zone_while_it_is_armed(clip: Path, site: Site) -> None:
    truth = truth_of(clip)
    started = datetime.fromisoformat(truth["started_at"])
    for event in truth["expected_events"]:
        zone = next(zone for zone in site.zones if zone.id == event["zone_id"])
        assert zone.polygon_m is not None
        at = started + timedelta(seconds=event["start_s"])
        assert is_armed(site.armings[zone.arming_id], at, timezone=site.timezone)
        track = next(track for track in truth["tracks"] if track["id"] == event["track_id"])
        assert not track["is_parked"]
        for moment in np.linspace(event["start_s"], event["end_s"], 5):
            position = track["positions_m"][round(moment * truth["fps"]) - track["first_frame"]]
            assert Polygon(zone.polygon_m).contains(Point(position))


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("p1_parking_20261123T021300+0100", ["person"]),
        ("g1_gate_20261123T034000+0100", ["vehicle"]),
        ("p1_parking_20261124T023000+0100", []),
        ("p2_parking_20261123T154000+0100", []),
        ("r1_road_20261122T231500+0100", ["person", "person"]),
    ],
)
def test_what_must_be_flagged(name: str, classes: list[str]) -> None:
    events = truth_of(ROOT / "sample_media" / f"{name}.mp4")["expected_events"]
    assert [event["class"] for event in events] == classes


def test_the_daytime_crossing_is_not_armed(site: Site) -> None:
    started = datetime.fromisoformat("2026-11-23T15:40:00+01:00")  # a Monday
    assert not is_armed(site.armings["night"], started, timezone=site.timezone)
