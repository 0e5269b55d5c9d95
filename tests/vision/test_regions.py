"""Where the detector looks, by hand; and that it pays on real persons, made small."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from parkwacht_config.site import ObjectClass, Site
from parkwacht_coverage.camera import HEAD_TOP_HEIGHT_M, CameraModel
from parkwacht_vision.detector import UltralyticsDetector
from parkwacht_vision.frames import Frame
from parkwacht_vision.pictures import ArrayPicture, Image
from parkwacht_vision.regions import Region, plan_regions, whole
from parkwacht_vision.zones import camera_model

PICTURE = ArrayPicture(np.zeros((1080, 1920, 3), np.uint8))
FOCAL_PX = 1500.0  # 4 mm over pixels of 2 um, 2560 of them shown as 1920


def test_a_part_is_square_around_what_moves() -> None:
    # 100 px with 0.6 of it on each side is 220; 0.22 of 1080, 237.6, is more; centre (960, 540).
    [part] = plan_regions(PICTURE, [(910, 490, 1010, 590)], [])
    assert part.box == (841, 421, 1078, 658)
    assert part.reason == "motion"


def test_a_part_stays_inside_the_picture() -> None:
    [part] = plan_regions(PICTURE, [], [(0, 0, 40, 40)])
    assert part.box == (0, 0, 237, 237)
    assert part.reason == "track"


def test_what_moves_and_is_tracked_is_looked_at_once() -> None:
    box = (910.0, 490.0, 1010.0, 590.0)
    [part] = plan_regions(PICTURE, [box], [box])
    assert part.reason == "motion"


def test_motion_comes_before_tracks() -> None:
    parts = plan_regions(PICTURE, [(1500, 800, 1540, 880)], [(100, 100, 140, 180)])
    assert [one.reason for one in parts] == ["motion", "track"]


def test_parts_over_most_of_the_picture_are_one_whole() -> None:
    # 800 px with context are 1760: 1760 x 1080 of 1920 x 1080 is 92 per cent.
    [part] = plan_regions(PICTURE, [(500, 100, 1300, 900)], [])
    assert part.box == whole(PICTURE).box
    assert part.reason == "motion"  # no guaranteed look: it must be paid for
    [part] = plan_regions(PICTURE, [], [(500, 100, 1300, 900)])
    assert part.reason == "track"


def test_more_parts_than_four_are_one_whole() -> None:
    boxes = [(x, 500.0, x + 20.0, 540.0) for x in (100.0, 500.0, 900.0, 1300.0, 1700.0)]
    assert len(plan_regions(PICTURE, boxes[:4], [])) == 4
    [part] = plan_regions(PICTURE, boxes, [])
    assert part.box == whole(PICTURE).box


def test_nothing_moves_and_nothing_is_looked_at() -> None:
    assert plan_regions(PICTURE, [], []) == []


def person_px(distance_m: float, focal_px: float = FOCAL_PX) -> float:
    """Compute by hand how tall 1.8 m is seen at a distance, 6 m high, 15 degrees down."""
    tilt = math.radians(15)
    foot, head = math.atan(6 / distance_m), math.atan((6 - HEAD_TOP_HEIGHT_M) / distance_m)
    return focal_px * (math.tan(foot - tilt) - math.tan(head - tilt))


@pytest.fixture
def model(make_site: Callable[..., Site]) -> CameraModel:
    site = make_site()
    made = camera_model(site, site.cameras[0])
    assert made is not None
    return made.scaled_to(1920, 1080)


def box_at(model: CameraModel, distance_m: float) -> tuple[float, float, float, float]:
    """Return a box of ten pixels' width on the ground straight before the camera."""
    (u, v), *_ = model.project(np.array([[1000.0, 2000 + distance_m, 0.0]]))[0]
    return (u - 5, v - 10, u + 5, v)


@pytest.mark.parametrize("distance_m", [70.0, 110.0, 150.0])
def test_where_the_plan_says_a_person_is_small_a_part_is_small(
    model: CameraModel, distance_m: float
) -> None:
    [part] = plan_regions(PICTURE, [box_at(model, distance_m)], [], model)
    side_px = part.box[2] - part.box[0]
    expected_px = max(128.0, 5.5 * person_px(distance_m))
    assert expected_px < 220  # else this would say nothing
    assert side_px == pytest.approx(expected_px, abs=1.5)


def test_near_by_and_without_a_place_a_part_is_as_large_as_ever(model: CameraModel) -> None:
    sky = (900.0, 10.0, 910.0, 20.0)
    for box in (box_at(model, 20.0), sky):
        [part] = plan_regions(PICTURE, [box], [], model)
        assert part.box[2] - part.box[0] == pytest.approx(0.22 * 1080, abs=1.1)


@pytest.mark.shared_data
def test_a_person_far_away_is_found_where_the_plan_says_he_is_small(
    model: CameraModel, weights: Path, shared_vision: Path, tmp_path: Path
) -> None:
    """Persons of real stills, shrunk to their 20 pixels at 130 m and put where they would stand."""
    detector = UltralyticsDetector(weights, state_dir=tmp_path)
    (u, foot_v), *_ = model.project(np.array([[1000.0, 2130.0, 0.0]]))[0]
    n_persons, n_by_plan, n_without = 0, 0, 0
    for path in sorted((shared_vision / "stills").rglob("*.jpg"))[:10]:
        image = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
        for x1, y1, x2, y2 in sure_persons(detector, frame_of(image)):
            scale = person_px(130) / (y2 - y1)
            foot = (scale * (x1 + x2) / 2, scale * y2)
            move = np.array([[scale, 0, u - foot[0]], [0, scale, foot_v - foot[1]]])
            far = cv2.warpAffine(
                cv2.GaussianBlur(image, (0, 0), 0.4 / scale), move, (1920, 1080),
                borderMode=cv2.BORDER_REFLECT_101,
            )  # fmt: skip
            frame = frame_of(np.asarray(far, dtype=np.uint8))
            box = (u - 5, foot_v - scale * (y2 - y1), u + 5, foot_v)
            n_persons += 1
            n_by_plan += is_found(detector, frame, plan_regions(frame.picture, [box], [], model))
            n_without += is_found(detector, frame, plan_regions(frame.picture, [box], []))
    assert n_persons >= 20
    assert n_by_plan >= 0.5 * n_persons  # 17 of 27, and 5 of 27 without
    assert n_by_plan >= 2 * n_without


def frame_of(image: Image) -> Frame:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return Frame.of_image(image, 0.0, at, at, 0)


def sure_persons(detector: UltralyticsDetector, frame: Frame) -> list[list[float]]:
    found = detector.detect(frame, [whole(frame.picture)])
    return [
        found.xyxy[row].tolist()
        for row in range(len(found))
        if found.object_class(row) is ObjectClass.PERSON and found.confidence[row] >= 0.6
    ]


def is_found(detector: UltralyticsDetector, frame: Frame, regions: list[Region]) -> bool:
    """Return whether a person is seen in the middle of the one part that is looked at."""
    (x1, y1, x2, y2) = regions[0].box
    middle = ((x1 + x2) / 2, (y1 + y2) / 2)
    found = detector.detect(frame, regions)
    return any(
        found.object_class(row) is ObjectClass.PERSON
        and found.confidence[row] >= 0.3
        and all(found.xyxy[row][k] <= middle[k] <= found.xyxy[row][k + 2] for k in (0, 1))
        for row in range(len(found))
    )
