import numpy as np
import pytest

from parkwacht_config.site import ObjectClass
from parkwacht_vision.detections import Detections

GOOD = [[0.0, 0.0, 10.0, 20.0]]


@pytest.mark.parametrize(
    ("xyxy", "confidence", "class_id", "message"),
    [
        ([[0, 0, 1]], [0.5], [0], "shapes"),
        (GOOD, [0.5, 0.5], [0], "shapes"),
        (GOOD, [0.5], [0, 1], "shapes"),
        ([[10, 0, 10, 20]], [0.5], [0], "right bottom"),
        ([[0, 0, float("nan"), 20]], [0.5], [0], "not finite"),
        (GOOD, [1.2], [0], "confidence"),
        (GOOD, [0.5], [99], "class id"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(
    xyxy: list[list[float]], confidence: list[float], class_id: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Detections(np.array(xyxy, dtype=np.float64), np.array(confidence), np.array(class_id))


def test_rows_keep_their_class() -> None:
    found = Detections.of(
        [((0, 0, 2, 5), 0.5, ObjectClass.PERSON), ((1, 1, 9, 4), 0.9, ObjectClass.CAR)]
    )
    assert len(found) == 2
    assert [found.object_class(row) for row in range(2)] == [ObjectClass.PERSON, ObjectClass.CAR]
    assert len(Detections.empty()) == len(Detections.of([])) == 0
