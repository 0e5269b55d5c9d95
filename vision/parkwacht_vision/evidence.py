"""
What an event leaves to look at: a still with the box drawn, and a short clip.

Recent pictures are kept as JPEG in a ring of a few seconds, so memory is bounded whatever happens.
The clip is written while the event goes on. The same pictures give the same bytes: one thread, no
dates in the container.
"""

import hashlib
import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import cv2
import numpy as np

from parkwacht_config.secrets import read_secret
from parkwacht_config.site import Site
from parkwacht_vision.clips import ClipCutter, ClipResult, described
from parkwacht_vision.encoding import PictureEncoder
from parkwacht_vision.event import FlaggedEvent, MediaFile
from parkwacht_vision.frames import Frame, Image
from parkwacht_vision.manifest import Manifest, cut_file, data_file, make_manifest
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.packets import PacketRing
from parkwacht_vision.sealing import parse_key
from parkwacht_vision.stills import (
    BestView,
    RecentFrames,
    Stills,
    decode_jpeg,
    draw_box,
    encode_jpeg,
    make_stills,
)
from parkwacht_vision.tracker import XyXy

logger = logging.getLogger(__name__)

PRE_ROLL_S = 3.0
POST_ROLL_S = 3.0
MAX_CLIP_S = 30.0
RING_S = 10.0
CLIP_WIDTH_PX = 1280
# With its macroblock tree x264 gives other bytes for the same pictures, by where memory lies.
_ENCODER = {"crf": "27", "preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"}


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """One recent picture as JPEG."""

    index: int
    media_time_s: float
    at: datetime
    jpeg: bytes


class FrameRing:
    """The pictures of the last seconds."""

    def __init__(self, seconds: float = RING_S) -> None:
        self._seconds = seconds
        self._frames: deque[StoredFrame] = deque()

    def add(self, frame: Frame) -> StoredFrame:
        """Keep a picture and forget those that are too old."""
        stored = StoredFrame(frame.index, frame.media_time_s, frame.at, encode_jpeg(frame.image))
        self._frames.append(stored)
        while frame.media_time_s - self._frames[0].media_time_s > self._seconds:
            self._frames.popleft()
        return stored

    def since(self, media_time_s: float) -> list[StoredFrame]:
        """Return the pictures from a media time on, oldest first."""
        return [one for one in self._frames if one.media_time_s >= media_time_s]

    def nearest(self, index: int) -> StoredFrame:
        """
        Return the picture of a frame, or the nearest one that is still kept.

        Raises
        ------
        LookupError
            The ring is empty.
        """
        if not self._frames:
            message = "no picture is kept"
            raise LookupError(message)
        return min(self._frames, key=lambda one: abs(one.index - index))

    def clear(self) -> None:
        """Forget all pictures."""
        self._frames.clear()


def snapshot_jpeg(jpeg: bytes, xyxy: XyXy) -> bytes:
    """Draw a box on a picture."""
    return encode_jpeg(draw_box(decode_jpeg(jpeg), xyxy))


def snapshot_file(data: bytes) -> MediaFile:
    """Describe a snapshot."""
    return data_file("snapshot", data)


def clip_file(path: Path) -> MediaFile:
    """Describe a clip."""
    data = path.read_bytes()
    return MediaFile(
        name="clip.mp4",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        content_type="video/mp4",
    )


class ClipRecorder:
    """
    Writes the clip of one event as H.264 in MP4 that any browser plays.

    Pictures after the last one in which the object was seen are held back until it is seen again,
    at most the post-roll of them; the clip stops at its longest length.

    Parameters
    ----------
    path
        Where to write.
    fps
        Analysed frames per second.
    """

    def __init__(self, path: Path, *, fps: float) -> None:
        self.path = path
        self.started_at: datetime | None = None
        self._fps = fps
        self._container: Any = None
        self._stream: Any = None
        self._n_written = 0
        self._held: list[StoredFrame] = []
        self._is_broken = False

    def add(self, stored: StoredFrame, *, is_active: bool) -> None:
        """Add the next picture; `is_active` where the object of the event is seen in it."""
        if self._n_written >= MAX_CLIP_S * self._fps or self._is_broken:
            self._held.clear()
            return
        if len(self._held) < POST_ROLL_S * self._fps:
            self._held.append(stored)
        if is_active:
            self._flush()

    def finish(self) -> Path | None:
        """Write what is held back and close the file; None where there is no playable clip."""
        self._flush()
        if self._container is None or self._is_broken:
            return None
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            self._fail(error)
            return None
        return self.path

    def _flush(self) -> None:
        held, self._held = self._held, []
        for stored in held:
            if self._is_broken or self._n_written >= MAX_CLIP_S * self._fps:
                return
            try:
                self._write(stored)
            except (av.FFmpegError, OSError) as error:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        # An event without a clip is better than no event.
        logger.error("clip %s cannot be written: %s", self.path.name, error)
        self._is_broken = True

    def _write(self, stored: StoredFrame) -> None:
        image = decode_jpeg(stored.jpeg)
        if self._container is None:
            self.started_at = stored.at
            self._open(image)
        size = (self._stream.width, self._stream.height)
        if (image.shape[1], image.shape[0]) != size:
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self._n_written
        frame.time_base = self._stream.codec_context.time_base
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self._n_written += 1

    def _open(self, image: Image) -> None:
        scale = min(1.0, CLIP_WIDTH_PX / image.shape[1])
        rate = Fraction(self._fps).limit_denominator(1000)
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        self._container = av.open(str(self.path), "w", format="mp4", options=options)
        self._stream = self._container.add_stream(
            "libx264",
            rate=rate,
            options=_ENCODER | {"g": str(round(2 * rate))},
        )
        self._stream.width = max(2, round(image.shape[1] * scale / 2) * 2)
        self._stream.height = max(2, round(image.shape[0] * scale / 2) * 2)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = 1 / rate


def evidence_key(site: Site, state_dir: Path) -> bytes | None:
    """
    Read the key that seals unmasked originals; None where the site keeps none.

    Parameters
    ----------
    site
        Whether it keeps them.
    state_dir
        Folder of the secrets file.

    Raises
    ------
    ConfigError
        The key is missing or is none.
    """
    if not site.evidence.keeps_original:
        return None
    name = site.evidence.key_env
    return parse_key(name, read_secret(name, state_dir).get_secret_value())


@dataclass(frozen=True, slots=True)
class Ended:
    """What an event leaves when it is over; the files are the worker's to remove."""

    manifest: Manifest
    manifest_bytes: bytes
    manifest_file: MediaFile
    clip: ClipResult | None

    @property
    def clip_file(self) -> MediaFile | None:
        """The clip as the ending names it."""
        return None if self.clip is None else cut_file("clip", self.clip.clip)

    @property
    def original_file(self) -> MediaFile | None:
        """The sealed original as the ending names it."""
        if self.clip is None or self.clip.original is None:
            return None
        return cut_file("original", self.clip.original)

    @property
    def clip_path(self) -> Path | None:
        """Where the clip is."""
        return None if self.clip is None else self.clip.clip.path

    @property
    def original_path(self) -> Path | None:
        """Where the sealed original is."""
        if self.clip is None or self.clip.original is None:
            return None
        return self.clip.original.path

    def remove_files(self) -> None:
        """Remove what lies in the working folder, once it was handed over."""
        for path in (self.clip_path, self.original_path):
            if path is not None:
                path.unlink(missing_ok=True)


class _FrameClip:
    """The clip of a source that keeps no packets: its analysed pictures, encoded."""

    def __init__(self, recent: RecentFrames, path: Path, starts_at: datetime) -> None:
        self._recent = recent
        self._path = path
        self._starts_at = starts_at
        self._encoder = PictureEncoder(path)
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        self._is_over = False

    def extend(self, until: datetime) -> None:
        """Take the pictures up to an instant."""
        for frame in self._recent.between(self._last_at, until):
            if frame.at < self._starts_at or self._is_over:
                continue
            first_at = self._first_at = self._first_at or frame.at
            time_s = (frame.at - first_at).total_seconds()
            try:
                self._encoder.add(frame.picture.bgr(), time_s)
            except (av.FFmpegError, OSError) as error:
                self._give_up(error)
                return
            self._last_at = frame.at
            self._is_over = time_s >= MAX_CLIP_S

    def finish(self) -> ClipResult | None:
        """Close the clip; None where there is no playable one."""
        if self._first_at is None or self._last_at is None:
            return None
        try:
            self._encoder.close()
            clip = described(self._path, "h264", self._encoder.size)
        except (av.FFmpegError, OSError) as error:
            self._give_up(error)
            return None
        return ClipResult(clip, None, self._first_at, self._last_at, is_reencoded=True)

    def _give_up(self, error: Exception) -> None:
        logger.error("clip %s cannot be written: %s", self._path.name, error)
        self._is_over, self._first_at = True, None
        self._path.unlink(missing_ok=True)


class EvidenceRoom:
    """
    The evidence of one watch of one source.

    Parameters
    ----------
    ring
        The packets of the source's best stream.
    screen
        What must not be seen.
    work_dir
        Where clips are written while an event goes on.
    mask_ids
        The privacy masks of the camera, for the manifest.
    key
        Seals unmasked originals; None where none are kept.
    """

    def __init__(
        self,
        ring: PacketRing,
        screen: PrivacyScreen,
        work_dir: Path,
        *,
        mask_ids: tuple[str, ...] = (),
        key: bytes | None = None,
    ) -> None:
        self._ring = ring
        self._screen = screen
        self._work_dir = work_dir
        self._mask_ids = mask_ids
        self._key = key
        self._recent = RecentFrames()
        self._clips: dict[UUID, ClipCutter | _FrameClip] = {}
        self._sizes: dict[UUID, tuple[int, int]] = {}

    @classmethod
    def of(
        cls, site: Site, camera_id: str, ring: PacketRing, work_dir: Path, key: bytes | None
    ) -> "EvidenceRoom":
        """Make the room of a camera of a site."""
        mask_ids = tuple(one.id for one in site.privacy_masks if one.camera_id == camera_id)
        screen = PrivacyScreen.of(site, site.camera(camera_id))
        return cls(ring, screen, work_dir, mask_ids=mask_ids, key=key)

    def note(self, frame: Frame) -> None:
        """Note an analysed picture; where there are packets only the last one is kept."""
        if self._ring.n_bytes:
            self._recent.clear()
        self._recent.add(frame)

    def open(self, event_id: UUID, first_at: datetime, view: BestView) -> Stills:
        """
        Take the pictures of an event that was confirmed, and begin its clip.

        Parameters
        ----------
        event_id
            The event.
        first_at
            When its object was seen first; the clip begins before.
        view
            Its best view so far.

        Raises
        ------
        LookupError
            No picture was noted.
        """
        stills = make_stills(self._ring, self._recent, self._screen, view)
        if stills is None:
            message = f"no picture of event {event_id} is kept"
            raise LookupError(message)
        path = self._work_dir / f"{event_id}.mp4"
        starts_at = first_at - timedelta(seconds=PRE_ROLL_S)
        self._sizes[event_id] = (stills.width_px, stills.height_px)
        self._clips[event_id] = (
            ClipCutter(self._ring, path, self._screen, starts_at, key=self._key)
            if self._ring.n_bytes
            else _FrameClip(self._recent, path, starts_at)
        )
        return stills

    def follow(self, event_id: UUID, now: datetime, last_seen_at: datetime) -> None:
        """Take what came since, at most the post-roll after the object was seen last."""
        until = min(now, last_seen_at + timedelta(seconds=POST_ROLL_S))
        self._clips[event_id].extend(until)

    def close(self, event: FlaggedEvent) -> Ended:
        """Close the clip of an event that is over, and list its files."""
        result = self._clips.pop(event.id).finish()
        manifest = make_manifest(
            event,
            result,
            size_px=self._sizes.pop(event.id),
            privacy_mask_ids=self._mask_ids,
        )
        data = manifest.to_bytes()
        return Ended(manifest, data, data_file("manifest", data), result)
