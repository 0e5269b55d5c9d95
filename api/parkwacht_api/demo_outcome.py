"""Whether the demo found what it should: its recordings, their ground truth, and the table."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from parkwacht_api.schemas import DeliveryOut, EventDetail
from parkwacht_api.terminal import Terminal
from parkwacht_config.errors import ConfigError
from parkwacht_config.site import ObjectClass
from parkwacht_config.text import Text
from parkwacht_vision.cli import class_name

# How far outside the truth's interval (the object is in the zone) an event may be confirmed.
TOLERANCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Expected:
    """One event that the ground truth of a recording expects."""

    is_person: bool
    zone_id: str
    earliest_at: datetime
    latest_at: datetime


@dataclass(frozen=True, slots=True)
class Recording:
    """A sample recording and what must be found in it."""

    path: Path
    camera_id: str
    started_at: datetime
    duration_s: float
    expected: tuple[Expected, ...]


@dataclass
class Outcome:
    """What became of one recording."""

    recording: Recording
    events: list[EventDetail] = field(default_factory=list)
    n_missing: int = 0
    n_false: int = 0

    @property
    def deliveries(self) -> list[DeliveryOut]:
        """All deliveries of its events."""
        return [one for event in self.events for one in event.deliveries]

    @property
    def is_right(self) -> bool:
        """Whether everything expected was found, nothing else, and all was acknowledged."""
        return (
            self.n_missing == 0
            and self.n_false == 0
            and all(event.deliveries for event in self.events)
            and all(one.acknowledged_at is not None for one in self.deliveries)
        )

    @property
    def slowest_ms(self) -> float | None:
        """Longest time from the first frame of an event to its first acknowledgement."""
        times = []
        for event in self.events:
            first = datetime.fromisoformat(event.record["wall_first_frame_at"])
            seen = [d.acknowledged_at for d in event.deliveries if d.acknowledged_at is not None]
            if seen:
                times.append((min(seen) - first) / timedelta(milliseconds=1))
        return max(times, default=None)


def load_recordings(folder: Path) -> list[Recording]:
    """
    Read the sample recordings and their ground truth.

    Raises
    ------
    ConfigError
        The folder holds no recordings, or a truth file cannot be read.
    """
    found = []
    for path in sorted(folder.glob("*.mp4")):
        truth_path = path.with_suffix(".json")
        try:
            truth = json.loads(truth_path.read_text())
            found.append(_recording(path, truth))
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = Text(
                nl=f"{truth_path}: de waarheid bij de opname is niet te lezen: {error}",
                en=f"{truth_path}: the recording's ground truth cannot be read: {error}",
            )
            raise ConfigError(text) from error
    if not found:
        text = Text(nl=f"{folder}: geen opnames", en=f"{folder}: no recordings")
        raise ConfigError(text)
    return found


def _recording(path: Path, truth: dict[str, object]) -> Recording:
    started_at = datetime.fromisoformat(str(truth["started_at"])).astimezone(UTC)
    expected = truth["expected_events"]
    assert isinstance(expected, list)  # noqa: S101 -- a truth file of ours
    margin = timedelta(seconds=TOLERANCE_S)
    return Recording(
        path=path,
        camera_id=str(truth["camera_id"]),
        started_at=started_at,
        duration_s=float(str(truth["n_frames"])) / float(str(truth["fps"])),
        expected=tuple(
            Expected(
                is_person=one["class"] == "person",
                zone_id=one["zone_id"],
                earliest_at=started_at + timedelta(seconds=one["start_s"]) - margin,
                latest_at=started_at + timedelta(seconds=one["end_s"]) + margin,
            )
            for one in expected
        ),
    )


def match_events(recording: Recording, events: list[EventDetail]) -> Outcome:
    """Pair the events found in a recording with the events expected, each at most once."""
    outcome = Outcome(recording, events)
    open_truths = list(recording.expected)
    for event in sorted(events, key=lambda one: one.confirmed_at):
        fitting = [
            truth
            for truth in open_truths
            if _is_of_class(event.object_class, truth)
            and truth.zone_id == event.zone_id
            and truth.earliest_at <= event.confirmed_at <= truth.latest_at
        ]
        if fitting:
            open_truths.remove(fitting[0])
        else:
            outcome.n_false += 1
    outcome.n_missing = len(open_truths)
    return outcome


def _is_of_class(found: ObjectClass, truth: Expected) -> bool:
    """Return whether something was called what it is; 'moving' is neither."""
    return found is ObjectClass.PERSON if truth.is_person else found.is_vehicle


def print_outcomes(terminal: Terminal, outcomes: list[Outcome], zone: ZoneInfo) -> None:
    """Print the demo's table, in the park's own time."""
    language = terminal.settings.language
    table = terminal.table(
        Text(nl="Demo: opnames van het voorbeeldpark", en="Demo: recordings of the sample park"),
        [
            Text(nl="opname", en="recording"),
            Text(nl="gevonden", en="found"),
            Text(nl="verwacht", en="expected"),
            Text(nl="bezorgd", en="forwarded"),
            Text(nl="gezien", en="seen"),
            Text(nl="ms", en="ms"),
            Text(nl="", en=""),
        ],
    )
    table.columns[0].no_wrap = True
    table.caption = Text(
        nl="ms: van het eerste beeld van een gebeurtenis tot een mens bij de ontvanger haar zag",
        en="ms: from the first frame of an event until a person at the receiver acknowledged it",
    ).to(language)
    for outcome in outcomes:
        deliveries = outcome.deliveries
        slowest_ms = outcome.slowest_ms
        started = outcome.recording.started_at.astimezone(zone).strftime("%d-%m %H:%M")
        kinds = [class_name(event.object_class).to(language) for event in outcome.events]
        table.add_row(
            f"{outcome.recording.camera_id} {started}",
            f"{len(kinds)} {', '.join(kinds)}".strip(),
            str(len(outcome.recording.expected)),
            str(sum(one.delivered_at is not None for one in deliveries)),
            str(sum(one.acknowledged_at is not None for one in deliveries)),
            "-" if slowest_ms is None else f"{slowest_ms:.0f}",
            "[green]✓[/]" if outcome.is_right else "[bold red]✗[/]",
        )
    terminal.console.print(table)
