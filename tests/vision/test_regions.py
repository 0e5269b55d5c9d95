import numpy as np

from parkwacht_vision.pictures import ArrayPicture
from parkwacht_vision.regions import plan_regions, whole

PICTURE = ArrayPicture(np.zeros((1080, 1920, 3), np.uint8))


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
