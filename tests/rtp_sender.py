"""Small videos as RTP over TCP (RFC 4571), packed by FFmpeg, for a server that passes them on."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Self

import av

RTCP = range(200, 205)  # packet types: RFC 3550, 12.1
PACKET_BYTES = 1400
STEP_S = 0.1  # between one video and the next


class RtpSender:
    """
    Sends videos of one codec to whoever connects, one after another and in real time.

    Parameters
    ----------
    paths
        The videos.
    first
        The packet to begin with: not a key frame where a stream is to be joined halfway.
    """

    def __init__(self, *paths: Path, first: int = 0) -> None:
        self._paths = paths
        self._first = first
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._send, args=(client,), daemon=True))
            self._threads[-1].start()

    def _send(self, client: socket.socket) -> None:
        # FFmpeg calls its packer of AV1 experimental.
        options = {"strict": "experimental", "packetsize": str(PACKET_BYTES)}
        with (
            client,
            contextlib.suppress(OSError, av.FFmpegError),
            av.open(str(self._paths[0])) as source,
            av.open(_Framed(client), "w", format="rtp", options=options) as out,
        ):
            stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
            begun_s: float | None = None
            for at_s, packet in islice(self._packets(), self._first, None):
                begun_s = time.monotonic() - at_s if begun_s is None else begun_s
                if self._stop.wait(max(0.0, begun_s + at_s - time.monotonic())):
                    return
                packet.stream = stream
                out.mux_one(packet)

    def _packets(self) -> Iterator[tuple[float, av.Packet]]:
        """Yield the packets of all videos, and when each is due in seconds."""
        before_s = at_s = 0.0
        for path in self._paths:
            with av.open(str(path)) as source:
                for packet in source.demux(source.streams.video[0]):
                    if packet.pts is not None:
                        at_s = before_s + float(packet.pts * packet.time_base)
                        packet.pts = packet.dts = round(at_s / packet.time_base)
                        yield at_s, packet
            before_s = at_s + STEP_S


class _Framed:
    """Writes each RTP packet with its length before it; RTCP is left out."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def write(self, data: bytes) -> int:
        packet = bytes(data)
        if packet[1] not in RTCP:
            self._client.sendall(struct.pack(">H", len(packet)) + packet)
        return len(packet)
