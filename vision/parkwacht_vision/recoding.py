"""
Packets decoded, masked and encoded anew as H.264, beside the analysis of what comes after.

The masked parts are made black in a copy of the decoder's planes, before the encoder sees them, so
that no picture of the clip is predicted from what is under a mask. Colour stays as the camera coded
it: converting it to BGR and back would cost more than decoding. All this happens in a thread of
lower priority, so that no alarm waits for it; who closes the clip writes what is left.
"""

import os
import sys
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange

from parkwacht_vision.decoding import open_decoder
from parkwacht_vision.encoding import PIXEL_FORMAT, PictureEncoder, fitting_size
from parkwacht_vision.masks import PlaneMask, PrivacyScreen
from parkwacht_vision.muxing import media_ticks, to_decode
from parkwacht_vision.packets import EncodedPacket, StreamFormat
from parkwacht_vision.pictures import Image, plane_view

BEHIND_S = 10.0  # further behind, who adds writes too, so that closing never takes long
NICER_BY = 10  # a tenth of the share of others; less would hold up who waits for Python's lock
_BLACK, _BLACK_FULL_RANGE = 16, 0


class ScreenedFrames:
    """
    Decoded pictures as frames for the encoder: masked, upright, of one size and range.

    Parameters
    ----------
    screen
        What must not be seen.
    """

    def __init__(self, screen: PrivacyScreen) -> None:
        self._screen = screen
        self._mask: PlaneMask | None = None
        self._size: tuple[int, int] | None = None
        self._is_full_range: bool | None = None

    def screened(self, decoded: av.VideoFrame, rotation_deg: int = 0) -> av.VideoFrame:
        """
        Return a picture masked.

        Parameters
        ----------
        decoded
            What was decoded; it is not written to.
        rotation_deg
            By how much it is turned counter-clockwise to be upright.
        """
        frame = self._in_range(decoded)
        quarters = round(rotation_deg / 90) % 4
        planes = [np.rot90(plane_view(one, np.uint8), quarters) for one in frame.planes]
        height, width = planes[0].shape
        self._size = self._size or fitting_size(width, height)
        made = av.VideoFrame(*self._size, PIXEL_FORMAT)
        made.color_range, made.colorspace = frame.color_range, frame.colorspace
        made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
        if self._is_full_range:
            made.color_range = ColorRange.JPEG
        targets = [plane_view(one, np.uint8) for one in made.planes]
        if (width, height) == self._size:
            for target, plane in zip(targets, planes, strict=True):
                np.copyto(target, plane)
            self._cover(targets)
        else:
            # Masked first: scaling mixes neighbours.
            covered = [np.array(one, order="C") for one in planes]
            self._cover(covered)
            for target, plane in zip(targets, covered, strict=True):
                size = (target.shape[1], target.shape[0])
                np.copyto(target, cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
        return made

    def _in_range(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return a picture in 4:2:0 and in the range of the first one, which decides."""
        is_full = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        if self._is_full_range is None:
            self._is_full_range = is_full
        is_planar = frame.format.name in {PIXEL_FORMAT, "yuvj420p"}
        if is_planar and is_full == self._is_full_range:
            return frame
        return frame.reformat(
            format=PIXEL_FORMAT,
            src_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG if self._is_full_range else ColorRange.MPEG,
        )

    def _cover(self, planes: list[Image]) -> None:
        height, width = planes[0].shape
        if self._mask is None or self._mask.size_px != (width, height):
            self._mask = PlaneMask(self._screen, width, height)
        self._mask.cover(planes, black=_BLACK_FULL_RANGE if self._is_full_range else _BLACK)


class Recoder:
    """
    Writes packets, decoded, masked and encoded as H.264.

    Parameters
    ----------
    path
        Where to write.
    screen
        What must not be seen.
    """

    is_reencoded = True
    codec = "h264"

    def __init__(self, path: Path, screen: PrivacyScreen) -> None:
        self._frames = ScreenedFrames(screen)
        self._encoder = PictureEncoder(path)
        self._format: StreamFormat | None = None
        self._decoder: Any = None
        self._first_ticks: int | None = None
        self._written_s: float | None = None
        self._waiting: deque[EncodedPacket] = deque()
        self._lock = threading.Lock()  # held for one packet, so that pictures stay in order
        self._threads = ThreadPoolExecutor(1, "clip", initializer=lower_priority)
        self._job: Future[None] | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of what was written."""
        return self._encoder.size

    def takes(self, _stream_format: StreamFormat) -> bool:
        """Return whether packets of a stream can follow: always, as they are scaled."""
        return True

    def add(self, packet: EncodedPacket) -> None:
        """Take a packet; raises what went wrong with an earlier one."""
        self._waiting.append(packet)
        if self._written_s is None:
            self._written_s = packet.media_time_s
        if packet.media_time_s - self._written_s > BEHIND_S:
            self._write_next()
        if self._job is None or self._job.done():
            if self._job is not None:
                self._job.result()
            self._job = self._threads.submit(self._go_on)

    def close(self) -> None:
        """Write what is left and close; raises what FFmpeg or the disk raises."""
        try:
            self._go_on()
            if self._job is not None:
                self._job.result()
            self._flush()
        finally:
            self._waiting.clear()
            self._threads.shutdown()
            self._encoder.close()

    def _go_on(self) -> None:
        while self._write_next():
            pass

    def _write_next(self) -> bool:
        """Write what waits longest; return whether there was something."""
        with self._lock:
            if not self._waiting:
                return False
            packet = self._waiting.popleft()
            self._written_s = packet.media_time_s
            self._write(packet)
            return True

    def _write(self, packet: EncodedPacket) -> None:
        if packet.format is not self._format:
            self._flush()
            self._format, self._decoder = packet.format, open_decoder(packet.format)
        if self._first_ticks is None:
            self._first_ticks = media_ticks(packet)
        self._encode(to_decode(packet))

    def _flush(self) -> None:
        if self._decoder is not None:
            self._encode(None)

    def _encode(self, packet: av.Packet | None) -> None:
        try:
            frames = self._decoder.decode(packet)
        except av.error.InvalidDataError:
            return  # a packet that was damaged on its way costs a picture, not the clip
        turn_deg = 0 if self._format is None else self._format.rotation_deg
        for frame in frames:
            since_first = (frame.pts or 0) - (self._first_ticks or 0)
            time_s = max(0.0, since_first / 1_000_000)
            self._encoder.add_frame(self._frames.screened(frame, turn_deg), time_s)


def lower_priority() -> None:
    """Let the calling thread wait for others; only Linux can say so of a single thread."""
    if sys.platform == "linux":
        thread_id = threading.get_native_id()
        nice = os.getpriority(os.PRIO_PROCESS, thread_id)
        os.setpriority(os.PRIO_PROCESS, thread_id, nice + NICER_BY)  # past 19 it stays 19
