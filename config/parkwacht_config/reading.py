"""Files as the user named them: bytes, TOML and JSON, where every failure is a ConfigError."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

# One park of 50 ha takes 0.2 MB; a file of this size is a mistake, and parsing it would hang.
MAX_FILE_BYTES = 200_000_000


def read_bytes(path: Path) -> bytes:
    """
    Read a whole file.

    Parameters
    ----------
    path
        The file, as the user named it.

    Returns
    -------
    content
        Its bytes.

    Raises
    ------
    ConfigError
        It does not exist, cannot be read or is too large to be meant.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            text = Text(
                nl=f"{path}: groter dan {MAX_FILE_BYTES // 1_000_000} MB; is dit het juiste?",
                en=f"{path}: larger than {MAX_FILE_BYTES // 1_000_000} MB; is this the right one?",
            )
            raise ConfigError(text)
        return path.read_bytes()
    except FileNotFoundError:
        text = Text(nl=f"{path}: bestand bestaat niet", en=f"{path}: file does not exist")
    except IsADirectoryError:
        text = Text(nl=f"{path}: is een map, geen bestand", en=f"{path}: is a folder, not a file")
    except PermissionError:
        text = Text(nl=f"{path}: geen leesrechten", en=f"{path}: no permission to read it")
    except (OSError, ValueError) as error:
        text = Text(nl=f"{path}: niet te lezen ({error})", en=f"{path}: cannot be read ({error})")
    raise ConfigError(text)


def decode(content: bytes, path: Path) -> str:
    """
    Decode UTF-8, with or without a byte order mark.

    Parameters
    ----------
    content
        The file's bytes.
    path
        The file, for the message.

    Returns
    -------
    text
        The decoded text.

    Raises
    ------
    ConfigError
        It is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        text = Text(
            nl=f"{path}:{line}: geen UTF-8-tekst (byte {error.start}); sla het op als UTF-8",
            en=f"{path}:{line}: not UTF-8 text (byte {error.start}); save it as UTF-8",
        )
    raise ConfigError(text)


def parse_toml(content: bytes, path: Path) -> dict[str, Any]:
    """
    Parse TOML.

    Parameters
    ----------
    content
        The file's bytes.
    path
        The file, for the message.

    Returns
    -------
    tables
        The top-level table.

    Raises
    ------
    ConfigError
        The syntax is wrong; the message names the line.
    """
    source = decode(content, path)
    try:
        return tomllib.loads(source)
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:
        reason = str(error)
    found = re.search(r"at line (\d+)", reason)
    line = int(found[1]) if found else source.count("\n") + 1
    text = Text(
        nl=f"{path}:{line}: fout in de TOML-schrijfwijze: {reason}",
        en=f"{path}:{line}: TOML syntax error: {reason}",
    )
    raise ConfigError(text)


def parse_json(content: bytes, path: Path) -> Any:  # noqa: ANN401
    """
    Parse JSON.

    Parameters
    ----------
    content
        The file's bytes.
    path
        The file, for the message.

    Returns
    -------
    document
        What stands there.

    Raises
    ------
    ConfigError
        The syntax is wrong; the message names the line.
    """
    source = decode(content, path)
    line = 1
    try:
        return json.loads(source)
    except RecursionError:
        reason = "nested too deeply"
    except json.JSONDecodeError as error:
        line, reason = error.lineno, error.msg
    except ValueError as error:
        reason = str(error)
    text = Text(
        nl=f"{path}:{line}: fout in de JSON-schrijfwijze: {reason}",
        en=f"{path}:{line}: JSON syntax error: {reason}",
    )
    raise ConfigError(text)
