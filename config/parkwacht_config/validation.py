"""
What is wrong with a table, said in the user's words.

Turns pydantic's complaints into one ConfigError that names file, key, value and what would be
right. Tables are checked as JSON in strict mode, so that "6" is no number and true is no 1.
"""

import difflib
import json
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

ModelT = TypeVar("ModelT", bound=BaseModel)

UNITS = {
    "_m": Text("in meters", "in metres"),
    "_m2": Text("in vierkante meters", "in square metres"),
    "_eur_per_m": Text("in euro's per meter", "in euros per metre"),
    "_mm": Text("in millimeters", "in millimetres"),
    "_um": Text("in micrometers", "in micrometres"),
    "_px": Text("in pixels", "in pixels"),
    "_deg": Text("in graden", "in degrees"),
    "_lux": Text("in lux", "in lux"),
    "_cd": Text("in candela", "in candela"),
    "_eur": Text("in euro's", "in euros"),
    "_s": Text("in seconden", "in seconds"),
    "_days": Text("in dagen", "in days"),
}
# These hold names of environment variables; whoever writes the secret itself there by mistake
# must not find it again in a log.
SECRET_KEYS = frozenset({"secret_env", "stream_env", "substream_env"})
PATTERNS = {
    "secret_env": Text(
        "de NAAM van een omgevingsvariabele in hoofdletters, bijvoorbeeld PARKWACHT_SECRET_X; "
        "nooit het geheim zelf",
        "the NAME of an environment variable in capitals, such as PARKWACHT_SECRET_X; "
        "never the secret itself",
    ),
    "url": Text("een adres dat met http:// of https:// begint", "an http:// or https:// address"),
}
PATTERNS["stream_env"] = PATTERNS["substream_env"] = PATTERNS["secret_env"]
ID_TEXT = Text(
    "kleine letters, cijfers en _, hoogstens 63 tekens, geen _ vooraan",
    "lower-case letters, digits and _, at most 63 characters, no leading _",
)
TYPE_TEXTS = {
    "float": Text("een getal zonder aanhalingstekens", "a number without quotes"),
    "int": Text("een geheel getal zonder aanhalingstekens", "a whole number without quotes"),
    "string": Text("tekst tussen aanhalingstekens", "text in quotes"),
    "bool": Text("true of false", "true or false"),
    "date": Text("een datum als 2026-12-31", "a date such as 2026-12-31"),
    "time": Text("een tijd als 19:00", "a time such as 19:00"),
    "tuple": Text("een lijst [ ... ]", "a list [ ... ]"),
    "model": Text("een tabel", "a table"),
    "finite": Text("een eindig getal", "a finite number"),
}


def check_table(
    model: type[ModelT], table: Mapping[str, Any], where: Path | str, *, prefix: str = ""
) -> ModelT:
    """
    Build a model from a table of a file.

    Parameters
    ----------
    model
        What the table should be.
    table
        The table, of TOML or JSON.
    where
        The file, as the user named it.
    prefix
        Dotted path of the table in the file, empty for the file itself.

    Returns
    -------
    checked
        The model.

    Raises
    ------
    ConfigError
        The first thing that is wrong with it.
    """
    try:
        return model.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        first = min(error.errors(include_url=False), key=_severity)
    raise _to_config_error(first, model, table, (str(where), prefix))


def dotted_key(table: object, loc: Sequence[int | str]) -> str:
    """
    Write where something stands; an entry of a list is named by its id, else by its number.

    Parameters
    ----------
    table
        The top-level table.
    loc
        Keys and 0-based indices, from the top.

    Returns
    -------
    key
        Such as ``cameras[p1_parking].height_m``.
    """
    key = ""
    for part in loc:
        if isinstance(part, int):
            entry = table[part] if isinstance(table, Sequence) and part < len(table) else None
            entry_id = entry.get("id") if isinstance(entry, Mapping) else None
            key += f"[{entry_id}]" if isinstance(entry_id, str) else f"[#{part + 1}]"
            table = entry
        else:
            key += f".{part}" if key else part
            table = table.get(part) if isinstance(table, Mapping) else None
    return key


def one_of(options: Sequence[str], given: object) -> Text:
    """
    Say what could stand here, the likeliest first.

    Parameters
    ----------
    options
        All that would be right.
    given
        What stands there.

    Returns
    -------
    text
        Such as "one of a, b; did you mean a?".
    """
    listed = ", ".join(options) if options else "-"
    close = difflib.get_close_matches(str(given), options, n=1, cutoff=0.6)
    if not close:
        return Text(f"één van: {listed}", f"one of: {listed}")
    return Text(
        f"één van: {listed}; bedoelt u {close[0]}?", f"one of: {listed}; did you mean {close[0]}?"
    )


def _severity(error: ErrorDetails) -> int:
    """Causes first: a misspelt key makes the right one missing, a wrong entry its list short."""
    return {"extra_forbidden": 0, "missing": 2, "too_short": 3}.get(error["type"], 1)


def _to_config_error(
    error: ErrorDetails, model: type[BaseModel], table: object, place: tuple[str, str]
) -> ConfigError:
    """Turn one complaint into a message; `place` is the file and the table's path in it."""
    where, prefix = place
    loc = error["loc"]
    key = ".".join(part for part in (prefix, dotted_key(table, loc)) if part)
    name = next((part for part in reversed(loc) if isinstance(part, str)), "")
    if error["type"] == "missing":
        hint = unit_text(name)
        return ConfigError(
            Text(
                nl=f"{where}: {key} ontbreekt{f' ({hint.nl})' if hint else ''}",
                en=f"{where}: {key} is missing{f' ({hint.en})' if hint else ''}",
            )
        )
    if error["type"] == "extra_forbidden":
        return _unknown_key(where, key, name, _fields_of(model, loc[:-1]))
    value = "***" if name in SECRET_KEYS else error["input"]
    return ConfigError.at(where, key, value, _right(error, name, model))


def _unknown_key(where: str, key: str, name: str, known: Sequence[str]) -> ConfigError:
    """Say that a key does not exist, and which one may be meant."""
    stem = name.rsplit("_", 1)[0]
    same_stem = [one for one in known if one == stem or one.rsplit("_", 1)[0] == stem]
    close = same_stem or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        unit = unit_text(close[0])
        right = Text(
            f"bedoelt u {close[0]}{f' ({unit.nl})' if unit else ''}?",
            f"did you mean {close[0]}{f' ({unit.en})' if unit else ''}?",
        )
    else:
        listed = ", ".join(known)
        right = Text(f"bekend zijn: {listed}", f"known are: {listed}")
    return ConfigError(
        Text(
            nl=f"{where}: {key} is een onbekende sleutel; {right.nl}",
            en=f"{where}: {key} is an unknown key; {right.en}",
        )
    )


def unit_text(name: str) -> Text | None:
    """
    Return the unit a key's name ends in.

    Parameters
    ----------
    name
        The key.

    Returns
    -------
    text
        Such as "in metres"; None where the name says no unit.
    """
    if "_" not in name:
        return None
    per_metre = UNITS["_eur_per_m"] if name.endswith("_eur_per_m") else None
    return per_metre or UNITS.get(f"_{name.rsplit('_', 1)[-1]}")


def _right(error: ErrorDetails, name: str, model: type[BaseModel]) -> Text:
    """Say what would be right where a complaint stands."""
    kind = error["type"]
    if kind in ("enum", "literal_error"):
        expected = str(error["ctx"]["expected"]).replace(" or ", ", ").replace("'", "")
        return one_of(expected.split(", "), error["input"])
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(name, ID_TEXT)
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return _range_text(name, model, error["loc"])
    for start, text in TYPE_TEXTS.items():
        if kind.startswith(start):
            unit = unit_text(name) if start in ("float", "int") else None
            return Text(f"{text.nl}, {unit.nl}", f"{text.en}, {unit.en}") if unit else text
    if kind in ("too_short", "too_long"):
        return _length_text(error["ctx"])
    return Text(error["msg"], error["msg"])


def _length_text(limits: Mapping[str, Any]) -> Text:
    """Say how long a list may be."""
    if "max_length" in limits:
        return Text(f"hoogstens {limits['max_length']} stuks", f"at most {limits['max_length']}")
    shortest = limits["min_length"]
    return Text(f"ten minste {shortest} stuks", f"at least {shortest} of them")


def _range_text(name: str, model: type[BaseModel], loc: Sequence[int | str]) -> Text:
    """Say unit and range of a number, such as "in metres, 1 to 60"."""
    low, high, bound = None, None, _field_at(model, loc)
    for limit in _metadata(bound) if bound else ():
        low = getattr(limit, "ge", None) if hasattr(limit, "ge") else low
        low = getattr(limit, "gt", None) if hasattr(limit, "gt") else low
        high = getattr(limit, "le", None) if hasattr(limit, "le") else high
        high = getattr(limit, "lt", None) if hasattr(limit, "lt") else high
    shown_nl = "" if low is None else f"{low:g} tot {high:g}" if high is not None else f"> {low:g}"
    unit = unit_text(name)
    shown_en = shown_nl.replace("tot", "to")
    return (
        Text(f"{unit.nl}, {shown_nl}", f"{unit.en}, {shown_en}")
        if unit
        else Text(shown_nl, shown_en)
    )


def _metadata(info: FieldInfo) -> list[Any]:
    """Collect the limits of a field, also those inside an optional annotation."""
    found = list(info.metadata)
    for part in typing.get_args(info.annotation):
        for extra in getattr(part, "__metadata__", ()):
            found += getattr(extra, "metadata", None) or [extra]
    return found


def _field_at(model: type[BaseModel], loc: Sequence[int | str]) -> FieldInfo | None:
    """Return the field a location names."""
    found: FieldInfo | None = None
    current: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, int):
            continue
        found = current.model_fields.get(part) if current else None
        current = _model_in(found.annotation) if found else None
    return found


def _fields_of(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """Return the keys that the table at a location may have."""
    if not any(isinstance(part, str) for part in loc):
        return list(model.model_fields)
    field = _field_at(model, loc)
    inner = _model_in(field.annotation) if field else None
    return list(inner.model_fields) if inner else []


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``tuple[Camera, ...]``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for arg in typing.get_args(annotation) if (found := _model_in(arg))), None)
