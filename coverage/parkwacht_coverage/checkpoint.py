"""
What a study has found so far, on disk, so that an interrupted one goes on where it stopped.

Every answer that took a search is kept under a key of all that it depends on: the park's files, the
options, the software as it is and the step. An answer of other inputs has another key and is
never taken; a damaged file counts as absent. Only answers that were searched to their end are kept,
so that a repeated study gives the same bytes.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import parkwacht_config
import parkwacht_coverage
from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text

FORMAT = 1
SOFTWARE = (parkwacht_config, parkwacht_coverage)
LIBRARIES = ("highspy", "numpy", "shapely")


@cache
def software_digest() -> str:
    """
    Return the SHA-256 over the sources that answers come from, and the libraries' versions.

    A version number alone would not do: it stays the same while prices or rules are edited.
    """
    digest = hashlib.sha256(" ".join(version(one) for one in LIBRARIES).encode())
    for package in SOFTWARE:
        for root in sorted(package.__path__):
            for path in sorted(Path(root).rglob("*")):
                if path.suffix in {".py", ".toml", ".yaml"}:
                    digest.update(path.relative_to(root).as_posix().encode())
                    digest.update(path.read_bytes())
    return digest.hexdigest()


class Checkpoint:
    """
    Answers kept in a folder, as one JSON file each.

    Parameters
    ----------
    folder
        Where they lie; made when the first is kept. None keeps nothing.
    inputs
        All that every answer depends on, as JSON can hold it.
    """

    def __init__(self, folder: Path | None, inputs: Mapping[str, Any]) -> None:
        self._folder = folder
        known = {"format": FORMAT, "software": software_digest(), **inputs}
        self._inputs = json.dumps(known, sort_keys=True, default=str)
        self.n_taken = 0

    def take(self, step: str) -> dict[str, Any] | None:
        """
        Return the answer of a step, or None where there is none of these inputs.

        Parameters
        ----------
        step
            Name of the step, with all that this step alone depends on.
        """
        if self._folder is None:
            return None
        try:
            kept = json.loads(self._path(step).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or kept.get("step") != step:
            return None
        answer = kept.get("answer")
        if not isinstance(answer, dict):
            return None
        self.n_taken += 1
        return answer

    def keep(self, step: str, answer: Mapping[str, Any]) -> None:
        """
        Keep the answer of a step; a kill leaves the old one or the new one.

        Raises
        ------
        CoverageError
            The folder cannot be written.
        """
        if self._folder is None:
            return
        text = json.dumps({"step": step, "answer": dict(answer)}, sort_keys=True)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path(step))
        except OSError as error:
            message = Text(
                nl=f"{self._folder} kan niet worden geschreven: {error}",
                en=f"{self._folder} cannot be written: {error}",
            )
            raise CoverageError(message) from error

    def _path(self, step: str) -> Path:
        key = hashlib.sha256(f"{self._inputs}\n{step}".encode()).hexdigest()[:32]
        return (self._folder or Path()) / f"{key}.json"
