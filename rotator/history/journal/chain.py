"""The chain of hashes through the journal: each event's hash covers the event and the hash before it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rotator.core.secret import Secret
from rotator.errors import NOTHING_CHANGED, HistoryError

if TYPE_CHECKING:
    from rotator.history.records import JSON

GENESIS: Final = "0" * 64
"""What stands for the hash before the first event's."""

_FORMAT: Final = "rotator event 1"
_SECRETS: Final = {
    "a session or token of Salesforce": re.compile(r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{20,}"),
    "a refresh token of Salesforce": re.compile(r"\b5Aep[A-Za-z0-9._]{30,}"),
    "a signed token (JWT)": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "a token of Slack": re.compile(r"\bxox[a-z]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/\S+"),
    "a token of Vault": re.compile(r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}|\bs\.[A-Za-z0-9]{24}\b"),
    "an access key of AWS": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a token of GitHub": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@", re.IGNORECASE),
    "a password": re.compile(
        r"(?<![a-z0-9])(?:password|passwort|passwd|pwd|secret|token|api[_-]?key)\s*[=:]\s*[\"']?[^\s\"']{4,}",
        re.IGNORECASE,
    ),
}
"""Secrets that are known by their form. One that is only a word is not."""

_PRIVATE_KEY: Final = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]*PRIVATE KEY-----")
"""Of what was said at length the end alone may be there."""


def canonical(value: object) -> str:
    """JSON that is the same for the same value: keys sorted, no spaces, ASCII only, no NaN.

    Raises TypeError or ValueError for what JSON cannot hold.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def event_hash(entry: Sequence[object]) -> str:
    """SHA-256 in hex over an event: sequence, time, kind, credential, rotation id, details (text), previous hash."""
    return hashlib.sha256(canonical([_FORMAT, *entry]).encode("ascii")).hexdigest()


def details_text(details: Mapping[str, JSON]) -> str:
    """The details as the journal keeps them. Raises HistoryError when a secret is among them."""
    if _holds_secret(details):
        raise _secret_refused()
    return canonical(details)


def read_details(text: str) -> dict[str, Any]:
    """The details that `details_text` wrote. Raises HistoryError for anything else."""
    try:
        details = json.loads(text)
    except (ValueError, TypeError):
        details = None
    if not isinstance(details, dict):
        raise HistoryError(
            "The details of an event in the history database are not what rotator wrote.",
            effect=NOTHING_CHANGED,
            hint="Run `rotator history verify`, and put the database back from a backup.",
        )
    return details


def storable(text: str) -> str:
    """The text with `?` for what no database can hold: bytes of a command line that are no UTF-8, and NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def refuse_secrets(reason: str) -> None:
    """Raises HistoryError for what a person typed, such as `--reason`, that has a key, a token or a password in it."""
    refuse_private_keys(reason)
    found = next((kind for kind, pattern in _SECRETS.items() if pattern.search(reason)), None)
    if found:
        raise HistoryError(
            f"What you typed as a reason looks like {found}, and the history keeps it for ever.",
            effect="Nothing was written.",
            hint="If it is a secret, change it: the shell's history has it by now.",
            rerun="Leave it out, and type this again.",
        )


def refuse_private_keys(*texts: str | None) -> None:
    """Raises HistoryError when a text, such as a reason that a person pasted, has a private key in it."""
    if any(text and _PRIVATE_KEY.search(text) for text in texts):
        raise _secret_refused()


def _holds_secret(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_PRIVATE_KEY.search(value))
    if isinstance(value, Mapping):
        return any(_holds_secret(key) or _holds_secret(item) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return any(map(_holds_secret, value))
    # For who writes: who shows the history reads no key.
    from rotator.core.crypto.keys import PrivateKey  # noqa: PLC0415

    return isinstance(value, Secret | PrivateKey)


def _secret_refused() -> HistoryError:
    return HistoryError(
        "An entry with a private key or another secret in it was refused by the history.",
        effect="The entry was not written.",
        hint="Take the secret out of what you typed, such as `--reason`. If you typed none, report this as a fault.",
    )
