from __future__ import annotations

import io
import json
import logging
import os
import time
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.secret import Secret
from rotator.daemon.logs import (
    JournalFormatter,
    JsonFormatter,
    LineFormatter,
    LogFormat,
    TextFormatter,
    log_as_service,
    log_to_stderr,
    resolved,
    warn_in_one_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WEBHOOK = "https://hooks.slack.example/services/T000/B000/secretsecret"


def record(**values: Any) -> logging.LogRecord:
    usual = {
        "name": "rotator.stores.files.store",
        "levelno": logging.DEBUG,
        "levelname": "DEBUG",
        "msg": "promoted %s\nin two lines",
        "args": ("billing",),
        "created": 1795428000.5,
        "fingerprint": "ab12",
    }
    return logging.makeLogRecord(usual | values)


def fault() -> BaseException:
    try:
        raise KeyError(WEBHOOK)
    except KeyError as error:
        return error


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What a service logs to; logging is as before afterwards."""
    loggers = [logging.getLogger(name) for name in (None, "rotator", "urllib3", "requests", "apscheduler", "psycopg")]
    before = [(logger, logger.level, list(logger.handlers), logger.propagate) for logger in loggers]
    yield io.StringIO()
    logging.captureWarnings(capture=False)
    for logger, level, handlers, propagate in before:
        logger.setLevel(level)
        logger.handlers, logger.propagate = handlers, propagate


def test_an_event_is_one_line_with_its_time_and_its_values() -> None:
    assert LineFormatter().format(record()) == (
        '2026-11-23T10:00:00.500Z DEBUG rotator.stores.files.store promoted billing\\nin two lines fingerprint="ab12"'
    )


def test_a_service_on_a_terminal_tells_an_event_in_one_line() -> None:
    assert TextFormatter().format(record(msg="inventory begins", args=(), org="production")) == (
        '2026-11-23T10:00:00.500Z DEBUG inventory begins fingerprint="ab12" org="production"'
    )


def test_in_the_journal_an_event_is_one_line_with_its_priority() -> None:
    line = JournalFormatter().format(record(levelno=logging.WARNING))
    assert line == '<4>promoted billing\\nin two lines fingerprint="ab12"'


def test_for_programs_an_event_is_one_json_object_a_line() -> None:
    line = JsonFormatter().format(record())
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-23T10:00:00.500Z",
        "level": "debug",
        "logger": "rotator.stores.files.store",
        "event": "promoted billing\nin two lines",
        "fingerprint": "ab12",
    }


def test_for_programs_a_value_that_json_has_not_is_told_as_text() -> None:
    assert json.loads(JsonFormatter().format(record(folder=PurePosixPath("/srv/store"))))["folder"] == "/srv/store"


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_every_time_in_a_line_has_one_form(formatter: logging.Formatter) -> None:
    line = formatter.format(record(again_at=datetime(2026, 11, 23, 18, 0, 13, 796880, timezone(timedelta(hours=1)))))
    assert "2026-11-23T17:00:13.796Z" in line


@pytest.mark.parametrize("formatter", [LineFormatter(), TextFormatter(), JournalFormatter(), JsonFormatter()])
def test_a_fault_is_one_line_with_its_trace_and_no_secret(formatter: logging.Formatter) -> None:
    error = fault()
    line = formatter.format(record(msg="a fault", args=(), exc_info=(type(error), error, None), token=Secret("xyzzy")))
    assert "\n" not in line
    assert "Traceback (most recent call last)" in line
    assert not isinstance(formatter, JsonFormatter) or "KeyError" in json.loads(line)["trace"]
    assert "KeyError" in line
    assert "secretsecret" not in line
    assert "xyzzy" not in line


def test_control_characters_of_an_org_do_not_reach_a_terminal() -> None:
    assert "\x1b" not in LineFormatter().format(record(msg="app \x1b[2J", args=()))


def test_a_service_tells_what_it_does_and_what_other_libraries_warn_of(stream: io.StringIO) -> None:
    log_as_service(LogFormat.JOURNAL, {}, stream)
    logging.getLogger("rotator.daemon").debug("nothing to see")
    logging.getLogger("rotator.daemon").info("inventory begins", extra={"org": "production"})
    logging.getLogger("alembic").info("nothing to see")
    logging.getLogger("zeep").warning("Cannot reach %s", WEBHOOK)
    logging.getLogger("urllib3.connectionpool").warning("Retrying: /services/T000/B000/secretsecret")
    for each in ("psycopg", "psycopg.pool"):
        logging.getLogger(each).warning("query cancellation interrupted (%s): closing connection", "AdminShutdown")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("it is old", DeprecationWarning, stacklevel=1)
    first, second, third = stream.getvalue().splitlines()
    assert first == '<6>inventory begins org="production"'
    assert second == "<4>zeep: Cannot reach https://hooks.slack.example/***"
    assert third.startswith("<4>py.warnings: ")


def test_a_service_that_talks_more_tells_its_own_details_only(stream: io.StringIO) -> None:
    log_as_service(LogFormat.TEXT, {}, stream, verbose=True)
    logging.getLogger("rotator.daemon").debug("a detail")
    logging.getLogger("alembic").debug("nothing to see")
    assert [line.split()[1:4] for line in stream.getvalue().splitlines()] == [["DEBUG", "a", "detail"]]


def test_a_command_that_is_asked_for_its_log_shows_its_own_lines_once(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    elsewhere = io.StringIO()
    logging.getLogger().addHandler(logging.StreamHandler(elsewhere))
    logging.getLogger("rotator").handlers = []
    for _ in range(2):
        log_to_stderr()
    logging.getLogger("rotator.stores").debug("promoted")
    logging.getLogger("urllib3").error("Retrying: /services/T000/B000/secretsecret")
    assert stream.getvalue().split()[1:] == ["DEBUG", "rotator.stores", "promoted"]
    assert "promoted" not in elsewhere.getvalue()


def test_a_warning_that_no_log_takes_up_is_its_sentence_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    last = logging.StreamHandler(io.StringIO())
    monkeypatch.setattr(logging, "lastResort", last)
    warn_in_one_line()
    assert last.format(record()) == "promoted billing\\nin two lines"


def test_the_journal_is_known_by_its_stream(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w") as stream:
        found = os.fstat(stream.fileno())
        journal = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert resolved(LogFormat.AUTO, journal, stream) is LogFormat.JOURNAL
        # Standard error was sent elsewhere, and the variable was inherited.
        assert resolved(LogFormat.AUTO, {"JOURNAL_STREAM": "1:2"}, stream) is LogFormat.TEXT
        assert resolved(LogFormat.AUTO, {}, stream) is LogFormat.TEXT
        assert resolved(LogFormat.JSON, journal, stream) is LogFormat.JSON
    assert resolved(LogFormat.AUTO, journal, io.StringIO()) is LogFormat.TEXT


def test_a_service_does_not_write_the_same_without_end(stream: io.StringIO) -> None:
    log_as_service(LogFormat.JSON, {}, stream)
    for _ in range(2000):
        logging.getLogger("asyncio").error("socket.accept() out of system resource")
        logging.getLogger("rotator.web.guard").warning("a page failed")
    logging.getLogger().handlers[0].close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) < 30
    assert {(line["logger"], line["event"]) for line in lines if " ... " in line["event"]} == {
        ("asyncio", "socket.accept() out of system resource ... 1990 more of these in the last minute"),
        ("rotator.web.guard", "a page failed ... 1990 more of these in the last minute"),
    }


def test_times_are_in_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logging.makeLogRecord({"msg": "started", "name": "rotator", "created": 1_800_000_000.0})
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert TextFormatter().format(record).startswith("2027-01-15T08:00:00.000Z ")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_level_of_a_library_s_own_is_no_alarm_in_the_journal() -> None:
    record = logging.makeLogRecord({"msg": "started", "name": "rotator", "levelno": 25})
    assert JournalFormatter().format(record) == "<6>started"
