"""
A recorder's folder of consecutive files as one recording.

Network recorders cut a night into files of a minute to an hour, named by the second they began.
Files that follow each other within two seconds are one timeline: what moves over the seam goes on.
A longer gap is counted as blind, what two files both show is given once. Media time is seconds
since the first file began.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from parkwacht_config.clock import Clock
from parkwacht_config.errors import SourceError
from parkwacht_config.text import Text
from parkwacht_vision.demux import read_packets
from parkwacht_vision.frames import Frame, SourceHealth, Tier
from parkwacht_vision.naming import instant_in_name, without_instant
from parkwacht_vision.packets import EncodedPacket, PacketRing
from parkwacht_vision.source import open_recording, recording_duration_s
from parkwacht_vision.tiers import DecodedFrame, TierChoice, TieredDecoder

logger = logging.getLogger(__name__)

SEAM_S = 2.0  # names are whole seconds, and recorders begin a file at a key frame
APART_S = 3600.0  # a longer gap is no gap: the recorder was not meant to record


@dataclass(frozen=True, slots=True)
class Segment:
    """One file, when it began and how long it says to be."""

    path: Path
    started_at: datetime
    duration_s: float


def find_segments(paths: Sequence[Path], timezone: str) -> list[tuple[Segment, ...]]:
    """
    Find which files are parts of one recording: named alike but for the time, and near in time.

    Parameters
    ----------
    paths
        Recordings of one folder.
    timezone
        The site's, for names without an offset.

    Returns
    -------
    runs
        Two files or more each, by time; files that are alone or cannot be read are in none.
    """
    named: dict[str, list[Segment]] = {}
    for path in paths:
        at = instant_in_name(path.name, timezone)
        if at is not None:
            alike = f"{path.parent}/{without_instant(path.name)}"
            named.setdefault(alike, []).append(Segment(path, at, 0.0))
    runs: list[tuple[Segment, ...]] = []
    for alike_segments in named.values():
        if len(alike_segments) > 1:
            runs += _runs(sorted(_measured(alike_segments), key=lambda one: one.started_at))
    return runs


def _measured(segments: Sequence[Segment]) -> Iterator[Segment]:
    for one in segments:
        try:
            with open_recording(one.path) as container:
                yield replace(one, duration_s=recording_duration_s(container) or 0.0)
        except SourceError as error:
            logger.warning("segment left out: %s", error)


def _runs(segments: Sequence[Segment]) -> Iterator[tuple[Segment, ...]]:
    run: list[Segment] = []
    end_at: datetime | None = None
    for one in segments:
        if end_at is not None and (one.started_at - end_at).total_seconds() > APART_S:
            if len(run) > 1:
                yield tuple(run)
            run = []
        run.append(one)
        ends_at = one.started_at + timedelta(seconds=one.duration_s)
        end_at = ends_at if end_at is None else max(end_at, ends_at)
    if len(run) > 1:
        yield tuple(run)


class SegmentedSource:
    """
    Consecutive files of one camera.

    Parameters
    ----------
    segments
        The files, by time.
    fps
        Frames analysed per second of media time.
    clock
        The machine's clock, only to note when a frame was read.
    tier
        As of a single recording.
    on_problem
        Told of every file that cannot be read; the others go on.
    """

    kind: Literal["recording"] = "recording"

    def __init__(
        self,
        segments: Sequence[Segment],
        *,
        fps: float,
        clock: Clock,
        tier: TierChoice = "auto",
        on_problem: Callable[[Text], None] | None = None,
    ) -> None:
        self.segments = tuple(segments)
        self.name = self.segments[0].path.name[:300]
        self.started_at = self.segments[0].started_at
        self.duration_s = sum(one.duration_s for one in self.segments)
        self.health = SourceHealth()
        self.ring = PacketRing()
        self._clock = clock
        self._decoder = TieredDecoder(fps, self.health, choice=tier)
        self._on_problem = on_problem

    @property
    def tier(self) -> Tier:
        """How much is decoded, by the gaps between key frames."""
        return self._decoder.tier

    @property
    def tier_reason(self) -> Text | None:
        """Why this tier; None while too little was measured."""
        return self._decoder.reason

    def attend(self, *, is_eager: bool = True) -> None:
        """Ask for every due frame from the key frame before the last one given on."""
        self._decoder.attend(is_eager=is_eager)

    def relax(self) -> None:
        """Take back `attend`."""
        self._decoder.relax()

    def frames(self) -> Iterator[Frame]:
        """Yield the frames to analyse, over all files."""
        for index, one in enumerate(self._decoded()):
            yield Frame(
                one.picture, one.media_time_s, self._at(one.media_time_s), self._clock.now(),
                index, one.is_look, one.is_replay,
            )  # fmt: skip

    def _decoded(self) -> Iterator[DecodedFrame]:
        end_s: float | None = None
        for segment in self.segments:
            begin_s = (segment.started_at - self.started_at).total_seconds()
            if end_s is not None and abs(begin_s - end_s) <= SEAM_S:
                begin_s = end_s  # the name is rounded, the pictures are not
            elif end_s is not None and begin_s > end_s:
                self.health.lose("gap_in_recordings", begin_s - end_s)
            end_before_s, end_s = end_s or 0.0, max(end_s or 0.0, begin_s + segment.duration_s)
            if end_s <= end_before_s:
                continue  # all of it was shown by the file before
            for packet in self._packets(segment, begin_s):
                # What the file before shows is decoded, because the rest needs it, and not given.
                if packet.media_time_s >= end_before_s:
                    self.ring.add(packet)
                yield from self._decoder.feed(packet)
        yield from self._decoder.finish()

    def _packets(self, segment: Segment, begin_s: float) -> Iterator[EncodedPacket]:
        try:
            with open_recording(segment.path) as container:
                for packet in read_packets(container, self.health, self._at):
                    at_s = begin_s + packet.media_time_s
                    yield replace(packet, media_time_s=at_s, at=self._at(at_s))
        except SourceError as error:
            logger.warning("segment left out: %s", error)
            if self._on_problem is not None:
                self._on_problem(error.text)

    def _at(self, media_time_s: float) -> datetime:
        return self.started_at + timedelta(seconds=media_time_s)
