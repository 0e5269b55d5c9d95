"""What a watch has seen since its last report: seconds watched, armed and blind, frames, events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from parkwacht_vision.event import BlindSpell, Decoding, DetectorInfo, SourceInfo, WatchReport
from parkwacht_vision.frames import Frame, FrameSource
from parkwacht_vision.rules import event_id


@dataclass(slots=True)
class Tally:
    """What a run has watched so far."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_s: float = 0.0
    watched_s: float = 0.0
    armed_s: float = 0.0
    n_frames: int = 0
    n_events: int = 0

    def count(self, frame: Frame, *, is_armed: bool, longest_step_s: float) -> None:
        """Count a frame and the time it stands for."""
        self.started_at = self.started_at or frame.at
        step_s = min(max(0.0, frame.media_time_s - self.last_s), longest_step_s)
        self.ended_at, self.last_s = frame.at, frame.media_time_s
        self.watched_s += step_s
        self.armed_s += step_s if is_armed else 0.0
        self.n_frames += 1

    def report(
        self,
        key: tuple[str, str, str, str],
        *,
        source: SourceInfo,
        blind_s: Mapping[str, float],
        detector: DetectorInfo,
        decoding: Decoding | None = None,
    ) -> WatchReport | None:
        """
        Make the report of what was counted; None where nothing was.

        Parameters
        ----------
        key
            Site, camera, what ran, and the source's name: the same watch gives the same id.
        source
            What was watched.
        blind_s
            Seconds that could not be seen, by cause.
        detector
            Which detector ran.
        decoding
            How much was decoded at last.
        """
        if self.started_at is None or self.ended_at is None:
            return None
        return WatchReport(
            id=event_id(key, self.started_at, 0),
            site_id=key[0],
            camera_id=key[1],
            source=source,
            started_at=self.started_at,
            ended_at=self.ended_at,
            watched_s=round(self.watched_s, 3),
            armed_s=round(self.armed_s, 3),
            n_frames=self.n_frames,
            n_events=self.n_events,
            blind=tuple(
                BlindSpell(cause=cause, seconds=round(blind_s[cause], 3))
                for cause in sorted(blind_s)
                if blind_s[cause] > 0
            ),
            detector=detector,
            decoding=decoding,
        )


def decoding_of(source: FrameSource) -> Decoding | None:
    """Return how much of a source is decoded now, and why; None while too little was measured."""
    why = source.tier_reason
    return None if why is None else Decoding(tier=source.tier, nl=why.nl, en=why.en)
