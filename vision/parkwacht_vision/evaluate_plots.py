"""
An evaluation as pictures: recall by condition and size, time to alert, false alerts.

Drawn with matplotlib's objects (no pyplot state); the same evaluation gives the same picture.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from parkwacht_config.text import Language, Text
from parkwacht_vision.scoring import (
    ARMED_NIGHT_H,
    ClipScore,
    add_up,
    by_condition,
    recall_by_density,
)

BLUE, RED, GREY = "#1b5e8c", "#b3261e", "#8a8f98"


def write_plots(folder: Path, clips: Sequence[ClipScore], language: Language) -> list[Path]:
    """
    Draw an evaluation on one sheet.

    Parameters
    ----------
    folder
        Where the PNG and the SVG go; it exists.
    clips
        One score per recording.
    language
        Of the labels.

    Returns
    -------
    paths
        What was written.
    """
    figure = Figure(figsize=(11, 8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2)
    _draw_recall(axes[0, 0], clips, language)
    _draw_density(axes[0, 1], clips, language)
    _draw_delays(axes[1, 0], clips, language)
    _draw_false(axes[1, 1], clips, language)
    paths = []
    for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        paths.append(folder / f"evaluatie.{ending}")
        figure.savefig(paths[-1], dpi=110, metadata=metadata)
    return paths


def _draw_bars(axes: Axes, shares: dict[str, tuple[int, int]]) -> None:
    names = list(shares)
    heights = [n / of if of else 0.0 for n, of in shares.values()]
    axes.barh(names, heights, color=BLUE, height=0.6)
    for place, (n, of) in enumerate(shares.values()):
        axes.text(1.02, place, f"{n}/{of}", va="center", fontsize=8, color=GREY)
    axes.set_xlim(0, 1.18)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.invert_yaxis()


def _empty(axes: Axes, language: Language) -> None:
    text = Text(nl="niet bekend voor deze opnames", en="not known for these recordings")
    axes.text(0.5, 0.5, text.to(language), ha="center", transform=axes.transAxes, color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_recall(axes: Axes, clips: Sequence[ClipScore], language: Language) -> None:
    title = Text(
        nl="Gevonden bezoeken, naar licht en weer", en="Visits found, by light and weather"
    )
    axes.set_title(title.to(language))
    scores = {name: one for name, one in by_condition(clips).items() if one.n_visits}
    if not scores:
        _empty(axes, language)
        return
    _draw_bars(axes, {name: (one.n_found, one.n_visits) for name, one in scores.items()})


def _draw_density(axes: Axes, clips: Sequence[ClipScore], language: Language) -> None:
    title = Text(nl="Gevonden bezoeken, naar px per meter", en="Visits found, by px per metre")
    axes.set_title(title.to(language))
    shares = recall_by_density(clips)
    if not shares:
        _empty(axes, language)
        return
    _draw_bars(axes, {f"≥ {limit:g}": share for limit, share in shares.items()})


def _draw_delays(axes: Axes, clips: Sequence[ClipScore], language: Language) -> None:
    title = Text(nl="Van in beeld tot melding (s)", en="From in view to alert (s)")
    axes.set_title(title.to(language))
    delays_s = add_up(clips).delays_s
    if not delays_s:
        _empty(axes, language)
        return
    shares = [(k + 1) / len(delays_s) for k in range(len(delays_s))]
    axes.step(delays_s, shares, where="post", color=BLUE)
    for share in (0.5, 0.95):
        axes.axhline(share, color=GREY, linewidth=0.6, linestyle=":")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.02)


def _draw_false(axes: Axes, clips: Sequence[ClipScore], language: Language) -> None:
    title = Text(
        nl="Vals alarm per bewaakte nacht (Poisson 95 %)",
        en="False alerts per armed night (Poisson 95 %)",
    )
    axes.set_title(title.to(language))
    scores = {name: one for name, one in by_condition(clips).items() if one.hours}
    for place, score in enumerate(scores.values()):
        rate, low, high = score.false_alerts.per(ARMED_NIGHT_H)
        axes.plot([low, high], [place, place], color=GREY, linewidth=2)
        axes.plot([rate], [place], "o", color=RED if score.n_false else BLUE)
    axes.set_yticks(range(len(scores)), list(scores))
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(left=0)
    axes.invert_yaxis()
