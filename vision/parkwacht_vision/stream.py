"""
A live camera as frames: its one stream, or a small one to analyse and a large one for evidence.

The packets are read by threads of their own (`connection`); they are decoded here, by whoever
analyses. With two streams the small one is decoded in full and the large one not at all: its
packets wait in the ring, and the instants they were taken at are the common clock.
"""

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from parkwacht_config.clock import Clock
from parkwacht_config.text import Text
from parkwacht_vision.connection import Connection, StreamSettings
from parkwacht_vision.frames import Frame, Gap, SourceHealth, Tier
from parkwacht_vision.naming import redact_url
from parkwacht_vision.packets import EncodedPacket, PacketRing
from parkwacht_vision.tiers import DecodedFrame, TieredDecoder

logger = logging.getLogger(__name__)


class StreamSource:
    """
    One live camera.

    Parameters
    ----------
    url
        Address of its (large) stream; credentials in it are used and never shown.
    fps
        Frames analysed per second.
    clock
        The machine's clock.
    stop
        Set from outside to end the watch.
    settings
        How patient it is watched.
    sub_url
        Address of a small stream of the same camera, to be analysed instead.
    """

    kind: Literal["stream"] = "stream"

    def __init__(
        self,
        url: str,
        *,
        fps: float,
        clock: Clock,
        stop: threading.Event,
        settings: StreamSettings | None = None,
        sub_url: str | None = None,
    ) -> None:
        self.name = redact_url(url)[:300]
        self.ring = PacketRing()
        self._clock = clock
        self._stop = stop

        def connect(address: str, ring: PacketRing, *, is_queued: bool) -> Connection:
            return Connection(
                address, clock=clock, stop=stop, settings=settings or StreamSettings(),
                ring=ring, is_queued=is_queued,
            )  # fmt: skip

        self._evidence: Connection | None = None
        if sub_url is None:
            self._analysed = connect(url, self.ring, is_queued=True)
        else:
            self._evidence = connect(url, self.ring, is_queued=False)
            # Its own packets are kept for a moment only: evidence is cut from the large stream.
            self._analysed = connect(sub_url, PacketRing(seconds=1.0), is_queued=True)
        self._decoder = TieredDecoder(
            fps, self._analysed.health, choice="auto" if sub_url is None else "full"
        )
        self._index = 0

    @property
    def health(self) -> SourceHealth:
        """What could not be seen so far, of the stream that is analysed."""
        return self._analysed.health

    @property
    def tier(self) -> Tier:
        """How much is decoded, by the gaps between its key frames."""
        return self._decoder.tier if self._evidence is None else "substream"

    @property
    def last_problem(self) -> Text | None:
        """Why there are no pictures now, or no evidence."""
        evidence = None if self._evidence is None else self._evidence.last_problem
        return self._analysed.last_problem or evidence

    def attend(self) -> None:
        """Ask for every due frame from the key frame before the last one given on."""
        self._decoder.attend()

    def relax(self) -> None:
        """Take back `attend`."""
        self._decoder.relax()

    def frames(self) -> Iterator[Frame | Gap]:
        """Yield frames as they come, and gaps while there are none, until stopped."""
        queue = self._analysed.queue
        if queue is None:
            return
        for one in (self._analysed, self._evidence):
            if one is not None:
                one.start()
        while not self._stop.is_set():
            items = queue.take(0.2)
            for item in items:
                if isinstance(item, EncodedPacket):
                    yield from (self._frame(one, item) for one in self._decoder.feed(item))
                else:
                    yield item
                if self._stop.is_set():
                    break
            if not items and not self._analysed.is_alive:
                break
        self._analysed.close()

    def _frame(self, decoded: DecodedFrame, packet: EncodedPacket) -> Frame:
        shift_s = decoded.media_time_s - packet.media_time_s
        frame = Frame(
            decoded.picture, decoded.media_time_s, packet.at + timedelta(seconds=shift_s),
            self._clock.now(), self._index, decoded.is_key, decoded.is_replay,
        )  # fmt: skip
        self._index += 1
        return frame
