"""
A live camera as frames: its one stream, or a small one to analyse and a large one for evidence.

The packets are read by threads of their own (`connection`); they are decoded here, by whoever
analyses. With two streams the small one is looked at more than once a second, in full while
something happens, and the large one is not decoded at all: its packets wait in the ring, and the
instants they were taken at are the common clock. While one of them fails the other does its work
too (`pair`). Every second that neither shows is counted.
"""

import math
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from parkwacht_config.clock import Clock
from parkwacht_config.text import Text
from parkwacht_vision.connection import Connection, StreamSettings
from parkwacht_vision.frames import Frame, Gap, SourceHealth, Tier
from parkwacht_vision.naming import redact_url
from parkwacht_vision.packet_queue import BATCH, PacketQueue
from parkwacht_vision.packets import EncodedPacket, PacketRing, StandIn
from parkwacht_vision.pair import RETRY, StreamPair
from parkwacht_vision.pictures import Image, Picture, ScaledPicture
from parkwacht_vision.tiers import LOOK_S, MAX_GOP_S, DecodedFrame, TieredDecoder

WAIT_S, QUIET_WAIT_S = 0.2, 1.0
END_S = 1.0  # a reader is waited for
STILL_STEP_S, STILL_ROWS = 1.0, 360


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

    Raises
    ------
    SourceError
        An address that is none, or of a kind that cannot be watched.
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
        self.health = SourceHealth()
        self._clock, self._stop, self._fps = clock, stop, fps
        self._queue = PacketQueue(self.health)
        patience = settings or StreamSettings()
        self._frozen_s = patience.frozen_s
        self._large = self._analysed = Connection(
            url, clock=clock, stop=stop, settings=patience, keep=self.ring.add,
            health=self.health if sub_url is None else SourceHealth(),
        )  # fmt: skip
        self._pair: StreamPair | None = None
        if sub_url is not None:
            self._analysed = Connection(
                sub_url, clock=clock, stop=stop, settings=patience, health=self.health,
                keep=StandIn(self.ring, patience.silent_s).add,
            )  # fmt: skip
            self._pair = StreamPair(
                self._analysed, self._large, ring=self.ring, queue=self._queue, clock=clock,
                steady_s=patience.steady_s,
            )  # fmt: skip
        self._analysed.queue = self._queue
        self._is_on_large = self._pair is None
        self._is_attending = False
        self._decoder = self._new_decoder()
        self._size_px: tuple[int, int] | None = None  # of the small stream's pictures
        self._stillness = _Stillness(self._frozen_s)
        self._index = 0
        self._seen_until = self._large.started_at
        self._lost_cause: str | None = "connection_lost"
        self._given_s = self._from_s = -1.0
        self._still_since_s: float | None = None

    @property
    def tier(self) -> Tier:
        """How much is decoded, by the gaps between its key frames."""
        return self._decoder.tier if self._is_on_large else "substream"

    @property
    def tier_reason(self) -> Text | None:
        """Why this tier; None while too little was measured."""
        if self._is_on_large:
            return self._decoder.reason
        if self._size_px is None:
            return None
        size = f"{self._size_px[0]} x {self._size_px[1]}"
        if self._decoder.tier == "full":
            return Text(
                nl=f"alles van de kleine stream, {size} pixels",
                en=f"all of the small stream, {size} pixels",
            )
        return Text(
            nl=f"de kleine stream, {size} pixels: minstens elke seconde een beeld, tot er iets "
            "beweegt",
            en=f"the small stream, {size} pixels: a picture at least every second, until something "
            "moves",
        )

    def attend(self, *, is_eager: bool = True) -> None:
        """Ask for every due frame from the key frame before the last one given on."""
        self._is_attending = True
        self._decoder.attend(is_eager=is_eager)

    def relax(self) -> None:
        """Take back `attend`."""
        self._is_attending = False
        self._decoder.relax()

    def frames(self) -> Iterator[Frame | Gap]:
        """Yield frames as they come, and gaps while there are none, until stopped."""
        readers = {self._analysed, self._large}
        for one in readers:
            one.start()
        try:
            while not self._stop.is_set():
                items = self._items()
                if items and self._is_left:
                    yield from self._change_over()
                yield from self._given(items)
                if not items and not self._analysed.is_alive:
                    break
        finally:
            if self._lost_cause is not None:
                self._count_lost(self._lost_cause, self._clock.now())
            for one in readers:
                one.close(END_S)

    def _given(self, items: list[EncodedPacket | Gap]) -> Iterator[Frame | Gap]:
        for item in items:
            yield from self._lost(item) if isinstance(item, Gap) else self._shown(item)
            if self._stop.is_set() or self._is_left:
                return

    @property
    def _is_left(self) -> bool:
        """Whether the other stream is to be gone on with."""
        return self._pair is not None and self._pair.is_on_large is not self._is_on_large

    def _items(self) -> list[EncodedPacket | Gap]:
        self.health.rate_bps = self._large.rate_bps
        is_sparse = self._decoder.is_sparse
        self._analysed.is_urgent = not is_sparse
        self._large.is_urgent = self._is_attending or (self._is_on_large and not is_sparse)
        wait_s = QUIET_WAIT_S if is_sparse else WAIT_S
        wanted_s = self._decoder.next_look_s if is_sparse else -math.inf
        self._analysed.is_eager = self._large.is_eager = self._decoder.is_eager
        batch = 1 if self._decoder.is_eager else BATCH
        if self._pair is None:
            return self._queue.take(wait_s, wanted_s=wanted_s, batch=batch)
        if self._is_on_large:
            wait_s, wanted_s = WAIT_S, -math.inf  # its packets come from the ring
        items = self._pair.items(wait_s, self._seen_until, wanted_s=wanted_s, batch=batch)
        self.health.is_halved = self._pair.is_halved
        return items

    def _lost(self, gap: Gap) -> Iterator[Gap]:
        self._count_lost(gap.cause, gap.at)
        self._lost_cause = gap.cause
        yield gap

    def _count_lost(self, cause: str, until: datetime) -> None:
        self.health.lose(cause, (until - self._seen_until).total_seconds())
        self._seen_until = max(self._seen_until, until)

    def _shown(self, packet: EncodedPacket) -> Iterator[Frame]:
        if self._lost_cause is not None:
            self._count_lost(self._lost_cause, packet.at)
            self._lost_cause = None
        self._seen_until = max(self._seen_until, packet.at)
        for frame in self._frames(self._decoder.feed(packet)):
            yield frame
            if not self._is_on_large:
                self._look_whether_it_stands_still(frame)

    def _look_whether_it_stands_still(self, frame: Frame) -> None:
        since_s = self._stillness.since_s(frame)
        if since_s is not None and self._pair is not None and self._pair.can_leave_small:
            self._still_since_s = since_s
            self._pair.leave_small(self._at(since_s), RETRY)

    def _change_over(self) -> Iterator[Frame]:
        """Go on with the other stream, from what this one showed last."""
        yield from self._frames(self._decoder.finish())
        still_s, self._still_since_s = self._still_since_s, None
        self._from_s = self._given_s if still_s is None else still_s
        self._is_on_large = not self._is_on_large
        self._decoder = self._new_decoder()
        self._stillness = _Stillness(self._frozen_s)

    def _new_decoder(self) -> TieredDecoder:
        decoder = TieredDecoder(
            self._fps, self.health, look_every_s=MAX_GOP_S if self._is_on_large else LOOK_S
        )
        if self._is_attending:
            decoder.attend()
        return decoder

    def _frames(self, decoded: Iterator[DecodedFrame]) -> Iterator[Frame]:
        for one in decoded:
            if one.media_time_s <= self._from_s:
                continue  # the other stream has shown it
            is_replay = one.is_replay or one.media_time_s <= self._given_s
            self._given_s = max(self._given_s, one.media_time_s)
            yield Frame(
                self._sized(one.picture), one.media_time_s, self._at(one.media_time_s),
                self._clock.now(), self._index, one.is_look, is_replay,
            )  # fmt: skip
            self._index += 1

    def _sized(self, picture: Picture) -> Picture:
        """Return a picture at the size of the small stream: boxes stay where they are."""
        size_px = (picture.width_px, picture.height_px)
        if not self._is_on_large:
            self._size_px = size_px
        if self._size_px is None or self._size_px == size_px:
            return picture
        return ScaledPicture(picture, *self._size_px)

    def _at(self, media_time_s: float) -> datetime:
        return self._analysed.started_at + timedelta(seconds=media_time_s)


class _Stillness:
    """Since when the pictures of a stream are equal to the last bit."""

    def __init__(self, frozen_s: float) -> None:
        self._frozen_s = frozen_s
        self._last: Image | None = None
        self._since_s = self._looked_s = 0.0

    def since_s(self, frame: Frame) -> float | None:
        """Return the media time of the first of these pictures; None where it is not for long."""
        now_s = frame.media_time_s
        if self._last is not None and now_s - self._looked_s < STILL_STEP_S:
            return None
        self._looked_s = now_s
        luma = frame.picture.luma(STILL_ROWS)
        if self._last is None or not np.array_equal(luma, self._last):
            self._last, self._since_s = luma.copy(), now_s
        return self._since_s if now_s - self._since_s >= self._frozen_s else None
