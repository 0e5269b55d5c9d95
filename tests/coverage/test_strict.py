"""Goals made stricter by what a placement missed; every figure by hand."""

from dataclasses import replace

import pytest
from coverage_builders import small_site

from parkwacht_config.study import PrivacyCeilings, StudyGoals
from parkwacht_coverage.choosing import Effort
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.options import StudyOptions
from parkwacht_coverage.results import Scenario, ScenarioId, Study
from parkwacht_coverage.strict import with_higher_floors, with_lower_ceilings
from parkwacht_coverage.study import compute_study

OPTIONS = StudyOptions(
    pan_step_deg=30.0, n_budgets=1, effort=Effort(rounds=30, bound_rounds=60, node_limit=50)
)
GOALS = StudyGoals(budget_eur=20_000.0, camera_types=("bullet",))


@pytest.fixture(scope="module")
def study() -> Study:
    return compute_study(small_site(), replace(OPTIONS, goals=GOALS))


@pytest.fixture(scope="module")
def generous(study: Study) -> Scenario:
    return study.scenarios[ScenarioId.GENEROUS]


def test_a_ceiling_that_is_exceeded_is_lowered_by_as_much(generous: Scenario) -> None:
    measure = generous.privacy_unmasked
    assert measure is not None
    seen_m2 = measure.together[Condition.DAY].private_m2
    asked = PrivacyCeilings(private_m2=seen_m2 / 2, recognisable_share=1.0)
    now = GOALS.model_copy(update={"privacy": asked})
    # twice what was asked: half the ceiling, and 1 % less
    stricter = with_lower_ceilings(now, asked, measure)
    assert stricter.privacy.private_m2 == pytest.approx(seen_m2 / 4 * 0.99)
    assert stricter.privacy.recognisable_share == 1.0
    kept = PrivacyCeilings(private_m2=seen_m2 + 1)
    now = GOALS.model_copy(update={"privacy": kept})
    assert with_lower_ceilings(now, kept, measure) is now


def test_floors_rise_by_what_was_missed(generous: Scenario) -> None:
    asked = GOALS.model_copy(update={"min_area_share": 0.5, "max_unseen_m": 60.0})
    routes = tuple(
        replace(one, longest_unseen_m=dict.fromkeys(Condition, 67.0)) for one in generous.routes
    )
    missed = replace(generous, routes=routes)
    # claimed 0.52, saw 0.47: asks for 0.52 + 0.03; unseen 7 m too long: asks for 53 m
    found = with_higher_floors(asked, asked, missed, share=0.47, claimed_share=0.52)
    assert found.min_area_share == pytest.approx(0.55)
    assert found.max_unseen_m == pytest.approx(53.0 if routes else 60.0)
    met = replace(generous, routes=())
    assert with_higher_floors(asked, asked, met, share=0.5, claimed_share=0.6) == asked


@pytest.mark.parametrize("share_of_free", [0.5, 0.8])
def test_no_scenario_exceeds_a_ceiling_on_the_fine_measure(
    generous: Scenario, study: Study, share_of_free: float
) -> None:
    free, kept = generous.privacy_unmasked, study.today.privacy_unmasked
    assert free is not None
    assert kept is not None
    before, after = (one.together[Condition.DAY].private_m2 for one in (kept, free))
    ceiling = before + share_of_free * (after - before)
    goals = GOALS.model_copy(update={"privacy": PrivacyCeilings(private_m2=ceiling)})
    bound = compute_study(small_site(), replace(OPTIONS, goals=goals))
    for name in (ScenarioId.RECOMMENDED, ScenarioId.GENEROUS):
        measure = bound.scenarios[name].privacy_unmasked
        assert measure is not None
        assert measure.together[Condition.DAY].private_m2 <= ceiling * (1 + 1e-9)
