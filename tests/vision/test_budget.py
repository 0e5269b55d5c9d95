from parkwacht_vision.budget import Budget
from parkwacht_vision.regions import Region
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


def test_one_busy_camera_takes_nothing_from_another() -> None:
    budget = Budget(calls_per_s=8.0)
    for camera in ("busy", "calm"):
        budget.grant(camera, [], at_s=0.0, state=SceneState.STABLE)
    for tenth in range(100):
        budget.grant("busy", [MOTION] * 10, at_s=tenth / 10, state=SceneState.STABLE)
    # Half of 8 calls a second each, saved up for 2 s.
    assert len(budget.grant("calm", [MOTION] * 10, at_s=10.0, state=SceneState.STABLE)) == 8
