"""`parkwacht evaluate` on labelled clips: its notations of truth, its files, its exit code."""

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_config.errors import ConfigError
from parkwacht_config.settings import Settings
from parkwacht_config.site import ObjectClass, Site
from parkwacht_config.text import Language, Text
from parkwacht_vision.bars import load_bars
from parkwacht_vision.cli import WatchOptions, run_watch
from parkwacht_vision.evaluate import DAY_AT
from parkwacht_vision.evaluate_report import clip_table
from parkwacht_vision.scoring import Found, score_clip
from parkwacht_vision.spool import Spool
from parkwacht_vision.truth import ClipTruth, Group, Visit, load_truth

ROOT = Path(__file__).parents[2]


def test_the_shared_truth_is_read_with_visits_near_each_other_as_one(shared_vision: Path) -> None:
    clips = {one.name: one for one in load_truth(shared_vision / "events.json")}
    assert len(clips) == 22
    # gaps of 0.6, 1.5 and 1.6 s: one visit from 0.0 to 20.3 s
    assert clips["night_indoor_burglary.mp4"].visits == (Visit(Group.PERSON, 0.0, 20.3),)
    assert len(clips["day_indoor_one_by_one_person.mp4"].visits) == 6
    assert clips["day_highway.avi"].accepts_moving  # 320 x 240
    assert clips["day_motorway.mp4"].visits == (Visit(Group.VEHICLE, 0.0, math.inf, is_crowd=True),)
    assert sum(one.is_negative for one in clips.values()) == 5
    assert all(one.path.is_file() for one in clips.values())
    bars = load_bars(ROOT / "benchmarks" / "bars_shared.json")
    assert set(bars.clips) <= set(clips)


def test_a_table_of_a_users_own_clips_is_truth_too(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "clip,light,class,start_s,end_s,px_per_m,accepts_moving\n"
        "b.mp4,night,person,1.5,4,30,\n"
        "b.mp4,night,vehicle,10,,,\n"
        "a.mp4,day,,,,,\n"
    )
    a, b = load_truth(tmp_path)
    assert (a.name, a.light, a.is_negative) == ("a.mp4", "day", True)
    assert b.visits == (
        Visit(Group.PERSON, 1.5, 4.0, 30.0),
        Visit(Group.VEHICLE, 10.0, math.inf),
    )


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("events.csv", "clip,class,start_s\na.mp4,dog,1\n", "clips.a.mp4.visits.0.group"),
        ("events.csv", "clip,class,start_s\na.mp4,person,soon\n", "start_s"),
        ("events.json", "{}", "names no recordings"),
        ("events.json", "[", "cannot be read as truth"),
        ("other.txt", "", "no events.json"),
    ],
)
def test_what_cannot_be_truth_is_told(name: str, content: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=told):
        load_truth(tmp_path)


def test_a_wrong_bar_names_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "bars.json"
    path.write_text('{"network": {"min_recal": 1}}')
    with pytest.raises(ConfigError, match=r"bars.json: network.min_recal"):
        load_bars(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_bars(tmp_path / "none.json")


def test_a_quiet_clip_and_a_broken_one_are_measured_to_the_end(
    make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video("quiet.mp4", seconds=2.0)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    (tmp_path / "events.csv").write_text("clip,class,start_s,end_s\nquiet.mp4,,,\nbroken.mp4,,,\n")
    monkeypatch.setenv("PARKWACHT_LANGUAGE", "en")
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path / "state"))
    out = tmp_path / "out"
    words = ["evaluate", str(tmp_path), "--detector", "embedded", "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1  # the broken clip is a bar that is missed
    lines = (out / "evaluatie.csv").read_text().splitlines()
    rows = {one["clip"]: one for one in csv.DictReader(lines)}
    assert float(rows["quiet.mp4"]["seconds"]) == pytest.approx(2.0, abs=0.3)
    assert rows["quiet.mp4"]["n_events"] == "0"
    assert rows["broken.mp4"]["failure"]
    content = json.loads((out / "evaluatie.json").read_text())
    assert content["all"]["n_clips"] == 2
    # nothing in T hours: less than 3 / T; `hours` is rounded too much for two seconds
    hours = float(rows["quiet.mp4"]["seconds"]) / 3600
    assert content["all"]["false_per_hour"][2] == pytest.approx(2.9957 / hours, rel=0.05)
    assert (out / "evaluatie.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (out / "evaluatie.svg").read_text()
    assert CliRunner().invoke(app, [*words, "--only", "quiet"]).exit_code == 0
    # without the broken clip every bar is met


def test_both_tiers_are_compared_in_one_run(
    make_video: Callable[..., Path],
    walking: Callable[[float, npt.NDArray[np.uint8]], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draw(at_s: float, image: npt.NDArray[np.uint8]) -> None:
        if 6 <= at_s < 12:
            walking(at_s - 5, image)

    short_gops = {"g": "10", "sc_threshold": "0"}  # a key frame each second
    make_video("walk.mp4", seconds=12.0, draw=draw, options=short_gops)
    (tmp_path / "events.csv").write_text(
        "clip,class,start_s,end_s,accepts_moving\nwalk.mp4,person,6,,true\n"
    )
    monkeypatch.setenv("PARKWACHT_LANGUAGE", "en")
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path / "state"))
    out = tmp_path / "out"
    words = ["evaluate", str(tmp_path), "--detector", "embedded", "--tier", "both"]
    result = CliRunner().invoke(app, [*words, "--out", str(out)])
    assert result.exit_code == 0, result.output
    auto = json.loads((out / "evaluatie.json").read_text())
    full = json.loads((out / "evaluatie_full.json").read_text())
    assert auto["bars"][-1] == {
        "bar": "stays of 3 s and more: no fewer found than in every picture",
        "reached": "1/1, 1/1",
        "is_met": True,
    }
    assert (auto["tier"], full["tier"]) == ("auto", "full")
    assert auto["all"]["n_found"] == full["all"]["n_found"] == 1
    assert "Every picture" in result.output


@pytest.mark.parametrize(("tier", "n_frames"), [("auto", 8), ("full", 20)])
def test_the_tier_that_was_asked_for_is_decoded(
    tier: Literal["auto", "full"],
    n_frames: int,
    make_video: Callable[..., Path],
    make_site: Callable[..., Site],
    tmp_path: Path,
) -> None:
    """
    By day nothing is armed, so that no gate asks for more.

    Of 4 s at 5 fps all 20; or key frames at 0, 1, 2, 3 s and the 4 pictures after the last.
    """
    path = make_video(seconds=4.0, options={"g": "10", "sc_threshold": "0"})
    options = WatchOptions((str(path),), None, DAY_AT, detector="embedded", tier=tier)
    settings = Settings(state_dir=tmp_path / "state")
    summary = run_watch(
        options, settings, make_site(), Console(file=io.StringIO()), Spool(tmp_path / "spool")
    )
    assert summary.reports[0].n_frames == n_frames


@pytest.mark.parametrize("language", list(Language))
def test_the_table_of_recordings_breaks_no_word_at_80_columns(language: Language) -> None:
    """Nor at 120 columns; a file name of 35 letters stands whole, what was found below it."""
    name = "night_gate_[snow]_camera_north1.mp4"
    assert len(name) == 35
    visits = tuple(Visit(Group.PERSON, 20.0 * n, 20.0 * n + 9) for n in range(6))
    truth = ClipTruth(name, Path(name), "night", "night", visits)
    found = [
        Found(ObjectClass.PERSON, one.start_s + 0.5, one.start_s + 3.4, one.end_s) for one in visits
    ]
    found.append(Found(ObjectClass.CAR, 150.0, 151.0, 160.0))
    why = Text(nl="geen-beeld", en="no-picture")
    broken = replace(score_clip(truth, (), seconds=0.0), failure=why)
    headings = {
        Language.NL: ["Opname", "Gevonden", "Meldingen", "Vals", "Anders", "Dubbel", "Na", "(s)"],
        Language.EN: ["Recording", "Found", "Events", "False", "Unfit", "Double", "Delay", "(s)"],
    }
    for width in (80, 120):
        shown = io.StringIO()
        clips = [score_clip(truth, found, seconds=200), broken]
        Console(file=shown, width=width).print(clip_table(clips, language, width))
        _, heading, _, row, below, *_ = shown.getvalue().splitlines()
        assert heading.split() == headings[language]
        assert row.split()[:7] == [name, "6/6", "7", "1", "0", "0", "3.4,"]
        assert below.split()[0] == "person@0.5-9.0"
        assert {"person@100.5-109.0", "+1", why.to(language)} <= set(shown.getvalue().split())
        assert max(len(one) for one in shown.getvalue().splitlines()) <= width
