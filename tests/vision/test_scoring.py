"""Scores against figures worked out by hand, and Poisson limits against published tables."""

import math
from pathlib import Path

import pytest

from parkwacht_config.site import ObjectClass
from parkwacht_vision.bars import Bars, ClipBars, check_bars, check_tiers, with_bars
from parkwacht_vision.scoring import (
    ClipScore,
    Found,
    Rate,
    add_up,
    ilids_f1,
    recall_by_density,
    score_clip,
)
from parkwacht_vision.truth import ClipTruth, Group, Visit

PERSON, CAR, MOVING = ObjectClass.PERSON, ObjectClass.CAR, ObjectClass.MOVING


def truth(*visits: Visit, accepts_moving: bool = False) -> ClipTruth:
    return ClipTruth("clip.mp4", Path("clip.mp4"), "night", "night", visits, accepts_moving)


def person(start_s: float, end_s: float, px_per_m: float | None = None) -> Visit:
    return Visit(Group.PERSON, start_s, end_s, px_per_m)


@pytest.mark.parametrize(
    ("found", "right", "false", "unfit"),
    [
        (Found(PERSON, 10, 11, 20), 1, 0, 0),
        (Found(ObjectClass.BICYCLE, 10, 11, 20), 1, 0, 0),  # a cyclist is a person
        (Found(PERSON, 20.4, 21, 22), 1, 0, 0),  # within the tolerance of 0.5 s
        (Found(PERSON, 21, 22, 23), 0, 0, 1),  # too late, yet within 2 s: neither
        (Found(PERSON, 22.5, 23, 24), 0, 1, 0),  # more than 2 s after
        (Found(PERSON, 1, 2, 7.9), 0, 1, 0),  # more than 2 s before
        (Found(PERSON, 0, 1, 20), 0, 1, 0),  # raised for nothing; who comes later mends nothing
        (Found(CAR, 12, 13, 14), 0, 0, 1),
        (Found(MOVING, 12, 13, 14), 0, 0, 1),
    ],
)
def test_an_event_is_right_false_or_unfit(found: Found, right: int, false: int, unfit: int) -> None:
    score = score_clip(truth(person(10, 20)), [found], seconds=60)
    assert (score.n_right, len(score.false), len(score.unfit)) == (right, false, unfit)
    assert score.visits[0].is_found is bool(right)


def test_moving_counts_where_the_truth_says_so() -> None:
    score = score_clip(truth(person(10, 20), accepts_moving=True), [Found(MOVING, 12, 13, 14)],
                       seconds=60)  # fmt: skip
    assert score.visits[0].is_moving_only
    assert add_up([score]).n_moving_only == 1


def test_one_long_event_finds_two_visits_but_is_an_alarm_for_the_first_only() -> None:
    score = score_clip(truth(person(10, 20), person(30, 40)), [Found(PERSON, 10, 11, 40)],
                       seconds=60)  # fmt: skip
    total = add_up([score])
    assert (total.n_found, total.n_own, total.n_merged) == (2, 1, 1)
    assert total.delays_s == (1,)
    # one of two in time, nothing false: R = 1/2, P = 1, F1 = 1.65 * 0.5 / (0.5 + 0.65) = 0.717
    assert total.ilids_alert == pytest.approx(0.825 / 1.15)


def test_repeats_are_counted_save_where_truth_knows_only_that_somebody_is_there() -> None:
    events = [Found(PERSON, 10, 11, 12), Found(PERSON, 13, 14, 15), Found(PERSON, 16, 17, 18)]
    crowd = Visit(Group.PERSON, 0, math.inf, is_crowd=True)
    assert add_up([score_clip(truth(person(10, 20)), events, seconds=60)]).n_duplicates == 2
    assert add_up([score_clip(truth(crowd), events, seconds=60)]).n_duplicates == 0


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [
        # exact limits of a Poisson mean, 95 per cent: Garwood's table, Biometrika 28 (1936)
        (0, 0.0, 2.996),  # one-sided: "less than 3 / T"
        (1, 0.0253, 5.572),
        (5, 1.6235, 11.668),
        (10, 4.7954, 18.390),
    ],
)
def test_the_poisson_interval_is_the_exact_one(n: int, low: float, high: float) -> None:
    rate = Rate(n, hours=2.0).per(2.0)
    assert rate == pytest.approx((n, low, high), abs=1e-3)
    # of an armed night of 11.5 h: everything 11.5 / 2 as much
    assert Rate(n, 2.0).per(11.5) == pytest.approx([5.75 * one for one in rate])


def test_ilids_f1_without_bias_is_the_harmonic_mean() -> None:
    # R = 3/4, P = 3/5: 2 * 0.75 * 0.6 / 1.35; a great bias leaves the recall
    assert ilids_f1(3, 1, 2, 1.0) == pytest.approx(2 / 3)
    assert ilids_f1(3, 1, 2, 1e9) == pytest.approx(0.75 * 0.6 / 0.6)
    assert ilids_f1(0, 0, 2, 0.65) == 0.0
    assert math.isnan(ilids_f1(0, 0, 0, 0.65))


def test_recall_by_size_falls_into_the_classes_of_the_standard() -> None:
    visits = (person(0, 5, 24.9), person(10, 15, 25.0), person(20, 25, 300.0), person(30, 35))
    score = score_clip(truth(*visits), [Found(PERSON, 10, 11, 12)], seconds=60)
    assert recall_by_density([score]) == {12.5: (0, 1), 25.0: (1, 1), 250.0: (0, 1)}


def test_bars_are_met_or_not_one_by_one() -> None:
    bars = Bars(clips={"clip.mp4": ClipBars(n_events=2, none_after_s=30, first_within_s=1.5)})
    clip = truth(person(10, 20))
    good = score_clip(clip, [Found(PERSON, 10, 11, 20), Found(PERSON, 12, 13, 20)], seconds=60)
    bad = score_clip(clip, [Found(PERSON, 14, 15, 40)], seconds=60)
    assert all(one.is_met for one in check_bars([good], bars, is_embedded=False))
    failed = [one.what.en for one in check_bars([bad], bars, is_embedded=False) if not one.is_met]
    assert failed == [
        "clip.mp4: 2 events",
        "clip.mp4: nothing after 30 s",
        "clip.mp4: found within 1.5 s",
    ]
    quiet = score_clip(truth(), [Found(CAR, 1, 2, 3)], seconds=60)
    assert not all(one.is_met for one in check_bars([quiet], bars, is_embedded=False))
    assert all(one.is_met for one in check_bars([quiet], bars, is_embedded=True))


def test_bars_may_say_that_moving_counts() -> None:
    bars = Bars(clips={"clip.mp4": ClipBars(accepts_moving=True)})
    assert with_bars(truth(), bars).accepts_moving


def test_key_frames_are_held_against_every_picture_over_the_long_stays_only() -> None:
    # stays of 2.9, 3.0 and 10 s; the last one lasts to the end, at 60 s
    visits = truth(person(0, 2.9), person(10, 13), person(50, math.inf))
    short, long, last = (Found(PERSON, s, s + 1, s + 2) for s in (0, 10, 50))

    def score(*found: Found) -> list[ClipScore]:
        return [score_clip(visits, found, seconds=60)]

    without_short = check_tiers(score(long, last), score(short, long, last))
    assert (without_short.is_met, without_short.reached) == (True, "2/2, 2/2")
    without_last = check_tiers(score(short, long), score(short, long, last))
    assert (without_last.is_met, without_last.reached) == (
        False, "1/2, 2/2 (clip.mp4 person 50 s)"
    )  # fmt: skip
    assert check_tiers(score(long), score(last)).is_met  # one lost, one won: as many
