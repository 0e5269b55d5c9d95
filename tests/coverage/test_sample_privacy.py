"""The sample park's cameras of today keep the ceilings its working group set."""

from pathlib import Path

from parkwacht_config.loader import load_site
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.privacy import PrivacyLevel, Watcher, measure_privacy
from parkwacht_coverage.privacy_ground import lay_privacy_ground
from parkwacht_coverage.visibility import Scene

SAMPLE = Path(__file__).parents[2] / "config/sites/josink_es.toml"


def test_the_cameras_of_today_keep_the_ceilings() -> None:
    site = load_site(SAMPLE)
    ceilings = site.goals.privacy
    scene = Scene(site.buildings, site.trees)
    ground = lay_privacy_ground(site, scene)
    watchers = [Watcher.of(one, site.camera_types[one.type_id]) for one in site.cameras]
    measured = measure_privacy(watchers, scene, ground, find_edition(site.goals.edition))
    together = measured.together[Condition.DAY]
    assert ceilings.private_m2 is not None
    assert ceilings.camera_private_m2 is not None
    assert ceilings.dwelling_window_m is not None
    assert ceilings.recognisable_share is not None
    # The figures of the comment above [study.privacy].
    assert abs(together.private_m2 - 13_400) < 400
    assert together.dwelling_window_m[PrivacyLevel.OBSERVE] == 0
    assert 0.0005 < together.recognisable_share < 0.0015
    assert together.private_m2 < ceilings.private_m2
    largest = max(one[Condition.DAY].private_m2 for one in measured.cameras.values())
    assert largest < ceilings.camera_private_m2
    # There are homes to be seen, and far more of their windows than the ceiling allows.
    assert measured.totals.dwelling_window_m[PrivacyLevel.OBSERVE] > 5 * ceilings.dwelling_window_m
