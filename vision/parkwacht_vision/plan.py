"""What a watch will do: sources as the user gave them, turned into one job per source."""

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from parkwacht_config.clock import Clock
from parkwacht_config.errors import ConfigError, SourceError
from parkwacht_config.secrets import read_secret
from parkwacht_config.site import Site
from parkwacht_config.text import Text
from parkwacht_vision.batch_process import RecordingJob
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
from parkwacht_vision.segments import SegmentedSource, find_segments
from parkwacht_vision.source import (
    RecordingSource,
    find_recordings,
    open_recording,
    recording_duration_s,
)
from parkwacht_vision.stream import StreamSource


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of one watch; `durations_s` is filled as recordings are opened."""

    options: WatchOptions
    site: Site
    clock: Clock
    stop: threading.Event
    durations_s: dict[str, float]
    state_dir: Path | None = None  # where secrets are that are not in the environment

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
        streams = [
            self._stream(location, given)
            for location, given in self._located()
            if is_stream(location)
        ]
        if not self.options.sources:
            streams = self._cameras_of_the_park()
        if not self.options.sources and not streams:
            raise SourceError(
                Text(
                    nl="geen bron gegeven, en van geen camera van het park is een stream ingesteld "
                    "(stream_env); geef een opname, een map met opnames of een rtsp-adres",
                    en="no source given, and no camera of the park has a stream set (stream_env); "
                    "give a recording, a folder of recordings or an rtsp address",
                )
            )
        return streams + [self.watch_job(one) for one in self.recordings()], len(streams)

    def recordings(self) -> list[RecordingJob]:
        """
        Turn the sources that are no streams into recordings to watch.

        The files of a recorder that follow each other in a folder are one recording.

        Raises
        ------
        SourceError
            An unknown camera, a path with nothing there, or `started_at` with several recordings.
        """
        found: list[RecordingJob] = []
        for location, given in self._located():
            if not is_stream(location):
                found += self._in_path(Path(location), given)
        self._check_start(len(found))
        return found

    def watch_job(self, recording: RecordingJob) -> WatchJob:
        """Return how one recording is watched by this process."""
        if recording.duration_s:
            self.durations_s[recording.name] = recording.duration_s

        def make() -> RecordingSource | SegmentedSource:
            return recording.open(
                self.site.timezone, fps=self.options.fps, clock=self.clock, tier=self.options.tier
            )

        return WatchJob(recording.name, recording.camera_id, make)

    def recording(self, path: Path, given: str | None = None) -> RecordingJob:
        """
        Return one file as a recording; `given` names its camera.

        Raises
        ------
        SourceError
            The camera is unknown.
        """
        return RecordingJob(
            self._camera_id(path, given), path, self._started_at(), duration_s=_duration_s(path)
        )

    def _located(self) -> list[tuple[str, str | None]]:
        split = [split_camera(one) for one in self.options.sources]
        return [(one.location, one.camera_id or self.options.camera_id) for one in split]

    def _in_path(self, path: Path, given: str | None) -> list[RecordingJob]:
        paths = find_recordings(path)
        runs = find_segments(paths, self.site.timezone) if path.is_dir() else []
        by_first = {run[0].path: run for run in runs}
        parts = {one.path for run in runs for one in run}
        found = []
        for one in paths:
            if one in by_first:
                run = by_first[one]
                length_s = sum(part.duration_s for part in run)
                camera_id = self._camera_id(one, given)
                found.append(RecordingJob(camera_id, one, None, run, length_s))
            elif one not in parts:
                found.append(self.recording(one, given))
        return found

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

        camera = self.site.camera(camera_id)
        sub_url = None if camera is None else self._address(camera.substream_env)

        def make() -> StreamSource:
            return StreamSource(
                url, fps=self.options.fps, clock=self.clock, stop=self.stop, sub_url=sub_url
            )

        return WatchJob(source_name(url), camera_id, make)

    def _cameras_of_the_park(self) -> list[WatchJob]:
        """Return the cameras whose stream is set, as jobs."""
        jobs = []
        for camera in self.site.cameras:
            url = self._address(camera.stream_env)
            if url is not None:
                jobs.append(self._stream(url, camera.id))
        return jobs

    def _address(self, name: str | None) -> str | None:
        """Return the secret address of a stream, or None where it is not set."""
        if name is None or self.state_dir is None:
            return None
        try:
            return read_secret(name, self.state_dir).get_secret_value()
        except ConfigError:
            return None

    def _camera_id(self, path: Path, given: str | None) -> str:
        location = str(path)
        return find_camera_id(location, self.site, given=given) or camera_slug(location)

    def _started_at(self) -> datetime | None:
        stated = self.options.started_at
        return None if stated is None else to_utc(stated, self.site.timezone)


def _duration_s(path: Path) -> float:
    """Return how long a recording says to be; 0 where it does not, or cannot be opened."""
    try:
        with open_recording(path) as container:
            return recording_duration_s(container) or 0.0
    except SourceError:
        return 0.0  # told when it is its turn
