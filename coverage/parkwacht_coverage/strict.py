"""
Stricter goals, for a choice that misses what it was asked by a little.

A choice sees the ground through witnesses and private ground through a coarse grid, and the masks
that will be made only as far as they can be foreseen. What it then misses on the fine grid is added
to what it is asked, and it is made again.
"""

from parkwacht_config.study import PrivacyCeilings, StudyGoals
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.privacy import PrivacyLevel, PrivacyMeasure
from parkwacht_coverage.results import Scenario

LEAST_UNSEEN_M = 5.0
MARGIN = 0.99  # of a ceiling that was exceeded, so that the next choice does not graze it


def with_lower_ceilings(
    now: StudyGoals, asked: PrivacyCeilings, measure: PrivacyMeasure
) -> StudyGoals:
    """
    Lower the ceilings that a placement exceeds, by as much as it exceeds them.

    Parameters
    ----------
    now
        What the placement was chosen for.
    asked
        The ceilings of the park.
    measure
        What the placement sees without masks.

    Returns
    -------
    goals
        The same when it exceeds nothing.
    """
    seen = measure.together[Condition.DAY]
    each = [one[Condition.DAY].private_m2 for one in measure.cameras.values()]
    found = {
        "private_m2": seen.private_m2,
        "camera_private_m2": max(each, default=0.0),
        "dwelling_window_m": seen.dwelling_window_m[PrivacyLevel.OBSERVE],
        "recognisable_share": seen.recognisable_share,
    }
    lower = {}
    for key, value in found.items():
        limit, current = getattr(asked, key), getattr(now.privacy, key)
        if limit is not None and value > limit * (1 + 1e-9):
            lower[key] = current * limit / value * MARGIN
    if not lower:
        return now
    return now.model_copy(update={"privacy": now.privacy.model_copy(update=lower)})


def with_higher_floors(
    now: StudyGoals, asked: StudyGoals, scenario: Scenario, *, share: float, claimed_share: float
) -> StudyGoals:
    """
    Ask for more of what a placement was to reach and did not.

    Parameters
    ----------
    now
        What the placement was chosen for.
    asked
        The goals of the park.
    scenario
        The placement, evaluated.
    share, claimed_share
        Of the weighted ground: what it sees, and what its search took it to see.

    Returns
    -------
    goals
        The same when it misses nothing.
    """
    when = Condition(asked.condition)
    floor, unseen_m = now.min_area_share, now.max_unseen_m
    if share < asked.min_area_share:
        floor = min(1.0, max(floor, claimed_share) + asked.min_area_share - share)
    longest = max((one.longest_unseen_m[when] for one in scenario.routes), default=0.0)
    excess_m = longest - asked.max_unseen_m
    if excess_m > 0 and unseen_m > excess_m + LEAST_UNSEEN_M:
        unseen_m -= excess_m
    return now.model_copy(update={"min_area_share": floor, "max_unseen_m": unseen_m})
