"""One JSON object per record."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from parkwacht_config.errors import ConfigError
from parkwacht_config.log import configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield io.StringIO()
    root.setLevel(level)
    root.handlers[:] = handlers


def test_a_record_is_one_line_with_its_extras(stream: io.StringIO) -> None:
    configure_logging("INFO", stream=stream)
    logging.getLogger("parkwacht.test").info(
        "kept %d\nframes", 3, extra={"camera_id": "p1_parking", "token": SecretStr("hush")}
    )
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert record["message"] == "kept 3\nframes"
    assert record["level"] == "INFO"
    assert record["logger"] == "parkwacht.test"
    assert record["camera_id"] == "p1_parking"
    assert record["at"].endswith("+00:00")
    assert "hush" not in line


def test_an_exception_stays_on_the_line(stream: io.StringIO) -> None:
    configure_logging("INFO", stream=stream)
    try:
        int("broken")
    except ValueError:
        logging.getLogger("parkwacht.test").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["error"]


def test_configuring_again_replaces(stream: io.StringIO) -> None:
    configure_logging("DEBUG", stream=stream)
    configure_logging("warning", stream=stream)
    logging.getLogger("parkwacht.test").info("not written")
    logging.getLogger("parkwacht.test").warning("once")
    assert [json.loads(one)["message"] for one in stream.getvalue().splitlines()] == ["once"]


def test_standard_error_is_the_default(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    logging.getLogger("parkwacht.test").warning("here")
    assert json.loads(capsys.readouterr().err)["message"] == "here"
    assert stream.getvalue() == ""


def test_an_unknown_level_is_refused(stream: io.StringIO) -> None:
    with pytest.raises(ConfigError, match="did you mean WARNING"):
        configure_logging("WARNIN", stream=stream)
