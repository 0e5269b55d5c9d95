"""
The feasibility study of a park: what is seen today, what could be seen, for how much money.

A placement is chosen on a coarse ground and checked on the fine one (`witness`): for the budget of
the park, for the least money that meets its goals, and for twice the budget. Without a budget the
study takes the knee of the cost curve, the best placement for each of a series of budgets. Every
choice that took a search is kept (`checkpoint`), so that an interrupted study goes on where it
stopped. No files and no console here: `cli` and `reporting` write what this computes.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import Site
from parkwacht_config.study import StudyGoals
from parkwacht_config.text import Language, Text
from parkwacht_coverage.aims import find_aim_problems
from parkwacht_coverage.assess import Answer, Assessor
from parkwacht_coverage.checkpoint import Checkpoint
from parkwacht_coverage.cost import Cost
from parkwacht_coverage.curve import cost_curve, find_knee
from parkwacht_coverage.density import DensityClass, find_edition
from parkwacht_coverage.evaluate import Condition, Evaluator
from parkwacht_coverage.impossible import PlacementImpossible
from parkwacht_coverage.options import Listener, StudyOptions, check_options
from parkwacht_coverage.placement import Aim, Placement
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.problem import PlacementProblem, build_problem
from parkwacht_coverage.results import (
    CurvePoint,
    InputFile,
    Sampling,
    Scenario,
    ScenarioId,
    Study,
)
from parkwacht_coverage.robustness import find_robustness
from parkwacht_coverage.routes import sample_routes
from parkwacht_coverage.searching import (
    Searcher,
    Wish,
    claimed_share,
    judged_by,
    same_choice,
)
from parkwacht_coverage.strict import with_higher_floors, with_lower_ceilings
from parkwacht_coverage.trench import plan_trenches
from parkwacht_coverage.witness import Witnesses, coarsen

Floats = npt.NDArray[np.float64]

ENOUGH_ERROR = 0.002  # share of the weighted ground: below this the grids agree
GENEROUS_FACTOR = 2.0
MAX_TRIES = 4  # to bring a scenario under its ceilings, which are never optional


LOOKING = Text(nl="Vandaag bekijken", en="Looking at today")
CANDIDATES = Text(nl="Kandidaten verzamelen", en="Gathering candidates")
CHOOSING = Text(nl="Plaatsing kiezen", en="Choosing a placement")
COMPARING = Text(nl="Scenario's vergelijken", en="Comparing scenarios")
TRACING = Text(nl="Kostencurve", en="Cost curve")
DOUBTING = Text(nl="Robuustheid", en="Robustness")


def compute_study(
    site: Site,
    options: StudyOptions | None = None,
    listener: Listener | None = None,
    *,
    kept_in: Path | None = None,
    language: Language = Language.NL,
    inputs: tuple[InputFile, ...] = (),
) -> Study:
    """
    Evaluate the cameras of a park and choose cameras to add.

    Parameters
    ----------
    site
        The park.
    options
        What is asked; None asks the defaults.
    listener
        Whom to tell and to ask.
    kept_in
        Folder in which choices are kept, so that an interrupted study goes on; None keeps none.
    language
        Of the reasons that privacy masks carry.
    inputs
        The files that the park was read from, for the report.

    Returns
    -------
    study
        The same for the same inputs, unless a search was stopped or its proof says time limited.

    Raises
    ------
    CoverageError
        There is no public ground, mount or camera type; a camera or mount is inside a building or
        under ground; a limit is impossible (the message says which).
    """
    options = options or StudyOptions()
    check_options(options)
    if options.goals is not None:
        site = replace(site, goals=options.goals)
    checkpoint = Checkpoint(kept_in, {"site": site.digest, "options": repr(options)})
    run = _Run(site, options, listener or Listener(), checkpoint, language)
    return replace(run.study(), inputs=inputs)


class _Run:
    """One study while it is computed."""

    def __init__(
        self,
        site: Site,
        options: StudyOptions,
        listener: Listener,
        checkpoint: Checkpoint,
        language: Language,
    ) -> None:
        self._site = site
        self._options = options
        self._listener = listener
        self._goals = site.goals
        self._edition = find_edition(site.goals.edition)
        self._class: DensityClass = self._edition.find(site.goals.target_class)
        self._tell(LOOKING, 0, 1)
        self._ground = lay_grid(
            site,
            step_m=options.grid_step_m,
            target_height_m=site.goals.target_height_m,
            weights=options.weights,
        )
        self._assessor = Assessor(
            site,
            self._ground,
            self._edition,
            self._class,
            light_margin=options.light_margin,
            language=language,
        )
        self._assessor.existing(site.cameras)
        self._routes = sample_routes(self._assessor.evaluator)
        self._forest = plan_trenches(site)
        self._searcher = Searcher(
            options.effort, checkpoint, listener.on_search, listener.should_stop
        )
        self._warnings: list[Text] = []
        self._tell(LOOKING, 1, 1)

    def study(self) -> Study:
        """Compute all scenarios, the curve and what is certain."""
        today = self._assess(ScenarioId.TODAY, Answer(self._site.cameras, (), Cost()))
        witnesses = coarsen(self._ground, self._options.solve_step_m)
        problem = self._problem(witnesses)
        budget_eur, curve = self._goals.budget_eur, None
        if budget_eur is None:
            curve = self._curve(problem, self._all_eur(problem))
            budget_eur = find_knee(curve, self._share(today))
        wish = Wish(Aim.MOST, budget_eur, self._goals.max_cameras)
        witnesses, problem, found, recommended, sampling = self._refined(problem, witnesses, wish)
        if curve is None:
            curve = self._curve(problem, GENEROUS_FACTOR * budget_eur)
        more = self._cheapest(problem, witnesses) | self._generous(
            problem, witnesses, found, budget_eur
        )
        scenarios = {ScenarioId.TODAY: today, ScenarioId.RECOMMENDED: recommended} | more
        for name in (ScenarioId.TODAY, ScenarioId.RECOMMENDED):
            scenarios[name] = self._robust(scenarios[name])
        problems = find_aim_problems(self._assessor.evaluator, recommended.cameras)
        self._warnings += [*(one.text for one in problems), *problem.notes]
        return Study(
            site=self._site,
            goals=self._goals,
            edition=self._edition,
            target_class=self._class,
            ground=self._ground,
            scenarios={name: scenarios[name] for name in ScenarioId if name in scenarios},
            curve=curve,
            sampling=sampling,
            inputs=(),
            n_views=problem.n_views,
            warnings=tuple(self._warnings),
        )

    def _tell(self, step: Text, done: int, total: int) -> None:
        self._listener.on_step(step, done, total)

    def _problem(self, witnesses: Witnesses, goals: StudyGoals | None = None) -> PlacementProblem:
        """Gather the candidates over the witnesses, for the goals of the park or stricter ones."""
        site = replace(self._site, goals=goals or self._goals)
        evaluator = Evaluator(
            site, witnesses.ground, self._class, light_margin=self._options.light_margin
        )
        return build_problem(
            evaluator,
            pan_step_deg=self._options.pan_step_deg,
            forest=self._forest,
            on_progress=lambda done, total: self._tell(CANDIDATES, done, total),
        )

    def _assess(self, name: ScenarioId, answer: Answer) -> Scenario:
        return self._assessor.assess(name, answer, self._routes, self._forest)

    def _share(self, scenario: Scenario) -> float:
        """Return which share of the weighted ground a scenario sees when it matters."""
        return self._assessor.weighted_share(scenario.density[Condition(self._goals.condition)])

    def _refined(
        self, problem: PlacementProblem, witnesses: Witnesses, wish: Wish
    ) -> tuple[Witnesses, PlacementProblem, Placement, Scenario, Sampling]:
        """Choose, check on the fine grid, add the witnesses that were missed, choose again."""
        start: list[int] | None = None
        n_round, n_rounds = 1, self._options.n_rounds
        while True:
            self._tell(CHOOSING, n_round - 1, n_rounds)
            light = self._options.light_effort
            found = self._searcher.find(problem, wish, start, effort=light)
            scenario = self._assess(ScenarioId.RECOMMENDED, _answer(found, wish.budget_eur))
            density = scenario.density[Condition(self._goals.condition)]
            seen = density >= self._class.threshold_px_per_m
            sampling = self._sampling(witnesses, scenario, n_round)
            missed = witnesses.disagreeing(seen)
            is_enough = sampling.error <= ENOUGH_ERROR or not missed.any()
            if is_enough or n_round == n_rounds or self._listener.should_stop():
                found = self._searcher.find(problem, wish, found.chosen)
                self._tell(CHOOSING, n_rounds, n_rounds)
                scenario = self._strict(ScenarioId.RECOMMENDED, problem, witnesses, wish, found)
                sampling = self._sampling(witnesses, scenario, n_round)
                return witnesses, problem, found, scenario, sampling
            witnesses = witnesses.split(missed)
            finer = self._problem(witnesses)
            start = same_choice(problem, found, finer)
            problem, n_round = finer, n_round + 1

    def _sampling(self, witnesses: Witnesses, scenario: Scenario, n_rounds: int) -> Sampling:
        """Compare what a scenario sees of the witnesses and of the fine grid."""
        density = scenario.density[Condition(self._goals.condition)]
        seen = density >= self._class.threshold_px_per_m
        on_solve = float(witnesses.ground.weight[seen[witnesses.chosen]].sum())
        return Sampling(
            solve_step_m=self._options.solve_step_m,
            check_step_m=self._options.grid_step_m,
            n_rounds=n_rounds,
            added_witnesses=witnesses.n_added,
            share_on_solve_grid=on_solve / float(self._ground.weight.sum()),
            share_on_check_grid=self._share(scenario),
        )

    def _cheapest(
        self, problem: PlacementProblem, witnesses: Witnesses
    ) -> dict[ScenarioId, Scenario]:
        """Find the least money that meets the goals; say so where nothing does."""
        self._tell(COMPARING, 0, 2)
        wish = Wish(Aim.CHEAPEST, None, self._goals.max_cameras)
        try:
            found = self._searcher.find(problem, wish)
        except PlacementImpossible as error:
            self._warnings.append(error.text)
            return {}
        scenario = self._strict(ScenarioId.CHEAPEST, problem, witnesses, wish, found)
        return {ScenarioId.CHEAPEST: scenario}

    def _generous(
        self,
        problem: PlacementProblem,
        witnesses: Witnesses,
        found: Placement,
        budget_eur: float,
    ) -> dict[ScenarioId, Scenario]:
        """Find the most for twice the budget."""
        self._tell(COMPARING, 1, 2)
        wish = Wish(Aim.MOST, GENEROUS_FACTOR * budget_eur, self._goals.max_cameras)
        more = self._searcher.find(problem, wish, found.chosen)
        scenario = self._strict(ScenarioId.GENEROUS, problem, witnesses, wish, more)
        self._tell(COMPARING, 2, 2)
        return {ScenarioId.GENEROUS: scenario}

    def _strict(
        self,
        name: ScenarioId,
        problem: PlacementProblem,
        witnesses: Witnesses,
        wish: Wish,
        found: Placement,
    ) -> Scenario:
        """
        Evaluate a placement; make it again, for stricter goals, while it misses what was asked.

        The bounds stay those of the first search: nothing that keeps to stricter goals is better.
        """
        goals, first = self._goals, found.proofs
        for n_try in range(1, MAX_TRIES + 1):
            answer = replace(_answer(found, wish.budget_eur), proofs=judged_by(found.proofs, first))
            scenario = self._assess(name, answer)
            has_floors = wish.aim is Aim.CHEAPEST and n_try < self._options.n_tries
            stricter = self._stricter(goals, scenario, problem, found, has_floors=has_floors)
            if stricter == goals or n_try == MAX_TRIES or self._listener.should_stop():
                break
            try:
                goals, again = stricter, self._problem(witnesses, stricter)
                found = self._searcher.find(again, wish, same_choice(problem, found, again))
            except CoverageError:  # what stays misses it already, or nothing is strict enough
                break
            problem = again
        return scenario

    def _stricter(
        self,
        goals: StudyGoals,
        scenario: Scenario,
        problem: PlacementProblem,
        found: Placement,
        *,
        has_floors: bool,
    ) -> StudyGoals:
        """Return goals stricter by the ceilings exceeded and, for the cheapest, what is missed."""
        bare = scenario.privacy_unmasked or scenario.privacy
        goals = with_lower_ceilings(goals, self._goals.privacy, bare)
        if not has_floors:
            return goals
        return with_higher_floors(
            goals,
            self._goals,
            scenario,
            share=self._share(scenario),
            claimed_share=claimed_share(problem, found),
        )

    def _curve(self, problem: PlacementProblem, largest_eur: float) -> tuple[CurvePoint, ...]:
        """Trace the cost curve up to a budget, in equal steps."""
        n = self._options.n_budgets

        def find(budget_eur: float, start: Sequence[int] | None) -> Placement:
            wish = Wish(Aim.MOST, budget_eur, self._goals.max_cameras)
            light = self._options.light_effort
            return self._searcher.find(problem, wish, start, effort=light)

        self._tell(TRACING, 0, n)
        return cost_curve(
            problem,
            [largest_eur * i / n for i in range(1, n + 1)],
            find=find,
            on_progress=lambda done, total: self._tell(TRACING, done, total),
            should_stop=self._listener.should_stop,
        )

    def _all_eur(self, problem: PlacementProblem) -> float:
        """Return what the most that can be had costs: where the curve ends without a budget."""
        found = self._searcher.find(problem, Wish(Aim.MOST, None, self._goals.max_cameras))
        # Where nothing can be added the curve is flat; a budget below the cheapest view is refused.
        least = float(problem.choices.cheapest_eur().min())
        return max(found.cost.total_eur, least)

    def _robust(self, scenario: Scenario) -> Scenario:
        """Find what is left of a scenario when something goes wrong."""
        cases = find_robustness(
            self._assessor.evaluator,
            scenario.cameras,
            masks=scenario.masks,
            on_progress=lambda done, total: self._tell(DOUBTING, done, total),
        )
        return replace(scenario, robustness=tuple(cases))


def _answer(found: Placement, budget_eur: float | None) -> Answer:
    return Answer(found.cameras, found.views, found.cost, found.proofs, budget_eur)
