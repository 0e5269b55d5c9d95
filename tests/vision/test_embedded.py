"""
The embedded detector on persons of the shared night stills, and what it leaves alone.

The boxes of the stills were drawn and checked by hand; they take no part in training.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from parkwacht_config.site import ObjectClass
from parkwacht_vision.embedded import WEIGHTS, EmbeddedDetector, embedded_info
from parkwacht_vision.frames import Frame
from parkwacht_vision.ground import Extent
from parkwacht_vision.regions import Region, whole
from parkwacht_vision.sizes import MOVING_PERSON, MOVING_VEHICLE

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def test_the_weights_are_small_and_the_ones_of_the_card() -> None:
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert WEIGHTS.stat().st_size <= 4_000_000
    assert digest in (WEIGHTS.parent / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert embedded_info().sha256 == digest


def test_an_empty_wall_and_a_look_at_everything_give_nothing() -> None:
    frame = Frame.of_image(np.full((360, 640, 3), 90, np.uint8), 0.0, AT, AT, 0)
    detector = EmbeddedDetector(None)
    assert len(detector.detect(frame, [Region((100, 100, 150, 250), "motion")])) == 0
    assert len(detector.detect(frame, [whole(frame.picture)])) == 0
    assert len(detector.detect(frame, [])) == 0


@pytest.mark.parametrize(
    ("extent", "is_person", "is_vehicle"),
    [
        (Extent(0.5, 1.8, 20), True, False),  # an adult
        (Extent(1.5, 4.0, 20), False, True),  # a spider at the lens is as high as a lorry
        (Extent(4.4, 1.5, 20), False, True),  # a car from its side
        (Extent(25.25, 4.0, 40), False, True),  # the longest lorry allowed in the Netherlands (LZV)
        (Extent(0.3, 0.3, 20), False, False),  # a cat
    ],
    ids=["adult", "high", "car", "long lorry", "cat"],
)
def test_size_in_metres(extent: Extent, is_person: bool, is_vehicle: bool) -> None:
    assert MOVING_PERSON.hold(extent) is is_person
    assert MOVING_VEHICLE.hold(extent) is is_vehicle


@pytest.mark.shared_data
def test_most_persons_of_night_stills_are_called_persons(shared_vision: Path) -> None:
    folder = shared_vision / "stills" / "llvip"
    truth = json.loads((folder / "person_boxes.json").read_text())["images"]
    detector = EmbeddedDetector(None)
    n_boxes = n_found = 0
    for name, entry in truth.items():
        image = cv2.imread(str(folder / "infrared" / f"{name}.jpg"))
        assert image is not None
        regions = [
            Region((max(0, x1), max(0, y1), min(x2, 1280), min(y2, 1024)), "motion")
            for x1, y1, x2, y2 in entry["person"]
        ]
        found = detector.detect(Frame.of_image(np.asarray(image), 0.0, AT, AT, 0), regions)
        n_boxes += len(regions)
        n_found += sum(found.object_class(row) is ObjectClass.PERSON for row in range(len(found)))
    assert n_found >= 0.6 * n_boxes
