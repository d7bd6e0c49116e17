"""Log lines on standard error, one event a line: for a person, for systemd's journal, for programs."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from rotator.core import words
from rotator.plain_text import escaped, json_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

OURS: Final = "rotator"

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# sd-daemon(3): the priorities of syslog, as journald reads them at the beginning of a line.
_PRIORITIES: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}

# What they say of a call that is tried again quotes paths, which are secret in addresses of webhooks; of a tick that
# lasts too long, what the scheduler's lag says already; of a connection that broke, a line for each, what whoever used
# it tells in one.
_TALKATIVE: Final = ("urllib3", "requests", "apscheduler", "procrastinate", "psycopg")
_TOLD_OF: Final = ("procrastinate.utils",)
"""Why a worker of Procrastinate's has ended is told by who begins them anew (`rotator.queue.queue_worker`), in a line
and not in a traceback for each."""


class LogFormat(StrEnum):
    """How the lines of a service look."""

    AUTO = "auto"
    """`journal` where standard error is systemd's journal, else `text`."""
    TEXT = "text"
    JSON = "json"
    JOURNAL = "journal"


class LineFormatter(logging.Formatter):
    """`2026-11-23T10:00:00.123Z DEBUG rotator.stores.files.store promoted credential="billing"`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; what was passed as `extra` follows the message as key=JSON."""
        return f"{_time(record)} {record.levelname} {record.name} {_sentence(record)}"


class TextFormatter(logging.Formatter):
    """`2026-11-23T10:00:00.123Z INFO inventory begins org="production"`: a service's events, for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return f"{_time(record)} {record.levelname} {_source(record)}{_sentence(record)}"


class JournalFormatter(logging.Formatter):
    """`<6>inventory begins org="production"`: the journal knows time and process itself."""

    def format(self, record: logging.LogRecord) -> str:
        """One line with its priority."""
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{_source(record)}{_sentence(record)}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `event`, and the event's own values."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        own = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name, "event": _event(record)}
        return json_text({**_values(record), **own}, default=_text)


class _WarningFormatter(logging.Formatter):
    """The sentence alone, for a person who asked for no log."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return escaped(_event(record))


def warn_in_one_line() -> None:
    """Has warnings that no log takes up pass the same door: Python prints them to standard error as they are."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_WarningFormatter())


def log_to_stderr() -> None:
    """Shows this package's own log lines. Other libraries stay silent: their debug lines quote requests."""
    logger = logging.getLogger(OURS)
    if any(isinstance(handler.formatter, LineFormatter) for handler in logger.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


def log_as_service(chosen: LogFormat, environ: Mapping[str, str], stream: TextIO, *, verbose: bool = False) -> None:
    """Writes the log of a service: what this package does, and what other libraries warn of. Sets up logging anew."""
    from rotator.daemon.log_repeats import LimitingHandler  # noqa: PLC0415 - a command has no log of a service

    handler = LimitingHandler(stream)
    handler.setFormatter(_FORMATTERS[resolved(chosen, environ, stream)]())
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    root.handlers, ours.handlers = [handler], []
    root.setLevel(logging.WARNING)
    ours.setLevel(logging.DEBUG if verbose else logging.INFO)
    ours.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in _TOLD_OF:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)


def tell_repeats() -> None:
    """Writes how often a service's log was not told what it knew already, once a minute is over."""
    from rotator.daemon.log_repeats import LimitingHandler  # noqa: PLC0415 - as above

    for handler in logging.getLogger().handlers:
        if isinstance(handler, LimitingHandler):
            handler.tell()


def resolved(chosen: LogFormat, environ: Mapping[str, str], stream: TextIO) -> LogFormat:
    """The format itself: `auto` asks whether the stream is the one that systemd made (systemd.exec, JOURNAL_STREAM)."""
    if chosen is not LogFormat.AUTO:
        return chosen
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return LogFormat.TEXT
    is_journal = environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return LogFormat.JOURNAL if is_journal else LogFormat.TEXT


_FORMATTERS: Final[dict[LogFormat, type[logging.Formatter]]] = {
    LogFormat.TEXT: TextFormatter,
    LogFormat.JSON: JsonFormatter,
    LogFormat.JOURNAL: JournalFormatter,
}


def _time(record: logging.LogRecord) -> str:
    return words.timestamp(datetime.fromtimestamp(record.created, UTC), milliseconds=True)


def _text(value: object) -> str:
    """A value that JSON has no form for."""
    return words.timestamp(value, milliseconds=True) if isinstance(value, datetime) else str(value)


def _source(record: logging.LogRecord) -> str:
    """Who says so, where it is another library."""
    return "" if _is_ours(record) else f"{record.name}: "


def _sentence(record: logging.LogRecord) -> str:
    extras = "".join(f" {name}={json_text(value, default=_text)}" for name, value in _values(record).items())
    return f"{escaped(_event(record))}{extras}"


def _event(record: logging.LogRecord) -> str:
    if _is_ours(record):
        return record.getMessage()
    from rotator.tracebacks import without_secrets  # noqa: PLC0415 - most commands log nothing of others, nor a fault

    return without_secrets(record.getMessage())


def _values(record: logging.LogRecord) -> dict[str, Any]:
    """What was passed as `extra`, and the traceback of a fault."""
    values = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    if record.exc_info and record.exc_info[1]:
        from rotator.tracebacks import trace_of  # noqa: PLC0415 - as `_event`

        values["trace"] = trace_of(record.exc_info[1])
    return values


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == OURS
