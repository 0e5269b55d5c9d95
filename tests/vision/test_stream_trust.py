"""Whose certificate a stream over RTSPS is taken from, against GStreamer's server with TLS."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from rtsp_server import Server, require_rtsp_server
from tls_builders import make_certificate
from watched import Watched, has_frames, has_gaps

from parkwacht_vision.trust import trust_options

pytestmark = pytest.mark.server("rtsp")

SETTING = "PARKWACHT_CAMERA_CERTIFICATES"


@contextlib.contextmanager
def camera(folder: Path, host: str = "localhost") -> Iterator[str]:
    """Serve with the certificate of a folder; give the address."""
    require_rtsp_server()
    server = Server(certificate=folder / "server.pem")
    try:
        server.start()
        yield f"rtsps://wacht:geheim@{host}:{server.tls_port}/locked"
    finally:
        server.close()


@pytest.mark.parametrize("by_authority", [False, True], ids=["by itself", "by an authority"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_trusted_certificate_opens(
    host: str, by_authority: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, trusted = make_certificate(tmp_path, host, by_authority=by_authority)
    monkeypatch.setenv(SETTING, str(trusted))
    with camera(tmp_path, host) as url:
        assert Watched(url, has_frames(1)).frames


@pytest.mark.parametrize("by_authority", [False, True], ids=["by itself", "by an authority"])
def test_an_untrusted_certificate_is_refused_where_one_is_asked_for(
    by_authority: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    make_certificate(tmp_path, "localhost", by_authority=by_authority)
    _, other = make_certificate(tmp_path / "other", "localhost", by_authority=by_authority)
    with camera(tmp_path) as url:
        assert Watched(url, has_frames(1)).frames  # nobody asked who it is
        monkeypatch.setenv(SETTING, str(other))
        check_refused(url, "certificaat dat niet in PARKWACHT_CAMERA_CERTIFICATES staat")


@pytest.mark.parametrize(
    ("name", "valid_days", "why"),
    [
        ("camera.example", (-1, 1), "een certificaat dat niet op localhost staat"),
        ("localhost", (-2, -1), "een certificaat dat is verlopen"),
        ("localhost", (1, 2), "een certificaat dat nog niet geldt"),
    ],
    ids=["wrong name", "expired", "not yet valid"],
)
def test_a_certificate_that_does_not_hold_is_refused_though_it_is_trusted(
    name: str, valid_days: tuple[int, int], why: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _, trusted = make_certificate(tmp_path, name, valid_days=valid_days)
    monkeypatch.setenv(SETTING, str(trusted))
    with camera(tmp_path) as url:
        check_refused(url, why)


def check_refused(url: str, why: str) -> None:
    watched = Watched(url, has_gaps(1))
    assert watched.frames == []
    (gap, *_) = watched.gaps
    assert gap.cause == "refused_certificate"
    assert watched.blind_s["refused_certificate"] > 0
    assert gap.problem is not None
    assert why in gap.problem.nl
    assert "geheim" not in gap.problem.nl + gap.problem.en


def test_no_certificate_is_asked_for_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    assert trust_options("rtsp://camera/1") == {}
    assert trust_options("RTSPS://camera/1") == {"tls_verify": "0"}
    monkeypatch.setenv(SETTING, "cameras.pem")
    assert trust_options("rtsps://camera/1") == {"tls_verify": "1", "ca_file": "cameras.pem"}
    assert trust_options("rtsp://camera/1") == {}
