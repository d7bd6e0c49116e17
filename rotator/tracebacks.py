"""What is shown of an exception that nobody foresaw: where it happened, and no secret that its text may quote."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Final

import rotator

_PACKAGE: Final = Path(rotator.__file__).parent

_SECRETS: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"  # a key
    r"|\b00D[A-Za-z0-9]{12,15}![^\s'\"<]+"  # a session id
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # an assertion or a token in JWT format
    r"|\bxox[a-z]-[\w-]+"  # a token of Slack
    r"|(?<=bearer )[^\s'\",]+",
    re.DOTALL | re.IGNORECASE,
)

# Who knows the address of a webhook can use it: of an address only the host is told.
_ADDRESSES: Final = re.compile(
    r"\b([a-z][a-z0-9+.-]*://)(?:[^\s'\"/@]*@)?([^\s'\"/?#]*)[/?#][^\s'\"),]*", re.IGNORECASE
)
_PATHS: Final = re.compile(r"(?<=with url: )/[^\s'\"]*")


def place_of(error: BaseException) -> str:
    """The last line of this package on the way to it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)] or frames
    return f"{own[-1].filename}:{own[-1].lineno}" if own else "an unknown place"


def trace_of(error: BaseException) -> str:
    """The traceback without local variables, keys and tokens."""
    text = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    return without_secrets(text).rstrip()


def without_secrets(text: str) -> str:
    """What another library says, without the keys, tokens and addresses of webhooks that it may quote."""
    return _PATHS.sub("/***", _ADDRESSES.sub(r"\1\2/***", _SECRETS.sub("***", text)))
