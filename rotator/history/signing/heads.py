"""The head of the chain, signed: how many events there were at a time, and the hash of the last.

Who can write the database can cut off the end of its journal, and whatever is left of it is in order. A head that was
kept where that person cannot write tells so. It is one word of text without spaces, so that it can be found again in
any log, mail or file that it was written to:

    rotator-head.EVENTS.HASH.TIME.KEY.SIGNATURE
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rotator.core.crypto.signatures import PublicKey, SigningKey

_TIME: Final = "%Y%m%dT%H%M%SZ"
_TEXT: Final = re.compile(
    r"rotator-head\.(?P<events>[1-9][0-9]{0,17})\.(?P<hash>[0-9a-f]{64})\.(?P<time>[0-9]{8}T[0-9]{6}Z)"
    r"\.(?P<key>[0-9a-f]{16})\.(?P<signature>[A-Za-z0-9_-]{86})"
)
_LONGEST: Final = 217
"""Characters of a head whose number of events has the most digits."""
_PIECE: Final = 1_000_000


@dataclass(frozen=True)
class Head:
    """One head, as it was signed."""

    events: int
    hash: str
    time: datetime
    """When it was signed, to the second."""
    key: str
    """Id of the key that signed it."""
    signature: str

    @classmethod
    def signed(cls, events: int, event_hash: str, time: datetime, key: SigningKey) -> Self:
        """The head of so many events, the last of which has that hash."""
        second = time.astimezone(UTC).replace(microsecond=0)
        return cls(events, event_hash, second, key.public.id, key.sign(_signed(events, event_hash, second)))

    def is_signed_by(self, keys: Mapping[str, PublicKey]) -> bool:
        """Whether one of the keys has signed exactly this."""
        key = keys.get(self.key)
        return key is not None and key.has_signed(self.signature, _signed(self.events, self.hash, self.time))

    def __str__(self) -> str:
        return f"rotator-head.{self.events}.{self.hash}.{self.time:{_TIME}}.{self.key}.{self.signature}"


def heads_in(text: str) -> Iterator[Head]:
    """Every head in a text of whatever form, such as a log or a mail."""
    for found in _TEXT.finditer(text):
        try:
            time = datetime.strptime(found["time"], _TIME).replace(tzinfo=UTC)
        except ValueError:
            continue
        yield Head(int(found["events"]), found["hash"], time, found["key"], found["signature"])


def heads_in_file(file: IO[str]) -> Iterator[Head]:
    """Those of a file, which is read in pieces: a log may be larger than the memory, and be one line."""
    rest = ""
    while piece := file.read(_PIECE):
        text = rest + piece
        yield from heads_in(text)
        ends = [found.end() for found in _TEXT.finditer(text)]
        # A head that the piece cuts in two is whole with the next one; one that was found is not found twice.
        rest = text[max([len(text) - _LONGEST + 1, 0, *ends]) :]


def append_head(file: Path, head: Head) -> None:
    """Adds a head to a file of heads, which is made 0600 where there is none. Raises OSError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, f"{head}\n".encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _signed(events: int, event_hash: str, time: datetime) -> bytes:
    return f"rotator head 1 {events} {event_hash} {time:{_TIME}}".encode("ascii")
