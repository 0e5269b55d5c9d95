"""What a watch without sources watches: the cameras of the park whose streams are set."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from parkwacht_config.clock import SystemClock
from parkwacht_config.errors import SourceError
from parkwacht_config.site import Site
from parkwacht_vision.cli import WatchOptions
from parkwacht_vision.plan import Plan
from parkwacht_vision.stream import StreamSource


def plan(site: Site, state_dir: Path) -> Plan:
    camera = site.cameras[0].model_copy(
        update={"stream_env": "CAM_A_MAIN", "substream_env": "CAM_A_SUB"}
    )
    site = replace(site, cameras=(camera,))
    return Plan(WatchOptions(()), site, SystemClock(), threading.Event(), {}, state_dir)


def test_the_cameras_of_the_park_are_watched_by_their_small_stream(
    make_site: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAM_A_MAIN", "rtsp://u:geheim@127.0.0.1:9/main")
    monkeypatch.setenv("CAM_A_SUB", "rtsp://u:geheim@127.0.0.1:9/sub")
    jobs, n_streams = plan(make_site(), tmp_path).jobs()
    assert (len(jobs), n_streams) == (1, 1)
    assert jobs[0].camera_id == "cam_a"
    source = jobs[0].open()
    assert isinstance(source, StreamSource)
    assert source.tier == "substream"
    assert "geheim" not in source.name


def test_a_park_without_streams_says_what_to_give(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="no camera of the park has a stream set"):
        plan(make_site(), tmp_path).jobs()
