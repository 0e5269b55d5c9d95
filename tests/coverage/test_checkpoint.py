from pathlib import Path

import pytest

import parkwacht_config
from parkwacht_config.errors import CoverageError
from parkwacht_coverage.checkpoint import Checkpoint, software_digest


def test_an_answer_is_taken_again_for_the_same_inputs_only(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "kept", {"digest": "a", "k": 3}).keep("place 50000", {"chosen": [1, 2]})
    again = Checkpoint(tmp_path / "kept", {"k": 3, "digest": "a"})
    assert again.take("place 50000") == {"chosen": [1, 2]}
    assert again.n_taken == 1
    assert again.take("place 60000") is None
    assert Checkpoint(tmp_path / "kept", {"digest": "b", "k": 3}).take("place 50000") is None


def test_an_answer_of_other_software_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Checkpoint(tmp_path, {}).keep("step", {"value": 1})
    other = tmp_path / "sources"
    other.mkdir()
    (other / "prices.toml").write_text("mast_eur = 1")
    monkeypatch.setattr(parkwacht_config, "__path__", [str(other)])
    software_digest.cache_clear()
    assert Checkpoint(tmp_path, {}).take("step") is None
    monkeypatch.undo()
    software_digest.cache_clear()
    assert Checkpoint(tmp_path, {}).take("step") == {"value": 1}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"step": "other", "answer": {}}', "\x00"])
def test_a_damaged_answer_counts_as_absent(tmp_path: Path, content: str) -> None:
    kept = Checkpoint(tmp_path, {})
    kept.keep("step", {"value": 1})
    (path,) = tmp_path.iterdir()
    path.write_text(content)
    assert kept.take("step") is None
    kept.keep("step", {"value": 2})
    assert kept.take("step") == {"value": 2}
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_folder_nothing_is_kept() -> None:
    kept = Checkpoint(None, {})
    kept.keep("step", {"value": 1})
    assert kept.take("step") is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CoverageError, match="file"):
        Checkpoint(tmp_path / "file" / "kept", {}).keep("step", {})
