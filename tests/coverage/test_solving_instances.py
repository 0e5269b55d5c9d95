"""Published formats, read by their numbers; best known values with their traps."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from parkwacht_config.errors import CoverageError
from parkwacht_coverage.solving.instances import read_best_known, read_instance

INSTANCES = Path(__file__).parents[3] / "shared/data/coverage/instances"


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        # two rows, three columns: row 0 has columns 0 and 2, row 1 has column 1
        ("2 3\n 5 6 7\n 2\n 1 3\n 1\n 2\n", [5, 6, 7]),
        ("2 3\n 5 1 1\n 6 1 2\n 7 1 1\n", [5, 6, 7]),
        ("2 3\n0\n2\n0 2\n1\n1\n1\n", [1, 1, 1]),
    ],
    ids=["by row", "by column", "ocp"],
)
def test_formats_by_hand(tmp_path: Path, text: str, cost: list[float]) -> None:
    path = tmp_path / "instance.txt"
    path.write_text(text, encoding="ascii")
    instance = read_instance(path)
    assert instance.matrix.toarray().tolist() == [[1, 0, 1], [0, 1, 0]]
    assert instance.cost.tolist() == cost
    assert instance.is_unicost == (cost == [1, 1, 1])


def test_steiner_triples_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "data.4"
    path.write_text("4 2\n1 2 3\n2 3 4\n", encoding="ascii")
    assert read_instance(path).matrix.toarray().tolist() == [[1, 1, 1, 0], [0, 1, 1, 1]]


def test_a_saved_matrix(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    sparse.save_npz(path, sparse.csr_array(np.array([[0, 2.0], [3.0, 0]])))
    assert read_instance(path).matrix.toarray().tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    "text", ["2 3\n5 6\n", "2 2 1 1 2 1 9 1 1", "a b c", "1 1 1 1 1 1"], ids=range(4)
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text, encoding="ascii")
    with pytest.raises(CoverageError, match=r"bad\.txt: no instance of a covering problem"):
        read_instance(path)


@pytest.mark.shared_data
@pytest.mark.skipif(not INSTANCES.is_dir(), reason="needs ../shared/data")
def test_the_traps_of_best_known() -> None:
    known = read_best_known(INSTANCES)
    # design/coverage.md 9.2
    values = {name: known[name].value for name in known}
    assert values["scp41"] == 429
    assert values["scp41 unicost"] == 38
    assert values["data.135"] == 103
    assert (values["data.243"], values["data.405"], values["data.729"]) == (198, 335, 617)
    assert [values[f"AC_{n:02}"] for n in (1, 10, 18)] == [7, 20, 1918]
    assert values["RW_37"] == 644
    assert values["rail507 unicost"] == 96
