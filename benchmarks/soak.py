"""Sixteen quiet cameras live for hours in one process: CPU, and memory that must not grow."""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench_pipeline import NAMES, WEIGHTS, serving, start
from live_media import LOOP_S, make_night, repeat_quiet

HERE = Path(__file__).parent
WARM_UP_S = 60.0
FILE_S = 1800.0  # a served file; then each camera is cut off and comes again
SAMPLE_S = 5.0
CPU_BAR_S, MEMORY_BAR_MIB, GROWTH_BAR = 1.0, 2048, 0.05  # half of two cores; 2 GiB; 5 % in a run


def watch(urls: list[str], length_s: float) -> None:
    """Watch pairs of streams as the worker does; prints a line of JSON every few seconds."""
    import cv2  # noqa: PLC0415 - in the measured process
    from live_worker import SITE, Meter  # noqa: PLC0415

    from parkwacht_config.clock import SystemClock  # noqa: PLC0415
    from parkwacht_config.loader import load_site  # noqa: PLC0415
    from parkwacht_vision.budget import Budget  # noqa: PLC0415
    from parkwacht_vision.choice import choose_detector  # noqa: PLC0415
    from parkwacht_vision.evaluate import always_armed  # noqa: PLC0415
    from parkwacht_vision.ports import WatchContext, WatchJob  # noqa: PLC0415
    from parkwacht_vision.spool import Spool  # noqa: PLC0415
    from parkwacht_vision.stream import StreamSource  # noqa: PLC0415
    from parkwacht_vision.worker import watch_all  # noqa: PLC0415

    cv2.setNumThreads(1)
    stop = threading.Event()
    with tempfile.TemporaryDirectory(prefix="parkwacht-soak-") as work:
        folder = Path(work)
        detector = choose_detector("ultralytics", str(WEIGHTS), state_dir=folder)
        context = WatchContext(
            site=replace(always_armed(load_site(SITE)), privacy_masks=()),
            detector=detector, sink=Spool(folder / "spool"), observer=Meter([], math.inf, stop),
            state_dir=folder, work_dir=folder, fps=5.0, stop=stop,
            budget=Budget.measured(detector.for_camera(None)),
        )  # fmt: skip
        jobs = [
            WatchJob(
                main, f"soak_{number}",
                partial(
                    StreamSource, main, fps=5.0, clock=SystemClock(), stop=stop, sub_url=sub
                ),
            )
            for number, (main, sub) in enumerate(zip(urls[::2], urls[1::2], strict=True))
        ]  # fmt: skip
        threading.Thread(target=_sample, args=(stop, length_s, folder), daemon=True).start()
        watch_all(context, jobs, n_streams=len(jobs))


def _sample(stop: threading.Event, length_s: float, folder: Path) -> None:
    begun_s = time.monotonic()
    while not stop.wait(SAMPLE_S):
        passed_s = time.monotonic() - begun_s
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        taken = {
            "at_s": passed_s, "cpu_s": time.process_time(),
            "memory_mib": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            "n_threads": threading.active_count(),
            "n_files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names alone
            "n_records": sum(1 for _ in (folder / "spool").rglob("*.json")),
        }  # fmt: skip
        print(json.dumps(taken), flush=True)
        if passed_s >= length_s:
            stop.set()


def judge(samples: list[dict[str, float]], n_cameras: int) -> bool:
    """Print what was measured after the warm-up, and return whether the bars are met."""
    steady = [one for one in samples if one["at_s"] >= WARM_UP_S]
    first, last = steady[0], steady[-1]
    cores = (last["cpu_s"] - first["cpu_s"]) / (last["at_s"] - first["at_s"])
    memory = [one["memory_mib"] for one in steady]
    quarter = max(1, len(memory) // 4)
    begin, end = statistics.median(memory[:quarter]), statistics.median(memory[-quarter:])
    growth = end / begin - 1
    is_met = cores < CPU_BAR_S and max(memory) < MEMORY_BAR_MIB and growth <= GROWTH_BAR
    print(
        f"{n_cameras} cameras, {last['at_s'] / 60:.0f} min at {datetime.now(UTC):%Y-%m-%d %H:%M}Z: "
        f"{cores:.2f} cores ({1000 * cores / n_cameras:.0f} ms/s each, bar {CPU_BAR_S:.1f} cores); "
        f"{max(memory):.0f} MiB at most (bar {MEMORY_BAR_MIB}); first quarter {begin:.0f}, "
        f"last {end:.0f} MiB: {100 * growth:+.1f} % (bar {100 * GROWTH_BAR:.0f} %); "
        f"{last['n_threads']:.0f} threads, {last['n_files']:.0f} files, "
        f"{last['n_records']:.0f} records; {'met' if is_met else 'MISSED'}"
    )
    return is_met


def run(n_cameras: int, length_s: float, folder: Path) -> bool:
    """Make the streams, serve them from another process and watch them."""
    night = make_night(NAMES[0], folder, is_rain=False)
    times = math.ceil(min(length_s + 120, FILE_S) / (LOOP_S[1] - LOOP_S[0]))
    paths = []
    for path in (night.main, night.sub):
        paths.append(folder / f"soak_{path.name}")
        repeat_quiet(path, paths[-1], times, has_rest=False)
    samples: list[dict[str, Any]] = []
    with serving(paths * n_cameras) as urls:
        child = start(Path(__file__).name, "--watch", str(length_s), *urls)
        for line in child.stdout or ():
            samples.append(json.loads(line))
            if len(samples) % 12 == 0:
                print(line.strip(), flush=True)
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            print("the watch did not end within a minute of being stopped", file=sys.stderr)
            return False
    return judge(samples, n_cameras) and child.returncode == 0


def main() -> int:
    """Run for the asked time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=10 / 60, help="2 for the real one")
    parser.add_argument("--cameras", type=int, default=16)
    parser.add_argument("--media", type=Path, help="folder to keep the rendered streams in")
    parser.add_argument("--watch", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.watch:
        watch(asked.watch[1:], float(asked.watch[0]))
        return 0
    with tempfile.TemporaryDirectory(prefix="parkwacht-soak-") as temporary:
        folder = asked.media or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return 0 if run(asked.cameras, 3600 * asked.hours, folder) else 1


if __name__ == "__main__":
    sys.exit(main())
