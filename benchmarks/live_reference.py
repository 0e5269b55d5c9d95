"""What Frigate does with a stream, as a process: all frames through a pipe, a motion difference.

`ffmpeg -r 5 -pix_fmt yuv420p -f rawvideo` of the main stream is read in full; its luma is picked
down to 100 rows (nearest), blurred, and compared with a running average (design: vision.md,
section 4). Prints CPU milliseconds per second of stream, ffmpeg's and its own.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROWS, THRESHOLD, ALPHA, MIN_AREA_PX = 100, 30, 0.01, 10


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Motion:
    """A blurred running-average difference of nearest-picked luma."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._size = (round(width_px * ROWS / height_px), ROWS)
        self._average: Any = None

    def see(self, luma: Any) -> int:  # noqa: ANN401 - a plane of uint8
        """Return the number of moving areas."""
        small = cv2.resize(luma, self._size, interpolation=cv2.INTER_NEAREST)
        small = cv2.GaussianBlur(small, (3, 3), 1)
        if self._average is None:
            self._average = small.astype(np.float32)
        delta = cv2.absdiff(small, cv2.convertScaleAbs(self._average))
        cv2.accumulateWeighted(small, self._average, ALPHA)
        mask = cv2.threshold(delta, THRESHOLD, 255, cv2.THRESH_BINARY)[1]
        found = cv2.findContours(cv2.dilate(mask, None), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return sum(cv2.contourArea(one) > MIN_AREA_PX for one in found[0])


def main() -> None:
    """Read a stream for a while and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--size", type=int, nargs=2, default=(1920, 1080))
    parser.add_argument("--window", type=float, nargs=2, default=(5.0, 15.0), metavar="S")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    width, height = asked.size
    command = [
        "ffmpeg", "-hide_banner", "-loglevel", "error", "-threads", "2", "-rtsp_transport", "tcp",
        "-i", asked.url, "-r", "5", "-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:",
    ]  # fmt: skip
    motion, began, n_motion = Motion(width, height), 0.0, 0
    marks: list[tuple[float, float]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        while len(marks) < 2:  # noqa: PLR2004 - the begin and the end of the window
            data = child.stdout.read(width * height * 3 // 2) if child.stdout else b""
            if not data:
                break
            began = began or time.monotonic()
            planes = np.frombuffer(data, dtype=np.uint8)[: width * height]
            n_motion += motion.see(planes.reshape(height, width))
            passed_s = time.monotonic() - began
            if passed_s >= asked.window[len(marks)]:
                marks.append((passed_s, time.process_time() + cpu_s(child.pid)))
        child.kill()
    (from_s, from_cpu_s), (to_s, to_cpu_s) = marks
    cost_ms = 1000 * (to_cpu_s - from_cpu_s) / (to_s - from_s)
    print(json.dumps({"cpu_ms_per_s": cost_ms, "n_motion": n_motion}))


if __name__ == "__main__":
    main()
