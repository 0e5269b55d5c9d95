"""
How much of a stream is decoded: everything, or key frames until something happens.

A key frame costs a sixth to a seventeenth of decoding all (design: vision.md, section 11.1), and is
enough where key frames follow each other within two seconds. Whether they do is measured on the
stream all the time: after a longer gap everything kept is decoded at once, so that nothing is
skipped for longer. `attend` goes back to the key frame before the last one given;
the packets for that are kept. Where a look is asked for more often than key frames come, one is had
between them by decoding up to it and leaving out the rest. Times are media time.
"""

import logging
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from parkwacht_config.text import Text
from parkwacht_vision.decoding import Decoded, StreamDecoder, is_intra_only
from parkwacht_vision.frames import Cadence, SourceHealth, Tier
from parkwacht_vision.packets import EncodedPacket, StreamFormat
from parkwacht_vision.pictures import DecodedPicture, Picture, upright

logger = logging.getLogger(__name__)

MAX_GOP_S = 2.0  # a longer gap between key frames is decoded in full
LOOK_S = 0.7  # so often a small stream is looked at while nothing happens
# Around the moment at which more is asked for: twice as many pictures, from so long before to so
# long after. Who just came is confirmed by how far he went, in half the time.
EAGER_BEFORE_S, EAGER_AFTER_S, EAGER_TIMES = LOOK_S, 2.0, 2
TOLERANCE_S = 0.1  # of clocks that are not exact
QUIET_STEP_S = 1.0  # key frames nearer to each other than this are not all looked at
_RECENT_SLOTS = 64  # more than FFmpeg reorders
_TICK_S = 0.001  # times of packets and of pictures differ by rounding
GOOD_GOPS = 3  # after a longer one: so many in a row are trusted again

TierChoice = Literal["auto", "full"]


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One picture as it comes from the decoder."""

    picture: Picture
    media_time_s: float
    is_look: bool  # given alone, while nothing more was asked for
    is_replay: bool


class GopMeter:
    """How far key frames are apart: qualifies a stream for being seen by them alone."""

    def __init__(self) -> None:
        self.is_long = False
        self.last_gop_s: float | None = None
        self._n_short, self._n_needed = 0, 1
        self._key_s: float | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the last gap was short; after a long one, the last few."""
        return self._n_short >= self._n_needed

    def add(self, packet: EncodedPacket) -> None:
        """Measure one more packet."""
        if self._key_s is None:
            self._key_s = packet.media_time_s
            return
        gap_s = packet.media_time_s - self._key_s
        if gap_s > MAX_GOP_S + TOLERANCE_S:
            self.distrust()
        if packet.is_key:
            self._key_s, self.last_gop_s = packet.media_time_s, gap_s
            self._n_short += gap_s <= MAX_GOP_S + TOLERANCE_S
            self.is_long = self.is_long and not self.is_settled

    def distrust(self) -> None:
        """Have everything decoded until the gaps have been short for a while."""
        self.is_long, self._n_short, self._n_needed = True, 0, GOOD_GOPS


class TieredDecoder:
    """
    Packets to the pictures that are to be analysed.

    The same packets and the same calls of `attend` and `relax` give the same pictures.

    Parameters
    ----------
    fps
        Pictures wanted per second of media time.
    health
        Where corrupt packets are counted.
    choice
        `full` decodes everything whatever was measured.
    look_every_s
        A look at least so often while nothing happens.
    """

    def __init__(
        self,
        fps: float,
        health: SourceHealth,
        *,
        choice: TierChoice = "auto",
        look_every_s: float = MAX_GOP_S,
    ) -> None:
        self._fps = fps
        self._health = health
        self._choice = choice
        self._look_every_s = look_every_s
        self._format: StreamFormat | None = None
        self._is_intra = False
        self._gops = GopMeter()
        self._kept: list[EncodedPacket] = []  # from the key frame before the last one given on
        self._full: StreamDecoder | None = None
        self._keys: StreamDecoder | None = None
        self._looking: EncodedPacket | None = None  # the key frame from which looks can go on
        self._n_looking = 0  # packets from it on that went into the decoder of looks
        self._cadence = Cadence(fps)
        self._slots: deque[tuple[int, int]] = deque(maxlen=_RECENT_SLOTS)
        self._given_s = self._before_s = self._dense_until_s = self._looked_s = -10.0
        self._asked_s = self._between_s = -10.0
        self.next_look_s = -10.0  # nothing is given before, but at a key frame or while attending
        self._is_attending = False

    @property
    def tier(self) -> Tier:
        """What is decoded while nothing happens."""
        return "full" if self._choice == "full" or self._gops.is_long else "key_frames"

    @property
    def is_sparse(self) -> bool:
        """Whether only looks are decoded now."""
        return self._full is None and not self._needs_all

    @property
    def is_eager(self) -> bool:
        """Whether somebody may just have come, so that pictures are wanted without delay."""
        return self._is_attending and self._given_s < self._asked_s + EAGER_AFTER_S

    @property
    def reason(self) -> Text | None:
        """Why this tier, by what was measured; None while that is too little."""
        gop_s = self._gops.last_gop_s
        if self._gops.is_long:
            return Text(
                nl=f"alle beelden: sleutelbeelden liggen verder uiteen dan {MAX_GOP_S:.0f} s",
                en=f"every picture: key frames are more than {MAX_GOP_S:.0f} s apart",
            )
        if self._choice == "full":
            return Text(nl="alle beelden: zo gevraagd", en="every picture: asked for")
        if gop_s is None:
            return None
        gop_nl = f"{gop_s:.1f}".replace(".", ",")
        return Text(
            nl=f"sleutelbeelden tot er iets beweegt: elke {gop_nl} s een",
            en=f"key frames until something moves: one every {gop_s:.1f} s",
        )

    def attend(self, *, is_eager: bool = True) -> None:
        """Ask for every due picture, from the key frame before the last one given on."""
        if is_eager and not self._is_attending and self.tier != "full":
            self._asked_s = self._given_s
        self._is_attending = True

    def relax(self) -> None:
        """Take `attend` back; it holds until the next key frame."""
        self._is_attending = False

    def feed(self, packet: EncodedPacket) -> Iterator[DecodedFrame]:
        """Yield the pictures that are due after one more packet."""
        if packet.format is not self._format:
            yield from self._drain()
            self._begin(packet.format)
        self._gops.add(packet)
        self._keep(packet)
        if self._full is not None and packet.is_key and self._must_change(self._full):
            yield from self._drain()
            self._full = self._open(packet.format) if self._needs_all else None
        if self._full is not None:
            yield from self._decode(self._full, packet)
        elif self._needs_all:
            yield from self._catch_up()
        elif packet.is_key and packet.media_time_s - self._looked_s >= self._quiet_step_s:
            yield from self._look(packet)
            if self._needs_all:  # whoever got the key frame wants more, or there was none
                yield from self._catch_up()
        elif self._kept and self._look_every_s < MAX_GOP_S and self._is_look_due(packet):
            yield from self._look_between()
            if self._needs_all:
                yield from self._catch_up()

    def finish(self) -> Iterator[DecodedFrame]:
        """Yield what is held back, and what came after the last key frame: no other follows it."""
        if self._full is None and self._kept and self._kept[-1].media_time_s > self._given_s:
            keys = [index for index, one in enumerate(self._kept) if one.is_key]
            del self._kept[: keys[-1] if keys else 0]
            yield from self._catch_up()
        yield from self._drain()

    def _drain(self) -> Iterator[DecodedFrame]:
        if self._full is not None:
            full, self._full = self._full, None
            yield from self._due(full.drain())

    @property
    def _needs_all(self) -> bool:
        return self.tier == "full" or self._is_attending

    @property
    def _quiet_step_s(self) -> float:
        return min(QUIET_STEP_S, self._look_every_s) - TOLERANCE_S / 2

    def _must_change(self, full: StreamDecoder) -> bool:
        return not self._needs_all or full.deblocks is self._gops.is_settled

    def _begin(self, told: StreamFormat) -> None:
        self._format = told
        self._is_intra = is_intra_only(told.codec)
        self._gops = GopMeter()
        self._kept.clear()
        self._keys = self._looking = None

    def _keep(self, packet: EncodedPacket) -> None:
        """Keep what `attend` may go back to; nothing where everything is decoded anyway."""
        if self._full is not None and self.tier == "full":
            self._kept.clear()
            return
        if packet.is_key:
            self._forget_before(self._given_s)
        # Without a key frame for long it is decoded all the same: some refresh bit by bit.
        if packet.is_key or self._kept or self._gops.is_long:
            self._kept.append(packet)

    def _forget_before(self, time_s: float) -> None:
        """Keep from the last key frame at or before a time on."""
        keys = [
            index
            for index, one in enumerate(self._kept)
            if one.is_key and one.media_time_s <= time_s
        ]
        del self._kept[: keys[-1] if keys else 0]

    def _catch_up(self) -> Iterator[DecodedFrame]:
        """Decode what is kept from the beginning; what was given before is a replay."""
        if not self._kept:
            return  # no key frame yet: nothing can be decoded
        self._forget_before(self._before_s)
        full = self._full = self._open(self._kept[0].format)
        self._cadence = Cadence(self._fps)
        self._slots.clear()
        for packet in list(self._kept):
            yield from self._decode(full, packet)

    def _open(self, told: StreamFormat) -> StreamDecoder:
        return StreamDecoder(told, self._health, deblocks=not self._gops.is_settled)

    def _decode(self, full: StreamDecoder, packet: EncodedPacket) -> Iterator[DecodedFrame]:
        # Packets do not come in the order of presentation: the first of each slot is enough.
        times = self._times(packet.media_time_s)
        slot = (times, Cadence.slot(packet.media_time_s, times * self._fps))
        is_first = slot not in self._slots
        self._slots.append(slot)
        if is_first or not self._is_intra:
            yield from self._due(full.decode(packet, is_wanted=is_first))

    def _due(self, decoded: list[Decoded]) -> Iterator[DecodedFrame]:
        for one in decoded:
            if one.media_time_s > self._dense_until_s and self._cadence.is_due(
                one.media_time_s, self._times(one.media_time_s)
            ):
                self._dense_until_s = one.media_time_s
                yield self._given(one, is_look=False)

    def _times(self, media_time_s: float) -> int:
        is_eager = -EAGER_BEFORE_S <= media_time_s - self._asked_s < EAGER_AFTER_S
        return EAGER_TIMES if is_eager else 1

    def _look(self, packet: EncodedPacket) -> Iterator[DecodedFrame]:
        """Decode one key frame alone."""
        if self._keys is None:
            self._keys = StreamDecoder(packet.format, self._health, deblocks=False)
        if self._looking is not None:
            self._keys.drain()
        frames = self._keys.decode(packet)
        self._looking, self._n_looking = packet, 1
        if not frames:
            # A stream with B-frames holds its key frames back.
            frames, self._looking = self._keys.drain(), None
        self._looked_s, self._before_s = packet.media_time_s, self._given_s
        self._plan_look(packet.media_time_s)
        if not frames:
            self._gops.distrust()  # called a key frame, and none
        for frame in frames[:1]:
            yield self._given(frame._replace(media_time_s=packet.media_time_s), is_look=True)

    def _plan_look(self, after_s: float) -> None:
        """Plan the next look: key frames are looked at, and so many between that all are even."""
        gop_s = self._gops.last_gop_s
        late_s = self._look_every_s + TOLERANCE_S
        if gop_s is None:
            self.next_look_s = self._between_s = after_s + late_s
            return
        span_s = gop_s * max(1, math.ceil((self._quiet_step_s - _TICK_S) / gop_s))
        next_key_s = self._looked_s + span_s
        step_s = span_s / math.ceil(span_s / late_s)
        is_key_next = after_s + step_s > next_key_s - TOLERANCE_S
        self.next_look_s = next_key_s if is_key_next else after_s + step_s
        self._between_s = self.next_look_s + (TOLERANCE_S if is_key_next else 0.0)
        if self.next_look_s <= after_s:  # the key frame is late
            self.next_look_s = self._between_s = after_s + late_s

    def _is_look_due(self, packet: EncodedPacket) -> bool:
        return packet.media_time_s >= self._between_s - _TICK_S

    def _look_between(self) -> Iterator[DecodedFrame]:
        """Decode from the last key frame on, and give the last picture alone."""
        start = max(index for index, one in enumerate(self._kept) if one.is_key)
        packets = self._kept[start:]
        if self._keys is None or self._looking is not packets[0]:
            self._keys = StreamDecoder(packets[0].format, self._health, deblocks=False)
            self._looking, self._n_looking = packets[0], 0
        frames: list[Decoded] = []
        for packet in packets[self._n_looking :]:
            frames = self._keys.decode(packet, is_wanted=packet is packets[-1]) or frames
        self._n_looking = len(packets)
        if not frames or frames[-1].media_time_s < packets[-1].media_time_s - _TICK_S:
            frames, self._looking = [*frames, *self._keys.drain()], None
        self._before_s = self._given_s
        self._plan_look(packets[-1].media_time_s)
        for frame in frames[-1:]:
            yield self._given(frame, is_look=True)

    def _given(self, one: Decoded, *, is_look: bool) -> DecodedFrame:
        is_replay = one.media_time_s <= self._given_s
        self._given_s = max(self._given_s, one.media_time_s)
        turn_deg = 0 if self._format is None else self._format.rotation_deg
        picture = upright(DecodedPicture(one.frame), turn_deg)
        return DecodedFrame(picture, one.media_time_s, is_look, is_replay)
