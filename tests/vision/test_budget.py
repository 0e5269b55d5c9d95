from pathlib import Path

import numpy as np
import pytest

from parkwacht_vision.budget import Budget
from parkwacht_vision.detector import UltralyticsDetector
from parkwacht_vision.pictures import ArrayPicture
from parkwacht_vision.regions import Region, plan_regions
from parkwacht_vision.scene import SceneState

MOTION = Region((0, 0, 200, 200), "motion")
LOOK = Region((0, 0, 640, 360), "look")


def n_granted(budget: Budget, n: int, at_s: float, state: SceneState = SceneState.STABLE) -> int:
    return len(budget.grant("gate", [MOTION] * n, at_s=at_s, state=state))


def test_a_camera_gets_its_burst_and_then_its_rate() -> None:
    budget = Budget()
    assert n_granted(budget, 20, 0.0) == 16  # 8 calls a second, saved up for 2 s
    assert n_granted(budget, 20, 0.0) == 0
    assert n_granted(budget, 20, 0.5) == 4  # 8 per second for half a second
    assert n_granted(budget, 20, 100.0) == 16  # never more than the burst
    assert budget.n_refused == 4 + 20 + 16 + 4


def test_weather_gets_one_call_a_second() -> None:
    budget = Budget()
    # Five frames a second with three drops each, 20 s: a burst of 2, and 19.8 s of 1 per second.
    calls = sum(n_granted(budget, 3, frame / 5, SceneState.WEATHER) for frame in range(100))
    assert 20 <= calls <= 22


def test_a_look_passes_an_empty_bucket_and_is_paid_from_it() -> None:
    budget = Budget()
    n_granted(budget, 16, 0.0)
    assert budget.grant("gate", [LOOK, MOTION], at_s=0.0, state=SceneState.STABLE) == [LOOK]
    assert n_granted(budget, 5, 0.25) == 1  # 2 calls in a quarter of a second, 1 owed for the look


def test_looks_are_owed_one_at_most() -> None:
    budget = Budget()
    n_granted(budget, 16, 0.0)
    looks = [budget.grant("gate", [LOOK], at_s=0.0, state=SceneState.STABLE) for _ in range(3)]
    assert looks == [[LOOK], [], []]
    assert budget.n_refused == 2


def test_many_drops_in_one_picture_are_no_guaranteed_look() -> None:
    """Five boxes are more than four parts: one call for the whole picture, and it is paid for."""
    picture = ArrayPicture(np.zeros((1080, 1920, 3), np.uint8))
    drops = [(x, 500.0, x + 20.0, 540.0) for x in (100.0, 500.0, 900.0, 1300.0, 1700.0)]
    budget = Budget()
    calls = 0
    for number in range(50):
        wanted = plan_regions(picture, drops, [])
        at_s = number / 5
        calls += len(budget.grant("gate", wanted, at_s=at_s, state=SceneState.WEATHER))
    assert calls == 11  # a burst of 2, and 9.8 s of 1 per second; one for each frame would be 50


def ask(budget: Budget, camera: str, n: int, wall_s: float) -> int:
    """Ask as a live camera, whose own clock began a while later than the others'."""
    at_s = wall_s - len(camera)
    wanted = [MOTION] * n
    state = SceneState.STABLE
    return len(budget.grant(camera, wanted, at_s=at_s, state=state, wall_s=wall_s))


def test_a_camera_alone_gets_what_the_machine_has() -> None:
    budget = Budget(calls_per_s=6.0)
    # Its own limit of 8 per second is more than the machine's: a burst of 12, then 6 a second.
    calls = sum(ask(budget, "busy", 10, tenth / 10) for tenth in range(101))
    assert calls == 12 + 60


def test_cameras_share_what_is_scarce_equally() -> None:
    budget = Budget(calls_per_s=6.0)
    calls = {"busy": 0, "first": 0, "calm": 0}
    for tenth in range(1000):
        for camera, n in (("busy", 10), ("first", 10), ("calm", 1 if tenth % 10 == 0 else 0)):
            calls[camera] += ask(budget, camera, n, tenth / 10)
    # 6 per second for 100 s and a burst of 12, whoever asks; the calm one asked 100 times and
    # has a share of 2 per second, so it gets nearly all of that; the others divide the rest.
    assert calls["calm"] >= 95
    assert 600 <= sum(calls.values()) <= 612
    assert calls["busy"] >= 200
    assert calls["first"] >= 200


def test_the_worst_night_of_forty_cameras_is_bounded_and_nobody_is_left_out() -> None:
    budget = Budget(calls_per_s=40.0)
    calls = dict.fromkeys([f"camera {number}" for number in range(40)], 0)
    for fifth in range(100):
        for camera in calls:
            calls[camera] += ask(budget, camera, 4, fifth / 5)
    assert sum(calls.values()) <= 40 * 20 + 80  # 20 s, and a burst of 2 s
    assert min(calls.values()) >= 15  # a fair share is 1 per second


@pytest.mark.shared_data
def test_the_machine_is_measured(weights: Path, tmp_path: Path) -> None:
    detector = UltralyticsDetector(weights, state_dir=tmp_path)
    budget = Budget.measured(detector)
    n_burst = ask(budget, "gate", 1000, 0.0)
    assert 1 <= n_burst <= 16  # the camera's own limit still holds
