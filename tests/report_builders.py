"""
A finished study made by hand of real parts, for the tests of report and exports.

Every scenario is a few given views, evaluated by the study's own parts; only the search for the
best placement is left out, so proofs, cost curve and sampling are figures given here.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
from coverage_builders import X, Y, block, bullet, small_site
from shapely.geometry import LineString, Point, box

from parkwacht_config.site import (
    BuildingUse,
    Mount,
    PowerCabinet,
    PrivateArea,
    Route,
    Site,
)
from parkwacht_config.text import Text
from parkwacht_coverage.assess import Answer, Assessor
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.cost import compute_cost
from parkwacht_coverage.density import find_edition
from parkwacht_coverage.plan import lay_grid
from parkwacht_coverage.results import (
    CurvePoint,
    InputFile,
    Proof,
    Sampling,
    ScenarioId,
    Study,
)
from parkwacht_coverage.robustness import find_robustness
from parkwacht_coverage.routes import sample_routes
from parkwacht_coverage.trench import plan_trenches
from parkwacht_coverage.views import View

VIEWS = (("m1", 90.0), ("m1", 270.0), ("m3", 280.0))  # mount and azimuth, the most useful first
COUNTS = {
    ScenarioId.TODAY: 0,
    ScenarioId.CHEAPEST: 1,
    ScenarioId.RECOMMENDED: 2,
    ScenarioId.GENEROUS: 3,
}
BUDGET_EUR = 20_000.0


def report_site() -> Site:
    """Return the small park with a home, its garden, a route and a power cabinet."""
    site = small_site()
    home = replace(
        block(X + 100, Y + 2, 8.0, 6.0, name="huis"), use=BuildingUse.DWELLING, window_share=0.4
    )
    return replace(
        site,
        buildings=(*site.buildings, home),
        private_areas=(PrivateArea("tuin", box(X + 96, Y + 2, X + 100, Y + 18), "tuin"),),
        power_cabinets=(PowerCabinet("kast", Point(X + 5, Y + 21)),),
        routes=(Route("r1", "Hoofdweg", LineString([(X, Y + 24), (X + 100, Y + 24)])),),
        camera_types={"bullet": bullet()},
    )


@cache
def built_study(edition_id: str = "2014", condition: str = "night") -> Study:
    """Return the study of the small park."""
    site = report_site()
    site = replace(site, goals=site.goals.model_copy(update={"condition": condition}))
    return make_study(site, VIEWS, COUNTS, edition_id=edition_id, step_m=2.0)


@cache
def bare_study() -> Study:
    """Return the study of a park with nothing but ground: no cameras, gates, routes or proposal."""
    site = replace(
        small_site(cameras=(), gates=(), incidents=(), mounts=(), lamp_posts=(), buildings=()),
        name="Park #1 *nieuw* $x$ <b> [a]",
        is_illustrative=False,
    )
    counts = {ScenarioId.TODAY: 0, ScenarioId.RECOMMENDED: 0}
    return replace(make_study(site, (), counts, edition_id="2014", step_m=4.0), curve=(), inputs=())


def make_study(
    site: Site,
    views: Sequence[tuple[str, float]],
    counts: dict[ScenarioId, int],
    *,
    edition_id: str,
    step_m: float,
) -> Study:
    """Evaluate the first so many of some views for each scenario of a park."""
    edition = find_edition(edition_id)
    target = edition.find()
    ground = lay_grid(site, step_m=step_m, target_height_m=1.5)
    assessor = Assessor(site, ground, edition, target, light_margin=10.0)
    routes = sample_routes(assessor.evaluator)
    forest = plan_trenches(site)
    mounts = {one.id: one for one in site.mounts}
    chosen = [_view(site, mounts[mount_id], azimuth) for mount_id, azimuth in views]
    scenarios = {}
    for id_, n in counts.items():
        pairs = [(one.mount.id, one.camera_type) for one in chosen[:n]]
        answer = Answer(
            kept=site.cameras,
            views=tuple(chosen[:n]),
            cost=compute_cost(site, pairs, forest),
            proofs=_proofs() if n else (),
            budget_eur=BUDGET_EUR if id_ is ScenarioId.RECOMMENDED else None,
        )
        scenario = assessor.assess(id_, answer, routes, forest)
        if id_ is ScenarioId.RECOMMENDED:
            cases = find_robustness(assessor.evaluator, scenario.cameras, masks=scenario.masks)
            scenario = replace(scenario, robustness=tuple(cases))
        scenarios[id_] = scenario
    return Study(
        site=site,
        goals=site.goals,
        edition=edition,
        target_class=target,
        ground=ground,
        scenarios=scenarios,
        curve=_curve(),
        sampling=Sampling(2.0, 1.0, 3, 41, 0.312, 0.305),
        inputs=(InputFile("small.toml", "ab" * 32, 4321, "2026-11-01"),),
        n_views=123,
        warnings=(Text(nl="Let op: een proef.", en="Note: a trial."),),
    )


def _view(site: Site, mount: Mount, azimuth_deg: float) -> View:
    kind = next(iter(site.camera_types.values()))
    if "varifocal_8mp_10mm" in site.camera_types:
        kind = site.camera_types["varifocal_8mp_10mm"]
    model = CameraModel(
        id=f"{mount.id}_{azimuth_deg:.0f}",
        x_m=mount.point.x,
        y_m=mount.point.y,
        height_m=mount.height_m,
        azimuth_deg=azimuth_deg,
        tilt_deg=20.0,
        f_px=kind.focal_length_mm * 1000 / kind.pitch_um,
        width_px=kind.width_px,
        height_px=kind.height_px,
    )
    return View(mount=mount, camera_type=kind, model=model, hits=_no_hits())


def _no_hits() -> npt.NDArray[np.int32]:
    return np.zeros(0, dtype=np.int32)


def _proofs() -> tuple[Proof, ...]:
    return (
        Proof(Text(nl="toegangen bediend", en="gates served"), "", 2.0, 2.0, 0.0, is_proven=True),
        Proof(
            Text(nl="gewogen grond gezien", en="weighted ground seen"), "%", 31.2, 31.9, 0.022,
            is_proven=False, is_time_limited=True,
        ),
    )  # fmt: skip


def _curve() -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(
            budget_eur=5000.0 * n, cost_eur=4900.0 * n, n_cameras=n, n_sites=n,
            share=0.5 - 0.5 / (n + 1), bound=0.52 - 0.5 / (n + 1),
            marginal_m2_per_1000_eur=300.0 / n, gates_served=min(n, 2), is_proven=n < 3,
        )
        for n in range(1, 7)
    )  # fmt: skip
