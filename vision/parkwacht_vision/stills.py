"""
The pictures of an event: its best view with the box of the object, and without.

They are decoded on demand from the encoded packets of the camera's best stream, at its full size,
so that nothing is encoded or converted while nothing happens. Masked parts are black.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import av
import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_vision.decoding import open_decoder
from parkwacht_vision.frames import Frame
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.muxing import media_ticks, to_decode
from parkwacht_vision.packets import EncodedPacket, PacketRing, StreamFormat
from parkwacht_vision.pictures import DecodedPicture, Image, upright
from parkwacht_vision.tracker import XyXy

logger = logging.getLogger(__name__)

JPEG_QUALITY = 88
# Packets come in order of decoding: the picture of an instant may follow later ones.
REORDER_S = 1.0
RECENT_S = 10.0
RECENT_BYTES = 128_000_000
_BOX_BGR = (40, 40, 235)

Shown = tuple[av.VideoFrame, datetime]  # a decoded picture, and the instant it was taken at


@dataclass(frozen=True, slots=True)
class Stills:
    """Two JPEGs of one picture, and the instant at which it was taken."""

    snapshot: bytes  # with the box
    still: bytes  # without
    at: datetime
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class BestView:
    """When the object was seen best, and where in the analysed picture."""

    at: datetime
    xyxy: XyXy
    width_px: int
    height_px: int


class Unpacker:
    """
    Packets of one connection to pictures, each with the instant of the packet it came in.

    Parameters
    ----------
    stream_format
        What the packets are.
    """

    def __init__(self, stream_format: StreamFormat) -> None:
        self.format = stream_format
        self._decoder: av.VideoCodecContext = open_decoder(stream_format)
        self._taken: dict[int | None, datetime] = {}

    def feed(self, packet: EncodedPacket | None) -> list[Shown]:
        """Return what one more packet shows, or at the end, for None, what was held back."""
        if packet is not None:
            self._taken[media_ticks(packet)] = packet.at
        try:
            frames = self._decoder.decode(None if packet is None else to_decode(packet))
        except av.FFmpegError:
            logger.debug("a packet that cannot be decoded was passed over")
            return []
        return [(one, self._taken.get(one.pts) or max(self._taken.values())) for one in frames]


class RecentFrames:
    """
    The analysed pictures of the last seconds, for sources that keep no packets.

    Views of decoded pictures, nothing is converted; bounded in seconds and in bytes.
    """

    def __init__(self, seconds: float = RECENT_S, max_bytes: int = RECENT_BYTES) -> None:
        self._span = timedelta(seconds=seconds)
        self._max_bytes = max_bytes
        self._frames: deque[Frame] = deque()
        self._n_bytes = 0

    def add(self, frame: Frame) -> None:
        """Keep a picture, and forget those that are too old or too much."""
        self._frames.append(frame)
        self._n_bytes += _bytes_of(frame)
        while len(self._frames) > 1 and (
            frame.at - self._frames[0].at > self._span or self._n_bytes > self._max_bytes
        ):
            self._n_bytes -= _bytes_of(self._frames.popleft())

    def clear(self) -> None:
        """Forget all pictures."""
        self._frames.clear()
        self._n_bytes = 0

    def between(self, after: datetime | None, until: datetime) -> list[Frame]:
        """Return the pictures after one instant up to another, oldest first."""
        return [
            one for one in self._frames if one.at <= until and (after is None or one.at > after)
        ]

    def nearest(self, at: datetime) -> Frame | None:
        """Return the picture nearest to an instant; None where there is none."""
        return min(self._frames, key=lambda one: abs(one.at - at), default=None)


def encode_jpeg(image: Image) -> bytes:
    """Return a BGR picture as JPEG."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        message = f"a picture of shape {image.shape} cannot be written as JPEG"
        raise ValueError(message)
    return bytes(data.tobytes())


def decode_jpeg(jpeg: bytes) -> Image:
    """Return a JPEG as a BGR picture."""
    raw: npt.NDArray[np.uint8] = np.frombuffer(jpeg, dtype=np.uint8)
    return np.asarray(cv2.imdecode(raw, cv2.IMREAD_COLOR), dtype=np.uint8)


def draw_box(image: Image, xyxy: XyXy) -> Image:
    """Return a copy with a box; its line lies outside it, so that the object stays visible."""
    drawn = np.array(image, dtype=np.uint8, order="C")
    height, width = drawn.shape[:2]
    line = max(2, round(height / 360))
    left = max(0, round(xyxy[0]) - 2 * line)
    top = max(0, round(xyxy[1]) - 2 * line)
    right = min(width - 1, round(xyxy[2]) + 2 * line)
    bottom = min(height - 1, round(xyxy[3]) + 2 * line)
    cv2.rectangle(drawn, (left, top), (right, bottom), _BOX_BGR, line)
    return drawn


def picture_at(ring: PacketRing, at: datetime) -> tuple[Image, datetime] | None:
    """
    Decode the picture nearest to an instant.

    Parameters
    ----------
    ring
        The packets of the stream.
    at
        The instant.

    Returns
    -------
    image, taken_at
        The whole picture in BGR and its instant; None where the ring shows none.
    """
    best: Shown | None = None
    for frame, taken_at in _decoded(_packets_up_to(ring.since(at), at)):
        if best is None or abs(taken_at - at) < abs(best[1] - at):
            best = (frame, taken_at)
        if taken_at >= at:
            break  # pictures come in the order of their times
    return None if best is None else _in_bgr(best, ring)


def _in_bgr(shown: Shown, ring: PacketRing) -> tuple[Image, datetime]:
    """Return a picture upright, as masks and boxes are."""
    turn_deg = 0 if ring.last is None else ring.last.format.rotation_deg
    return upright(DecodedPicture(shown[0]), turn_deg).bgr(), shown[1]


def make_stills(
    ring: PacketRing,
    recent: RecentFrames,
    screen: PrivacyScreen,
    view: BestView,
    *,
    ahead: Shown | None = None,
) -> Stills | None:
    """
    Make the pictures of the best view.

    Parameters
    ----------
    ring
        The packets of the best stream.
    recent
        Analysed pictures, for a source without packets.
    screen
        What must not be seen.
    view
        The best view.
    ahead
        Its picture, where it was decoded before.

    Returns
    -------
    stills
        None where no picture of that time is kept any more.
    """
    found = picture_at(ring, view.at) if ahead is None else _in_bgr(ahead, ring)
    if found is not None:
        image, taken_at = screen.cover_image(found[0]), found[1]
    else:
        frame = recent.nearest(view.at)
        if frame is None:
            return None
        image, taken_at = screen.cover_image(frame.picture.bgr()), frame.at
    height, width = image.shape[:2]
    x_scale, y_scale = width / view.width_px, height / view.height_px
    x1, y1, x2, y2 = view.xyxy
    drawn = draw_box(image, (x1 * x_scale, y1 * y_scale, x2 * x_scale, y2 * y_scale))
    return Stills(encode_jpeg(drawn), encode_jpeg(image), taken_at, width, height)


def _packets_up_to(packets: Iterable[EncodedPacket], at: datetime) -> Iterator[EncodedPacket]:
    limit = at + timedelta(seconds=REORDER_S)
    for packet in packets:
        if packet.at > limit:
            return
        yield packet


def _decoded(packets: Iterable[EncodedPacket]) -> Iterator[Shown]:
    """Decode packets, each picture with the instant of the packet it came in."""
    unpacker: Unpacker | None = None
    for packet in packets:
        if unpacker is None or packet.format is not unpacker.format:
            if unpacker is not None:
                yield from unpacker.feed(None)
            unpacker = Unpacker(packet.format)
        yield from unpacker.feed(packet)
    if unpacker is not None:
        yield from unpacker.feed(None)


def _bytes_of(frame: Frame) -> int:
    return frame.picture.width_px * frame.picture.height_px * 3
