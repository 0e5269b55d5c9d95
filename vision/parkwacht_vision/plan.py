"""What a watch will do: sources as the user gave them, turned into one job per source."""

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from parkwacht_config.clock import Clock
from parkwacht_config.errors import SourceError
from parkwacht_config.site import Site
from parkwacht_config.text import Text
from parkwacht_vision.cli import WatchOptions
from parkwacht_vision.naming import (
    camera_slug,
    find_camera_id,
    is_stream,
    source_name,
    split_camera,
    to_utc,
)
from parkwacht_vision.ports import WatchJob
from parkwacht_vision.source import RecordingSource, find_recordings
from parkwacht_vision.stream import StreamSource


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of one watch; `durations_s` is filled as recordings are opened."""

    options: WatchOptions
    site: Site
    clock: Clock
    stop: threading.Event
    durations_s: dict[str, float]

    def jobs(self) -> tuple[list[WatchJob], int]:
        """
        Turn sources into jobs, streams first.

        Returns
        -------
        jobs, n_streams
            What to watch, and how many of the first are streams.

        Raises
        ------
        SourceError
            No source, an unknown camera, a path with nothing there, or `started_at` with several
            recordings.
        """
        if not self.options.sources:
            raise SourceError(
                Text(
                    nl="geen bron gegeven; geef een opname, een map met opnames of een rtsp-adres",
                    en="no source given; give a recording, a folder of recordings or an rtsp "
                    "address",
                )
            )
        streams: list[WatchJob] = []
        recordings: list[WatchJob] = []
        for source in self.options.sources:
            camera_id, location = split_camera(source)
            given = camera_id or self.options.camera_id
            if is_stream(location):
                streams.append(self._stream(location, given))
            else:
                recordings += [
                    self._recording(one, given) for one in find_recordings(Path(location))
                ]
        self._check_start(len(recordings))
        return streams + recordings, len(streams)

    def _check_start(self, n_recordings: int) -> None:
        if self.options.started_at is None or n_recordings <= 1:
            return
        raise SourceError(
            Text(
                nl=f"--started-at hoort bij een enkele opname, dit zijn er {n_recordings}; geef ze "
                "een voor een, of zet het begin in de bestandsnaam",
                en=f"--started-at belongs to a single recording, these are {n_recordings}; give "
                "them one by one, or put the beginning in the file name",
            )
        )

    def _stream(self, url: str, given: str | None) -> WatchJob:
        camera_id = find_camera_id(url, self.site, given=given) or camera_slug(url)

        def make() -> StreamSource:
            return StreamSource(url, fps=self.options.fps, clock=self.clock, stop=self.stop)

        return WatchJob(source_name(url), camera_id, make)

    def _recording(self, path: Path, given: str | None) -> WatchJob:
        location = str(path)
        camera_id = find_camera_id(location, self.site, given=given) or camera_slug(location)

        def make() -> RecordingSource:
            source = RecordingSource(
                path,
                started_at=self._started_at(),
                timezone=self.site.timezone,
                fps=self.options.fps,
                clock=self.clock,
            )
            if source.duration_s is not None:
                self.durations_s[source.name] = source.duration_s
            return source

        return WatchJob(source_name(location), camera_id, make)

    def _started_at(self) -> datetime | None:
        stated = self.options.started_at
        return None if stated is None else to_utc(stated, self.site.timezone)
