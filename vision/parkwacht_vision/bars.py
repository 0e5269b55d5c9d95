"""
What a detector must reach on labelled recordings, and whether it did.

Bars are read from a JSON file; without one the general bars hold. A bar of one recording holds
where that recording was watched, so that a part of a set can be evaluated as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text
from parkwacht_vision.scoring import FALSE_BEYOND_S, ClipScore, add_up
from parkwacht_vision.truth import ClipTruth

LONG_STAY_S = 3.0  # who stays shorter may pass between two key frames (issue 4, "Fast")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GeneralBars(_Strict):
    """What holds for all recordings together."""

    min_recall: Annotated[float, Field(ge=0, le=1)] = 0.95
    max_false_on_negatives: Annotated[int, Field(ge=0)] | None = 0
    # of recordings that each hold as much weather as a camera's night
    max_false_per_recording: Annotated[int, Field(ge=0)] | None = None
    each_positive: bool = True  # at least one right event in every recording with a visit


class ClipBars(_Strict):
    """What holds for one recording."""

    accepts_moving: bool | None = None
    n_events: int | None = None
    none_after_s: float | None = None
    first_within_s: float | None = None


class Bars(_Strict):
    """The bars of a set of recordings, for a network and for the embedded detector."""

    network: GeneralBars = GeneralBars()
    embedded: GeneralBars = GeneralBars(
        min_recall=0.80, max_false_on_negatives=1, each_positive=False
    )
    clips: dict[str, ClipBars] = {}


@dataclass(frozen=True, slots=True)
class Check:
    """One bar and what was reached."""

    what: Text
    reached: str
    is_met: bool


def load_bars(path: Path) -> Bars:
    """
    Read bars.

    Parameters
    ----------
    path
        A JSON file with the keys of `Bars`.

    Raises
    ------
    ConfigError
        It cannot be read or a key is wrong.
    """
    try:
        return Bars.model_validate_json(path.read_bytes())
    except OSError as error:
        text = Text(
            nl=f"{path}: niet te lezen: {error.strerror}",
            en=f"{path}: cannot be read: {error.strerror}",
        )
        raise ConfigError(text) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "JSON"
        right = Text(nl=first["msg"], en=first["msg"])
        raise ConfigError.at(str(path), key, first["input"], right) from error


def with_bars(truth: ClipTruth, bars: Bars) -> ClipTruth:
    """Let the bars say where 'moving, not recognised' counts."""
    stated = bars.clips.get(truth.name, ClipBars()).accepts_moving
    return truth if stated is None else replace(truth, accepts_moving=stated)


def check_bars(clips: Sequence[ClipScore], bars: Bars, *, is_embedded: bool) -> list[Check]:
    """
    Hold the scores of recordings against the bars.

    Parameters
    ----------
    clips
        One score per recording that was watched.
    bars
        The bars; those of one recording hold for a network only.
    is_embedded
        Whether the embedded detector ran.

    Returns
    -------
    checks
        One per bar; a bar that nothing was watched for is left out.
    """
    general = bars.embedded if is_embedded else bars.network
    checks = _check_all(clips, general)
    for clip in clips:
        if clip.failure is not None:
            what = Text(nl=f"{clip.truth.name}: te bekijken", en=f"{clip.truth.name}: watchable")
            checks.append(Check(what, "-", is_met=False))
        if general.each_positive and not clip.truth.is_negative:
            checks.append(_check_positive(clip))
        if not is_embedded:
            checks += _check_clip(clip, bars.clips.get(clip.truth.name, ClipBars()))
    return checks


def check_tiers(tiered: Sequence[ClipScore], full: Sequence[ClipScore]) -> Check:
    """
    Hold what key frames until something moves found against what every picture found.

    Parameters
    ----------
    tiered, full
        Scores of the same recordings in the same order, watched as every night and decoded whole.

    Returns
    -------
    check
        Met where of the stays of `LONG_STAY_S` and more no fewer were found.
    """
    what = Text(
        nl=f"verblijven vanaf {LONG_STAY_S:g} s: niet minder gevonden dan in alle beelden",
        en=f"stays of {LONG_STAY_S:g} s and more: no fewer found than in every picture",
    )
    stays = [
        (f"{clip.truth.name} {by_key.visit.group} {by_key.visit.start_s:g} s", by_key, by_all)
        for clip, whole in zip(tiered, full, strict=True)
        for by_key, by_all in zip(clip.visits, whole.visits, strict=True)
        if min(by_all.visit.end_s, whole.seconds) - by_all.visit.start_s >= LONG_STAY_S
    ]
    n_tiered = sum(one.is_found for _, one, _ in stays)
    n_full = sum(one.is_found for _, _, one in stays)
    lost = [name for name, by_key, by_all in stays if by_all.is_found and not by_key.is_found]
    reached = f"{n_tiered}/{len(stays)}, {n_full}/{len(stays)}"
    return Check(what, reached + (f" ({', '.join(lost)})" if lost else ""), n_tiered >= n_full)


def _check_all(clips: Sequence[ClipScore], bars: GeneralBars) -> list[Check]:
    checks = []
    total = add_up(clips)
    if total.n_visits:
        what = Text(
            nl=f"gevonden bezoeken: minstens {bars.min_recall:.0%}",
            en=f"visits found: at least {bars.min_recall:.0%}",
        )
        reached = f"{total.n_found}/{total.n_visits} = {total.recall:.3f}"
        checks.append(Check(what, reached, total.recall >= bars.min_recall))
    negatives = [clip for clip in clips if clip.truth.is_negative]
    if negatives and bars.max_false_on_negatives is not None:
        n_false = sum(len(clip.events) for clip in negatives)
        what = Text(
            nl=f"meldingen op opnames zonder bezoek: hoogstens {bars.max_false_on_negatives}",
            en=f"events on recordings without a visit: at most {bars.max_false_on_negatives}",
        )
        where = ", ".join(clip.truth.name for clip in negatives if clip.events)
        reached = f"{n_false}" + (f" ({where})" if where else "")
        checks.append(Check(what, reached, n_false <= bars.max_false_on_negatives))
    if bars.max_false_per_recording is not None:
        what = Text(
            nl=f"vals alarm per opname: hoogstens {bars.max_false_per_recording}",
            en=f"false alerts per recording: at most {bars.max_false_per_recording}",
        )
        worst = max(clips, key=lambda clip: len(clip.false))
        n_false = len(worst.false)
        reached = f"{n_false}" + (f" ({worst.truth.name})" if n_false else "")
        checks.append(Check(what, reached, n_false <= bars.max_false_per_recording))
    return checks


def _check_positive(clip: ClipScore) -> Check:
    what = Text(
        nl=f"{clip.truth.name}: minstens een goede melding",
        en=f"{clip.truth.name}: at least one right event",
    )
    n_found = sum(one.is_found for one in clip.visits)
    return Check(what, f"{n_found}/{len(clip.visits)}", n_found > 0)


def _check_clip(clip: ClipScore, bars: ClipBars) -> list[Check]:
    checks, name = [], clip.truth.name
    if bars.n_events is not None:
        what = Text(
            nl=f"{name}: precies {bars.n_events} meldingen", en=f"{name}: {bars.n_events} events"
        )
        checks.append(Check(what, f"{len(clip.events)}", len(clip.events) == bars.n_events))
    if bars.none_after_s is not None:
        what = Text(
            nl=f"{name}: niets na {bars.none_after_s:g} s",
            en=f"{name}: nothing after {bars.none_after_s:g} s",
        )
        late = [
            one
            for one in clip.events
            if one.start_s > bars.none_after_s or one.end_s > bars.none_after_s + FALSE_BEYOND_S
        ]
        reached = ", ".join(f"{one.object_class} {one.start_s:.1f} s" for one in late) or "-"
        checks.append(Check(what, reached, not late))
    if bars.first_within_s is not None:
        what = Text(
            nl=f"{name}: binnen {bars.first_within_s:g} s gevonden",
            en=f"{name}: found within {bars.first_within_s:g} s",
        )
        delays_s = [one.delay_s for one in clip.visits if one.delay_s is not None]
        reached = f"{min(delays_s):.1f} s" if delays_s else "-"
        checks.append(Check(what, reached, min(delays_s, default=1e9) <= bars.first_within_s))
    return checks
