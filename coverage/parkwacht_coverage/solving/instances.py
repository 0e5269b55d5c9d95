"""
Read published instances of set covering and maximum coverage, and what is known of them.

Formats: OR-Library by row (scp*) and by column (rail*), Steiner triples, the optimal camera
placement competition (OCP, GECCO 2020), and sparse matrices saved by scipy (npz). A matrix has a
row per thing to cover and a column per choice.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
N_SIZES = 2
TRIPLE = 3


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance: `matrix` of shape (rows, columns) with ones, `cost` of shape (columns,)."""

    name: str
    matrix: sparse.csr_array
    cost: Floats

    @property
    def is_unicost(self) -> bool:
        """Whether every column costs the same."""
        return bool(np.all(self.cost == self.cost[0]))


@dataclass(frozen=True, slots=True)
class BestKnown:
    """The best value published, and the best bound published (equal when proven)."""

    value: float
    bound: float


def read_instance(path: Path) -> Instance:
    """
    Read one instance, whatever its format: told apart by the numbers, not by the name.

    Raises
    ------
    CoverageError
        The file cannot be read, or its numbers fit none of the formats.
    """
    if path.suffix == ".npz":
        return read_npz(path)
    tokens = _numbers(path)
    for reader in (_by_row, _by_column, _triples, _ocp):
        instance = reader(path.name, tokens)
        if instance is not None:
            return instance
    raise _unreadable(path, "no known format", "geen bekende vorm")


def read_npz(path: Path) -> Instance:
    """
    Read a matrix saved by scipy.sparse.save_npz; every column costs 1.

    Raises
    ------
    CoverageError
        The file is no such matrix.
    """
    try:
        matrix = sparse.csr_array(sparse.load_npz(path))
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(path, str(error), str(error)) from error
    matrix.data = np.ones(len(matrix.data))
    return Instance(path.name, matrix, np.ones(matrix.shape[1]))


def read_best_known(folder: Path) -> dict[str, BestKnown]:
    """
    Read what is known of the instances in a folder laid out as `instances/`.

    Parameters
    ----------
    folder
        Holds best_known.csv, sts/README and ocp/best_solutions/.

    Returns
    -------
    best_known
        By name: `scp41`, `data.45`, `AC_01`, and `scp41 unicost` where costs are left out.

    Notes
    -----
    The rows of Steiner triples in best_known.csv are shifted by one from data.405 on, and that of
    data.135 is out of date: they are read from sts/README. The columns "Number of sets" and "Number
    of elements" of the OR-Library rows are swapped, and not used.
    """
    known: dict[str, BestKnown] = {}
    with (folder / "best_known.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["Format"] == "sts":
                continue
            name = Path(row["Path"]).stem
            is_unicost = "--unicost" in row["Options"]
            known[f"{name} unicost" if is_unicost else name] = BestKnown(
                float(row["Best known solution value"]), float(row["Best known bound"])
            )
    known.update(_steiner(folder / "sts" / "README"))
    for path in sorted((folder / "ocp" / "best_solutions").glob("*_solution.txt")):
        name = path.name.removesuffix("_solution.txt")
        known[name] = BestKnown(float(path.read_text(encoding="ascii").split()[0]), 1.0)
    return known


def _steiner(path: Path) -> dict[str, BestKnown]:
    """Read the lines `stn45 : 30 optimal (...)` of sts/README."""
    known = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        parts = line.split()
        if len(parts) > TRIPLE and parts[0].startswith("stn") and parts[3] in ("optimal", "BKS"):
            value = float(parts[2])
            bound = value if parts[3] == "optimal" else 1.0
            known[f"data.{parts[0].removeprefix('stn')}"] = BestKnown(value, bound)
    return known


def _numbers(path: Path) -> Ints:
    try:
        return np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error), str(error)) from error


def _lists(tokens: Ints, at: int, n_lists: int, step: int) -> tuple[Ints, Ints] | None:
    """
    Read n lists, each preceded by its length and `step - 1` numbers that are skipped.

    Returns lengths and members, or None when the numbers do not fit exactly.
    """
    lengths = np.empty(n_lists, dtype=np.int64)
    members = []
    for number in range(n_lists):
        at += step
        if at > len(tokens):
            return None
        length = int(tokens[at - 1])
        if length < 0 or at + length > len(tokens):
            return None
        lengths[number] = length
        members.append(tokens[at : at + length])
        at += length
    if at != len(tokens):
        return None
    return lengths, np.concatenate(members) if members else np.empty(0, dtype=np.int64)


def _matrix(major: Ints, minor: Ints, shape: tuple[int, int]) -> sparse.csr_array | None:
    """Build a matrix of ones from coordinates; None when one lies outside."""
    for index, size in ((major, shape[0]), (minor, shape[1])):
        if len(index) and (index.min() < 0 or index.max() >= size):
            return None
    matrix = sparse.csr_array((np.ones(len(major)), (major, minor)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def _by_row(name: str, tokens: Ints) -> Instance | None:
    """Read `m n`, n costs, per row a count and 1-based columns."""
    if len(tokens) < N_SIZES + int(tokens[1]):
        return None
    n_rows, n_columns = int(tokens[0]), int(tokens[1])
    found = _lists(tokens, N_SIZES + n_columns, n_rows, 1)
    if found is None:
        return None
    rows = np.repeat(np.arange(n_rows), found[0])
    matrix = _matrix(rows, found[1] - 1, (n_rows, n_columns))
    cost = tokens[N_SIZES : N_SIZES + n_columns].astype(np.float64)
    return None if matrix is None else Instance(name, matrix, cost)


def _by_column(name: str, tokens: Ints) -> Instance | None:
    """Read `m n`, per column its cost, a count and 1-based rows."""
    n_rows, n_columns = int(tokens[0]), int(tokens[1])
    found = _lists(tokens, N_SIZES, n_columns, 2)
    if found is None:
        return None
    columns = np.repeat(np.arange(n_columns), found[0])
    matrix = _matrix(found[1] - 1, columns, (n_rows, n_columns))
    starts = N_SIZES + 2 * np.arange(n_columns) + np.concatenate(([0], np.cumsum(found[0])[:-1]))
    cost = tokens[starts].astype(np.float64)
    # OCP has the same shape, with the ids 0, 1, 2 ... where a cost would stand
    is_ocp = n_columns > 1 and np.array_equal(cost, np.arange(n_columns))
    return None if matrix is None or is_ocp else Instance(name, matrix, cost)


def _triples(name: str, tokens: Ints) -> Instance | None:
    """Read `n m` and m lines of three 1-based columns."""
    n_columns, n_rows = int(tokens[0]), int(tokens[1])
    if len(tokens) != N_SIZES + TRIPLE * n_rows:
        return None
    rows = np.repeat(np.arange(n_rows), TRIPLE)
    matrix = _matrix(rows, tokens[N_SIZES:] - 1, (n_rows, n_columns))
    return None if matrix is None else Instance(name, matrix, np.ones(n_columns))


def _ocp(name: str, tokens: Ints) -> Instance | None:
    """Read `samples candidates`, per sample its id, a count and 0-based candidates."""
    n_rows, n_columns = int(tokens[0]), int(tokens[1])
    found = _lists(tokens, N_SIZES, n_rows, 2)
    if found is None:
        return None
    matrix = _matrix(np.repeat(np.arange(n_rows), found[0]), found[1], (n_rows, n_columns))
    return None if matrix is None else Instance(name, matrix, np.ones(n_columns))


def _unreadable(path: Path, why_en: str, why_nl: str) -> CoverageError:
    return CoverageError(
        Text(
            nl=f"{path}: geen instantie van een dekkingsprobleem: {why_nl}",
            en=f"{path}: no instance of a covering problem: {why_en}",
        )
    )
