"""What a look at an org need not read again: what has the date of its last change that it had when it was last read.

listMetadata tells that date of everything in one call. Nobody documents that every change moves it, so once in a while
all is read whatever it says, and the apps of managed credentials are read in every look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core.kept import Kept
from rotator.core.observed import APPS, Kind, Place, place
from rotator.core.thresholds import was_set_back
from rotator.errors import HistoryError
from rotator.salesforce.apps.directory import SETTINGS_TYPE
from rotator.salesforce.inventory.org_inventory import inventory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.observed import ObservedCertificate
    from rotator.salesforce.inventory.org_inventory import Inventory, Known
    from rotator.salesforce.inventory.satellites import Joined
    from rotator.salesforce.metadata import Listing, MetadataService
    from rotator.salesforce.session import OrgSession

LastSeenIn = Callable[[str], Sequence["ObservedCertificate"]]
"""What was last seen in an org. Raises HistoryError."""

READS_AT_ONCE: Final = 5
"""Calls to one org at a time, where a command takes an inventory. So many are allowed in a Developer Edition, and 25 in
other orgs, of calls that take more than 20 seconds (Salesforce Developer Limits, Concurrent API Requests)."""

MOST_ORGS: Final = 5_000
"""Of which it is remembered when all was read. Each takes some hundred bytes, and more by what of it was hidden or
could not be read, and by its external client apps. All of any other is read in every look."""


@dataclass(frozen=True)
class WholeLook:
    """The last time that all of an org was read, and what was no use to remember then or since."""

    at: datetime
    again: frozenset[Place] = frozenset()
    """What could not be read: the history does not tell it."""
    hidden: frozenset[Place] = frozenset()
    """What was shown without a certificate: what the history has of it from before is not what was seen now."""
    joined: Joined | None = None
    """Which components belong to which external client app."""
    refused: frozenset[str] = frozenset()
    """The types that the user may not list."""
    absent: frozenset[str] = frozenset()
    """The types of which there was nothing, then or since."""
    unusable: frozenset[Place] = frozenset()
    """What waits for its chain, which the history does not tell either."""


class Looks(Protocol):
    """Where it is kept when all of each org was last read (`SharedLooks`; of one process, `Kept`)."""

    def get(self, name: str) -> WholeLook | None:
        """The last one."""
        ...

    def put(self, name: str, value: WholeLook) -> None:
        """Keeps one in the place of the one before."""
        ...

    def drop(self, name: str) -> None:
        """Forgets the last one."""
        ...


def no_looks() -> Kept[WholeLook]:
    """Where one process keeps them, with nothing in it yet."""
    return Kept(MOST_ORGS)


class WholeLooks:
    """Looks at orgs, and remembers when all of each was last read. Threads may share it."""

    def __init__(self, settings: Settings, looks: Looks | None = None) -> None:
        """It is remembered by this process, or in `looks`."""
        self._settings: Final = settings
        self._looks: Final[Looks] = looks or no_looks()

    def inventory(
        self, session: OrgSession, metadata: MetadataService, last_seen: LastSeenIn | None, now: datetime
    ) -> Inventory:
        """Everything in an org: all of it read, where `last_seen` is None or it is time to; else what is newer.

        Raises what a login and a read raise.
        """
        org = session.org
        before = self._last(org, now) if last_seen else None
        if last_seen and before is None:
            # Once in a while it is proven, too, that the program can still log in.
            session.log_in()
        session.ensure_open()
        seen = _read(last_seen, org)
        found = inventory(
            session,
            metadata,
            known=self._unchanged(org, before, seen) if before else _nothing,
            joined=before.joined if before else None,
            refused=before.refused if before else (),
            absent=_absent(before, seen) if before else (),
            certificates=lambda: {each.fingerprint: each for each in seen if each.fingerprint and not each.has_gaps},
            # A person waits for a command; the service has other orgs to ask meanwhile.
            at_once=1 if last_seen else READS_AT_ONCE,
        )
        unread = {place(each.kind, each.app) for each in found.unread if each.app}
        again = unread | {whole(each) for each in found.entries if not each.is_readable}
        hidden = frozenset(each.place for each in found.entries if each.is_hidden)
        unusable = frozenset(each.place for each in found.entries if not each.is_usable)
        at = before.at if before else now
        self._looks.put(
            org, WholeLook(at, frozenset(again), hidden, found.joined, found.refused, found.absent, unusable)
        )
        return found

    def distrust(self, org: str) -> None:
        """All of the org is read at the next look."""
        self._looks.drop(org)

    def _last(self, org: str, now: datetime) -> WholeLook | None:
        look = self._looks.get(org)
        if look is None or was_set_back(look.at, now):
            return None
        return look if now < look.at + self._settings.daemon.full_look_every else None

    def _unchanged(self, org: str, look: WholeLook, seen: Sequence[ObservedCertificate]) -> Known:
        managed = (each for each in self._settings.credentials.values() if each.org == org)
        return Unchanged(look, seen, [app for each in managed for app in each.app_names])


def _read(last_seen: LastSeenIn | None, org: str) -> Sequence[ObservedCertificate]:
    try:
        return last_seen(org) if last_seen else ()
    except HistoryError:
        # Who asked for the inventory meets that, too, and tells it.
        return ()


def _absent(look: WholeLook, seen: Iterable[ObservedCertificate]) -> frozenset[str]:
    """The types that need not be listed: there was nothing of them, and nobody has seen anything since."""
    known = {str(each.type) for each in seen if not each.is_vanished}
    if Kind.EXTERNAL_APP in known:
        known.add(SETTINGS_TYPE)
    return look.absent - known


def _nothing(_listing: Listing) -> None:
    """What is known where all is read."""


class Unchanged:
    """What was last seen, of components that have not changed since by their dates."""

    def __init__(self, look: WholeLook, last_seen: Iterable[ObservedCertificate], always: Iterable[str]) -> None:
        """`always` are the apps to read whatever their date says."""
        self._again: Final = look.again | {place(kind, app) for app in always for kind in APPS}
        self._hidden: Final = look.hidden
        self._unusable: Final = look.unusable
        self._parts: Final[dict[Place, list[ObservedCertificate]]] = defaultdict(list)
        for last in last_seen:
            if not last.is_vanished:
                self._parts[whole(last)].append(last)

    def __call__(self, listing: Listing) -> Sequence[ObservedCertificate] | None:
        """What there is to say of a component; None when it is to be read."""
        where = place(listing.metadata_type, listing.full_name)
        parts = self._parts.get(where, ())
        if where in self._again or listing.last_modified_at is None or all(last.place != where for last in parts):
            return None
        if where in self._hidden and any(last.fingerprint for last in parts):
            return None
        for last in parts:
            # What the history has lost of a certificate is there again once it is read.
            if last.app != listing.full_name or last.last_modified_at != listing.last_modified_at or last.has_gaps:
                return None
        if any(last.last_modified_by != listing.last_modified_by for last in parts):
            parts = [replace(last, last_modified_by=listing.last_modified_by) for last in parts]
        if where in self._unusable:
            parts = [replace(last, is_usable=False) for last in parts]
        return sorted(parts, key=lambda last: last.place != where)


_WHOLES: Final = {str(kind): kind.part_of for kind in Kind if kind.part_of}


def whole(part: ObservedCertificate) -> Place:
    """The place of the component that it is read with."""
    component = _WHOLES.get(part.type)
    return part.place._replace(type=component) if component else part.place
