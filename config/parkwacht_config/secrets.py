"""
Where secrets live: the environment, else a file that only its owner can read.

A secret never stands in the park's TOML, in an error or in a log; the TOML holds the NAME of one.
The file is `secrets.toml` in the state folder, mode 0600, a flat table NAME = "value".
"""

import json
import os
import re
import stat
import tempfile
from pathlib import Path

from pydantic import SecretStr

from parkwacht_config.errors import ConfigError
from parkwacht_config.reading import parse_toml, read_bytes
from parkwacht_config.text import Text

SECRETS_FILE = "secrets.toml"
NAME_PATTERN = re.compile(r"[A-Z][A-Z0-9_]*")


def read_secret(name: str, state_dir: Path) -> SecretStr:
    """
    Read a secret: from the environment first, then from the secrets file.

    Parameters
    ----------
    name
        Name of the environment variable and of the key in the file.
    state_dir
        Folder of the secrets file.

    Returns
    -------
    secret
        Never empty; prints as asterisks.

    Raises
    ------
    ConfigError
        It stands nowhere, or others can read the file.
    """
    _check_name(name)
    value = os.environ.get(name)
    if not value:
        value = _read_file(state_dir / SECRETS_FILE).get(name)
    if value:
        return SecretStr(value)
    path = state_dir / SECRETS_FILE
    message = Text(
        nl=f"geheim {name} ontbreekt: zet de omgevingsvariabele {name} of de regel "
        f'{name} = "..." in {path}',
        en=f"secret {name} is missing: set the environment variable {name} or the line "
        f'{name} = "..." in {path}',
    )
    raise ConfigError(message)


def write_secret(name: str, value: str, state_dir: Path) -> Path:
    """
    Write a secret to the secrets file; other secrets stay, comments do not.

    The file is replaced as a whole, so that a reader sees the old one or the new one. One writer
    at a time: this is what set-up does, not what a service does.

    Parameters
    ----------
    name
        Key in the file.
    value
        The secret, not empty.
    state_dir
        Folder of the secrets file; made, for its owner only, where it does not exist.

    Returns
    -------
    path
        The secrets file, mode 0600.

    Raises
    ------
    ConfigError
        The name or value cannot be a secret's, others can read the file, or it cannot be written.
    """
    _check_name(name)
    if not value or not value.isprintable():
        message = Text(
            nl=f"geheim {name}: leeg of met onzichtbare tekens; gebruik zichtbare tekens",
            en=f"secret {name}: empty or with invisible characters; use visible ones",
        )
        raise ConfigError(message)
    path = state_dir / SECRETS_FILE
    secrets = {**_read_file(path), name: value}
    # JSON strings of printable characters are TOML strings too.
    lines = [f"{key} = {json.dumps(secrets[key], ensure_ascii=False)}\n" for key in sorted(secrets)]
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, "".join(lines).encode())
    except OSError as error:
        message = Text(
            nl=f"{path}: niet te schrijven ({error.strerror})",
            en=f"{path}: cannot be written ({error.strerror})",
        )
        raise ConfigError(message) from error
    return path


def _check_name(name: str) -> None:
    """Refuse a name that cannot be an environment variable's; it may be the secret itself."""
    if NAME_PATTERN.fullmatch(name) is None:
        message = Text(
            nl="naam van een geheim: hoofdletters, cijfers en _, zoals PARKWACHT_SECRET_X",
            en="name of a secret: capitals, digits and _, such as PARKWACHT_SECRET_X",
        )
        raise ConfigError(message)


def _read_file(path: Path) -> dict[str, str]:
    """Return the secrets of the file, none where there is no file."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        message = Text(
            nl=f"{path}: niet te lezen ({error.strerror})",
            en=f"{path}: cannot be read ({error.strerror})",
        )
        raise ConfigError(message) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = Text(
            nl=f"{path}: anderen kunnen dit lezen (modus {mode & 0o777:04o}); "
            f"doe chmod 600 {path} en vervang de geheimen erin",
            en=f"{path}: others can read this (mode {mode & 0o777:04o}); "
            f"run chmod 600 {path} and replace the secrets in it",
        )
        raise ConfigError(message)
    table = parse_toml(read_bytes(path), path)
    for key, value in table.items():
        if not isinstance(value, str):
            right = Text('een platte regel NAAM = "waarde"', 'a flat line NAME = "value"')
            raise ConfigError.at(str(path), key, "***", right)
    return table


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole, mode 0600 from its first byte, durably."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
