"""
The maps of a study, each in its own picture.

Cameras of today are lettered, proposed ones numbered as in the schedule. The same study gives the
same bytes.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.reporting import palette
from parkwacht_coverage.reporting.canvas import (
    draw_legend,
    draw_scale,
    line,
    map_axes,
    mark,
    metres_per_mm,
    new_figure,
    save,
    write,
)
from parkwacht_coverage.reporting.layers import (
    draw_base,
    draw_cameras,
    draw_gates,
    draw_line,
    draw_names,
    draw_ranks,
    draw_unseen,
    draw_views,
    extent_of,
)
from parkwacht_coverage.reporting.legends import Handles, Legends
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.results import SCENARIO_NAMES, Scenario, ScenarioId, Study

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

WIDTH_MM = 180.0
MAP_SHARE = 0.765  # of the width; the legend has the rest
SUMMARY_MM, SUMMARY_SHARE = 124.0, 0.8
ROW_MM = 56.0  # of one row of small maps
SMALL_WEDGE_MM = 1.8
MIN_GAP_MM = 12.0  # between two lengths written on a map
LEGEND_LEFT = MAP_SHARE + 0.012


def label_cameras(study: Study) -> dict[str, str]:
    """Return the label of each camera of any scenario: letters for today's, N and a number else."""
    labels: dict[str, str] = {}
    for index, one in enumerate(study.today.cameras):
        first, second = divmod(index, 26)
        labels[one.id] = ("" if first == 0 else chr(64 + first)) + chr(65 + second)
    for scenario in study.scenarios.values():
        for one in scenario.proposed:
            labels.setdefault(one.id, one.name)
    return labels


class MapMaker:
    """
    Draws the maps of one study in one language into one folder.

    Parameters
    ----------
    study
        What was computed.
    words
        Of the legend.
    folder
        Where the pictures are written.
    """

    def __init__(self, study: Study, words: Words, folder: Path) -> None:
        self.study = study
        self.words = words
        self.folder = folder
        everyone = [one for each in study.scenarios.values() for one in each.cameras]
        self.extent = extent_of(study.site, everyone)
        self.labels = label_cameras(study)
        self.condition = Condition(study.goals.condition)
        self.when = words.condition(self.condition)
        self.legend = Legends(study, words)

    def summary(self, path: Path) -> None:
        """Draw what is seen today, what the proposal adds and what stays unseen."""
        figure, axes = self._sheet(SUMMARY_MM, SUMMARY_SHARE)
        self._states(axes, self.study.recommended, self.condition)
        draw_names(axes, self.study.site)
        draw_gates(axes, self.study.site)
        self._cameras(axes, self.study.recommended)
        draw_scale(axes)
        handles = self.legend.states() + self.legend.base() + self.legend.cameras()
        draw_legend(figure, handles, (SUMMARY_SHARE + 0.008, 0.985), title=self._title())
        save(figure, path)

    def scenarios(self, path: Path) -> None:
        """Draw the scenarios side by side, with one legend."""
        listed = list(self.study.scenarios.values())
        n_rows = (len(listed) + 1) // 2
        height_mm = n_rows * ROW_MM + 9.0
        figure = new_figure(WIDTH_MM, height_mm)
        for index, scenario in enumerate(listed):
            row, column = divmod(index, 2)
            bottom = 9.0 / height_mm + (n_rows - 1 - row) * ROW_MM / height_mm
            place = (column * 0.505, bottom, 0.495, (ROW_MM - 6.0) / height_mm)
            axes = map_axes(figure, place, self.extent)
            self._states(axes, scenario, self.condition)
            draw_gates_small(axes, self.study)
            draw_cameras(axes, scenario.cameras, {}, wedge_mm=SMALL_WEDGE_MM)
            draw_scale(axes)
            title = self.words.text(SCENARIO_NAMES[scenario.id]).capitalize()
            middle = place[0] + place[2] / 2
            top = place[1] + place[3] + 2.6 / height_mm
            figure.text(middle, top, title, size=8.0, weight="bold", ha="center", va="center")
        handles = self.legend.states() + self.legend.cameras()[:2]
        draw_legend(figure, handles, (0.01, 7.0 / height_mm), n_columns=3)
        save(figure, path)

    def classes(self, path: Path, scenario: Scenario, condition: Condition) -> None:
        """Draw the highest class that each piece of ground reaches."""
        figure, axes = self._sheet(109.0)
        edition, ground = self.study.edition, self.study.ground
        draw_base(axes, self.study.site)
        draw_unseen(axes, ground)
        colours = palette.class_colours(edition)
        ranks = edition.ranks(scenario.density[condition])
        draw_ranks(axes, ground, ranks, list(colours.values()))
        draw_gates(axes, self.study.site)
        draw_cameras(axes, scenario.cameras, {}, wedge_mm=SMALL_WEDGE_MM)
        draw_scale(axes)
        name = self.words.text(SCENARIO_NAMES[scenario.id]).capitalize()
        title = f"{name},\n{self.words.condition(condition)}"
        handles = self.legend.classes() + self.legend.base() + self.legend.cameras()[:2]
        draw_legend(figure, handles, (LEGEND_LEFT, 0.985), title=title)
        save(figure, path)

    def access(self, path: Path, scenario: Scenario) -> None:
        """Draw gates and routes: where someone is followed, and where not."""
        figure, axes = self._sheet(109.0)
        draw_base(axes, self.study.site)
        self._plain_ground(axes)
        for route in scenario.routes:
            draw_line(axes, route.line, colour=palette.SEEN_WAY, width_pt=1.6, zorder=4)
        self._gaps(axes, scenario)
        draw_gates(axes, self.study.site)
        self._gate_marks(axes, scenario)
        self._cameras(axes, scenario, views=False)
        draw_scale(axes)
        say = self.words.say
        handles: Handles = [
            (say("route", "route"), line(palette.SEEN_WAY, width_pt=1.6)),
            (
                say("langste stuk dat\nniemand ziet", "longest stretch that\nnobody sees"),
                line(palette.UNSEEN_WAY, width_pt=3.4),
            ),
            (
                say("toegang: kenteken en\noverzicht", "gate: plate and\noverview"),
                mark("s", palette.SEEN_WAY, size_pt=6),
            ),
            (
                say("toegang: één van beide", "gate: one of both"),
                mark("s", palette.SEEN_NEW, size_pt=6),
            ),
            (say("toegang: geen", "gate: neither"), mark("s", "white", size_pt=6, edge="black")),
        ]
        handles += self.legend.base(with_ground=False) + self.legend.cameras()[:2]
        draw_legend(figure, handles, (LEGEND_LEFT, 0.985), title=self._title())
        save(figure, path)

    def incidents(self, path: Path) -> None:
        """Draw past incidents: seen today, seen with the proposal, or not seen."""
        figure, axes = self._sheet(109.0)
        draw_base(axes, self.study.site)
        self._plain_ground(axes)
        say = self.words.say
        styles = {
            "today": ("o", palette.SEEN_TODAY, say("al in beeld", "in view already")),
            "new": ("D", palette.SEEN_NEW, say("dan in beeld", "then in view")),
            "unseen": ("X", palette.UNSEEN_WAY, say("niet in beeld", "not in view")),
        }
        today = {one.incident.id for one in self.study.today.incidents if one.camera_ids}
        for one in self.study.recommended.incidents:
            state = "unseen" if not one.camera_ids else "new"
            state = "today" if one.camera_ids and one.incident.id in today else state
            marker, colour, _ = styles[state]
            point = one.incident.point
            axes.plot([point.x], [point.y], marker, color=colour, markersize=4.6, zorder=10,
                      markeredgecolor="black", markeredgewidth=0.4)  # fmt: skip
        draw_gates(axes, self.study.site)
        self._cameras(axes, self.study.recommended, labels={}, views=True)
        draw_scale(axes)
        handles: Handles = [
            (text, mark(marker, colour, size_pt=5.5, edge="black"))
            for marker, colour, text in styles.values()
        ]
        handles += self.legend.base(with_ground=False) + self.legend.cameras()
        draw_legend(figure, handles, (LEGEND_LEFT, 0.985), title=say("Incidenten", "Incidents"))
        save(figure, path)

    def sites(self, path: Path, scenario: Scenario) -> None:
        """Draw the cameras with their numbers, what they view, trenches and power cabinets."""
        figure, axes = self._sheet(118.0)
        draw_base(axes, self.study.site)
        self._plain_ground(axes)
        for trench in scenario.trenches:
            draw_line(axes, trench, colour=palette.TRENCH, width_pt=1.8, zorder=6)
        for cabinet in self.study.site.power_cabinets:
            axes.plot([cabinet.point.x], [cabinet.point.y], "P", color=palette.CABINET,
                      markersize=5.5, markeredgecolor="black", markeredgewidth=0.4,
                      zorder=7)  # fmt: skip
        draw_names(axes, self.study.site)
        draw_gates(axes, self.study.site)
        self._cameras(axes, scenario)
        draw_scale(axes)
        say = self.words.say
        handles: Handles = [
            (say("sleuf voor stroom", "trench for power"), line(palette.TRENCH, width_pt=1.8)),
            (
                say("stroomkast", "power cabinet"),
                mark("P", palette.CABINET, size_pt=5.5, edge="black"),
            ),
        ]
        handles += self.legend.base(with_ground=False) + self.legend.cameras()
        draw_legend(figure, handles, (LEGEND_LEFT, 0.985), title=self._title())
        save(figure, path)

    # the parts

    def _sheet(self, height_mm: float, share: float = MAP_SHARE) -> tuple[Figure, Axes]:
        figure = new_figure(WIDTH_MM, height_mm)
        return figure, map_axes(figure, (0.0, 0.0, share, 1.0), self.extent)

    def _states(self, axes: Axes, scenario: Scenario, condition: Condition) -> None:
        study = self.study
        draw_base(axes, study.site)
        draw_unseen(axes, study.ground)
        today = study.is_seen(study.today, condition)
        then = study.is_seen(scenario, condition)
        ranks = np.where(then & today, 1, np.where(then, 2, 0)).astype(np.int64)
        draw_ranks(axes, study.ground, ranks, [palette.SEEN_TODAY, palette.SEEN_NEW])

    def _plain_ground(self, axes: Axes) -> None:
        nothing = np.zeros(len(self.study.ground.area_m2), dtype=np.int64)
        draw_ranks(axes, self.study.ground, nothing + 1, ["#eceae4"])

    def _cameras(
        self,
        axes: Axes,
        scenario: Scenario,
        *,
        labels: Mapping[str, str] | None = None,
        views: bool = True,
    ) -> None:
        if views:
            draw_views(axes, scenario.cameras)
        shown = self.labels if labels is None else dict(labels)
        draw_cameras(axes, scenario.cameras, shown)

    def _gaps(self, axes: Axes, scenario: Scenario) -> None:
        """Draw the longest unseen stretch of each route, its length where there is room."""
        room = MIN_GAP_MM * metres_per_mm(axes)
        labelled: list[BaseGeometry] = []
        for route in sorted(scenario.routes, key=lambda one: -one.longest_unseen_m[self.condition]):
            gap = route.longest_unseen[self.condition]
            if gap is not None:
                draw_line(axes, gap, colour=palette.UNSEEN_WAY, width_pt=3.4, zorder=5)
                middle = gap.interpolate(0.5, normalized=True)
                if all(middle.distance(one) > room for one in labelled):
                    labelled.append(middle)
                    length = self.words.metres(route.longest_unseen_m[self.condition])
                    write(axes, length, (middle.x, middle.y), fontweight="bold", zorder=14)

    def _gate_marks(self, axes: Axes, scenario: Scenario) -> None:
        by_id = {one.gate_id: one for one in scenario.gates}
        for gate in self.study.site.gates:
            result = by_id[gate.id]
            served = bool(result.plate_ids[self.condition]) + bool(
                result.overview_ids[self.condition]
            )
            colour = ("white", palette.SEEN_NEW, palette.SEEN_WAY)[served]
            point = gate.line.interpolate(0.5, normalized=True)
            axes.plot([point.x], [point.y], "s", color=colour, markersize=5.2,
                      markeredgecolor="black", markeredgewidth=0.6, zorder=11)  # fmt: skip

    def _title(self) -> str:
        return self.words.say(f"Met het voorstel,\n{self.when}", f"With the proposal,\n{self.when}")


def draw_gates_small(axes: Axes, study: Study) -> None:
    """Draw each gate as a line, without its name."""
    for gate in study.site.gates:
        draw_line(axes, gate.line, colour=palette.INK, width_pt=2.0, zorder=7)


def draw_all(
    study: Study, words: Words, folder: Path, on_drawn: Callable[[], None] = lambda: None
) -> dict[str, Path]:
    """
    Draw all maps of a study.

    Parameters
    ----------
    study
        What was computed.
    words
        Of the legends.
    folder
        Where the pictures are written.
    on_drawn
        Told after each map.

    Returns
    -------
    paths
        By the name the report knows the map by.
    """
    maker = MapMaker(study, words, folder)
    recommended = study.recommended
    drawers: dict[str, Callable[[Path], None]] = {
        "summary": maker.summary,
        "scenarios": maker.scenarios,
        "sites": lambda path: maker.sites(path, recommended),
        "access": lambda path: maker.access(path, recommended),
        "incidents": maker.incidents,
    }
    for id_ in (ScenarioId.TODAY, ScenarioId.RECOMMENDED):
        for condition in Condition:
            drawers[f"{id_.value}_{condition.value}"] = _class_map(maker, id_, condition)
    paths = {}
    for name, draw in drawers.items():
        paths[name] = folder / f"map_{name}.png"
        draw(paths[name])
        on_drawn()
    return paths


def _class_map(maker: MapMaker, id_: ScenarioId, condition: Condition) -> Callable[[Path], None]:
    scenario = maker.study.scenarios[id_]
    return lambda path: maker.classes(path, scenario, condition)
