"""The charts of a report: the cost curve, and the share of the ground that each class reaches."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.reporting import palette
from parkwacht_coverage.reporting.canvas import MIN_SIZE_PT, new_figure, save
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.results import SCENARIO_NAMES, Study

WIDTH_MM, HEIGHT_MM, BARS_MM = 180.0, 88.0, 56.0
WIDEST_BAR = 0.05  # of the largest budget
MIN_LABEL_SHARE = 0.035  # a narrower part of a bar has no room for its number


def draw_cost_curve(study: Study, words: Words, path: Path) -> None:
    """
    Draw the share of weighted ground over the budget, with bound, marginal value and the choice.

    Parameters
    ----------
    study
        What was computed; its curve has at least one point.
    words
        Of the labels.
    path
        Where the PNG is written.
    """
    figure = new_figure(WIDTH_MM, HEIGHT_MM)
    axes = figure.add_axes((0.075, 0.135, 0.845, 0.775))
    curve = study.curve
    budgets = [one.budget_eur / 1000 for one in curve]
    shares = [100 * one.share for one in curve]
    bounds = [100 * one.bound for one in curve]
    say = words.say
    beside = axes.twinx()
    apart = min((b - a for a, b in pairwise(budgets)), default=10.0)
    width = min(0.45 * apart, WIDEST_BAR * max(budgets))
    values = [one.marginal_m2_per_1000_eur for one in curve]
    label = say("erbij per € 1.000 (rechts)", "added per € 1,000 (right)")
    beside.bar(budgets, values, width=width, color="#d9d4c8", zorder=0, label=label)
    axes.fill_between(
        budgets, shares, bounds, color=palette.SEEN_TODAY, alpha=0.15, linewidth=0,
        label=say("kan niet beter zijn dan dit", "cannot be better than this"),
    )  # fmt: skip
    axes.plot(
        budgets, shares, "o-", color=palette.SEEN_TODAY, linewidth=1.6, markersize=4,
        label=say("gevonden plaatsing", "placement found"),
    )  # fmt: skip
    _mark_recommended(axes, study, words)
    axes.set_zorder(beside.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.set_xlabel(say("budget, duizend euro", "budget, thousand euro"), size=7)
    label = say("gewogen openbare ruimte in beeld", "weighted public ground in view")
    axes.set_ylabel(label, size=7)
    beside.set_ylabel(say("gewogen m² per € 1.000", "weighted m² per € 1,000"), size=7)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{words.number(y)}%"))
    for one in (axes, beside):
        one.tick_params(labelsize=MIN_SIZE_PT + 0.5, length=2.5)
        one.spines[["top"]].set_visible(False)
        one.set_ylim(bottom=0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    handles, labels = axes.get_legend_handles_labels()
    bars, bar_labels = beside.get_legend_handles_labels()
    figure.legend([*handles, *bars], [*labels, *bar_labels], fontsize=6.5, frameon=False,
                  loc="upper center", ncols=3)  # fmt: skip
    save(figure, path)


def draw_class_bars(study: Study, words: Words, path: Path) -> None:
    """
    Draw which share of the public ground has which highest class, today and recommended.

    Parameters
    ----------
    study
        What was computed.
    words
        Of the labels.
    path
        Where the PNG is written.
    """
    figure = new_figure(WIDTH_MM, BARS_MM)
    axes = figure.add_axes((0.19, 0.1, 0.775, 0.76))
    classes, area = study.edition.classes, study.ground.area_m2
    colours = [palette.UNSEEN, *palette.class_colours(study.edition).values()]
    plans = [
        (scenario, condition)
        for condition in Condition
        for scenario in (study.today, study.recommended)
    ]
    names = [words.say("niet gezien", "not seen"), *(words.text(one.name) for one in classes)]
    for row, (scenario, condition) in enumerate(plans):
        ranks = study.edition.ranks(scenario.density[condition])
        shares = np.bincount(ranks, weights=area, minlength=len(classes) + 1) / area.sum()
        left = 0.0
        for rank in range(len(classes), -1, -1):
            axes.barh(
                row, shares[rank], left=left, color=colours[rank], height=0.66, linewidth=0.4,
                edgecolor=palette.UNSEEN_HATCH, hatch="" if rank else "//////",
                label=names[rank] if row == 0 else None,
            )  # fmt: skip
            if rank and shares[rank] >= MIN_LABEL_SHARE:
                dark = rank > len(classes) - 3
                axes.text(
                    left + shares[rank] / 2, row, words.percent(shares[rank], 0), size=6.5,
                    ha="center", va="center", color="white" if dark else "black",
                )  # fmt: skip
            left += shares[rank]
    labels = [f"{words.text(SCENARIO_NAMES[a.id])}, {words.condition(b)}" for a, b in plans]
    axes.set_yticks(range(len(plans)), labels, size=7)
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: words.percent(x, 0)))
    axes.tick_params(axis="x", labelsize=MIN_SIZE_PT + 0.5, length=2.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(fontsize=6.5, frameon=False, loc="upper center", ncols=len(classes) + 1,
                  handlelength=1.3, columnspacing=1.3)  # fmt: skip
    save(figure, path)


def _mark_recommended(axes: Axes, study: Study, words: Words) -> None:
    budget = study.recommended.budget_eur
    if budget is None:
        return
    axes.axvline(budget / 1000, color=palette.PROPOSED, linewidth=1.2, dashes=(4, 2))
    text = words.say("aanbevolen budget", "recommended budget")
    axes.annotate(
        f"{text}\n{words.eur(budget)}", (budget / 1000, 0.03), xytext=(4, 0),
        textcoords="offset points", xycoords=("data", "axes fraction"), size=6.5,
        color=palette.PROPOSED, weight="bold", va="bottom",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )  # fmt: skip
