"""`parkwacht cameras`: what a person reads, against a device over real sockets."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from onvif_device import PASSWORD, SUB, USER, Beacon, Device, Stream, listen, serve
from typer.testing import CliRunner, Result

from parkwacht_api.cli import app
from parkwacht_config.errors import ConfigError

LOGIN = ["--user-env", "TEST_CAMERA_USER", "--password-env", "TEST_CAMERA_PASSWORD"]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [one for one in os.environ if one.startswith("PARKWACHT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TEST_CAMERA_USER", USER)
    monkeypatch.setenv("TEST_CAMERA_PASSWORD", PASSWORD)


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def address(device: Device) -> Iterator[str]:
    with serve(device) as one:
        yield one


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["cameras", *arguments])
    assert PASSWORD not in result.output
    return result


def test_streams_are_shown_with_what_each_is_for(address: str) -> None:
    output = run("streams", address, *LOGIN).output
    rows = [line for line in output.splitlines() if "rtsp://127.0.0.1:554/" in line]
    # 1920 x 1080 for the evidence, 640 x 360 to watch; 50 frames at 25 a second are 2 s
    assert "1920 x 1080" in rows[0]
    assert "bewijs" in rows[0]
    assert "50 (2.0 s)" in rows[0]
    assert "bekijken" in rows[1]
    assert "klok loopt gelijk" in output


def test_what_is_printed_can_be_pasted(address: str) -> None:
    output = run("streams", address, *LOGIN, "--camera", "g1_gate").output
    pasted = tomllib.loads(output[output.index("# parkbestand") :])
    assert pasted == {
        "stream_env": "PARKWACHT_STREAM_G1_GATE",
        "substream_env": "PARKWACHT_SUBSTREAM_G1_GATE",
        "PARKWACHT_STREAM_G1_GATE": "rtsp://127.0.0.1:554/main",
        "PARKWACHT_SUBSTREAM_G1_GATE": "rtsp://127.0.0.1:554/sub",
    }


def test_a_recorder_gives_lines_per_channel(device: Device, address: str) -> None:
    device.streams = [SUB, Stream("two", "H264", (640, 360), source="lens_2")]
    output = run("streams", address, *LOGIN, "--camera", "nvr").output
    assert "PARKWACHT_STREAM_NVR_1 = " in output
    assert "PARKWACHT_STREAM_NVR_2 = " in output


@pytest.mark.parametrize(
    ("ahead_s", "says"),
    [(-40, "40 s achter"), (40, "40 s voor"), (1.0, "klok loopt gelijk")],
)
def test_a_clock_that_is_off_is_warned_of(
    device: Device, address: str, ahead_s: float, says: str
) -> None:
    device.ahead_s = ahead_s
    assert says in run("streams", address, *LOGIN).output


def test_a_camera_without_a_small_stream_is_told_to_make_one(
    device: Device, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARKWACHT_LANGUAGE", "en")
    device.streams = [Stream("big", "H264", (1920, 1080), fps=25, gop=100)]  # a key frame per 4 s
    output = run("streams", address, *LOGIN).output
    assert "make one of 640 x 360" in output
    assert "key frame every 1 or 2 s" in output


def test_streams_for_a_program(address: str) -> None:
    told = json.loads(run("streams", address, *LOGIN, "--json").output)
    assert [one["name"] for one in told["profiles"]] == ["main", "sub"]
    assert told["choices"] == [{"main": "main", "small": "sub"}]
    assert abs(told["clock_ahead_s"]) < 1


def test_half_a_login_is_refused(address: str) -> None:
    result = run("streams", address, *LOGIN[:2])
    assert isinstance(result.exception, ConfigError)


def test_a_refused_login_is_one_message_and_exit_code_2(address: str) -> None:
    wrong = {**os.environ, "TEST_CAMERA_PASSWORD": "fout-geheim"}
    done = subprocess.run(
        [sys.executable, "-m", "parkwacht_api", "cameras", "streams", address, *LOGIN],
        env=wrong, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "weigert de naam of het wachtwoord" in done.stderr
    assert "fout-geheim" not in done.stdout + done.stderr


def test_devices_that_answer_are_a_table() -> None:
    scopes = ("onvif://www.onvif.org/name/Poort[/]", "onvif://www.onvif.org/location/Enschede")
    with listen([Beacon("http://192.0.2.10/onvif", scopes=scopes)]):
        asked = ("discover", "--timeout", "0.3", "--interface", "127.0.0.1")
        output, told = run(*asked).output, json.loads(run(*asked, "--json").output)
    (row,) = [line for line in output.splitlines() if "http://192.0.2.10/onvif" in line]
    assert "Poort[/]" in row
    assert "Enschede" in row
    assert told[0]["name"] == "Poort[/]"


def test_nobody_answering_is_explained() -> None:
    with listen([]):
        result = run("discover", "--timeout", "0.1", "--interface", "127.0.0.1")
    assert result.exit_code == 0
    assert "VLAN" in result.output
    assert "ONVIF in de camera uit" in result.output
