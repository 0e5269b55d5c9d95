from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from parkwacht_config.errors import SourceError
from parkwacht_config.site import Site
from parkwacht_vision.naming import (
    camera_slug,
    find_camera_id,
    instant_in_name,
    is_stream,
    redact_url,
    source_name,
    split_camera,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # +01:00: an hour earlier in UTC
        ("cam_20261123T021300+0100.mp4", datetime(2026, 11, 23, 1, 13, tzinfo=UTC)),
        ("cam_20261123T021300Z.mp4", datetime(2026, 11, 23, 2, 13, tzinfo=UTC)),
        # local: winter +01:00, summer +02:00
        ("cam_2026-11-23_02-13-00.mp4", datetime(2026, 11, 23, 1, 13, tzinfo=UTC)),
        ("20260723_021300.mkv", datetime(2026, 7, 23, 0, 13, tzinfo=UTC)),
        # 02:30 exists twice on 25 October 2026; the first one is summer time
        ("cam_20261025T023000.mp4", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("cam_20261025T023000+0100.mp4", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("cam_20261340T021300.mp4", None),
        ("driveway.mp4", None),
        ("120261123T0213001.mp4", None),
    ],
)
def test_the_beginning_is_read_from_the_file_name(name: str, expected: datetime | None) -> None:
    assert instant_in_name(name, "Europe/Amsterdam") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://admin:geheim@10.0.0.5:554/s1", "rtsp://10.0.0.5:554/s1"),
        (
            "rtsp://10.0.0.5/s1?user=a&password=b&channel=1",
            "rtsp://10.0.0.5/s1?user=***&password=***&channel=1",
        ),
        ("rtsp://a:b@c:d@host/x#geheim", "rtsp://host/x"),
    ],
    ids=["userinfo", "query", "at sign in the password"],
)
def test_a_url_is_shown_without_its_credentials(url: str, expected: str) -> None:
    assert redact_url(url) == expected
    assert source_name(url) == expected


def test_a_camera_may_stand_before_its_source(tmp_path: Path) -> None:
    assert split_camera("p1=rtsp://h/x") == ("p1", "rtsp://h/x")
    odd = tmp_path / "a=b.mp4"
    odd.touch()
    assert split_camera(str(odd)) == (None, str(odd))
    assert is_stream("rtsp://h/x")
    assert not is_stream("/data/x.mp4")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x/cam_a_20261123T021300.mp4", "cam_a"),
        ("/x/cam_a.mp4", "cam_a"),
        ("/x/cam_ab.mp4", None),
        ("/x/other.mp4", None),
        ("rtsp://h/cam_a", None),
    ],
)
def test_the_camera_is_read_from_the_file_name(
    location: str, expected: str | None, make_site: Callable[..., Site]
) -> None:
    assert find_camera_id(location, make_site(), given=None) == expected


def test_an_unknown_camera_is_refused_by_name(make_site: Callable[..., Site]) -> None:
    with pytest.raises(SourceError, match=r"camera zzz is not in .*known are: cam_a"):
        find_camera_id("x.mp4", make_site(), given="zzz")


def test_a_slug_is_a_valid_id() -> None:
    assert camera_slug("/x/Überfall Nacht (2).mp4") == "berfall_nacht_2"
    assert camera_slug("rtsp://u:p@10.0.0.5/s") == "10_0_0_5"
