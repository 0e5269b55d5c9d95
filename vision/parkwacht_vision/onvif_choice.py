"""
Which stream of a camera is watched and which gives the evidence, and how a park file says so.

The large one is cut into clips; the small one, nearest to 640 x 360, is decoded all night.
"""

import json
import math
from dataclasses import dataclass

from parkwacht_vision.onvif import StreamProfile

WATCHED_PX = 640 * 360
# Above this, decoding every frame of a substream costs more than the key frames of the main stream
# do, and the watch is better off without.
MAX_SMALL_PX = 1280 * 720


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """The streams of one lens; `small` is None where none is small enough."""

    main: StreamProfile
    small: StreamProfile | None


def choose_streams(profiles: tuple[StreamProfile, ...]) -> list[StreamChoice]:
    """
    Choose, of every lens or channel, the main stream and the one to watch.

    Parameters
    ----------
    profiles
        What the device gives.

    Returns
    -------
    choices
        One per lens that gives an address, in the device's order.
    """
    by_source: dict[str, list[StreamProfile]] = {}
    for one in profiles:
        if one.url:
            by_source.setdefault(one.source, []).append(one)
    return [_choose(group) for group in by_source.values()]


def _choose(profiles: list[StreamProfile]) -> StreamChoice:
    # Of equal size, JPEG comes last: it costs ten times the network.
    main = max(profiles, key=lambda one: (one.n_pixels, not _is_jpeg(one), one.bitrate_kbps or 0))
    smaller = [one for one in profiles if 0 < one.n_pixels < main.n_pixels]
    fitting = [one for one in smaller if one.n_pixels <= MAX_SMALL_PX]
    small = min(fitting, key=_distance, default=None)
    return StreamChoice(main, small)


def _distance(profile: StreamProfile) -> tuple[float, bool, int]:
    off = abs(math.log(profile.n_pixels / WATCHED_PX))
    return off, _is_jpeg(profile), profile.bitrate_kbps or 0


def _is_jpeg(profile: StreamProfile) -> bool:
    return "JPEG" in profile.codec.upper()


def camera_lines(choice: StreamChoice, camera_id: str) -> list[str]:
    """
    Write the lines for the camera's table in the park file.

    Parameters
    ----------
    choice
        Its streams.
    camera_id
        Its id in the park.
    """
    lines = [f'stream_env = "PARKWACHT_STREAM_{camera_id.upper()}"']
    if choice.small is not None:
        lines.append(f'substream_env = "PARKWACHT_SUBSTREAM_{camera_id.upper()}"')
    return lines


def secret_lines(choice: StreamChoice, camera_id: str) -> list[str]:
    """
    Write the lines for `secrets.toml`; name and password are still to be filled in.

    Parameters
    ----------
    choice
        Its streams.
    camera_id
        Its id in the park.
    """
    # A JSON string of printable characters is a TOML string too.
    lines = [f"PARKWACHT_STREAM_{camera_id.upper()} = {json.dumps(choice.main.url)}"]
    if choice.small is not None:
        lines.append(f"PARKWACHT_SUBSTREAM_{camera_id.upper()} = {json.dumps(choice.small.url)}")
    return lines
