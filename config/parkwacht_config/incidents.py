"""Past incidents of a park, from CSV in EPSG:28992 (RD New), one incident per line."""

import csv
import io
import math
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from shapely.geometry import Point

from parkwacht_config.errors import ConfigError
from parkwacht_config.features import coordinate_problem
from parkwacht_config.reading import decode, read_bytes
from parkwacht_config.site import Incident
from parkwacht_config.text import Text
from parkwacht_config.validation import one_of

INCIDENT_COLUMNS = ("id", "on", "at", "kind", "x_m", "y_m", "loss_eur", "description")


def read_incidents(path: Path) -> Iterator[Incident]:
    """
    Read past incidents.

    Parameters
    ----------
    path
        The CSV, with the columns of `INCIDENT_COLUMNS`; `at` is empty where the time is unknown.

    Yields
    ------
    incident
        In the order of the file; ids are unique.

    Raises
    ------
    ConfigError
        It cannot be read, or a row is wrong; the message names the line.
    """
    text = decode(read_bytes(path), path)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    seen: set[str] = set()
    try:
        _check_header(list(reader.fieldnames or ()), f"{path}:1")
        for row in reader:
            where = f"{path}:{reader.line_num}"
            incident = _to_incident(row, where)
            if incident.id in seen:
                right = Text("elke id komt één keer voor", "every id occurs once")
                raise ConfigError.at(where, "id", incident.id, right)
            seen.add(incident.id)
            yield incident
    except csv.Error as error:
        line = reader.line_num + 1  # the reader counts lines it could take apart
        message = Text(
            nl=f"{path}:{line}: fout in de CSV-schrijfwijze: {error}",
            en=f"{path}:{line}: CSV syntax error: {error}",
        )
        raise ConfigError(message) from error


def _check_header(names: list[str], where: str) -> None:
    """Refuse unknown, repeated and missing columns; only the description may be left out."""
    for name in names:
        if name not in INCIDENT_COLUMNS or names.count(name) > 1:
            raise ConfigError.at(where, "header", name, one_of(INCIDENT_COLUMNS, name))
    missing = [one for one in INCIDENT_COLUMNS[:-1] if one not in names]
    if missing:
        listed = ", ".join(INCIDENT_COLUMNS)
        right = Text(
            f"kolom {missing[0]} ontbreekt; kolommen {listed}, met komma's ertussen",
            f"column {missing[0]} is missing; columns {listed}, separated by commas",
        )
        raise ConfigError.at(where, "header", ",".join(names), right)


def _to_incident(row: Mapping[str | None, Any], where: str) -> Incident:
    """Check one row; `where` is file and line."""
    if None in row or any(value is None for key, value in row.items() if key != "description"):
        right = Text(
            "evenveel waarden als kolommen; zet tekst met een komma tussen aanhalingstekens",
            "as many values as columns; put text that has a comma in quotes",
        )
        raise ConfigError.at(where, "row", ", ".join(str(v) for v in row.values()), right)
    if not row["id"]:
        right = Text("niet leeg", "not empty")
        raise ConfigError.at(where, "id", row["id"], right)
    x_m, y_m, loss_eur = (_number(row[key], key, where) for key in ("x_m", "y_m", "loss_eur"))
    problem = coordinate_problem(x_m, y_m)
    if problem:
        raise ConfigError.at(where, "x_m, y_m", (x_m, y_m), problem)
    if loss_eur < 0:
        right = Text("in euro's, 0 of meer", "in euros, 0 or more")
        raise ConfigError.at(where, "loss_eur", loss_eur, right)
    return Incident(
        id=row["id"],
        on=_day(row["on"], where),
        at=_clock_time(row["at"], where) if row["at"] else None,
        kind=row["kind"],
        point=Point(x_m, y_m),
        loss_eur=loss_eur,
        description=row.get("description") or "",
    )


def _number(text: str, key: str, where: str) -> float:
    """Read a finite number with a decimal point."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    right = Text("een getal met een decimale punt", "a number with a decimal point")
    raise ConfigError.at(where, key, text, right)


def _day(text: str, where: str) -> date:
    """Read a date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        right = Text("een datum als 2026-12-31", "a date such as 2026-12-31")
    raise ConfigError.at(where, "on", text, right)


def _clock_time(text: str, where: str) -> time:
    """Read a time of day."""
    try:
        return time.fromisoformat(text)
    except ValueError:
        right = Text("een tijd als 23:15, of leeg", "a time such as 23:15, or empty")
    raise ConfigError.at(where, "at", text, right)
