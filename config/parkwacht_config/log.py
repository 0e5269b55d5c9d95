"""Logs for machines: one JSON object per record on standard error, times in UTC, in English."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text
from parkwacht_config.validation import one_of

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_STANDARD_KEYS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON; what `extra` brings becomes keys of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD_KEYS}
        line.update({key: value for key, value in extra.items() if key not in line})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        # default=str prints a pydantic SecretStr as asterisks.
        return json.dumps(line, default=str, ensure_ascii=False)


class _JsonHandler(logging.StreamHandler[TextIO]):
    """Our handler, so that configuring twice replaces it and leaves others alone."""


def configure_logging(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """
    Send every record of this process to standard error, one JSON object per line.

    Calling it again replaces the level and the stream.

    Parameters
    ----------
    level
        Lowest level that is written: DEBUG, INFO, WARNING, ERROR or CRITICAL.
    stream
        Where to write; None is standard error.

    Raises
    ------
    ConfigError
        There is no such level.
    """
    wanted = str(level).upper()
    if wanted not in LEVELS:
        listed = one_of(LEVELS, wanted)
        message = Text(
            nl=f"logniveau {level!r} bestaat niet: {listed.nl}",
            en=f"log level {level!r} does not exist: {listed.en}",
        )
        raise ConfigError(message)
    handler = _JsonHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _JsonHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(wanted)
