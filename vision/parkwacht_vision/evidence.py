"""
What an event leaves: pictures of its best view, a clip, where wanted its sealed original, a list.

The alarm goes first, with the pictures; clip and manifest follow when the event is over. A watch
has one room; what is written lies in its working folder until it was handed over.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import av

from parkwacht_config.secrets import read_secret
from parkwacht_config.site import Site
from parkwacht_vision.ahead import PicturesAhead
from parkwacht_vision.clips import MAX_CLIP_S, ClipCutter, ClipResult, described
from parkwacht_vision.encoding import PictureEncoder
from parkwacht_vision.event import FlaggedEvent, MediaFile
from parkwacht_vision.frames import Frame
from parkwacht_vision.manifest import Manifest, cut_file, data_file, make_manifest
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.packets import PacketRing
from parkwacht_vision.sealing import parse_key
from parkwacht_vision.stills import BestView, RecentFrames, Stills, make_stills
from parkwacht_vision.tracker import Track

logger = logging.getLogger(__name__)

PRE_ROLL_S = 3.0
POST_ROLL_S = 3.0
QUIET_AFTER = timedelta(seconds=2)  # unseen for that long, the next one begins anew
AHEAD_FOR = timedelta(seconds=30)  # decoding ahead costs about 50 ms/s of CPU


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
    is_live
        Whether an alarm waits for the pictures: they are decoded ahead.
    """

    def __init__(
        self,
        ring: PacketRing,
        screen: PrivacyScreen,
        work_dir: Path,
        *,
        mask_ids: tuple[str, ...] = (),
        key: bytes | None = None,
        is_live: bool = False,
    ) -> None:
        self._ring = ring
        self._screen = screen
        self._work_dir = work_dir
        self._mask_ids = mask_ids
        self._key = key
        self._recent = RecentFrames()
        self._ahead = PicturesAhead(ring) if is_live else None
        self._seen_at: datetime | None = None
        self._stirred_at: datetime | None = None  # seen from then on
        self._clips: dict[UUID, ClipCutter | _FrameClip] = {}
        self._sizes: dict[UUID, tuple[int, int]] = {}

    @classmethod
    def of(
        cls,
        site: Site,
        camera_id: str,
        ring: PacketRing,
        work_dir: Path,
        key: bytes | None,
        *,
        is_live: bool = False,
    ) -> "EvidenceRoom":
        """Make the room of a camera of a site."""
        mask_ids = tuple(one.id for one in site.privacy_masks if one.camera_id == camera_id)
        screen = PrivacyScreen.of(site, site.camera(camera_id))
        return cls(ring, screen, work_dir, mask_ids=mask_ids, key=key, is_live=is_live)

    def note(self, frame: Frame) -> None:
        """Note an analysed picture; where there are packets only the last one is kept."""
        if self._ring.n_bytes:
            self._recent.clear()
        self._recent.add(frame)
        if self._ahead is None or self._seen_at is None:
            return
        if self._is_stirred(frame.at) and abs(frame.at - self._seen_at) <= QUIET_AFTER:
            self._ahead.want(frame.at)  # decoded while the detector looks at it
        else:
            self._ahead.clear()

    def rest(self) -> None:
        """Forget the pictures kept for events to come: none is watched for now."""
        self._recent.clear()
        if self._ahead is not None:
            self._ahead.clear()

    def expect(self, at: datetime, tracks: Sequence[Track]) -> None:
        """
        Have the picture ready of an instant at which something was seen, should it be an event.

        Parameters
        ----------
        at
            The instant.
        tracks
            What is tracked.
        """
        seen = [one.last.confidence for one in tracks if one.last.at == at]
        if self._ahead is None or not seen:
            return
        if self._seen_at is None or at - self._seen_at > QUIET_AFTER:
            self._stirred_at = at
        self._seen_at = at
        if self._is_stirred(at):
            self._ahead.want(at, max(seen))

    def _is_stirred(self, at: datetime) -> bool:
        """Whether somebody came lately: who stays long is not worth decoding everything."""
        return self._stirred_at is not None and at - self._stirred_at <= AHEAD_FOR

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
        ahead = None if self._ahead is None else self._ahead.picture(view.at)
        stills = make_stills(self._ring, self._recent, self._screen, view, ahead=ahead)
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
