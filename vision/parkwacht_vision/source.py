"""
Recordings and streams as frames on media time, through PyAV.

A recording may be any container FFmpeg reads. What is decoded of it is chosen by `tiers`; what a
picture is asked for is converted then.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer

from parkwacht_config.clock import Clock
from parkwacht_config.errors import SourceError
from parkwacht_config.text import Text
from parkwacht_vision.demux import read_packets
from parkwacht_vision.frames import Frame, SourceHealth, Tier
from parkwacht_vision.naming import instant_in_name
from parkwacht_vision.packets import PacketRing
from parkwacht_vision.refusals import why_encrypted, why_not_watchable, why_unreadable
from parkwacht_vision.tiers import (
    MAX_GOP_S,
    DecodedFrame,
    TierChoice,
    TieredDecoder,
)

logger = logging.getLogger(__name__)

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".264", ".265", ".3gp", ".asf", ".avi", ".dav", ".flv", ".h264", ".h265", ".hevc", ".m2ts",
    ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts",
    ".vob", ".webm", ".wmv",
})
# fmt: on
TRUNCATED_S = 2.0  # a recording that ends this much before its header says is called truncated
_FIRST_PACKETS = 32  # among which the first picture must be


class RecordingSource:
    """
    One recording.

    Parameters
    ----------
    path
        The file.
    started_at
        Instant of its first frame, aware; None to read it from the container or the file name.
    timezone
        The site's time zone, for file names without an offset.
    fps
        Frames analysed per second of media time.
    clock
        The machine's clock, only to note when a frame was read.
    tier
        `full` decodes every frame; `auto` only key frames while nothing happens, where they are
        near enough to each other.

    Raises
    ------
    SourceError
        The file is missing, empty, cut off, no video, or nothing tells when it began.
    """

    kind: Literal["recording"] = "recording"

    def __init__(
        self,
        path: Path,
        *,
        started_at: datetime | None,
        timezone: str,
        fps: float,
        clock: Clock,
        tier: TierChoice = "auto",
    ) -> None:
        self.path = path
        self.name = path.name[:300]
        self.health = SourceHealth()
        self.ring = PacketRing()
        self._clock = clock
        self._decoder = TieredDecoder(fps, self.health, choice=tier)
        container = open_recording(path)
        try:
            self.duration_s = recording_duration_s(container)
            self.started_at = started_at or _find_start(container, path, timezone)
            self._rotation_deg, first = _look_first(container, path)
        except SourceError:
            container.close()
            raise
        # Opening takes as long as decoding a second of it: what is open is read on.
        self._begun: tuple[InputContainer, list[av.Packet]] | None = (container, first)

    @property
    def tier(self) -> Tier:
        """How much is decoded, by the gaps between its key frames."""
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
        """
        Yield the frames to analyse.

        Raises
        ------
        SourceError
            Not one picture could be decoded.
        """
        last_s = 0.0
        for index, decoded in enumerate(self._decoded()):
            last_s = max(last_s, decoded.media_time_s)
            yield Frame(
                decoded.picture, decoded.media_time_s, self._at(decoded.media_time_s),
                self._clock.now(), index, decoded.is_look, decoded.is_replay,
            )  # fmt: skip
        if self.health.n_decoded == 0:
            raise SourceError(
                Text(
                    nl=f"{self.path}: geen enkel beeld is te lezen; het bestand is beschadigd of "
                    "afgekapt, maak de export uit de recorder opnieuw",
                    en=f"{self.path}: not one picture can be decoded; the file is damaged or cut "
                    "off, export it from the recorder again",
                )
            )
        if self.duration_s is not None and self.duration_s - last_s > TRUNCATED_S + MAX_GOP_S:
            self.health.lose("recording_cut_off", self.duration_s - last_s)

    def _decoded(self) -> Iterator[DecodedFrame]:
        container, first = self._begun or (open_recording(self.path), [])
        self._begun = None
        with container:
            for packet in read_packets(
                container, self.health, self._at, rotation_deg=self._rotation_deg, first=first
            ):
                self.ring.add(packet)
                yield from self._decoder.feed(packet)
            yield from self._decoder.finish()

    def _at(self, media_time_s: float) -> datetime:
        return self.started_at + timedelta(seconds=media_time_s)


def find_recordings(path: Path) -> list[Path]:
    """
    List the recordings a path stands for: itself, or the video files of a folder by name.

    Raises
    ------
    SourceError
        There is nothing there.
    """
    if path.is_dir():
        found = sorted(
            one for one in path.iterdir() if one.is_file() and one.suffix.lower() in VIDEO_SUFFIXES
        )
        if not found:
            raise SourceError(
                Text(
                    nl=f"{path}: geen opnames in deze map; verwacht worden videobestanden zoals "
                    ".mp4, .mkv, .avi of .ts",
                    en=f"{path}: no recordings in this folder; expected are video files such as "
                    ".mp4, .mkv, .avi or .ts",
                )
            )
        return found
    if not path.exists():
        raise SourceError(
            Text(
                nl=f"{path}: bestaat niet; geef een opname, een map met opnames of een rtsp-adres",
                en=f"{path}: does not exist; give a recording, a folder of recordings or an rtsp "
                "address",
            )
        )
    return [path]


def open_recording(path: Path) -> InputContainer:
    """
    Open a recording that has a video stream, as a PyAV container.

    Raises
    ------
    SourceError
        The file is missing, empty, cut off, sound only or no video; says what would be right.
    """
    find_recordings(path)
    if path.stat().st_size == 0:
        raise SourceError(
            Text(
                nl=f"{path}: is leeg (0 bytes); de opname is niet geschreven of niet gekopieerd",
                en=f"{path}: is empty (0 bytes); the recording was not written or not copied",
            )
        )
    try:
        # Metadata of cameras is not always UTF-8.
        container: InputContainer = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise SourceError(why_unreadable(path, error)) from None
    refusal = why_not_watchable(container, path)
    if refusal is not None:
        container.close()
        raise SourceError(refusal)
    return container


def recording_duration_s(container: InputContainer) -> float | None:
    """Return how long a recording says to be; None where it does not."""
    stream = container.streams.video[0]
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1_000_000


def _look_first(container: InputContainer, path: Path) -> tuple[int, list[av.Packet]]:
    """
    Look at the first picture: how it is turned, and that there is one.

    A file that is locked is opened like any other; only its packets tell.

    Returns
    -------
    rotation_deg, read
        By how much to turn it, and the packets that were read for it.

    Raises
    ------
    SourceError
        It is encrypted.
    """
    read: list[av.Packet] = []
    for packet in container.demux(container.streams.video[0]):
        if packet.has_sidedata("encryption_info") or packet.has_sidedata("encryption_init_info"):
            raise SourceError(why_encrypted(path))
        read.append(packet)
        try:
            frames = packet.decode()
        except av.FFmpegError:
            frames = []
        if frames or len(read) > _FIRST_PACKETS:
            return (round(frames[0].rotation / 90) * 90 % 360 if frames else 0), read
    return 0, read


def _find_start(container: InputContainer, path: Path, timezone: str) -> datetime:
    stated = container.metadata.get("creation_time")
    stated = stated or container.streams.video[0].metadata.get("creation_time")
    if stated:
        try:
            at = datetime.fromisoformat(stated)
        except ValueError:
            logger.warning("recording %s: creation_time %r is no time", path.name, stated)
        else:
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            if at.year > 1970:  # noqa: PLR2004 - zero means "not set" (1904 or 1970)
                return at.astimezone(UTC)
    found = instant_in_name(path.name, timezone)
    if found is not None:
        return found
    raise SourceError(
        Text(
            nl=f"{path}: onbekend wanneer deze opname begon, en daarvan hangt af of het terrein "
            "bewaakt was; geef --started-at 2026-11-23T02:13:00+01:00 of noem het bestand als "
            "camera_20261123T021300+0100.mp4",
            en=f"{path}: unknown when this recording began, and that decides whether the site was "
            "armed; give --started-at 2026-11-23T02:13:00+01:00 or name the file like "
            "camera_20261123T021300+0100.mp4",
        )
    )
