"""Log lines of `--verbose`: one event a line, on standard error."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineFormatter(logging.Formatter):
    """`2026-11-23T10:00:00.123Z DEBUG rotator.stores.files promoted credential="billing"`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; what was passed as `extra` follows the message as key=JSON."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        extras = (
            f" {key}={json.dumps(value, default=str)}" for key, value in vars(record).items() if key not in _STANDARD
        )
        message = record.getMessage().replace("\n", "\\n")
        return f"{time} {record.levelname} {record.name} {message}{''.join(extras)}"


def log_to_stderr() -> None:
    """Shows this package's own log lines. Other libraries stay silent: their debug lines quote requests."""
    logger = logging.getLogger("rotator")
    if any(isinstance(handler.formatter, LineFormatter) for handler in logger.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
