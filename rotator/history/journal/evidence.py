"""What each event of the chain has to stand up to, beside its hash: signatures, and heads that were kept elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import select

from rotator.core import words
from rotator.history.engine.tables import EVENT
from rotator.history.signing.signer import signed_of_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.history.signing.heads import Head
    from rotator.history.signing.signer import Signer

RESTORE: Final = "Put the history back from a backup, and find out who writes to its database."
CORRECT: Final = (
    "Believe the events, which `rotator history NAME` shows, and find out who writes to the database. Then"
    " `rotator history rebuild` writes the rows anew from the events."
)
_KNOW: Final = (
    "If another machine of yours wrote it, or this one with an earlier key, put that public key under `history:"
    " {trusted_keys: [...]}`; `rotator history verify` shows it there."
)

_NOT_OURS: Final = "somebody wrote it who can write the database and has not the installation's key."

CLOCKS: Final = timedelta(minutes=5)
"""How far the clocks of machines that write one history may be apart."""


@dataclass(frozen=True)
class Fault:
    """What was found, and what to do about it."""

    sentence: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class KeptHead:
    """A head of the chain that was kept where the database's owner cannot write."""

    hash: str
    source: str
    """Who has it, in words: `This installation has noted in FILE`."""
    hint: str = RESTORE
    signed: Head | None = None
    """All of the head; None where only the hash was kept."""

    @classmethod
    def of(cls, head: Head, source: str, hint: str = RESTORE) -> Self:
        """A head that was kept whole."""
        return cls(hash=head.hash, source=source, hint=hint, signed=head)


class KeptHeads:
    """Compares events with the heads that were kept, in the events' order."""

    def __init__(self, heads: Sequence[KeptHead], signer: Signer | None) -> None:
        """Raises HistoryError where the installation's key cannot be read."""
        keys = signer.keys() if signer else {}
        whole = [(each.signed, each) for each in heads if each.signed]
        self._forged: Final = [pair for pair in whole if keys and not pair[0].is_signed_by(keys)]
        believed = [pair for pair in whole if pair not in self._forged]
        self._whole: Final = sorted(believed, key=lambda pair: (pair[0].events, pair[0].time))
        self._hashes: Final = {each.hash: each for each in heads if each.signed is None}
        self._passed = 0
        self._latest: tuple[Head, KeptHead] | None = None

    def fault(self, sequence: int, event_hash: str, time: datetime) -> Fault | None:
        """What is wrong with an event that is to be the last of a kept head, or comes after one."""
        self._hashes.pop(event_hash, None)
        if self._latest and time < self._latest[0].time - CLOCKS:
            told = f"{_told(*self._latest)} Event {sequence} came after it and is dated {words.instant(time)}."
            return Fault(f"{told} It was back-dated.", f"Unless a clock was set back, it was written later. {RESTORE}")
        while self._passed < len(self._whole) and self._whole[self._passed][0].events == sequence:
            head, kept = self._whole[self._passed]
            self._passed += 1
            if head.hash != event_hash:
                told = f"{_told(head, kept)} Event {sequence} is another one now: the chain was written anew since."
                return Fault(told, kept.hint)
            if self._latest is None or head.time > self._latest[0].time:
                self._latest = head, kept
        return None

    def missing(self, events: int) -> Fault | None:
        """What is wrong where the chain ends after so many events."""
        if self._passed < len(self._whole):
            head, kept = self._whole[-1]
            cut = words.count(head.events - events, "event")
            return Fault(f"{_told(head, kept)} Now {events} are there: {cut} were cut off at the end.", kept.hint)
        for kept in self._hashes.values():
            what = "which no event has: the chain was cut off before it, or written anew since."
            return Fault(f"{kept.source} the hash {kept.hash}, {what}", kept.hint)
        for head, kept in self._forged:
            what = (
                f"{kept.source} a head of {words.count(head.events, 'event')} that no key has signed which counts here."
            )
            return Fault(what, f"It is forged, or of another history: compare it with another copy. {_KNOW}")
        return None


class Signatures:
    """Holds each event against the keys whose signatures count."""

    def __init__(self, signer: Signer | None) -> None:
        """Raises HistoryError where the installation's key cannot be read."""
        self._keys: Final = signer.keys() if signer else {}
        self.first: int | None = None
        """Sequence number of the first event that is signed, also where there is no key to hold it against."""

    def fault(self, sequence: int, event_hash: str, signature: str | None, signer: str | None) -> Fault | None:
        """What is wrong with the signature of the next event, whose hash is right."""
        if not self._keys:
            self.first = self.first or (sequence if signature else None)
        if not self._keys or (signature is None and self.first is None):
            return None
        if signature is None:
            return Fault(f"Event {sequence} is not signed, and events before it are: {_NOT_OURS}", RESTORE)
        key = self._keys.get(str(signer))
        if key is None:
            what = f"Event {sequence} is signed with the key {signer}, which does not count here."
            return Fault(what, f"{_KNOW} Otherwise {_NOT_OURS} {RESTORE}")
        if not key.has_signed(str(signature), signed_of_event(event_hash)):
            return Fault(f"The signature of event {sequence} is not of what it says: {_NOT_OURS}", RESTORE)
        self.first = self.first or sequence
        return None


def key_fault(connection: Connection, signer: Signer) -> Fault | None:
    """Why the next event would not be believed: the key that signed the last one, or the noted head, is not here.

    None where all is well, and where nothing was signed yet. Raises HistoryError for a key that cannot be read.
    """
    keys = signer.keys()
    signed = select(EVENT.c.sequence, EVENT.c.signer).order_by(EVENT.c.sequence.desc()).limit(1)
    last = connection.execute(signed).first()
    if last is not None and last.signer is not None and last.signer not in keys:
        what = f"Event {last.sequence}, the last one, was signed with the key {last.signer}, which is not here."
        return Fault(what, f"Put {signer.key_file} back from a backup, and stop what writes until then. {_KNOW}")
    noted = signer.last_head()
    if noted is not None and not noted.is_signed_by(keys):
        what = f"The head that is noted in {signer.note} was signed with the key {noted.key}, which is not here."
        return Fault(what, f"Put {signer.key_file} back from a backup. {_KNOW}")
    return None


def _told(head: Head, kept: KeptHead) -> str:
    events = words.count(head.events, "event")
    return f"{kept.source} a head of {events}, signed at {words.instant(head.time)}."
